use std::collections::BTreeMap;

use serde_json::{Value, json};

use edgepost::time::UnixMillis;

use super::{Plan, Report, VARIABLE_OCTETS, certificates, check, check_bindings, parse_secrets};
use crate::paths;

fn vars(value: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn sound() -> Value {
    json!({
        "PUBLIC_URL": "https://mail.example.com",
        "MAILBOX_SALES": {
            "address": "sales@example.com", "provider": "google", "client_id": "c",
            "client_secret": "SECRET_CLIENT", "refresh_token": "SECRET_REFRESH",
        },
        "FORM_CONTACT": { "mailbox": "sales", "to": ["owner@example.com"] },
    })
}

fn problems(report: &Report) -> String {
    report.problems.join("\n")
}

#[test]
fn without_secrets_at_hand_those_referred_to_are_named() {
    let report = check(Plan::Free, vars(sound()), None);
    assert_eq!(problems(&report), "");
    let notes = report.notes.join("\n");
    for name in ["ROOT_KEY", "SECRET_CLIENT", "SECRET_REFRESH"] {
        assert!(
            notes.contains(&format!("wrangler secret put {name}")),
            "{notes}"
        );
    }
}

#[test]
fn secrets_at_hand_are_checked() {
    let report = check(Plan::Free, vars(sound()), Some(BTreeMap::new()));
    let found = problems(&report);
    assert!(found.contains("ROOT_KEY"), "{found}");
    assert!(found.contains("MAILBOX_SALES.client_secret"), "{found}");
}

#[test]
fn every_problem_names_variable_and_field() {
    let mut value = sound();
    value["MAILBOX_SALES"]["address"] = json!("nobody");
    value["FORM_CONTACT"]["to"] = json!([]);
    let found = problems(&check(Plan::Free, vars(value), None));
    assert!(found.contains("MAILBOX_SALES.address"), "{found}");
    assert!(found.contains("FORM_CONTACT.to"), "{found}");
}

#[test]
fn a_secret_among_the_variables_is_a_problem_and_is_not_shown() {
    let mut value = sound();
    value["SECRET_CLIENT"] = json!("hush-hush");
    let found = problems(&check(Plan::Free, vars(value), None));
    assert!(
        found.contains("wrangler secret put SECRET_CLIENT"),
        "{found}"
    );
    assert!(!found.contains("hush"), "{found}");
}

#[test]
fn the_platforms_limits_depend_on_the_plan() {
    let mut value = vars(sound());
    for n in 0..70 {
        value.insert(format!("OTHER_{n}"), json!("x"));
    }
    assert!(problems(&check(Plan::Free, value.clone(), None)).contains("64 at most"));
    assert_eq!(problems(&check(Plan::Paid, value, None)), "");
}

#[test]
fn a_variable_that_is_too_long_is_named() {
    let mut value = sound();
    value["OTHER"] = json!("x".repeat(VARIABLE_OCTETS + 1));
    assert!(problems(&check(Plan::Free, vars(value), None)).starts_with("OTHER: 5121 octets"));
}

#[test]
fn a_worker_that_would_stand_still_is_warned_of() {
    let warned = |value: Value| {
        let report = check(Plan::Free, vars(value), None);
        report
            .notes
            .iter()
            .any(|note| note.starts_with("STOP is set"))
    };
    assert!(!warned(sound()));
    let mut value = sound();
    value["STOP"] = json!("1");
    assert!(warned(value.clone()));
    value["STOP"] = json!("off");
    assert!(!warned(value));
}

#[test]
fn a_worker_that_would_tell_nobody_is_warned_of() {
    let warned = |value| {
        let report = check(Plan::Free, vars(value), None);
        report
            .notes
            .iter()
            .any(|note| note.contains("[vars.ALERT]"))
    };
    assert!(warned(sound()));
    let mut value = sound();
    value["ALERT"] = json!({ "url": "https://hooks.example.com/", "secret": "SECRET_HOOK" });
    assert!(!warned(value.clone()));
    // What has a fault tells nobody either.
    value["ALERT"]["url"] = json!("http://hooks.example.com/");
    assert!(warned(value));
}

#[test]
fn mail_by_the_platform_needs_its_binding() {
    let folder = paths::scratch().join("check");
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("wrangler.toml");
    let found = |binding: &str| {
        let text = format!("{binding}[vars.ALERT]\nsend_email_from = \"a@b.test\"\n");
        std::fs::write(&config, text).unwrap();
        let mut report = Report::default();
        check_bindings(&config, &mut report).unwrap();
        problems(&report)
    };
    assert!(found("").starts_with("ALERT.send_email_from: needs a binding"));
    assert!(!found("[[send_email]]\nname = \"OTHER\"\n").is_empty());
    assert_eq!(found("[[send_email]]\nname = \"ALERT_EMAIL\"\n"), "");
}

/// The mailboxes of an organisation that has one of each kind.
fn signing() -> Value {
    let mut value = sound();
    value["MAILBOX_CERTIFIED"] = json!({
        "address": "a@example.com", "provider": "microsoft", "tenant": "example.com",
        "client_id": "c", "grant": "application", "private_key": "SECRET_KEY",
        "certificate": include_str!("../../../tests/fixtures/keys/another.crt"),
    });
    value["MAILBOX_ROBOT"] = json!({
        "address": "b@example.com", "provider": "google", "grant": "service_account",
        "service_account": "SECRET_FILE",
    });
    value
}

#[test]
fn keys_that_are_not_at_hand_are_taken_as_set_and_what_is_around_them_is_checked() {
    let report = check(Plan::Free, vars(signing()), None);
    assert_eq!(problems(&report), "");
    assert!(
        report
            .notes
            .concat()
            .contains("wrangler secret put SECRET_KEY")
    );
    let mut value = signing();
    value["MAILBOX_CERTIFIED"]["certificate"] = json!("no certificate");
    value["MAILBOX_ROBOT"]["provider"] = json!("outlook");
    let found = problems(&check(Plan::Free, vars(value), None));
    assert!(found.contains("MAILBOX_CERTIFIED.certificate"), "{found}");
    assert!(found.contains("MAILBOX_ROBOT.grant"), "{found}");
}

#[test]
fn keys_at_hand_are_checked_over_all_their_lines() {
    let key = include_str!("../../../tests/fixtures/keys/application.key");
    let lines = format!("# keys\nA=bare\nSECRET_KEY=\"{key}\"\nB='quoted'\n");
    let secrets = parse_secrets(&lines).unwrap();
    assert_eq!(
        (secrets["A"].as_str(), secrets["B"].as_str()),
        ("bare", "quoted")
    );
    assert_eq!(secrets["SECRET_KEY"], key);
    // It is another's certificate.
    let found = problems(&check(Plan::Free, vars(signing()), Some(secrets)));
    assert!(
        found.contains("MAILBOX_CERTIFIED.certificate: belongs to another key"),
        "{found}"
    );
    let cut = parse_secrets("A='hush\nhush").unwrap_err().to_string();
    assert_eq!(cut, ".dev.vars, line 1: a quote does not end");
}

#[test]
fn a_certificate_that_ends_soon_is_noted_and_one_that_has_ended_is_a_problem() {
    // It ends on 31 October 2126.
    let value = vars(signing());
    let on = |year, month, day| {
        let now = UnixMillis::from_civil([year, month, day, 0, 0, 0]).unwrap();
        let report = certificates::ending(&value, now);
        (report.notes.concat(), problems(&report))
    };
    assert_eq!(on(2126, 9, 1), (String::new(), String::new()));
    let (note, problem) = on(2126, 10, 15);
    assert!(
        note.contains("MAILBOX_CERTIFIED.certificate ends on 2126-10-31"),
        "{note}"
    );
    assert_eq!(problem, "");
    let (note, problem) = on(2126, 11, 1);
    assert_eq!(note, "");
    assert!(
        problem.contains("MAILBOX_CERTIFIED.certificate: has ended"),
        "{problem}"
    );
}
