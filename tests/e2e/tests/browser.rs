//! Our pages in a real browser: `tests/browser`.
//!
//! The rig starts the sandbox and the Worker, says where they are, and looks at what arrived; what is
//! done in the browser, and the summary it ends with, are JavaScript's.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use edgepost_e2e::{Around, Case, Setup, World, chromium, leaks};
use edgepost_sandbox::{AccountSettings, Options, Refuse, Sandbox};
use serde_json::json;
use xtask::{Result, build, paths, tools};

/// How often the way of an operator is gone, each time with a mailbox of its own.
const WAYS: usize = 3;

/// Longest time for one test. Together they take about half a minute.
const TIMEOUT_MS: u32 = 90_000;

/// How much of the Worker's log goes with a failure.
const LOG_LINES: usize = 40;

fn main() -> ExitCode {
    // `cargo test NAME` asks every test binary, and `--list` has nothing to run.
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == "--list" || !"browser".contains(argument.as_str())) {
        return ExitCode::SUCCESS;
    }
    match chromium::find() {
        Ok(chrome) => match run(&chrome) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Err(why) if std::env::var("CI").is_ok_and(|value| value == "true") => {
            eprintln!("error: {why}, and a CI needs it");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("SKIPPED browser: {why}");
            ExitCode::SUCCESS
        }
    }
}

fn run(chrome: &Path) -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    let sandbox = Arc::new(Sandbox::start(Options::default())?);
    let world = World::start("browser", &sandbox, &cases(), Around::default())?;
    // A mailbox that needs a person, for the list to show.
    let down = world.site(WAYS);
    down.until_event(&down.send(), "deferred");

    let mailboxes: Vec<String> = (0..=WAYS).map(|n| world.site(n).address).collect();
    let screenshots = paths::scratch().join("screenshots");
    let _ = std::fs::remove_dir_all(&screenshots);
    std::fs::create_dir_all(&screenshots)?;
    let status = tools::command("node")
        .args(["--test", "--test-reporter=spec", "--test-concurrency=1"])
        .arg(format!("--test-timeout={TIMEOUT_MS}"))
        .arg("tests/browser/*.test.mjs")
        .env("CHROME", chrome)
        .env("EDGEPOST_URL", world.worker.url())
        .env("EDGEPOST_OPERATOR_KEY", world.operator_key())
        .env("EDGEPOST_MAILBOXES", json!(mailboxes).to_string())
        .env("EDGEPOST_PROVIDER", sandbox.federated_endpoint())
        .env("EDGEPOST_INBOX", sandbox.web_url())
        .env("EDGEPOST_SCREENSHOTS", &screenshots)
        .status()?;
    println!("Screenshots: {}", screenshots.display());
    if !status.success() {
        let log = world.worker.log_tail(LOG_LINES);
        return Err(format!("the browser's tests failed\nThe Worker's log:\n{log}").into());
    }
    (0..WAYS).try_for_each(|way| one_test_message(&world, way))?;
    leaks::findings::none(&world)
}

/// Mailboxes to be connected at a provider that sends people on to another origin, and one whose
/// server lets it in no more.
fn cases() -> Vec<Case> {
    let way = || Setup {
        federated: true,
        ..Setup::not_connected()
    };
    let down = Setup {
        account: AccountSettings {
            refuse: Refuse::Always,
            ..AccountSettings::default()
        },
        ..Setup::default()
    };
    let setups = (0..WAYS).map(|_| way()).chain([down]);
    setups
        .map(|setup| Case::with("browser", setup, |_| {}))
        .collect()
}

/// What each way ends with: one message, from the mailbox to itself.
fn one_test_message(world: &World, way: usize) -> Result<()> {
    let site = world.site(way);
    let mails = site.mails();
    let to: Vec<&str> = mails
        .iter()
        .flat_map(|mail| &mail.envelope.rcpt_to)
        .map(|rcpt| rcpt.address.as_str())
        .collect();
    if to == [site.address.as_str()] {
        Ok(())
    } else {
        Err(format!("a test message of {} went to {to:?}", site.address).into())
    }
}
