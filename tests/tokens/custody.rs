//! What becomes of a grant: replaced, ended, resealed; and of the odd things a provider says.

use super::*;

pub(super) const REVOKED: &str =
    r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#;

pub(super) fn presented(world: &World) -> Vec<String> {
    let field = |body: &String| {
        let pair = body
            .split('&')
            .find(|pair| pair.starts_with("refresh_token="));
        pair.map(|pair| pair.replace("refresh_token=", ""))
    };
    world
        .provider
        .requests
        .borrow()
        .iter()
        .filter_map(field)
        .collect()
}

pub(crate) fn finding(failure: &TokenFailure) -> &str {
    failure.failure.finding.as_ref().unwrap().name()
}

#[test]
fn what_is_disconnected_is_not_connected_by_the_next_deploy() {
    let mut world = World::new([(200, TWO), (200, ""), (200, ONE)]);
    world.google.revocation_endpoint = Some("https://oauth2.example/revoke".to_owned());
    world.token(None).unwrap();
    let ended = world.clock.run(world.keeper().disconnect()).unwrap();
    assert!(ended.revoked);
    assert!(world.provider.requests.borrow()[1].starts_with("token=rotated&"));
    // Not from the cache either.
    assert!(world.cache.values.borrow()[RECORD].is_empty());
    for _ in 0..3 {
        let failure = world.token(None).unwrap_err();
        assert_eq!(failure.failure.cause, Cause::ReauthorisationRequired);
        assert_eq!(finding(&failure), "token_disconnected");
        world.clock.advance(Duration::from_secs(86_400));
    }
    assert_eq!(world.requests(), 2);
    world.bootstrap = Some(Secret::new("new"));
    assert_eq!(world.token(None).unwrap(), "canary-one");
}

#[test]
fn a_supplied_token_is_known_as_disconnected_even_if_it_was_never_used() {
    let world = World::new([(200, ONE)]);
    world.clock.run(world.keeper().disconnect()).unwrap();
    assert_eq!(
        finding(&world.token(None).unwrap_err()),
        "token_disconnected"
    );
}

#[test]
fn disconnecting_that_could_not_be_stored_gives_nothing_back() {
    let world = World::new([(200, TWO)]);
    world.token(None).unwrap();
    world.custody.writes.set(Writes::Fail);
    assert!(world.clock.run(world.keeper().disconnect()).is_err());
    assert_eq!(world.requests(), 1);
}

#[test]
fn a_new_root_key_takes_over_and_the_one_before_can_be_forgotten() {
    let before = RootKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
    let present = RootKey::parse("AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
    let mut world = World::new([(200, TWO), (200, ONE)]);
    world.token(None).unwrap();
    world.sealer = Sealer::new(&present, Some(&before), Purpose::Seal);
    assert_eq!(world.token(None).unwrap(), "canary-two");
    world.sealer = Sealer::new(&present, None, Purpose::Seal);
    assert_eq!(world.token(None).unwrap(), "canary-two");
    world.clock.advance(Duration::from_secs(4000));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(presented(&world), ["bootstrap", "rotated"]);
}

#[test]
fn an_application_needs_no_refresh_token_and_asks_for_its_own_scope() {
    let mut world = World::new([(200, ONE)]);
    world.right = Right::Application;
    world.google = Provider::microsoft("x.test");
    world.bootstrap = None;
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(
        world.provider.requests.borrow()[0],
        "grant_type=client_credentials&scope=https%3A%2F%2Foutlook.office365.com%2F.default\
         &client_id=client&client_secret=client-secret"
    );
    // Disconnected by hand it stays so, until its settings are others.
    world.clock.run(world.keeper().disconnect()).unwrap();
    assert_eq!(
        finding(&world.token(None).unwrap_err()),
        "token_disconnected"
    );
    world.client_secret = Secret::new("another");
    assert_eq!(world.token(None).unwrap(), "canary-one");
}

#[test]
fn k2_and_k3_odd_answers_are_read_or_refused_and_never_misread() {
    let good = [
        (r#""expires_in":3600"#, 3600),
        (r#""expires_in":"3600""#, 3600),
        (r#""expires_in":3600.5"#, 3600),
        (r#""expires_in":1e99"#, 86_400),
        (r#""expires_in":"tomorrow""#, 300),
        (r#""scope":"https://mail.google.com/ openid""#, 300),
        (r#""refresh_token":null"#, 300),
    ];
    for (field, seconds) in good {
        let body = format!(r#"{{"token_type":"BEARER","access_token":"canary-x",{field}}}"#);
        let world = World::new([(200, body.as_str()), (200, ONE)]);
        assert_eq!(world.token(None).unwrap(), "canary-x", "{field}");
        world.clock.advance(Duration::from_secs(seconds - 121));
        assert_eq!(world.token(None).unwrap(), "canary-x", "{field}");
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.token(None).unwrap(), "canary-one", "{field}");
    }
    for body in [
        r#"{"token_type":"Bearer"}"#,
        r#"{"token_type":"Bearer","access_token":""}"#,
        r#"{"token_type":"Bearer","access_token":5}"#,
        r#"{"token_type":"Bearer","access_token":null}"#,
        r#"{"token_type":"Bearer","access_token":"a b"}"#,
        r#"{"access_token":"a"}"#,
        r#"{"token_type":"mac","access_token":"a"}"#,
        "",
        "{\"",
        "null",
        "[]",
        "\"x\"",
        "<html>",
    ] {
        let world = World::new([(200, body)]);
        let failure = world.token(None).unwrap_err();
        assert!(failure.is_transient(), "k1 {body}");
        assert!(world.cache.values.borrow().is_empty(), "k1 {body}");
    }
}

#[test]
fn k12_a_narrower_scope_is_found_before_the_mail_server_is_asked() {
    let narrow = r#"{"token_type":"Bearer","access_token":"a","refresh_token":"kept","scope":"openid https://www.googleapis.com/auth/gmail.send"}"#;
    let world = World::new([(200, narrow), (200, ONE)]);
    let failure = world.token(None).unwrap_err();
    assert_eq!(failure.trouble(), Trouble::Configuration);
    assert_eq!(finding(&failure), "token_scope_too_narrow");
    assert!(world.cache.values.borrow().is_empty());
    // The rotated token is kept all the same.
    world.clock.advance(Duration::from_secs(901));
    world.token(None).unwrap();
    assert_eq!(presented(&world), ["bootstrap", "kept"]);

    // Microsoft writes one permission with several hosts.
    let other_host = r#"{"token_type":"Bearer","access_token":"canary-x","scope":"https://outlook.office365.com/SMTP.Send"}"#;
    let mut world = World::new([(200, other_host)]);
    world.google = Provider::microsoft("x.test");
    assert_eq!(world.token(None).unwrap(), "canary-x");
}

#[test]
fn k6_a_crash_with_a_rotated_token_unsaved_is_found_once_and_keeps_waiting() {
    let world = World::new([(200, TWO), (400, REVOKED)]);
    world.custody.writes.set(Writes::FailAfter(1));
    world.token(None).unwrap_err();
    // The object dies with what it could not store.
    world.unsaved.replace(None);
    world.custody.writes.set(Writes::Work);
    for _ in 0..5 {
        let failure = world.token(None).unwrap_err();
        assert_eq!(failure.failure.cause, Cause::ReauthorisationRequired);
        assert_eq!(finding(&failure), "google_grant_revoked");
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(presented(&world), ["bootstrap", "bootstrap"]);
}

#[test]
fn a_record_of_the_third_version_can_be_read() {
    let world = World::new([(200, ONE)]);
    let stored = include_str!("../fixtures/keeper-v3.json").trim_end();
    world.custody.record.replace(Some(stored.to_owned()));
    assert_eq!(world.token(None).unwrap(), "canary-two");
    // Nothing of it had to be written anew.
    assert_eq!(world.custody.record.borrow().as_deref(), Some(stored));
    world.clock.advance(Duration::from_secs(4000));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(presented(&world), ["rotated"]);
}

#[test]
fn k13_a_token_of_any_length_that_a_mail_server_takes_and_none_with_a_control_character() {
    let answer = |token: &str| {
        format!(r#"{{"token_type":"Bearer","access_token":"{token}","expires_in":3600}}"#)
    };
    let long = "x".repeat(8000);
    let world = World::new([(200, answer(&long).as_str())]);
    assert_eq!(world.token(None).unwrap(), long);
    // Sealed, cached and found again.
    assert_eq!(look(&world, &TokenMemory::default(), None), long);
    let too_long = "x".repeat(9000);
    for bad in ["a\\u0001b", "a\\rb", "a\\nb", "a b", "\\u00e9", &too_long] {
        let world = World::new([(200, answer(bad).as_str())]);
        let failure = world.token(None).unwrap_err();
        assert_eq!(failure.failure.cause, Cause::TokenUnavailable, "{bad:.10}");
        assert!(world.cache.values.borrow().is_empty());
    }
}

#[test]
fn a_record_of_the_second_version_can_be_read() {
    let world = World::new([(200, ONE)]);
    let stored = include_str!("../fixtures/keeper-v2.json").trim_end();
    world.custody.record.replace(Some(stored.to_owned()));
    assert_eq!(world.token(None).unwrap(), "canary-two");
    world.clock.advance(Duration::from_secs(4000));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(presented(&world), ["rotated"]);
}

#[test]
fn everything_is_given_back_or_it_is_not_said_so() {
    let mut world = World::new([(200, TWO), (503, ""), (200, "")]);
    world.google.revocation_endpoint = Some("https://oauth2.example/revoke".to_owned());
    world.token(None).unwrap();
    world.bootstrap = Some(Secret::new("second"));
    let ended = world.clock.run(world.keeper().disconnect()).unwrap();
    // The one on trial, and not the one in use.
    assert_eq!(world.requests(), 3);
    assert!(!ended.revoked);
}
