use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{smtp, time::UnixMillis};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    NobodySoon,
    Owner,
    Operator,
    Administrator,
}
use Who::{Administrator, Nobody, NobodySoon, Operator, Owner};

fn captured(status: u16, body: &Value) -> Captured {
    let mut captured = Captured::of_head(status, None, UnixMillis::new(0));
    captured.read(body.as_object().unwrap());
    captured
}

fn rule_of(captured: &Captured) -> &'static Rule {
    RULES.iter().find(|rule| rule.matches(captured)).unwrap()
}

fn who(captured: &Captured) -> Who {
    match rule_of(captured).verdict {
        Verdict::Retry => Nobody,
        Verdict::BackOff(_) => NobodySoon,
        Verdict::Reconnect => Owner,
        Verdict::Configuration => Operator,
        Verdict::Administrator => Administrator,
    }
}

/// Microsoft's numbers, as its reference and its token endpoint have them, with the error that
/// comes along.
const NUMBERS: &[(&[u32], &str, Who)] = &[
    (
        &[50173, 70008, 700_082, 700_084, 70043],
        "invalid_grant",
        Owner,
    ),
    (
        &[50072, 50074, 50076, 50078, 50079],
        "interaction_required",
        Owner,
    ),
    (
        &[50131, 50158, 53000, 53001, 53003, 530_032],
        "interaction_required",
        Administrator,
    ),
    (&[65001], "invalid_grant", Owner),
    (&[700_021, 700_023], "invalid_client", Operator),
    (&[700_024], "invalid_client", Nobody),
    (&[65001], "consent_required", Owner),
    (&[65004], "access_denied", Owner),
    (&[90094], "access_denied", Administrator),
    (&[54005, 501_481], "invalid_grant", Owner),
    (&[50089, 50132, 50133, 50085, 70000], "invalid_grant", Owner),
    (
        &[7_000_215, 7_000_222, 7_000_218],
        "invalid_client",
        Operator,
    ),
    (&[700_025], "invalid_client", Operator),
    (&[700_016, 700_011, 70001], "unauthorized_client", Operator),
    (&[7_000_112], "unauthorized_client", Administrator),
    (&[700_027, 50012, 50013], "invalid_client", Operator),
    (&[70011, 28002, 28003], "invalid_scope", Operator),
    (&[50011], "invalid_request", Operator),
    (&[50194, 9_001_023], "invalid_request", Operator),
    (
        &[650_052, 650_056, 650_057, 500_011],
        "invalid_resource",
        Administrator,
    ),
    (&[90002], "invalid_request", Operator),
    (&[50057, 50105], "invalid_grant", Administrator),
    (
        &[
            90006, 90012, 90024, 90033, 90090, 50087, 50088, 50166, 70012, 40010,
        ],
        "temporarily_unavailable",
        Nobody,
    ),
    (&[90055], "temporarily_unavailable", NobodySoon),
    (&[50196], "invalid_grant", NobodySoon),
];

#[test]
fn k8_every_number_of_microsoft_comes_to_whoever_can_help() {
    for (numbers, error, expected) in NUMBERS {
        for number in *numbers {
            let listed = json!({"error": error, "error_codes": [number],
                "error_description": "words that may change"});
            let described = json!({"error": error,
                "error_description": format!("AADSTS{number}: some words. Trace ID: x")});
            for body in [listed, described] {
                let captured = captured(400, &body);
                let rule = rule_of(&captured);
                assert_eq!(who(&captured), *expected, "{number}: {}", rule.name);
                assert!(rule.name.starts_with("entra_"), "{number}: {}", rule.name);
            }
        }
    }
}

#[test]
fn errors_without_a_number_go_by_rfc_6749_and_what_providers_add() {
    let cases = [
        (
            400,
            json!({"error": "invalid_grant"}),
            Owner,
            "token_grant_ended",
        ),
        (
            400,
            json!({"error": "interaction_required"}),
            Owner,
            "token_sign_in_needed",
        ),
        (
            400,
            json!({"error": "login_required"}),
            Owner,
            "token_sign_in_needed",
        ),
        (
            400,
            json!({"error": "consent_required"}),
            Owner,
            "token_consent_needed",
        ),
        (
            401,
            json!({"error": "invalid_client"}),
            Operator,
            "token_client_refused",
        ),
        (
            400,
            json!({"error": "unauthorized_client"}),
            Operator,
            "token_client_not_allowed",
        ),
        (
            400,
            json!({"error": "unsupported_grant_type"}),
            Operator,
            "token_client_not_allowed",
        ),
        (
            400,
            json!({"error": "invalid_scope"}),
            Operator,
            "token_scope_refused",
        ),
        (
            400,
            json!({"error": "invalid_resource"}),
            Operator,
            "token_scope_refused",
        ),
        (
            400,
            json!({"error": "invalid_request"}),
            Operator,
            "token_request_refused",
        ),
        (
            400,
            json!({"error": "access_denied"}),
            Administrator,
            "token_access_denied",
        ),
        (
            400,
            json!({"error": "temporarily_unavailable"}),
            Nobody,
            "token_endpoint_down",
        ),
        (
            400,
            json!({"error": "server_error"}),
            Nobody,
            "token_endpoint_down",
        ),
        (
            503,
            json!({"error": "invalid_grant"}),
            Nobody,
            "token_endpoint_down",
        ),
        (
            429,
            json!({"error": "invalid_grant"}),
            NobodySoon,
            "token_throttled",
        ),
        (302, json!({}), Nobody, "token_endpoint_moved"),
        (404, json!({}), Nobody, "token_endpoint_wrong"),
        (200, json!({}), Nobody, "token_answer_unreadable"),
        (
            400,
            json!({"error": "never_heard_of"}),
            Nobody,
            "token_answer_unreadable",
        ),
        (
            400,
            json!({"error": "invalid_grant", "suberror": "bad_token"}),
            Owner,
            "entra_grant_bad",
        ),
        (
            400,
            json!({"error": "invalid_grant", "suberror": "client_mismatch"}),
            Operator,
            "entra_other_client",
        ),
        (
            400,
            json!({"error": "invalid_grant", "suberror": "protection_policy_required"}),
            Administrator,
            "entra_device_policy",
        ),
    ];
    for (status, body, expected, name) in cases {
        let captured = captured(status, &body);
        assert_eq!(
            (who(&captured), rule_of(&captured).name),
            (expected, name),
            "{body}"
        );
    }
    let nothing = Captured::default();
    assert_eq!(rule_of(&nothing).name, "token_no_answer");
}

#[test]
fn googles_answers_tell_a_dead_grant_from_a_wrong_key_and_a_policy() {
    let cases = [
        (
            "invalid_grant",
            "Token has been expired or revoked.",
            Owner,
            "google_grant_revoked",
        ),
        ("invalid_grant", "Bad Request", Owner, "token_grant_ended"),
        (
            "invalid_grant",
            "Account has been deleted",
            Owner,
            "google_account_deleted",
        ),
        (
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
            Nobody,
            "google_clock",
        ),
        (
            "invalid_grant",
            "Invalid JWT Signature.",
            Operator,
            "google_key_refused",
        ),
        (
            "invalid_grant",
            "Invalid email or User ID",
            Operator,
            "google_user_unknown",
        ),
        (
            "invalid_grant",
            "Invalid grant: account not found",
            Operator,
            "google_service_account_gone",
        ),
        (
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
            Administrator,
            "google_not_delegated",
        ),
        (
            "deleted_client",
            "The OAuth client was deleted.",
            Operator,
            "google_client_gone",
        ),
        (
            "disabled_client",
            "The OAuth client was disabled.",
            Operator,
            "google_client_gone",
        ),
        (
            "admin_policy_enforced",
            "",
            Administrator,
            "google_admin_policy",
        ),
        ("rate_limit_exceeded", "", NobodySoon, "token_throttled"),
    ];
    for (error, description, expected, name) in cases {
        let body = json!({"error": error, "error_description": description});
        let captured = captured(400, &body);
        assert_eq!(
            (who(&captured), rule_of(&captured).name),
            (expected, name),
            "{body}"
        );
    }
    let rapt = json!({"error": "invalid_grant", "error_subtype": "invalid_rapt",
        "error_description": "reauth related error (invalid_rapt)"});
    assert_eq!(rule_of(&captured(400, &rapt)).name, "google_reauth_policy");
}

#[test]
fn a_passing_fault_is_no_reason_to_doubt_the_grant_and_waits_as_long_as_it_should() {
    let looped = captured(
        400,
        &json!({"error": "invalid_grant", "error_codes": [50196]}),
    );
    let failure = TokenFailure::of(&looped);
    assert!(failure.is_transient());
    assert_eq!(failure.failure.cause, Cause::TokenUnavailable);
    assert_eq!(failure.failure.retry_after, Some(Duration::from_secs(300)));

    let busy = |retry| TokenFailure::of(&Captured::of_head(429, retry, UnixMillis::new(0)));
    let wait = |retry| busy(retry).failure.retry_after.unwrap().as_secs();
    assert_eq!(wait(None), 60);
    assert_eq!(wait(Some("30")), 60);
    assert_eq!(wait(Some("90")), 90);
    assert_eq!(wait(Some("1000000000")), 3600);
}

#[test]
fn an_answer_names_the_error_and_never_a_person() {
    let body = json!({"error": "invalid_grant", "error_codes": [50057],
        "error_description": "AADSTS50057: The user account anna@x.test is disabled."});
    let failure = TokenFailure::of(&captured(400, &body));
    let answer = failure.failure.answer.clone().unwrap();
    assert_eq!(answer.as_str(), "invalid_grant AADSTS50057");
    assert!(!format!("{failure:?}").contains("anna"));
    // An error that is none of RFC 6749's form is not repeated.
    let odd = captured(400, &json!({"error": "anna@x.test says no"}));
    assert_eq!(
        TokenFailure::of(&odd).failure.answer.unwrap().as_str(),
        "HTTP 400"
    );
}

#[test]
fn every_finding_has_one_advice_whoever_found_it() {
    let mut names = BTreeSet::new();
    let rules = RULES.iter().map(|rule| (rule.name, rule.advice));
    for (name, advice) in rules.chain(FOUND_HERE.iter().copied()) {
        let finding = Finding::named(name);
        assert_eq!(advice_of(&finding), Some(advice), "{name}");
        assert_eq!(
            smtp::advice_of(&finding),
            None,
            "{name} is also one of SMTP"
        );
        assert!(advice.len() > 40 && !advice.ends_with('.'), "{name}");
        names.insert(name);
    }
    assert!(names.len() > 50);
    assert_eq!(RULES.last().unwrap().name, "token_answer_unreadable");
}
