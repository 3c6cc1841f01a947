//! Who the client is, and whether it can prove it (RFC 6749 §2.3, RFC 7523 §2.2).

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::assertion::Assertion;
use super::refusal::Refusal;
use crate::http::{Parameters, text};
use crate::world::{Client, World};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// In one of three ways, never in two (RFC 6749 §2.3.1); answers the client's identifier.
pub(super) fn authenticate(
    world: &World,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<String, Refusal> {
    let basic = text(headers, &header::AUTHORIZATION);
    let secret = form.get("client_secret");
    let assertion = form.get("client_assertion");
    let (id, secret) = match (&basic, secret, assertion) {
        (None, None, None) => {
            return Err(Refusal::client("the client does not authenticate", true));
        }
        (Some(basic), None, None) => basic_credentials(basic)
            .ok_or_else(|| Refusal::client("malformed Authorization header", true))?,
        (None, Some(secret), None) => (
            form.get("client_id").unwrap_or_default().to_owned(),
            secret.to_owned(),
        ),
        (None, None, Some(assertion)) => return by_assertion(world, form, assertion),
        _ => {
            return Err(Refusal::new(
                "invalid_request",
                "the client authenticates in two ways at once",
            ));
        }
    };
    if is_good(&world.client, &id, &secret) {
        Ok(id)
    } else {
        Err(Refusal::client(
            "unknown client or wrong secret",
            basic.is_some(),
        ))
    }
}

fn is_good(client: &Client, id: &str, secret: &str) -> bool {
    let good = id.as_bytes().ct_eq(client.id.as_bytes())
        & secret.as_bytes().ct_eq(client.secret.as_bytes());
    bool::from(good)
}

/// With the words of Microsoft Entra, where they are known.
fn by_assertion(world: &World, form: &Parameters, assertion: &str) -> Result<String, Refusal> {
    let entra =
        |number, description: &str| Err(Refusal::entra("invalid_client", number, description));
    if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
        return Err(Refusal::new(
            "invalid_request",
            "client_assertion_type is missing or not known",
        ));
    }
    let Some(assertion) = Assertion::parse(assertion) else {
        return entra(50027, "JWT token is invalid or malformed.");
    };
    let id = assertion.claim("iss");
    if assertion.claim("sub") != id || form.get("client_id").is_some_and(|named| named != id) {
        return entra(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        );
    }
    let Some(signer) = world.signers.client(id) else {
        return Err(Refusal::entra(
            "unauthorized_client",
            700_016,
            "Application was not found in the directory.",
        ));
    };
    if !assertion.names(&signer) {
        return entra(
            700_027,
            "Client assertion contains an invalid signature. [Reason - The key was not found.]",
        );
    }
    if !assertion.is_signed_by(&signer) {
        return entra(
            700_027,
            "Client assertion contains an invalid signature. [Reason - The provided signature value did not match the expected signature value.]",
        );
    }
    if assertion.claim("aud") != world.token_endpoint() {
        return entra(
            700_023,
            "Client assertion audience claim does not match Realm issuer.",
        );
    }
    let now = world.signers.now(id);
    let (begins, ends) = (assertion.seconds("nbf"), assertion.seconds("exp"));
    let Some(ends) = ends.filter(|ends| begins.is_some_and(|begins| begins <= now) && now < *ends)
    else {
        return entra(
            700_024,
            "Client assertion is not within its valid time range.",
        );
    };
    let unique = assertion.claim("jti");
    if unique.is_empty() || !world.signers.is_new(id, unique, ends) {
        return Err(Refusal::client("the assertion was presented before", false));
    }
    Ok(id.to_owned())
}

/// Identifier and secret are form-encoded inside the header, RFC 6749 §2.3.1.
fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    form_urlencoded::parse(format!("x={}", text.replace('&', "%26")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}
