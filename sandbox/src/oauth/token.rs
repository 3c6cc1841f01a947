//! The token endpoint.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::accounts::{Exchange, Issued, TokenError, TokenFault};
use crate::http::{Parameters, text};
use crate::world::{Client, World};

/// An error of RFC 6749 §5.2.
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
    challenge: bool,
}

impl Refusal {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
            challenge: false,
        }
    }

    fn client(description: &str, challenge: bool) -> Self {
        let (status, description) = (StatusCode::UNAUTHORIZED, description.to_owned());
        Self {
            status,
            error: "invalid_client",
            description,
            challenge,
        }
    }

    fn respond(self) -> Response {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        let mut response = (self.status, body).into_response();
        if self.challenge {
            let basic = HeaderValue::from_static("Basic realm=\"edgepost sandbox\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}

pub(super) async fn token(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let response = answer(&world, &headers, &body).await;
    // RFC 6749 §5.1: the answer must not be kept by anyone on the way.
    let pragma = [
        (header::CACHE_CONTROL, "no-store"),
        (header::PRAGMA, "no-cache"),
    ];
    (pragma, response).into_response()
}

async fn answer(world: &World, headers: &HeaderMap, body: &[u8]) -> Response {
    let form = Parameters::parse(body);
    let grant_type = form.get("grant_type").unwrap_or_default();
    let exchange = exchange_of(&form);
    let account = exchange
        .as_ref()
        .ok()
        .and_then(|exchange| world.accounts.account_of(exchange));
    let record = |outcome: &str| {
        if let Some(account) = &account {
            world.accounts.record_request(account, grant_type, outcome);
        }
    };
    if let Some(fault) = account
        .as_ref()
        .and_then(|account| world.accounts.next_fault(account))
    {
        record(&format!("fault: {}", name_of(&fault)));
        return act_out(fault).await;
    }
    let checked = check_request(headers, &form)
        .and_then(|()| authenticate(&world.client, headers, &form))
        .and(exchange)
        .and_then(|exchange| world.accounts.exchange(&exchange).map_err(refusal_of));
    match checked {
        Ok(issued) => {
            record("issued");
            success(&issued)
        }
        Err(refusal) => {
            record(refusal.error);
            refusal.respond()
        }
    }
}

fn check_request(headers: &HeaderMap, form: &Parameters) -> Result<(), Refusal> {
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(Refusal::new(
            "invalid_request",
            "the body must be application/x-www-form-urlencoded",
        ));
    }
    if let Some(name) = form.repeated() {
        return Err(Refusal::new(
            "invalid_request",
            format!("parameter {name} is repeated"),
        ));
    }
    // As a large provider does: an Origin says that a browser asks, and a browser can keep no secret.
    if headers.contains_key(header::ORIGIN) {
        return Err(Refusal::new(
            "invalid_request",
            "a confidential client must not send Origin",
        ));
    }
    Ok(())
}

/// RFC 6749 §2.3.1: by header or by body, never both.
fn authenticate(client: &Client, headers: &HeaderMap, form: &Parameters) -> Result<(), Refusal> {
    let basic = text(headers, &header::AUTHORIZATION);
    let (id, secret) = match (&basic, form.get("client_secret")) {
        (Some(_), Some(_)) => {
            return Err(Refusal::new(
                "invalid_request",
                "the client authenticates in two ways at once",
            ));
        }
        (Some(basic), None) => basic_credentials(basic)
            .ok_or_else(|| Refusal::client("malformed Authorization header", true))?,
        (None, Some(secret)) => (
            form.get("client_id").unwrap_or_default().to_owned(),
            secret.to_owned(),
        ),
        (None, None) => return Err(Refusal::client("the client does not authenticate", true)),
    };
    let good = id.as_bytes().ct_eq(client.id.as_bytes())
        & secret.as_bytes().ct_eq(client.secret.as_bytes());
    if bool::from(good) {
        Ok(())
    } else {
        Err(Refusal::client(
            "unknown client or wrong secret",
            basic.is_some(),
        ))
    }
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

fn exchange_of(form: &Parameters) -> Result<Exchange<'_>, Refusal> {
    let needed = |name: &str| {
        form.get(name)
            .ok_or_else(|| Refusal::new("invalid_request", format!("parameter {name} is missing")))
    };
    match needed("grant_type")? {
        "authorization_code" => Ok(Exchange::Code {
            code: needed("code")?,
            redirect_uri: needed("redirect_uri")?,
            verifier: needed("code_verifier")?,
        }),
        "refresh_token" => Ok(Exchange::Refresh {
            token: needed("refresh_token")?,
            scope: form.get("scope"),
        }),
        other => Err(Refusal::new(
            "unsupported_grant_type",
            format!("grant_type {other} is not supported"),
        )),
    }
}

fn refusal_of(error: TokenError) -> Refusal {
    match error {
        TokenError::InvalidGrant(reason) => Refusal::new("invalid_grant", reason),
        TokenError::InvalidScope => Refusal::new("invalid_scope", "more scopes than were granted"),
    }
}

fn success(issued: &Issued) -> Response {
    let mut body = json!({
        "token_type": "Bearer",
        "scope": issued.scope,
        "expires_in": issued.lifetime.as_secs(),
        "access_token": issued.access_token,
    });
    if let (Some(refresh_token), Some(fields)) = (&issued.refresh_token, body.as_object_mut()) {
        fields.insert("refresh_token".to_owned(), refresh_token.as_str().into());
    }
    Json(body).into_response()
}

fn name_of(fault: &TokenFault) -> String {
    match fault {
        TokenFault::InvalidGrant => "invalid_grant".to_owned(),
        TokenFault::InvalidClient => "invalid_client".to_owned(),
        TokenFault::Status { code, .. } => format!("status {code}"),
        TokenFault::Stall => "stall".to_owned(),
        TokenFault::Body(_) => "body".to_owned(),
        TokenFault::Redirect(_) => "redirect".to_owned(),
    }
}

async fn act_out(fault: TokenFault) -> Response {
    const SCRIPTED: &str = "scripted by the sandbox";
    let json = |status: StatusCode, body: String| {
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    };
    match fault {
        TokenFault::InvalidGrant => Refusal::new("invalid_grant", SCRIPTED).respond(),
        TokenFault::InvalidClient => Refusal::client(SCRIPTED, false).respond(),
        TokenFault::Status {
            code,
            retry_after,
            body,
        } => {
            let mut response = json(
                StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                body,
            );
            if let Some(retry_after) =
                retry_after.and_then(|value| HeaderValue::from_str(&value).ok())
            {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, retry_after);
            }
            response
        }
        TokenFault::Stall => std::future::pending().await,
        TokenFault::Body(body) => json(StatusCode::OK, body),
        TokenFault::Redirect(location) => match HeaderValue::from_str(&location) {
            Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
            Err(_) => json(StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned()),
        },
    }
}
