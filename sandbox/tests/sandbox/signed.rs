//! Clients and service accounts that sign: what the token endpoint verifies, and its words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edgepost_sandbox::{SMTP_SCOPE, Sandbox};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::smtp::{ACCOUNT, Secure, sandbox, xoauth2};

const KEY: &str = include_str!("../../../tests/fixtures/keys/application.key");
const CERTIFICATE: &str = include_str!("../../../tests/fixtures/keys/application.crt");
const ANOTHER: &str = include_str!("../../../tests/fixtures/keys/another.key");
/// By `openssl x509 -fingerprint`, in base64url.
const SHA256: &str = "U7IhK_9G-fZJrH9ZC7_vdSNfQgfv75vUKQit1QMmR9Q";
const SHA1: &str = "Py9jVdkBvxTqjrvNfVJ2ltRgXWU";
const CLIENT: &str = "signing-client";
const ROBOT: &str = "robot@project.test";

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

fn signed(key: &str, header: &Value, claims: &Value) -> String {
    let lines = key.lines().filter(|line| !line.starts_with('-'));
    let pkcs8 = STANDARD.decode(lines.collect::<String>()).unwrap();
    let pair = KeyPair::from_pkcs8(&pkcs8).unwrap();
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let input = format!("{}.{}", encode(header), encode(claims));
    let padding: &dyn RsaEncoding = match header["alg"].as_str() {
        Some("PS256") => &RSA_PSS_SHA256,
        _ => &RSA_PKCS1_SHA256,
    };
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = SystemRandom::new();
    pair.sign(padding, &random, input.as_bytes(), &mut signature)
        .unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn claims(sandbox: &Sandbox, unique: &str) -> Value {
    json!({
        "aud": sandbox.token_endpoint(), "iss": CLIENT, "sub": CLIENT, "jti": unique,
        "nbf": now() - 5, "exp": now() + 300,
    })
}

fn present(sandbox: &Sandbox, assertion: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", SMTP_SCOPE),
        ("client_id", CLIENT),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
    ];
    let request = Request::post("/token").form(&form);
    request.send(sandbox, &sandbox.issuer())
}

fn ps256() -> Value {
    json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": SHA256 })
}

fn knowing() -> Sandbox {
    let sandbox = sandbox();
    sandbox.add_client(CLIENT, CERTIFICATE).unwrap();
    sandbox
        .add_service_account(ROBOT, "k1", CERTIFICATE, &[SMTP_SCOPE])
        .unwrap();
    sandbox
}

/// The first words of the description.
#[track_caller]
fn assert_refused(answer: &Answer, error: &str, words: &str) {
    let json = answer.json();
    let description = json["error_description"].as_str().unwrap();
    assert_eq!(json["error"], error, "{json}");
    assert!(description.contains(words), "{json}");
    let number = description.strip_prefix("AADSTS").map(|rest| &rest[..6]);
    let listed = json["error_codes"][0].as_u64().map(|n| n.to_string());
    assert_eq!(number.map(str::to_owned), listed);
}

#[test]
fn a_signature_of_either_kind_gets_a_token_that_mailboxes_have_to_let_in() {
    let sandbox = knowing();
    let older = json!({ "alg": "RS256", "typ": "JWT", "x5t": SHA1 });
    let mut token = String::new();
    for (header, unique) in [(ps256(), "a"), (older, "b")] {
        let answer = present(&sandbox, &signed(KEY, &header, &claims(&sandbox, unique)));
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        assert_eq!(json.get("refresh_token"), None);
        token = json["access_token"].as_str().unwrap().to_owned();
    }
    let port = sandbox.smtp_port();
    let auth = format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, &token));
    Secure::open(&sandbox, port).expect(&auth, "334");
    sandbox.let_in(ACCOUNT, CLIENT);
    Secure::open(&sandbox, port).expect(&auth, "235");
}

#[test]
fn an_assertion_is_taken_once() {
    let sandbox = knowing();
    let assertion = signed(KEY, &ps256(), &claims(&sandbox, "a"));
    assert_eq!(present(&sandbox, &assertion).status, 200);
    let again = present(&sandbox, &assertion);
    assert_refused(&again, "invalid_client", "presented before");
}

#[test]
fn whatever_is_wrong_with_an_assertion_is_told_as_entra_tells_it() {
    let sandbox = knowing();
    let good = claims(&sandbox, "a");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(KEY, &ps256(), &claims)
    };
    let mut changed = signed(KEY, &ps256(), &good);
    changed.replace_range(60..61, if &changed[60..61] == "A" { "B" } else { "A" });
    let none = json!({ "alg": "none", "x5t#S256": SHA256 });
    let wrong_digest = json!({ "alg": "PS256", "x5t#S256": SHA1 });
    let cases = [
        (
            signed(ANOTHER, &ps256(), &good),
            "AADSTS700027",
            "did not match",
        ),
        (
            signed(KEY, &wrong_digest, &good),
            "AADSTS700027",
            "key was not found",
        ),
        (
            signed(KEY, &none, &good),
            "AADSTS700027",
            "key was not found",
        ),
        (
            with("aud", json!("https://elsewhere.test/token")),
            "AADSTS700023",
            "audience",
        ),
        (with("exp", json!(now() - 1)), "AADSTS700024", "time range"),
        (with("nbf", json!(now() + 60)), "AADSTS700024", "time range"),
        (with("sub", json!("somebody")), "AADSTS700021", "client_id"),
    ];
    for (assertion, number, words) in cases {
        let answer = present(&sandbox, &assertion);
        assert_refused(&answer, "invalid_client", number);
        assert_refused(&answer, "invalid_client", words);
    }
    assert_ne!(present(&sandbox, &changed).status, 200);
    sandbox.set_clock_ahead(CLIENT, Duration::from_secs(3_600));
    let answer = present(&sandbox, &signed(KEY, &ps256(), &good));
    assert_refused(&answer, "invalid_client", "AADSTS700024");
    // Nothing above was the wrong one to refuse.
    sandbox.set_clock_ahead(CLIENT, Duration::ZERO);
    assert_eq!(present(&sandbox, &signed(KEY, &ps256(), &good)).status, 200);
}

#[test]
fn a_refresh_token_is_of_use_to_its_own_client_only() {
    let sandbox = knowing();
    let refresh_token = sandbox.grant_to(CLIENT, ACCOUNT);
    let assertion = signed(KEY, &ps256(), &claims(&sandbox, "a"));
    let answer = crate::http::refresh(&sandbox, &refresh_token);
    assert_eq!(answer.json()["error"], "invalid_grant");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str()),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion.as_str()),
    ];
    let request = Request::post("/token").form(&form);
    assert_eq!(request.send(&sandbox, &sandbox.issuer()).status, 200);
}

fn delegate(sandbox: &Sandbox, key: &str, change: &[(&str, Value)]) -> Answer {
    let mut claims = json!({
        "iss": ROBOT, "sub": ACCOUNT, "scope": SMTP_SCOPE, "aud": sandbox.token_endpoint(),
        "iat": now() - 5, "exp": now() + 300,
    });
    let mut header = json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" });
    for (name, value) in change {
        let part = if header.get(name).is_some() {
            &mut header
        } else {
            &mut claims
        };
        part[*name] = value.clone();
    }
    let assertion = signed(key, &header, &claims);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", assertion.as_str()),
    ];
    let request = Request::post("/token").form(&form);
    request.send(sandbox, &sandbox.issuer())
}

#[test]
fn a_service_account_acts_for_the_account_it_names() {
    let sandbox = knowing();
    let answer = delegate(&sandbox, KEY, &[]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let port = sandbox.smtp_port();
    let auth = format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, &token));
    Secure::open(&sandbox, port).expect(&auth, "235");
    sandbox.add_account("other@sandbox.test", Default::default());
    let other = format!("AUTH XOAUTH2 {}", xoauth2("other@sandbox.test", &token));
    Secure::open(&sandbox, port).expect(&other, "334");
}

#[test]
fn whatever_is_wrong_with_a_service_account_is_told_as_google_tells_it() {
    let sandbox = knowing();
    let cases = [
        (
            KEY,
            "iss",
            json!("nobody@project.test"),
            "invalid_grant",
            "account not found",
        ),
        (
            ANOTHER,
            "kid",
            json!("k1"),
            "invalid_grant",
            "Invalid JWT Signature.",
        ),
        (
            KEY,
            "kid",
            json!("k2"),
            "invalid_grant",
            "Invalid JWT Signature.",
        ),
        (
            KEY,
            "alg",
            json!("PS256"),
            "invalid_grant",
            "Invalid JWT Signature.",
        ),
        (
            KEY,
            "aud",
            json!("https://x.test"),
            "invalid_grant",
            "Failed audience check",
        ),
        (
            KEY,
            "exp",
            json!(now() - 1),
            "invalid_grant",
            "reasonable timeframe",
        ),
        (
            KEY,
            "exp",
            json!(now() + 7_200),
            "invalid_grant",
            "reasonable timeframe",
        ),
        (
            KEY,
            "iat",
            json!(now() + 60),
            "invalid_grant",
            "reasonable timeframe",
        ),
        (
            KEY,
            "sub",
            json!("nobody@sandbox.test"),
            "invalid_grant",
            "Invalid email or User ID",
        ),
        (
            KEY,
            "scope",
            json!("https://x.test/all"),
            "unauthorized_client",
            "not authorized for any of the scopes",
        ),
    ];
    for (key, name, value, error, words) in cases {
        let answer = delegate(&sandbox, key, &[(name, value)]);
        assert_refused(&answer, error, words);
    }
}
