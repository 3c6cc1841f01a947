//! The core's SMTP client against servers that others wrote.
//!
//! Every server is started once, and takes one case at a time, so that what it has accepted is what
//! the case made it accept; the servers run side by side. Whatever fails, all are stopped.
//!
//! Where a machine lacks a server, what would run on it is listed as ignored, so that the count of what
//! passed never stands for what was not tried.

mod cases;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use edgepost_interop::{Plan, Server, plans};
use edgepost_sandbox::ServerIdentity;
use libtest_mimic::{Arguments, Failed, Trial};

use cases::{Case, Check};

/// How long the runner's threads may take to let go of the servers.
const LETTING_GO: Duration = Duration::from_secs(5);

/// The servers that were started, each for one case at a time.
type Servers = Arc<Vec<(Plan, Mutex<Server>)>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let servers = if arguments.list {
        Ok(Servers::default())
    } else {
        start()
    };
    match servers {
        Ok(servers) => {
            arguments.test_threads.get_or_insert(servers.len().max(1));
            let trials = trials(&servers);
            let conclusion = libtest_mimic::run(&arguments, trials);
            stop(servers);
            conclusion.exit_code()
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Starts all that this machine can run. A CI runs all.
fn start() -> xtask::Result<Servers> {
    xtask::tools::ensure()?;
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let identity = Arc::new(ServerIdentity::generate()?);
    let mut servers = Vec::new();
    for plan in plans() {
        if let Some(why) = plan.lacks() {
            if in_ci {
                return Err(format!("{}: {why}, and a CI needs it", plan.name).into());
            }
            eprintln!("SKIPPED {}: {why}", plan.name);
            continue;
        }
        servers.push((plan, Mutex::new(plan.start(&identity)?)));
    }
    Ok(Arc::new(servers))
}

/// Stops them all. The runner's threads may hold on to them for a moment after they have told the
/// last result, and what is dropped by a thread while the process ends is not dropped at all.
fn stop(mut servers: Servers) {
    let deadline = Instant::now() + LETTING_GO;
    while Instant::now() < deadline {
        match Arc::try_unwrap(servers) {
            Ok(_dropped) => return,
            Err(held) => servers = held,
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Case by case, each on all servers, so that the servers are busy side by side.
fn trials(servers: &Servers) -> Vec<Trial> {
    let mut trials = Vec::new();
    for Case { name, check } in cases::all() {
        match check {
            Check::Each(applies, check) => {
                for (number, (plan, _)) in servers.iter().enumerate() {
                    if !applies(plan.kind) {
                        continue;
                    }
                    let servers = Arc::clone(servers);
                    let name = format!("{name} [{}]", plan.name);
                    trials.push(Trial::test(name, move || {
                        check(&lock(&servers[number].1));
                        Ok(())
                    }));
                }
                let started = |name| servers.iter().any(|(plan, _)| plan.name == name);
                for plan in plans() {
                    if applies(plan.kind) && !started(plan.name) {
                        trials.push(not_tried(format!("{name} [{}]", plan.name)));
                    }
                }
            }
            Check::Pair(first, second, check) => {
                let find = |name| servers.iter().position(|(plan, _)| plan.name == name);
                let (Some(first), Some(second)) = (find(first), find(second)) else {
                    trials.push(not_tried(name.to_owned()));
                    continue;
                };
                let servers = Arc::clone(servers);
                trials.push(Trial::test(name, move || {
                    // In the order of the list, or two such cases could wait for each other.
                    let (low, high) = (first.min(second), first.max(second));
                    let (low, high) = (lock(&servers[low].1), lock(&servers[high].1));
                    if first < second {
                        check(&low, &high);
                    } else {
                        check(&high, &low);
                    }
                    Ok(())
                }));
            }
        }
    }
    trials
}

/// A case on a server that was not started. Asked for all the same, with `--ignored`, it fails.
fn not_tried(name: String) -> Trial {
    let skipped = || Err(Failed::from("SKIPPED: its server was not started"));
    Trial::test(name, skipped).with_ignored_flag(true)
}

/// A server to oneself. What a failed case left behind is taken for seen.
fn lock(server: &Mutex<Server>) -> std::sync::MutexGuard<'_, Server> {
    let server = server.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = server.accepted();
    server
}
