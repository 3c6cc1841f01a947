//! `cargo xtask fuzz`: hostile input for as long as one likes.
//!
//! With a nightly compiler, `cargo-fuzz` runs the targets of `fuzz/` and learns from what they reach;
//! without one, the same targets run on stable with random input, as every test run does for some
//! seconds.

use std::path::PathBuf;
use std::process::Command;

use crate::{Context, Result, paths, tools};

/// A target and the test that runs it on stable.
struct Target {
    name: &'static str,
    group: &'static str,
    test: &'static str,
}

const TARGETS: [Target; 12] = [
    Target {
        name: "address",
        group: "mail",
        test: "addresses_never_hold_what_could_end_a_line_or_begin_another_address",
    },
    Target {
        name: "mailbox",
        group: "mail",
        test: "mailboxes_are_read_as_they_were_written",
    },
    Target {
        name: "header",
        group: "mail",
        test: "headers_never_hold_a_line_end",
    },
    Target {
        name: "json",
        group: "api",
        test: "a_request_is_read_or_refused_and_what_is_read_makes_a_sound_message",
    },
    Target {
        name: "time",
        group: "api",
        test: "times_are_understood_or_refused",
    },
    Target {
        name: "attachments",
        group: "api",
        test: "what_is_attached_arrives",
    },
    Target {
        name: "html",
        group: "api",
        test: "text_is_made_from_any_html",
    },
    Target {
        name: "form",
        group: "forms",
        test: "a_form_is_read_or_refused",
    },
    Target {
        name: "metadata",
        group: "oauth",
        test: "metadata_names_nothing_that_is_not_safe",
    },
    Target {
        name: "replies",
        group: "smtp",
        test: "replies_split_anywhere_are_the_same_replies",
    },
    Target {
        name: "session",
        group: "smtp",
        test: "a_session_survives_any_server",
    },
    Target {
        name: "dots",
        group: "smtp",
        test: "stuffed_content_is_one_message_with_the_same_lines",
    },
];

/// How long each target runs, unless `FUZZ_SECONDS` says otherwise.
const SECONDS: &str = "60";

/// The cargo-fuzz that is installed. It runs with every nightly so far.
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// Runs the target or the group of that name, or all.
///
/// # Errors
/// If there is none of that name, or a target fails.
pub fn run(name: Option<&str>) -> Result<()> {
    let chosen = choose(name)?;
    let seconds = std::env::var("FUZZ_SECONDS").unwrap_or_else(|_| SECONDS.to_owned());
    if !has_nightly() {
        println!("no nightly compiler: random input on stable, {seconds} seconds a target");
        return on_stable(&chosen, &seconds);
    }
    tools::ensure_cargo_fuzz(CARGO_FUZZ_VERSION)?;
    for target in chosen {
        println!("── {}: {seconds} seconds", target.name);
        learning(target, &seconds)?;
    }
    Ok(())
}

fn choose(name: Option<&str>) -> Result<Vec<&'static Target>> {
    let is_meant =
        |target: &&Target| name.is_none_or(|name| [target.name, target.group].contains(&name));
    let chosen: Vec<_> = TARGETS.iter().filter(is_meant).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    let name = name.unwrap_or_default();
    Err(format!(
        "no target {name:?}; there are {}, and mail, api, forms, oauth, smtp",
        names.join(", ")
    )
    .into())
}

fn has_nightly() -> bool {
    let version = Command::new("rustup")
        .args(["run", "nightly", "rustc", "--version"])
        .output();
    version.is_ok_and(|out| out.status.success())
}

fn on_stable(targets: &[&Target], seconds: &str) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .args([
            "test",
            "-p",
            "edgepost",
            "--no-default-features",
            "--test",
            "fuzz",
            "--",
            "--exact",
        ])
        .args(targets.iter().map(|target| target.test))
        .env("FUZZ_SECONDS", seconds);
    passes(command, "a target failed; its seed is above")
}

fn learning(target: &Target, seconds: &str) -> Result<()> {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo", "fuzz", "run", target.name, "--"])
        .arg(format!("-max_total_time={seconds}"))
        // Words are what the targets are made of: long inputs reach no more.
        .args(["-max_len=4096", "-print_final_stats=1"])
        .env("PATH", tools::search_path());
    let why = format!(
        "{} failed; the input is in fuzz/artifacts/{}",
        target.name, target.name
    );
    passes(command, &why)
}

fn passes(mut command: Command, why: &str) -> Result<()> {
    let root: PathBuf = paths::root();
    let status = command
        .current_dir(root)
        .status()
        .context(|| format!("cannot start {:?}", command.get_program()))?;
    if status.success() {
        Ok(())
    } else {
        Err(why.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, choose, paths};

    #[test]
    fn every_target_is_run_in_both_ways() {
        let read = |name: &str| std::fs::read_to_string(paths::root().join(name)).unwrap();
        let (tests, fuzz) = (read("tests/fuzz/main.rs"), read("fuzz/Cargo.toml"));
        for target in &TARGETS {
            assert!(
                tests.contains(&format!("fn {}()", target.test)),
                "{}",
                target.test
            );
            assert!(
                fuzz.contains(&format!("name = \"{}\"", target.name)),
                "{}",
                target.name
            );
        }
        assert_eq!(tests.matches("#[test]").count(), TARGETS.len());
        assert_eq!(fuzz.matches("[[bin]]").count(), TARGETS.len());
    }

    #[test]
    fn a_name_is_a_target_or_a_group() {
        let names = |name| {
            let chosen = choose(name).unwrap();
            chosen.iter().map(|target| target.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Some("json")), ["json"]);
        assert_eq!(names(Some("smtp")), ["replies", "session", "dots"]);
        assert_eq!(names(None).len(), TARGETS.len());
        assert!(choose(Some("typo")).is_err());
    }
}
