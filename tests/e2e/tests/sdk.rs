//! Clients of others, unmodified, against the Worker: `tests/sdk`.
//!
//! The rig starts the sandbox and the Worker and says where they are; the tests themselves are the
//! client's language's, and so is the summary they end with.

use std::process::ExitCode;
use std::sync::Arc;

use edgepost_e2e::{Around, Case, Key, World, leaks};
use edgepost_sandbox::{Options, Sandbox};
use xtask::{Result, build, paths, tools};

/// The tests.
const TESTS: [&str; 2] = ["resend.test.mjs", "later.test.mjs"];

/// How many mails the tests send. One more would be one that was to be refused.
const MAILS: usize = 10;

/// How much of the Worker's log goes with a failure.
const LOG_LINES: usize = 40;

fn main() -> ExitCode {
    // `cargo test NAME` asks every test binary, and `--list` has nothing to run.
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == "--list" || !"sdk".contains(argument.as_str())) {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    let sandbox = Arc::new(Sandbox::start(Options::default())?);
    let cases = [Case::api("sdk", |_| {})];
    let world = World::start("sdk", &sandbox, &cases, Around::default())?;
    let site = world.site(0);
    // One file after the other: a list of what was sent is compared with what there was to send.
    let status = tools::command("node")
        .args(["--test", "--test-reporter=spec", "--test-concurrency=1"])
        .args(TESTS.map(|name| paths::root().join("tests/sdk").join(name)))
        .env("EDGEPOST_URL", world.worker.url())
        .env("EDGEPOST_KEY", site.key(Key::Full))
        .env("EDGEPOST_SENDING_KEY", site.key(Key::Sending))
        .env("EDGEPOST_FROM", &site.address)
        .env("EDGEPOST_ALIAS", &site.keys().alias)
        .env("EDGEPOST_INBOX", sandbox.web_url())
        .status()?;
    if !status.success() {
        let log = world.worker.log_tail(LOG_LINES);
        return Err(format!("the client's tests failed\nThe Worker's log:\n{log}").into());
    }
    site.assert_good_conduct();
    let mails = site.mails().len();
    if mails != MAILS {
        return Err(format!("{mails} mails arrived, {MAILS} were sent").into());
    }
    leaks::findings::none(&world)
}
