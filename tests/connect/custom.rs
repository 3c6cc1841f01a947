//! Connecting a mailbox at a provider of the operator's own: its path, its name, and its metadata.

use serde_json::json;

use crate::world::{World, letting_in, query, vars};

const CUSTOM_ISSUER: &str = "https://id.test";

/// A mailbox `sales` at a provider of the operator's own, with these fields beside the usual ones.
fn custom(fields: &serde_json::Value) -> serde_json::Value {
    let mut vars = vars();
    vars["MAILBOX_SALES"] = json!({
        "address": "sales@shop.test", "provider": "custom", "client_id": "client", "scope": "s",
        "client_secret": "SECRET_CLIENT", "smtp_host": "mx.test", "smtp_port": 465,
    });
    let table = vars["MAILBOX_SALES"].as_object_mut().unwrap();
    table.extend(fields.as_object().unwrap().clone());
    vars
}

fn endpoints() -> serde_json::Value {
    json!({ "token_endpoint": "https://id.test/token", "issuer": CUSTOM_ISSUER,
        "authorization_endpoint": "https://id.test/authorize" })
}

fn metadata(names_itself: bool) -> String {
    json!({
        "issuer": CUSTOM_ISSUER, "token_endpoint": "https://id.test/token",
        "authorization_endpoint": "https://login.test/authorize",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "authorization_response_iss_parameter_supported": names_itself,
    })
    .to_string()
}

const TOKENS: &str =
    r#"{"token_type":"Bearer","access_token":"a","expires_in":3600,"refresh_token":"r"}"#;

#[test]
fn o6_a_custom_provider_has_a_path_of_its_own_and_nobody_elses_will_do() {
    let mut vars = custom(&endpoints());
    vars["MAILBOX_EVIL"] = vars["MAILBOX_SALES"].clone();
    for (field, value) in [
        ("address", "evil@shop.test"),
        ("token_endpoint", "https://evil.test/token"),
        ("authorization_endpoint", "https://evil.test/authorize"),
        ("issuer", "https://evil.test"),
    ] {
        vars["MAILBOX_EVIL"][field] = json!(value);
    }
    let world = World::with(&vars, [(200, TOKENS)], vec![letting_in()]);
    let browser = world.sign_in();
    let consent = browser.connect();
    assert_eq!(
        query(&consent, "redirect_uri").as_deref(),
        Some("https://mail.example.com/oauth/callback/custom/sales")
    );
    let (state, iss) = (
        query(&consent, "state").unwrap(),
        "iss=https%3A%2F%2Fid.test",
    );
    // The mix-up attack: the code of one server comes back on the path of another.
    let crossed = format!("/oauth/callback/custom/evil?state={state}&code=x&{iss}");
    assert_eq!(browser.get(&crossed).status, 400);
    for path in ["custom", "google", "custom/"] {
        let state = query(&browser.connect(), "state").unwrap();
        let path = format!("/oauth/callback/{path}?state={state}&code=x&{iss}");
        assert_eq!(browser.get(&path).status, 400, "{path}");
    }
    assert_eq!(world.token_requests(), 0);
    let state = query(&browser.connect(), "state").unwrap();
    let own = format!("/oauth/callback/custom/sales?state={state}&code=x&{iss}");
    assert_eq!(browser.get(&own).status, 200);
}

#[test]
fn o6_where_the_issuer_names_itself_an_answer_without_a_name_is_anothers() {
    let mut silent = endpoints();
    silent.as_object_mut().unwrap().remove("issuer");
    let alone = || json!({ "issuer": CUSTOM_ISSUER });
    let (with, without) = (metadata(true), metadata(false));
    for (fields, document, iss, status) in [
        (endpoints(), None, "", 400),
        (endpoints(), None, "&iss=", 400),
        (endpoints(), None, "&iss=https%3A%2F%2Fevil.test", 400),
        (endpoints(), None, "&iss=https%3A%2F%2Fid.test", 200),
        // Nobody said that it does.
        (silent, None, "", 200),
        (alone(), Some(&with), "", 400),
        (alone(), Some(&with), "&iss=https%3A%2F%2Flogin.test", 400),
        (alone(), Some(&with), "&iss=https%3A%2F%2Fid.test", 200),
        (alone(), Some(&without), "", 200),
        // Who names somebody else is somebody else, whatever was announced.
        (alone(), Some(&without), "&iss=https%3A%2F%2Fevil.test", 400),
    ] {
        let world = World::with(&custom(&fields), [(200, TOKENS)], vec![letting_in()]);
        if let Some(document) = document {
            let answers = &world.provider.answers;
            answers.borrow_mut().push_front((200, document.clone()));
        }
        let browser = world.sign_in();
        let state = query(&browser.connect(), "state").unwrap();
        let asked = world.token_requests();
        let path = format!("/oauth/callback/custom/sales?state={state}&code=x{iss}");
        let answer = browser.get(&path);
        assert_eq!(answer.status, status, "{fields} {iss}: {}", answer.body);
        let exchanged = world.token_requests() - asked;
        assert_eq!(exchanged, usize::from(status == 200), "{fields} {iss}");
        // Refused without a name: an error is no more believed than a code.
        if status == 400 {
            assert!(answer.body.contains("RFC 9207"), "{}", answer.body);
        }
    }
}

#[test]
fn the_metadata_says_where_consent_is_asked_for() {
    let world = World::with(
        &custom(&json!({ "issuer": CUSTOM_ISSUER })),
        [(200, &metadata(true)), (200, TOKENS)],
        vec![letting_in()],
    );
    let browser = world.sign_in();
    let board = browser.get("/operator");
    assert!(
        board.body.contains("/mailboxes/sales/connect"),
        "{}",
        board.body
    );
    let consent = browser.connect();
    assert!(
        consent.starts_with("https://login.test/authorize?"),
        "{consent}"
    );
    let state = query(&consent, "state").unwrap();
    let path =
        format!("/oauth/callback/custom/sales?state={state}&code=x&iss=https%3A%2F%2Fid.test");
    assert_eq!(browser.get(&path).status, 200);
    assert_eq!(
        *world.provider.addresses.borrow(),
        [
            "https://id.test/.well-known/oauth-authorization-server",
            "https://id.test/token"
        ]
    );
}

#[test]
fn metadata_that_cannot_be_had_is_said() {
    for (answer, status, words) in [
        ((0, ""), 503, "did not answer"),
        ((404, ""), 422, "well-known"),
        (
            (
                200,
                r#"{"issuer":"https://evil.test","token_endpoint":"https://evil.test/t"}"#,
            ),
            422,
            "another issuer",
        ),
    ] {
        let fields = custom(&json!({ "issuer": CUSTOM_ISSUER }));
        let world = World::with(&fields, [answer], Vec::new());
        let browser = world.sign_in();
        let refused = browser.post("/mailboxes/sales/connect");
        assert_eq!(refused.status, status, "{}", refused.body);
        assert!(refused.body.contains(words), "{}", refused.body);
    }
}
