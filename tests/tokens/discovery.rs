//! Endpoints out of the issuer's metadata: asked for once, remembered, and never trusted with more than
//! they are good for.

use edgepost::{
    limits::{METADATA_AGE, METADATA_RETRY},
    oauth::Credential,
    tls::TlsMode,
};

use super::*;

const ISSUER: &str = "https://id.example.com/realms/x";
const RFC_8414: &str = "https://id.example.com/.well-known/oauth-authorization-server/realms/x";
const OPENID: &str = "https://id.example.com/realms/x/.well-known/openid-configuration";
const TOKEN: &str = "https://id.example.com/realms/x/token";

fn document(token_endpoint: &str) -> String {
    format!(
        r#"{{"issuer":"{ISSUER}","token_endpoint":"{token_endpoint}",
            "revocation_endpoint":"https://id.example.com/revoke",
            "token_endpoint_auth_methods_supported":["client_secret_basic"]}}"#
    )
}

fn world<const N: usize>(answers: [(u16, &str); N]) -> World {
    let mut world = World::new(answers);
    world.google = Provider {
        issuer: Some(ISSUER.to_owned()),
        discovered: true,
        ..Provider::custom("smtp", "mx.test", 465, TlsMode::Implicit)
    };
    world
}

fn asked(world: &World) -> Vec<String> {
    world.provider.addresses.borrow().clone()
}

fn finding(failure: &TokenFailure) -> &str {
    failure.failure.finding.as_ref().unwrap().name()
}

#[test]
fn the_metadata_is_asked_for_once_and_the_secret_goes_where_it_says() {
    let world = world([(200, &document(TOKEN)), (200, ONE), (200, TWO)]);
    assert_eq!(world.token(None).unwrap(), "canary-one");
    world.clock.advance(Duration::from_secs(4000));
    assert_eq!(world.token(None).unwrap(), "canary-two");
    assert_eq!(asked(&world), [RFC_8414, TOKEN, TOKEN]);
    // HTTP Basic, since nothing else is taken; and nothing of ours goes to the metadata.
    let authorizations = world.provider.authorizations.borrow();
    assert_eq!(authorizations[0], None);
    assert!(authorizations[1].as_ref().unwrap().starts_with("Basic "));
    let requests = world.provider.requests.borrow();
    assert_eq!(requests[0], "");
    assert!(!requests[1].contains("client_secret"), "{}", requests[1]);
    // It is public, and no secret gets beside it.
    let stored = world.custody.metadata.borrow().clone().unwrap();
    assert!(
        stored.contains(TOKEN) && !stored.contains("canary"),
        "{stored}"
    );
}

#[test]
fn openid_connects_document_is_the_second_that_is_asked_for() {
    let world = world([(404, ""), (200, &document(TOKEN)), (200, ONE)]);
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(asked(&world), [RFC_8414, OPENID, TOKEN]);
}

#[test]
fn after_a_day_it_is_asked_again_and_if_it_cannot_be_had_the_old_one_is_used() {
    let moved = document("https://id.example.com/v2/token");
    let world = world([
        (200, &document(TOKEN)),
        (200, ONE),
        // A day later: nobody answers, then somebody else does, then it is there and has changed.
        (0, ""),
        (200, ONE),
        (
            200,
            r#"{"issuer":"https://evil.test","token_endpoint":"https://evil.test/"}"#,
        ),
        (404, ""),
        (200, ONE),
        (200, &moved),
        (200, ONE),
    ]);
    world.token(None).unwrap();
    for wait in [
        METADATA_AGE,
        METADATA_RETRY.max(Duration::from_secs(4000)),
        METADATA_AGE,
    ] {
        world.clock.advance(wait);
        world.token(None).unwrap();
    }
    assert_eq!(
        asked(&world),
        [
            RFC_8414,
            TOKEN,
            RFC_8414,
            TOKEN,
            RFC_8414,
            OPENID,
            TOKEN,
            RFC_8414,
            "https://id.example.com/v2/token"
        ]
    );
}

#[test]
fn a_token_endpoint_that_is_gone_is_looked_for_before_it_is_asked_again() {
    let moved = document("https://id.example.com/v2/token");
    let world = world([
        (200, &document(TOKEN)),
        (404, "gone"),
        (200, &moved),
        (200, ONE),
    ]);
    world.token(None).unwrap_err();
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(
        asked(&world),
        [RFC_8414, TOKEN, RFC_8414, "https://id.example.com/v2/token"]
    );
}

#[test]
fn what_is_wrong_with_it_is_told_apart_and_asked_about_once_per_backoff() {
    let evil = r#"{"issuer":"https://evil.test","token_endpoint":"https://evil.test/"}"#;
    let open = document("http://id.example.com/token");
    for (answers, name, trouble) in [
        (
            [(0, ""), (0, "")],
            "metadata_unavailable",
            Trouble::Transient,
        ),
        (
            [(503, ""), (404, "")],
            "metadata_unavailable",
            Trouble::Transient,
        ),
        (
            [(404, ""), (503, "")],
            "metadata_unavailable",
            Trouble::Transient,
        ),
        (
            [(404, ""), (404, "")],
            "metadata_not_found",
            Trouble::Configuration,
        ),
        (
            [(302, ""), (200, "<html>")],
            "metadata_not_found",
            Trouble::Configuration,
        ),
        (
            [(200, evil), (404, "")],
            "metadata_of_another",
            Trouble::Configuration,
        ),
        (
            [(404, ""), (200, &open)],
            "metadata_endpoint_unfit",
            Trouble::Configuration,
        ),
    ] {
        let world = world(answers);
        for _ in 0..3 {
            let failure = world.token(None).unwrap_err();
            assert_eq!(finding(&failure), name, "{answers:?}");
            assert_eq!(failure.trouble(), trouble, "{answers:?}");
        }
        let most = if answers[0].0 == 0 { 1 } else { 2 };
        assert_eq!(world.requests(), most, "{answers:?}");
        assert!(
            world
                .provider
                .requests
                .borrow()
                .iter()
                .all(String::is_empty)
        );
        assert!(world.custody.metadata.borrow().is_none());
    }
}

#[test]
fn what_is_remembered_of_another_issuer_or_form_is_not_used() {
    let first = world([(200, &document(TOKEN)), (200, ONE)]);
    first.token(None).unwrap();
    let stored = first.custody.metadata.borrow().clone().unwrap();
    for other in [
        stored.replace(ISSUER, "https://other.test"),
        stored.replace("\"v\":1", "\"v\":2"),
        "garbage".to_owned(),
    ] {
        let world = world([(200, &document(TOKEN)), (200, ONE)]);
        world.custody.metadata.replace(Some(other));
        world.token(None).unwrap();
        assert_eq!(asked(&world)[0], RFC_8414);
    }
}

/// Pins the form in which it is remembered.
#[test]
fn metadata_of_the_first_version_can_be_read() {
    let world = world([(200, ONE)]);
    let stored = include_str!("../fixtures/metadata-v1.json").trim_end();
    world.custody.metadata.replace(Some(stored.to_owned()));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(asked(&world), [TOKEN]);
}

#[test]
fn a_grant_is_given_back_where_the_metadata_says() {
    let world = world([(200, &document(TOKEN)), (200, TWO), (200, "")]);
    world.token(None).unwrap();
    let ended = world.clock.run(world.keeper().disconnect()).unwrap();
    assert!(ended.revoked);
    assert_eq!(asked(&world)[2], "https://id.example.com/revoke");
}

#[test]
fn whose_tokens_they_are_does_not_hang_on_what_is_discovered() {
    let world = world([(200, &document(TOKEN))]);
    let metadata = world.clock.run(world.keeper().metadata()).unwrap();
    let of = |provider: &Provider| Credential::grant(provider, "c", &"a@b.test".parse().unwrap());
    let whole = world.google.completed_by(metadata);
    assert_eq!(whole.token_endpoint.as_deref(), Some(TOKEN));
    assert_eq!(of(&whole), of(&world.google));
}
