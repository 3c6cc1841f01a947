//! The suites: what each runs.

use std::process::Command;

use super::Suite;
use crate::{Context, Result, build, bundle, demo, paths, tools};

/// All suites, cheapest first.
pub const SUITES: &[Suite] = &[
    Suite {
        name: "format",
        what: "every file is formatted",
        run: format,
    },
    Suite {
        name: "lint",
        what: "no warning of the compiler or clippy",
        run: lint,
    },
    Suite {
        name: "core",
        what: "unit tests of the core, natively",
        run: core,
    },
    Suite {
        name: "sandbox",
        what: "unit tests of the sandbox and of these tools",
        run: sandbox,
    },
    Suite {
        name: "build",
        what: "the Worker builds and keeps its size",
        run: build::run,
    },
    Suite {
        name: "bundle",
        what: "nothing of the sandbox is in the bundle",
        run: bundle::run,
    },
    Suite {
        name: "deploy",
        what: "wrangler would deploy it",
        run: deploy,
    },
    Suite {
        name: "e2e",
        what: "the Worker in workerd against the sandbox",
        run: e2e,
    },
    Suite {
        name: "oidc",
        what: "the Worker against an authorization server that others wrote",
        run: oidc,
    },
    Suite {
        name: "large",
        what: "the largest messages in constant memory",
        run: large,
    },
    Suite {
        name: "interop",
        what: "the SMTP client against servers that others wrote",
        run: interop,
    },
    Suite {
        name: "sdk",
        what: "Resend's own client against the Worker",
        run: sdk,
    },
    Suite {
        name: "browser",
        what: "our pages in a real browser",
        run: browser,
    },
    Suite {
        name: "demo",
        what: "the demonstration delivers its mail",
        run: demo_once,
    },
];

fn format() -> Result<()> {
    cargo(&["fmt", "--all", "--check"])
}

fn lint() -> Result<()> {
    // Needs the WebAssembly target.
    tools::ensure()?;
    let deny = ["--", "-D", "warnings"];
    let clippy = |arguments: &[&str]| {
        let all = [&["clippy", "--quiet"], arguments, &deny].concat();
        cargo(&all)
    };
    clippy(&["-p", "edgepost", "--no-default-features", "--all-targets"])?;
    clippy(&["-p", "edgepost", "--target", tools::WASM_TARGET])?;
    clippy(&[
        "-p",
        "edgepost-sandbox",
        "-p",
        "xtask",
        "-p",
        "edgepost-e2e",
        "-p",
        "edgepost-interop",
        "--all-targets",
    ])
}

/// How long each target of random input runs here: together half a minute on two cores.
const FUZZ_SECONDS: &str = "8";

fn core() -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "-p", "edgepost", "--no-default-features"])
        .current_dir(paths::root());
    if std::env::var_os("FUZZ_SECONDS").is_none() {
        command.env("FUZZ_SECONDS", FUZZ_SECONDS);
    }
    passes(command)
}

fn sandbox() -> Result<()> {
    cargo(&["test", "-p", "edgepost-sandbox", "-p", "xtask"])
}

/// The root's own `wrangler.toml`, its build command included: just what an operator runs.
fn deploy() -> Result<()> {
    tools::ensure()?;
    let mut command = tools::command("wrangler");
    command
        .args(["deploy", "--dry-run", "--outdir"])
        .arg(paths::scratch().join("deploy"));
    passes(command)
}

fn e2e() -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    cargo(&["test", "-p", "edgepost-e2e", "--test", "e2e"])
}

fn oidc() -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    cargo(&["test", "-p", "edgepost-e2e", "--test", "oidc"])
}

fn large() -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    cargo(&["test", "-p", "edgepost-e2e", "--test", "large"])
}

fn interop() -> Result<()> {
    // The tests install what they need, and say what this machine lacks.
    cargo(&["test", "-p", "edgepost-interop"])
}

fn sdk() -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    cargo(&["test", "-p", "edgepost-e2e", "--test", "sdk"])
}

fn browser() -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    // Says so where this machine has no browser.
    cargo(&["test", "-p", "edgepost-e2e", "--test", "browser"])
}

fn demo_once() -> Result<()> {
    demo::run(demo::Mode::Once)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(paths::root());
    passes(command)
}

fn passes(mut command: Command) -> Result<()> {
    let status = command
        .status()
        .context(|| format!("cannot start {:?}", command.get_program()))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{:?} failed ({status})", command.get_program()).into())
}
