//! The command line of `cargo xtask`.

use std::path::PathBuf;
use std::process::ExitCode;

use xtask::check::Plan;
use xtask::{Result, bench, build, check, demo, fuzz, key, suites};

const USAGE: &str = "\
cargo xtask <command>

  demo [--once]            the Worker, a stand-in mail provider and one message between them
  build                    the Worker as it is deployed, and its size
  check [--plan free|paid] [--config FILE]
                           what is wrong with the variables of wrangler.toml
  key root|operator|monitor
                           a fresh key, and how to store it
  key api NAME             a fresh API key for a caller, and the table that admits it
  bench NAME [--json]      figures of this machine, to compare within one run: api, tokens
  test [SUITE…]            every check there is, or those named
  fuzz [TARGET|GROUP]      hostile input, FUZZ_SECONDS a target; `fuzz smtp`, `fuzz json`, …
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["demo"] => demo::run(demo::Mode::Stay),
        ["demo", "--once"] => demo::run(demo::Mode::Once),
        ["build"] => build::run(),
        ["check", options @ ..] => {
            let (plan, config) = check_options(options)?;
            check::run(plan, config)
        }
        ["key", "api", name] => key::print_api(name),
        ["key", kind] => key::print(kind.parse()?),
        ["bench", name] => bench::run(name, false),
        ["bench", name, "--json"] => bench::run(name, true),
        ["fuzz"] => fuzz::run(None),
        ["fuzz", name] => fuzz::run(Some(name)),
        ["test", ..] => suites::run(&arguments[1..]),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("unknown command {:?}\n\n{USAGE}", arguments.join(" ")).into()),
    }
}

fn check_options(mut options: &[&str]) -> Result<(Plan, Option<PathBuf>)> {
    let (mut plan, mut config) = (Plan::default(), None);
    while let [option, value, rest @ ..] = options {
        match *option {
            "--plan" => plan = value.parse()?,
            "--config" => config = Some(PathBuf::from(value)),
            other => return Err(format!("unknown option {other:?}").into()),
        }
        options = rest;
    }
    match options {
        [] => Ok((plan, config)),
        [left, ..] => Err(format!("{left:?} needs a value").into()),
    }
}
