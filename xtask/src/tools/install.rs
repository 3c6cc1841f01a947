//! Running installations side by side, with a word now and then for whoever waits.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{shown, tail};
use crate::{Context, Result, paths};

/// How often a long installation says that it is still at work.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// How often a running installation is looked at.
const POLL: Duration = Duration::from_millis(100);

/// How many lines of a failed installation's log are shown: the compiler's error and its cause.
const TAIL_LINES: usize = 25;

/// One installation: what to run and what to say about it.
pub(super) struct Job {
    pub(super) name: &'static str,
    pub(super) what: String,
    pub(super) log: PathBuf,
    command: Command,
    /// Removed when done: intermediate files of a tool that is rarely built.
    leftover: Option<PathBuf>,
}

impl Job {
    pub(super) fn new(name: &'static str, what: String, mut command: Command) -> Self {
        command.current_dir(paths::root());
        let log = paths::tools().join(format!("{name}.log"));
        Self {
            name,
            what,
            log,
            command,
            leftover: None,
        }
    }

    pub(super) fn cargo_install(name: &'static str, version: &str, flags: &[&str]) -> Self {
        let target = paths::tools().join("target").join(name);
        let mut command = Command::new("cargo");
        // `--debug`: the tools run for seconds, and compile in a third of the time.
        command
            .args(["install", "--debug", "--root"])
            .arg(paths::tools())
            .args(flags);
        command.arg(format!("{name}@{version}"));
        // A folder of its own for each, or they would wait for each other's lock.
        command.env("CARGO_TARGET_DIR", &target);
        let what = format!("{name} {version}, about two minutes");
        Self {
            leftover: Some(target),
            ..Self::new(name, what, command)
        }
    }
}

/// Runs them all at once and tells all failures together.
pub(super) fn run_all(jobs: Vec<Job>) -> Result<()> {
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let running: Vec<_> = jobs
            .into_iter()
            .map(|job| scope.spawn(|| run(job)))
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("an installation panicked".into()))
            })
            .collect()
    });
    let failures: Vec<String> = results
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n\n").into())
    }
}

fn run(mut job: Job) -> Result<()> {
    let log = File::create(&job.log)?;
    let started = Instant::now();
    let mut child = job
        .command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context(|| {
            format!(
                "cannot start {:?}, is it installed?",
                job.command.get_program()
            )
        })?;
    let mut said = started;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if said.elapsed() >= HEARTBEAT {
            said = Instant::now();
            eprintln!("tools: {} … {} s", job.name, started.elapsed().as_secs());
        }
        std::thread::sleep(POLL);
    };
    if let Some(leftover) = &job.leftover {
        // Only disk space: not worth failing for.
        let _ = fs::remove_dir_all(leftover);
    }
    if status.success() {
        eprintln!(
            "tools: {} installed in {} s",
            job.name,
            started.elapsed().as_secs()
        );
        return Ok(());
    }
    Err(format!(
        "could not install {} ({status}). The end of {}:\n{}\nIt needs the network once; run the \
         same command again when that is there.",
        job.what,
        shown(&job.log),
        tail(
            &fs::read_to_string(&job.log).unwrap_or_default(),
            TAIL_LINES
        )
    )
    .into())
}
