//! Authorization code with PKCE, as a browser and a client walk it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edgepost_sandbox::Sandbox;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::http::{Answer, Request, refresh, token};
use crate::smtp::{ACCOUNT, sandbox};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const REDIRECT: &str = "http://localhost:8787/oauth/callback/custom";

/// The parameters of a request in good order.
fn parameters(sandbox: &Sandbox) -> Vec<(&'static str, String)> {
    vec![
        ("client_id", sandbox.client_id().to_owned()),
        ("response_type", "code".to_owned()),
        ("redirect_uri", REDIRECT.to_owned()),
        ("scope", format!("{} offline_access", sandbox.scope())),
        ("state", "st&te".to_owned()),
        (
            "code_challenge",
            URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)),
        ),
        ("code_challenge_method", "S256".to_owned()),
        ("login_hint", ACCOUNT.to_owned()),
    ]
}

fn borrowed<'a>(parameters: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

fn ask(sandbox: &Sandbox, parameters: &[(&'static str, String)]) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    Request::get(format!("/authorize?{query}")).send(sandbox, &sandbox.issuer())
}

fn decide(sandbox: &Sandbox, decision: &str) -> Url {
    let mut form = parameters(sandbox);
    form.push(("account", ACCOUNT.to_owned()));
    form.push(("decision", decision.to_owned()));
    let answer = Request::post("/authorize")
        .form(&borrowed(&form))
        .send(sandbox, &sandbox.issuer());
    assert_eq!(answer.status, 303, "{answer:?}");
    Url::parse(&answer.headers["location"]).unwrap()
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn exchange(sandbox: &Sandbox, code: &str, verifier: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    token(sandbox, &fields)
}

#[test]
fn a_round_trip() {
    let sandbox = sandbox();
    let page = ask(&sandbox, &parameters(&sandbox));
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("value=\"shop@sandbox.test\" checked"),
        "the hinted account is chosen"
    );
    assert!(
        page.headers["content-security-policy"]
            .contains("form-action 'self' http://localhost:8787;")
    );

    let back = decide(&sandbox, "allow");
    assert!(back.as_str().starts_with(REDIRECT));
    assert_eq!(query(&back, "state").as_deref(), Some("st&te"));
    assert_eq!(query(&back, "iss"), Some(sandbox.issuer()));
    let code = query(&back, "code").unwrap();

    let answer = exchange(&sandbox, &code, VERIFIER);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let json = answer.json();
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["expires_in"].as_u64(), Some(3600));
    let refresh_token = json["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&sandbox, refresh_token).status, 200);

    // The second use is refused, and ends what came of the first (RFC 6749 §4.1.2).
    let again = exchange(&sandbox, &code, VERIFIER);
    assert_eq!(
        (again.status, again.json()["error"].as_str()),
        (400, Some("invalid_grant"))
    );
    assert_eq!(
        refresh(&sandbox, refresh_token).json()["error"],
        "invalid_grant"
    );
    let outcomes: Vec<String> = sandbox
        .token_requests(ACCOUNT)
        .into_iter()
        .map(|request| request.outcome)
        .collect();
    assert_eq!(
        outcomes,
        ["issued", "issued", "invalid_grant", "invalid_grant"]
    );
}

#[test]
fn a_wrong_verifier_or_address_is_refused() {
    let sandbox = sandbox();
    let code = query(&decide(&sandbox, "allow"), "code").unwrap();
    let wrong = exchange(&sandbox, &code, &VERIFIER.to_uppercase());
    assert_eq!(
        (wrong.status, wrong.json()["error"].as_str()),
        (400, Some("invalid_grant"))
    );
    let elsewhere = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "http://localhost:8787/other"),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(token(&sandbox, &elsewhere).json()["error"], "invalid_grant");
    assert_eq!(
        exchange(&sandbox, &code, VERIFIER).status,
        200,
        "neither used it up"
    );
}

#[test]
fn a_refusal_goes_back_to_the_client() {
    let sandbox = sandbox();
    let back = decide(&sandbox, "refuse");
    assert_eq!(query(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(query(&back, "state").as_deref(), Some("st&te"));
    assert_eq!(query(&back, "code"), None);
}

#[test]
fn a_faulty_request_never_sees_the_consent_page() {
    let sandbox = sandbox();
    let with = |name: &str, value: &str| {
        let mut parameters = parameters(&sandbox);
        parameters
            .iter_mut()
            .find(|(key, _)| *key == name)
            .unwrap()
            .1 = value.to_owned();
        ask(&sandbox, &parameters)
    };
    for (name, value) in [
        ("client_id", "someone"),
        ("redirect_uri", "https://example.test/callback"),
        ("redirect_uri", "http://localhost.example.test/"),
        ("redirect_uri", "http://localhost@example.test/"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", "http://localhost:1/#fragment"),
    ] {
        let answer = with(name, value);
        assert_eq!(
            (answer.status, answer.headers.get("location")),
            (400, None),
            "{name}={value}"
        );
    }
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("state", "", "invalid_request"),
        ("scope", "", "invalid_scope"),
    ] {
        let answer = with(name, value);
        assert_eq!(answer.status, 303, "{name}={value}");
        let back = Url::parse(&answer.headers["location"]).unwrap();
        assert_eq!(
            query(&back, "error").as_deref(),
            Some(error),
            "{name}={value}"
        );
    }
}

#[test]
fn a_forged_consent_from_another_page_is_refused() {
    let sandbox = sandbox();
    let mut form = parameters(&sandbox);
    form.push(("account", ACCOUNT.to_owned()));
    form.push(("decision", "allow".to_owned()));
    let request = Request::post("/authorize").form(&borrowed(&form));
    let answer = request
        .header("origin", "http://localhost:9999")
        .send(&sandbox, &sandbox.issuer());
    assert_eq!(answer.status, 403);
}

#[test]
fn the_client_must_prove_itself_in_one_way() {
    let sandbox = sandbox();
    let refresh_token = sandbox.grant(ACCOUNT);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str()),
    ];
    let send = |request: Request| request.send(&sandbox, &sandbox.issuer());
    let basic = |secret: &str| {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{secret}", sandbox.client_id()))
        )
    };

    let answer = send(Request::post("/token").form(&form));
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
    let answer = send(
        Request::post("/token")
            .form(&form)
            .header("authorization", &basic("wrong")),
    );
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
    let answer = send(
        Request::post("/token")
            .form(&form)
            .header("authorization", &basic(sandbox.client_secret())),
    );
    assert_eq!(answer.status, 200);
    let mut both = form.to_vec();
    both.push(("client_secret", sandbox.client_secret()));
    let answer = send(
        Request::post("/token")
            .form(&both)
            .header("authorization", &basic(sandbox.client_secret())),
    );
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (400, Some("invalid_request"))
    );
}

#[test]
fn the_metadata_names_the_endpoints() {
    let sandbox = sandbox();
    let answer =
        Request::get("/.well-known/oauth-authorization-server").send(&sandbox, &sandbox.issuer());
    let json = answer.json();
    assert_eq!(json["issuer"], sandbox.issuer());
    assert_eq!(json["token_endpoint"], sandbox.token_endpoint());
    assert_eq!(
        json["authorization_endpoint"],
        sandbox.authorization_endpoint()
    );
}
