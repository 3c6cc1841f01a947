//! L1 and L2: after everything, no secret, no text and no address is where it must not be, and no
//! error says more than it should. What may be where is in `leaks/place.rs`.

use std::collections::BTreeSet;

use edgepost_e2e::Audience;
use edgepost_e2e::leaks::{Findings, Place};
use xtask::process::MOST_LINES;

/// What is looked at when all has ended, with its test's name.
pub type Check = (&'static str, fn(&Findings));

/// Fewer errors than this were not all that the suite provokes.
const LEAST_ERRORS: usize = 300;

pub fn checks() -> Vec<Check> {
    let mut checks: Vec<Check> = vec![
        ("L1 everything there is to search for is known", known),
        ("L1 nothing leaks into a Worker's log", log),
        ("L1 nothing leaks into an answer", answers),
        ("L1 nothing leaks into an alert", alerts),
        ("L1 nothing leaks into KV", kv),
        ("L1 nothing leaks into the objects' tables", tables),
        ("L1 nothing leaks into a file of the state folder", files),
        ("L2 no error shows what is behind it", errors),
        (
            "L2 no error names anybody who was not asked about",
            strangers,
        ),
    ];
    checks.extend(super::leak_controls::checks());
    checks
}

fn clean(findings: &Findings, places: &[Place]) {
    let leaks = findings.leaks(places);
    assert!(
        leaks.is_empty(),
        "{} leaks, such as:\n{}",
        leaks.len(),
        leaks[..leaks.len().min(10)].join("\n")
    );
}

/// Of each place there is something in each world.
fn some_in_each(findings: &Findings, place: Place) {
    let searched = findings.searched(place);
    assert!(
        searched.iter().all(|count| *count > 0),
        "{place:?}: {searched:?}"
    );
}

/// There is something, in some world.
fn some(findings: &Findings, place: Place) {
    assert!(
        findings.searched(place).iter().sum::<usize>() > 0,
        "{place:?}"
    );
}

fn known(findings: &Findings) {
    let canaries = findings
        .worlds
        .iter()
        .flat_map(|world| world.needles.canaries());
    let names: BTreeSet<&str> = canaries.map(|canary| canary.what.as_str()).collect();
    for what in [
        "access token",
        "refresh token",
        "code",
        "verifier",
        "state",
        "AUTH response",
        "ROOT_KEY",
        "OPERATOR_KEY",
        "MONITOR_KEY",
        "SECRET_CLIENT",
        "SECRET_HOOK",
        "SECRET_REFRESH0",
        "a session's cookie",
        "a session's code",
        "a body",
        "a subject",
    ] {
        assert!(names.contains(what), "no {what} to search for");
    }
    assert!(
        names.iter().any(|name| name.starts_with("KEY_")),
        "no API key"
    );
}

fn log(findings: &Findings) {
    for world in &findings.worlds {
        // Without its lines of requests the log was not read at all; at the cap it is not whole.
        assert!(world.log.iter().any(|line| line.contains("/healthz")));
        assert!(world.log.len() < MOST_LINES, "{} lines", world.log.len());
        let panics = world.log.iter().filter(|line| line.contains("panicked at"));
        assert_eq!(panics.collect::<Vec<_>>(), Vec::<&String>::new());
    }
    some_in_each(findings, Place::Log);
    clean(findings, &[Place::Log, Place::Listing]);
}

fn answers(findings: &Findings) {
    some_in_each(findings, Place::AnswerToAnyone);
    some_in_each(findings, Place::AnswerToOperator);
    some(findings, Place::AnswerToOwner);
    let places = [
        Place::AnswerToAnyone,
        Place::AnswerToOwner,
        Place::AnswerToOperator,
    ];
    clean(findings, &places);
}

fn alerts(findings: &Findings) {
    some(findings, Place::Alert);
    clean(findings, &[Place::Alert]);
}

fn kv(findings: &Findings) {
    for world in &findings.worlds {
        assert!(world.values > 0, "no sealed token was kept");
    }
    clean(findings, &[Place::Kv]);
}

fn tables(findings: &Findings) {
    for world in &findings.worlds {
        assert!(world.rows > 0, "no rows");
        assert!(world.content > 0, "no message in any Outbox");
    }
    let places = [Place::OutboxContent, Place::OutboxRecord, Place::Vault];
    places
        .iter()
        .for_each(|place| some_in_each(findings, *place));
    clean(findings, &places);
}

fn files(findings: &Findings) {
    let places = [Place::OutboxFile, Place::OtherFile];
    places
        .iter()
        .for_each(|place| some_in_each(findings, *place));
    clean(findings, &places);
}

/// What an error may not say: how we are made, and where we run.
const BEHIND: [&str; 14] = [
    "    at ",
    ".rs:",
    ".js:",
    ".mjs",
    "wasm",
    "panicked",
    "RuntimeError",
    "TypeError",
    "unreachable executed",
    "/home/",
    "node_modules",
    "miniflare",
    "workerd",
    "SQLITE",
];

fn errors(findings: &Findings) {
    let root = xtask::paths::root().canonicalize().expect("a folder");
    let root = root.display().to_string();
    let mut count = 0;
    for given in findings.worlds.iter().flat_map(|world| &world.answers) {
        if given.answer.status < 400 {
            continue;
        }
        count += 1;
        let body = &given.answer.body;
        // Whoever asked may be shown their own words.
        let shown = |what: &str| body.contains(what) && !given.asked.contains(what);
        for what in BEHIND.into_iter().chain([root.as_str()]) {
            assert!(!shown(what), "{what:?} in {}: {body}", given.answer.status);
        }
        assert_ne!(given.answer.status, 500, "{body}");
    }
    assert!(count > LEAST_ERRORS, "only {count} errors");
}

/// What our pages show as an example of an address.
const EXAMPLE: &str = "name@example.com";

fn strangers(findings: &Findings) {
    for given in findings.worlds.iter().flat_map(|world| &world.answers) {
        if given.answer.status < 400 || given.audience == Audience::Operator {
            continue;
        }
        for address in addresses(&given.answer.body) {
            if address == EXAMPLE {
                continue;
            }
            assert!(
                given.asked.contains(address),
                "{address} in {}: {}",
                given.answer.status,
                given.answer.body
            );
        }
    }
    assert_eq!(
        addresses("to <a@b.test>, \"c@d.test\""),
        ["a@b.test", "c@d.test"]
    );
}

/// Everything in a text that could be an address.
fn addresses(text: &str) -> Vec<&str> {
    let part = |c: char| !(c.is_alphanumeric() || "@.+-_".contains(c));
    let words = text.split(part).map(|word| word.trim_matches('.'));
    words
        .filter(|word| {
            word.split_once('@')
                .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
        })
        .collect()
}
