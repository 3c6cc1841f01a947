//! Clients that sign: certificates and service accounts.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use edgepost::{
    oauth::{
        AssertionKey, Certificate, ClientAuthentication, Provider, Right, ServiceAccount,
        SigningAlgorithm, SigningKey,
    },
    secret::Secret,
};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use serde_json::{Value, json};

use super::{custody::finding, *};

const KEY: &str = include_str!("../fixtures/keys/application.key");
const CERTIFICATE: &str = include_str!("../fixtures/keys/application.crt");

fn key(algorithm: SigningAlgorithm) -> AssertionKey {
    let certificate: Certificate = CERTIFICATE.parse().unwrap();
    AssertionKey {
        key: SigningKey::parse(KEY).unwrap(),
        algorithm,
        thumbprint: certificate.thumbprint(algorithm),
        key_id: None,
    }
}

/// A Keeper whose client signs.
fn signing<const N: usize>(algorithm: SigningAlgorithm, answers: [(u16, &str); N]) -> World {
    let mut world = World::new(answers);
    world.key = Some(key(algorithm));
    world.right = Right::Application;
    world.google = Provider::microsoft("x.test");
    world.bootstrap = None;
    world
}

fn parameter(request: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(request.as_bytes())
        .find(|(own, _)| own == name)
        .map(|(_, value)| value.into_owned())
}

/// The header and the claims, once the signature has been verified with the key's public half.
fn verified(assertion: &str, parameters: &'static RsaParameters) -> (Value, Value) {
    use ring::{rsa::KeyPair as RsaKeyPair, signature::KeyPair};
    let pkcs8 = SigningKey::parse(KEY).unwrap();
    let pair = RsaKeyPair::from_pkcs8(pkcs8.expose_pkcs8()).unwrap();
    let (input, signature) = assertion.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let public = UnparsedPublicKey::new(parameters, pair.public_key().as_ref());
    public.verify(input.as_bytes(), &signature).unwrap();
    let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    (part(header), part(claims))
}

#[test]
fn an_application_with_a_certificate_signs_every_request_anew() {
    let world = signing(SigningAlgorithm::Ps256, [(200, ONE), (200, TWO)]);
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(world.token(Some("canary-one")).unwrap(), "canary-two");
    let requests = world.provider.requests.borrow();
    let [first, second] = &requests[..] else {
        panic!("{requests:?}");
    };
    assert!(
        first.starts_with(
            "grant_type=client_credentials&scope=https%3A%2F%2Foutlook.office365.com%2F.default\
             &client_id=client&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion="
        ),
        "{first}"
    );
    assert_eq!(parameter(first, "client_secret"), None);
    let claims = |request: &str| {
        let assertion = parameter(request, "client_assertion").unwrap();
        let (header, claims) = verified(&assertion, &RSA_PSS_2048_8192_SHA256);
        let thumbprint = "U7IhK_9G-fZJrH9ZC7_vdSNfQgfv75vUKQit1QMmR9Q";
        let expected = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
        assert_eq!(header, expected);
        let audience = "https://login.microsoftonline.com/x.test/oauth2/v2.0/token";
        assert_eq!(claims["aud"], audience);
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&json!("client"), &json!("client"))
        );
        let now = NOW.as_seconds();
        assert_eq!(claims["nbf"], now - 10);
        assert_eq!(claims["exp"], now + 290);
        claims
    };
    assert_ne!(claims(first)["jti"], claims(second)["jti"]);
}

#[test]
fn the_older_signature_verifies_too() {
    let world = signing(SigningAlgorithm::Rs256, [(200, ONE)]);
    world.token(None).unwrap();
    let request = world.provider.requests.borrow()[0].clone();
    let assertion = parameter(&request, "client_assertion").unwrap();
    let (header, _) = verified(&assertion, &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(header["x5t"], "Py9jVdkBvxTqjrvNfVJ2ltRgXWU");
}

#[test]
fn a_grant_of_a_person_is_refreshed_with_a_signature() {
    let mut world = signing(SigningAlgorithm::Ps256, [(200, ONE)]);
    world.right = Right::Consent;
    world.bootstrap = Some(Secret::new("bootstrap"));
    world.token(None).unwrap();
    let request = world.provider.requests.borrow()[0].clone();
    assert!(request.starts_with("grant_type=refresh_token&refresh_token=bootstrap&"));
    let assertion = parameter(&request, "client_assertion").unwrap();
    verified(&assertion, &RSA_PSS_2048_8192_SHA256);
}

#[test]
fn a_key_that_cannot_sign_is_a_fault_of_the_configuration_and_nobody_is_asked() {
    let mut world = signing(SigningAlgorithm::Ps256, [(200, ONE)]);
    world.signer.broken.set(true);
    let failure = world.token(None).unwrap_err();
    assert_eq!(failure.trouble(), Trouble::Configuration);
    assert_eq!(finding(&failure), "token_key_unusable");
    // Not before something is changed, or time has passed.
    world.signer.broken.set(false);
    world.token(None).unwrap_err();
    assert_eq!((world.requests(), world.signer.signed.get()), (0, 1));
    let mut another = key(SigningAlgorithm::Ps256);
    another.key = SigningKey::parse(include_str!("../fixtures/keys/another.key")).unwrap();
    world.key = Some(another);
    assert_eq!(world.token(None).unwrap(), "canary-one");
}

#[test]
fn a_certificate_that_is_refused_is_told_with_what_to_do() {
    let refused = [
        (
            "AADSTS700027: The certificate with identifier used to sign the client assertion is expired on application. [Reason - The key used is expired., Thumbprint of key used by client: 'AA']",
            "entra_certificate_expired",
        ),
        (
            "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: 'AA']",
            "entra_certificate_unknown",
        ),
        (
            "AADSTS700027: Client assertion contains an invalid signature. [Reason - The provided signature value did not match the expected signature value.]",
            "entra_assertion_refused",
        ),
        (
            "AADSTS700023: Client assertion audience claim does not match Realm issuer.",
            "entra_assertion_audience",
        ),
    ];
    for (description, name) in refused {
        let body = json!({ "error": "invalid_client", "error_description": description });
        let world = signing(SigningAlgorithm::Ps256, [(401, &*body.to_string())]);
        let failure = world.token(None).unwrap_err();
        assert_eq!(failure.failure.cause, Cause::TokenMisconfigured);
        assert_eq!(finding(&failure), name);
    }
}

fn service_account<const N: usize>(answers: [(u16, &str); N]) -> World {
    let file = json!({
        "type": "service_account", "client_email": "mail@project.test", "private_key_id": "k1",
        "private_key": KEY, "token_uri": "https://oauth2.googleapis.com/token",
    });
    let endpoint = Provider::google().token_endpoint.unwrap();
    let account = ServiceAccount::parse(&file.to_string(), &endpoint).unwrap();
    let mut world = World::new(answers);
    world.key = Some(account.key);
    world.client_id = account.name;
    world.right = Right::ServiceAccount;
    world.bootstrap = None;
    world
}

#[test]
fn a_service_account_says_for_whom_it_acts() {
    let world = service_account([(200, ONE)]);
    assert_eq!(world.token(None).unwrap(), "canary-one");
    let request = world.provider.requests.borrow()[0].clone();
    assert_eq!(
        parameter(&request, "grant_type").as_deref(),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
    );
    for absent in ["client_id", "client_assertion", "scope"] {
        assert_eq!(parameter(&request, absent), None);
    }
    let assertion = parameter(&request, "assertion").unwrap();
    let (header, claims) = verified(&assertion, &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(header, json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    let now = NOW.as_seconds();
    let expected = json!({
        "iss": "mail@project.test", "sub": "shop@x.test", "scope": "https://mail.google.com/",
        "aud": "https://oauth2.googleapis.com/token", "iat": now - 10, "exp": now + 290,
    });
    assert_eq!(claims, expected);
    // Disconnected by hand it stays so, until its settings are others.
    world.clock.run(world.keeper().disconnect()).unwrap();
    assert_eq!(
        finding(&world.token(None).unwrap_err()),
        "token_disconnected"
    );
}

#[test]
fn a_service_account_that_is_refused_is_told_with_what_to_do() {
    use Trouble::{Configuration, Transient};
    let refused = [
        (
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
            "google_not_delegated",
            Configuration,
        ),
        (
            "invalid_grant",
            "Invalid email or User ID",
            "google_user_unknown",
            Configuration,
        ),
        (
            "invalid_grant",
            "Invalid JWT Signature.",
            "google_key_refused",
            Configuration,
        ),
        (
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
            "google_clock",
            Transient,
        ),
        (
            "invalid_grant",
            "Invalid JWT: Failed audience check. The right audience is https://oauth2.googleapis.com/token.",
            "google_assertion_audience",
            Configuration,
        ),
    ];
    for (error, description, name, trouble) in refused {
        let body = json!({ "error": error, "error_description": description });
        let world = service_account([(400, &*body.to_string())]);
        let failure = world.token(None).unwrap_err();
        assert_eq!((finding(&failure), failure.trouble()), (name, trouble));
    }
}

#[test]
fn no_key_is_in_what_is_stored() {
    let world = signing(SigningAlgorithm::Ps256, [(200, ONE)]);
    world.token(None).unwrap();
    let record = world.custody.record.borrow().clone().unwrap();
    let lines = KEY.lines().filter(|line| !line.starts_with('-'));
    assert!(lines.into_iter().all(|line| !record.contains(line)));
    assert!(matches!(world.client(), ClientAuthentication::Key(_)));
}
