//! `provider = "custom"`: an authorization server and a mail server as the operator describes them.

use std::fmt::Display;

use super::{HttpsUrl, SmtpHost, fields::Fields};
use crate::{
    oauth::{Issuer, Provider, SecretIn},
    tls::TlsMode,
};

/// What is given where the endpoints are, and has no meaning where they are discovered.
const WITH_ENDPOINTS: [&str; 3] = [
    "authorization_endpoint",
    "revocation_endpoint",
    "token_endpoint_auth_method",
];

/// Reads the fields. Where tokens come from is said by `token_endpoint` and what belongs to it, or by
/// `issuer` alone.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Provider> {
    let scope = fields.required_text("scope");
    let host: Option<SmtpHost> = fields.required("smtp_host");
    let port = read_port(fields);
    let tls = read_tls(fields);
    let issuer = fields.optional::<Issuer>("issuer").map(text_of);
    let discovered = fields.take("token_endpoint").is_none();
    let token_endpoint = fields.optional::<HttpsUrl>("token_endpoint").map(text_of);
    let authorization_endpoint: Option<HttpsUrl> = fields.optional("authorization_endpoint");
    let revocation_endpoint: Option<HttpsUrl> = fields.optional("revocation_endpoint");
    let secret_in = read_secret_in(fields);
    let audience = fields.text("assertion_audience");
    if discovered {
        for field in WITH_ENDPOINTS {
            if fields.take(field).is_some() {
                fields.problem(
                    field,
                    "goes with token_endpoint; without that, the issuer's metadata says it",
                );
            }
        }
        if fields.take("issuer").is_none() {
            fields.problem("token_endpoint", "is required, or issuer in its place");
        }
    }
    // RFC 7523 §3: "The token endpoint URL of the authorization server MAY be used".
    let audience = audience.or(token_endpoint.as_deref()).or(issuer.as_deref());
    let assertion_audience = audience?.to_owned();
    let (port, scope) = (port?, scope?);
    Some(Provider {
        authorization_extras: extras(scope, authorization_endpoint.as_ref()),
        discovered,
        // Who names the issuer beside the endpoints says that it stands in every answer: there is
        // nothing else that it would be good for.
        names_itself: issuer.is_some() && !discovered,
        issuer,
        authorization_endpoint: authorization_endpoint.map(text_of),
        revocation_endpoint: revocation_endpoint.map(text_of),
        token_endpoint,
        assertion_audience,
        secret_in,
        ..Provider::custom(
            scope,
            host?.as_str(),
            port,
            tls.unwrap_or_else(|| TlsMode::usual_at(port)),
        )
    })
}

/// A server that keeps to OpenID Connect Core §11 ignores `offline_access`, and so gives no refresh
/// token, unless consent is asked for with this; others ignore this. No parameter may come twice.
fn extras(scope: &str, endpoint: Option<&HttpsUrl>) -> &'static [(&'static str, &'static str)] {
    let offline = scope
        .split_ascii_whitespace()
        .any(|one| one == "offline_access");
    let said = endpoint.is_some_and(|endpoint| endpoint.as_str().contains("prompt="));
    if offline && !said {
        &[("prompt", "consent")]
    } else {
        &[]
    }
}

fn text_of(address: impl Display) -> String {
    address.to_string()
}

/// By the names of RFC 7591 §2.
fn read_secret_in(fields: &mut Fields<'_>) -> SecretIn {
    match fields.text("token_endpoint_auth_method") {
        None | Some("client_secret_post") => SecretIn::Body,
        Some("client_secret_basic") => SecretIn::Header,
        Some(_) => {
            fields.problem(
                "token_endpoint_auth_method",
                "must be client_secret_post or client_secret_basic",
            );
            SecretIn::Body
        }
    }
}

fn read_port(fields: &mut Fields<'_>) -> Option<u16> {
    let port = fields.required_port("smtp_port");
    // developers.cloudflare.com/workers/runtime-apis/tcp-sockets: Workers cannot reach it.
    if port == Some(25) {
        fields.problem(
            "smtp_port",
            "must not be 25, which the platform does not let through; submission is at 587 or 465",
        );
    }
    port
}

fn read_tls(fields: &mut Fields<'_>) -> Option<TlsMode> {
    match fields.text("smtp_tls")? {
        "implicit" => Some(TlsMode::Implicit),
        "starttls" => Some(TlsMode::StartTls),
        _ => {
            fields.problem("smtp_tls", "must be implicit or starttls");
            None
        }
    }
}
