//! How the token endpoint says no.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// An error of RFC 6749 §5.2.
pub(super) struct Refusal {
    status: StatusCode,
    pub(super) error: &'static str,
    description: String,
    challenge: bool,
    /// Microsoft's number for it.
    number: Option<u32>,
}

impl Refusal {
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
            challenge: false,
            number: None,
        }
    }

    pub(super) fn client(description: &str, challenge: bool) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            challenge,
            ..Self::new("invalid_client", description)
        }
    }

    /// As Microsoft Entra says it.
    pub(super) fn entra(error: &'static str, number: u32, description: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            number: Some(number),
            ..Self::new(error, format!("AADSTS{number}: {description}"))
        }
    }

    /// As Google says it of a service account without delegation.
    pub(super) fn not_delegated() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::new(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
            )
        }
    }

    pub(super) fn respond(self) -> Response {
        let mut body = json!({ "error": self.error, "error_description": self.description });
        if let (Some(number), Some(fields)) = (self.number, body.as_object_mut()) {
            fields.insert("error_codes".to_owned(), json!([number]));
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.challenge {
            let basic = HeaderValue::from_static("Basic realm=\"edgepost sandbox\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}
