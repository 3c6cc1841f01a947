//! The token endpoint.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::authenticate::authenticate;
use super::refusal::Refusal;
use super::service_account;
use crate::accounts::{Exchange, Issued, TokenError, TokenFault};
use crate::http::{Parameters, text};
use crate::world::World;

/// RFC 7523 §2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

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
    let client = check_request(headers, &form).and_then(|()| match grant_type {
        // It signs for itself, and is nobody's client.
        JWT_BEARER => service_account::check(world, &form).map(|()| String::new()),
        _ => authenticate(world, headers, &form),
    });
    let checked = client.and_then(|client| {
        let issued = world.accounts.exchange(&client, &exchange?);
        issued.map_err(refusal_of)
    });
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
        "client_credentials" => Ok(Exchange::Application {
            client: form.get("client_id").unwrap_or_default(),
            scope: needed("scope")?,
        }),
        JWT_BEARER => service_account::read(form),
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
