//! Connecting a mailbox: what a good callback does, and that no bad one does anything.

use std::time::Duration;

use edgepost::outbox::Health;
use edgepost::outcome::{Cause, Failure, Trouble};
use serde_json::json;

use crate::{
    support::NOW,
    world::{
        BROWSER, FORM, GRANTED, KEY, PUBLIC, World, assert_operators_page, consent_page,
        letting_in, letting_in_by_starttls, query, refusing, vars,
    },
};

const GOOD: &str = "code=4%2Fgood&iss=https%3A%2F%2Faccounts.google.com";

#[test]
fn o4_the_consent_page_is_asked_for_with_pkce_and_no_more_than_is_configured() {
    let world = World::new();
    let consent = world.sign_in().connect();
    assert!(consent.starts_with("https://accounts.google.com/o/oauth2/v2/auth?"));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "client"),
        ("code_challenge_method", "S256"),
        ("scope", "https://mail.google.com/ openid email"),
        ("login_hint", "sales@shop.test"),
        (
            "redirect_uri",
            "https://mail.example.com/oauth/callback/google",
        ),
        ("access_type", "offline"),
        ("prompt", "consent"),
    ] {
        assert_eq!(query(&consent, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(query(&consent, "state").unwrap().len(), 43);
    assert_eq!(query(&consent, "code_challenge").unwrap().len(), 43);
    // Neither the state nor the verifier is stored as it is.
    let stored = world.registry.record.borrow().clone().unwrap();
    assert!(!stored.contains(&query(&consent, "state").unwrap()));
    let other = world.sign_in().connect();
    assert_ne!(query(&consent, "state"), query(&other, "state"));
    assert_ne!(
        query(&consent, "code_challenge"),
        query(&other, "code_challenge")
    );
}

#[test]
fn a_good_callback_connects_the_mailbox_and_its_queue_goes_on() {
    let world = World::new();
    let browser = world.sign_in();
    assert_eq!(browser.post("/mailboxes/sales/test").status, 202);
    let failure = Failure::of_mailbox(Cause::ReauthorisationRequired, Trouble::Authentication);
    let down = Health::Up.after_failure(&failure, "s", NOW, 0);
    world.store.health.replace(down);
    world.store.alarm.set(None);

    let consent = browser.connect();
    let answer = browser.back(&consent, GOOD);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_operators_page(&answer);
    assert!(answer.body.contains("sales@shop.test is connected"));
    assert!(answer.body.contains("https://mail.google.com/ openid"));
    assert!(!answer.body.contains("canary"));
    assert!(world.has_grant());
    // Proved by the token, and without a message.
    assert_eq!(world.server.connections.get(), 1);
    let heard = world.server.heard();
    assert!(
        heard.contains("AUTH XOAUTH2") && heard.ends_with("QUIT\r\n"),
        "{heard}"
    );
    assert!(!heard.contains("MAIL"), "{heard}");
    // What the provider was asked: once, with the verifier that the challenge was made of.
    let requests = world.provider.requests.borrow().clone();
    assert_eq!(requests.len(), 1);
    let sent = |name: &str| query(&format!("?{}", requests[0]), name);
    assert_eq!(sent("code").as_deref(), Some("4/good"));
    assert_eq!(sent("redirect_uri"), query(&consent, "redirect_uri"));
    let verifier = sent("code_verifier").unwrap();
    let challenge = {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        use sha2::{Digest, Sha256};
        URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
    };
    assert_eq!(query(&consent, "code_challenge"), Some(challenge));
    assert_eq!(*world.store.health.borrow(), Health::Up);
    assert_eq!(world.store.alarm.get(), Some(NOW));
    // No secret lies anywhere in the clear.
    for record in [&world.custody.record, &world.registry.record] {
        assert!(!record.borrow().as_ref().unwrap().contains("canary"));
    }
}

#[test]
fn o1_a_state_that_is_missing_wrong_old_or_anothers_asks_the_provider_nothing() {
    let world = World::new();
    let browser = world.sign_in();
    let consent = browser.connect();
    let state = query(&consent, "state").unwrap();
    let callback = |state: &str| format!("/oauth/callback/google?{state}&{GOOD}");
    for wrong in [
        String::new(),
        "state=".to_owned(),
        "state=wrong".to_owned(),
        format!("state={}", &state[1..]),
        format!("state={state}&state={state}"),
    ] {
        let answer = browser.get(&callback(&wrong));
        assert_eq!(answer.status, 400, "{wrong}");
        assert_operators_page(&answer);
    }
    // Somebody else who is signed in.
    let other = world.sign_in();
    assert_eq!(other.back(&consent, GOOD).status, 400);
    world.clock.advance(Duration::from_secs(600));
    let late = browser.back(&consent, GOOD);
    assert_eq!(late.status, 400);
    assert!(late.body.contains("ten minutes"), "{}", late.body);
    assert_eq!(world.token_requests(), 0);
    assert!(!world.has_grant());
}

#[test]
fn o2_without_a_session_nothing_is_asked_and_the_state_is_not_used_up() {
    let world = World::new();
    let browser = world.sign_in();
    let consent = browser.connect();
    let state = query(&consent, "state").unwrap();
    let path = format!("/oauth/callback/google?state={state}&{GOOD}");
    let bearer = format!("Bearer {KEY}");
    for headers in [
        &[BROWSER][..],
        &[BROWSER, ("cookie", "__Host-edgepost=x")],
        &[("authorization", bearer.as_str())],
    ] {
        assert_eq!(world.ask("GET", &path, headers, "").status, 401);
    }
    assert_eq!(world.token_requests(), 0);
    assert_eq!(browser.back(&consent, GOOD).status, 200);
}

#[test]
fn o3_a_code_that_is_none() {
    let world = World::new();
    let browser = world.sign_in();
    let consent = browser.connect();
    let long = format!("code={}", "x".repeat(10 * 1024));
    let longer_than_any = format!("code={}", "x".repeat(5000));
    for bad in [
        "",
        "code=",
        "code=a%0D%0Ab",
        "code=a%00",
        "code=%C3%BC",
        "code=a&code=a",
        "code=a&code=b",
        &long,
        &longer_than_any,
    ] {
        assert_eq!(browser.back(&consent, bad).status, 400, "{bad:.40}");
    }
    assert_eq!(world.token_requests(), 0);
}

#[test]
fn o4_a_verifier_that_the_provider_refuses_stores_nothing() {
    let refused = r#"{"error":"invalid_grant","error_description":"wrong verifier"}"#;
    let world = World::with(&vars(), [(400, refused)], vec![letting_in()]);
    let browser = world.sign_in();
    let answer = browser.back(&browser.connect(), GOOD);
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("invalid_grant"));
    assert_operators_page(&answer);
    assert!(!world.has_grant());
    assert_eq!(world.server.connections.get(), 0);
}

#[test]
fn o5_no_host_that_a_request_names_gets_into_the_address_to_come_back_to() {
    let world = World::new();
    let browser = world.sign_in();
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("cookie", &browser.cookie),
        ("origin", PUBLIC),
        BROWSER,
        ("host", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("forwarded", "host=evil.test"),
    ];
    let body = format!("csrf={}&redirect_uri=https%3A%2F%2Fevil.test", browser.csrf);
    let answer = world.ask("POST", "/mailboxes/sales/connect", &headers, &body);
    let consent = consent_page(&answer);
    assert!(!consent.contains("evil"), "{consent}");
}

/// What the mailbox's provider grants.
fn granted_to(mailbox: &str) -> &'static str {
    match mailbox {
        "sales" => GRANTED,
        _ => r#"{"token_type":"Bearer","access_token":"a","expires_in":3600,"refresh_token":"r"}"#,
    }
}

#[test]
fn o6_an_answer_of_another_issuer_is_shown_to_nobody() {
    for (mailbox, iss, status) in [
        ("sales", "https://evil.test", 400),
        ("sales", "https://accounts.google.com.evil.test", 400),
        ("sales", "https://accounts.google.com/", 400),
        ("sales", "https://accounts.google.com", 200),
        // Its issuer is not known beforehand: the origin has to do.
        ("other", "https://evil.test/x/v2.0", 400),
        ("other", "https://login.microsoftonline.com/x/v2.0", 200),
    ] {
        let server = match mailbox {
            "sales" => letting_in(),
            _ => letting_in_by_starttls(),
        };
        let granted = [(200, granted_to(mailbox))];
        let world = World::with(&vars(), granted, vec![server]);
        let browser = world.sign_in();
        let begun = browser.post(&format!("/mailboxes/{mailbox}/connect"));
        let state = query(&consent_page(&begun), "state").unwrap();
        let provider = if mailbox == "sales" {
            "google"
        } else {
            "microsoft"
        };
        let path = format!("/oauth/callback/{provider}?state={state}&code=x&iss={iss}");
        assert_eq!(browser.get(&path).status, status, "{iss}");
        assert_eq!(world.token_requests(), usize::from(status == 200), "{iss}");
    }
}

#[test]
fn o6_a_callback_of_another_provider_is_none() {
    let world = World::new();
    let browser = world.sign_in();
    let state = query(&browser.connect(), "state").unwrap();
    let path = format!("/oauth/callback/microsoft?state={state}&code=x");
    assert_eq!(browser.get(&path).status, 400);
    assert_eq!(world.token_requests(), 0);
}

#[test]
fn o7_what_the_provider_says_is_escaped() {
    let world = World::new();
    let browser = world.sign_in();
    let consent = browser.connect();
    let denied = "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E%0D%0A";
    let answer = browser.back(&consent, denied);
    assert_eq!(answer.status, 400);
    assert_operators_page(&answer);
    assert!(answer.body.contains("access_denied"));
    assert!(!answer.body.contains("<script"));
    assert!(answer.body.contains("&#60;script&#62;"), "{}", answer.body);
    // Nobody's words without a state of ours.
    let path = "/oauth/callback/google?state=x&error=evil-words";
    assert!(!browser.get(path).body.contains("evil-words"));
    assert_eq!(world.token_requests(), 0);
    // That it was denied uses up the state.
    assert_eq!(browser.back(&consent, GOOD).status, 400);
}

#[test]
fn o8_consent_by_another_account_is_refused_by_the_mail_server_and_nothing_is_kept() {
    let world = World::with(&vars(), [(200, GRANTED)], vec![refusing()]);
    let browser = world.sign_in();
    let answer = browser.back(&browser.connect(), GOOD);
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("sales@shop.test"));
    assert!(answer.body.contains("535 5.7.3"), "{}", answer.body);
    assert!(!world.has_grant());
    assert!(world.cache.values.borrow().is_empty());
}

#[test]
fn o8_a_grant_that_works_is_not_replaced_by_one_that_does_not() {
    let world = World::with(&vars(), [(200, GRANTED)], vec![letting_in(), refusing()]);
    let browser = world.sign_in();
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 200);
    let before = world.custody.record.borrow().clone();
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 422);
    assert_eq!(*world.custody.record.borrow(), before);
}

#[test]
fn o9_a_reload_changes_nothing() {
    let world = World::new();
    let browser = world.sign_in();
    let consent = browser.connect();
    assert_eq!(browser.back(&consent, GOOD).status, 200);
    let before = world.custody.record.borrow().clone();
    let again = browser.back(&consent, GOOD);
    assert_eq!(again.status, 400);
    assert!(again.body.contains("already used"), "{}", again.body);
    assert_eq!(world.token_requests(), 1);
    assert_eq!(*world.custody.record.borrow(), before);
}

#[test]
fn a_token_without_a_refresh_token_is_not_kept() {
    let answer = r#"{"token_type":"Bearer","access_token":"a","expires_in":3600}"#;
    let world = World::with(&vars(), [(200, answer)], vec![letting_in()]);
    let browser = world.sign_in();
    let answer = browser.back(&browser.connect(), GOOD);
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("refresh token"));
    assert!(!world.has_grant());
}

#[test]
fn a_grant_of_less_than_was_asked_for_is_not_kept() {
    let answer = r#"{"token_type":"Bearer","access_token":"a","expires_in":3600,
        "refresh_token":"r","scope":"openid email"}"#;
    let world = World::with(&vars(), [(200, answer)], vec![letting_in()]);
    let browser = world.sign_in();
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 422);
    assert!(!world.has_grant());
    assert_eq!(world.server.connections.get(), 0);
}

#[test]
fn an_application_that_acts_for_itself_has_nobody_to_ask() {
    let mut vars = vars();
    vars["MAILBOX_SALES"] = json!({
        "address": "sales@shop.test", "provider": "microsoft", "tenant": "shop.test",
        "grant": "application", "client_id": "client", "client_secret": "SECRET_CLIENT",
    });
    let world = World::with(&vars, [(200, GRANTED)], Vec::new());
    let browser = world.sign_in();
    assert_eq!(browser.post("/mailboxes/sales/connect").status, 422);
    let board = browser.get("/operator").body;
    assert!(board.contains("Connected."), "{board}");
    assert!(!board.contains("/mailboxes/sales/connect"), "{board}");
}

#[test]
fn a_script_gets_the_address_and_whoever_is_signed_in_may_go_there() {
    let world = World::new();
    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", bearer.as_str())];
    let answer = world.ask("POST", "/mailboxes/sales/connect", &headers, "");
    assert_eq!(answer.status, 200);
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let consent = json["authorization_url"].as_str().unwrap();
    let browser = world.sign_in();
    assert_eq!(browser.back(consent, GOOD).status, 200);
    // A script with a session gets it too, and no page.
    let headers = [
        FORM,
        ("accept", "application/json"),
        ("cookie", &browser.cookie),
        ("origin", PUBLIC),
    ];
    let body = format!("csrf={}", browser.csrf);
    let answer = world.ask("POST", "/mailboxes/sales/connect", &headers, &body);
    assert!(
        answer.body.starts_with(r#"{"authorization_url":"https://"#),
        "{}",
        answer.body
    );
}

#[test]
fn what_cannot_be_connected_says_why() {
    let mut vars = vars();
    vars["MAILBOX_SALES"] = json!({
        "address": "sales@shop.test", "provider": "custom", "client_id": "x", "scope": "s",
        "token_endpoint": "https://id.test/token", "smtp_host": "mx.test", "smtp_port": 587,
    });
    vars["MAILBOX_FAULTY"] = json!({ "address": "no" });
    let world = World::with(&vars, [(200, GRANTED)], Vec::new());
    let browser = world.sign_in();
    let answer = browser.post("/mailboxes/sales/connect");
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("authorization_endpoint"));
    assert_eq!(browser.post("/mailboxes/faulty/connect").status, 503);
    assert_eq!(browser.post("/mailboxes/nobody/connect").status, 404);
    assert_eq!(browser.post("/mailboxes/..%2F/connect").status, 404);
}
