//! What a failed token request means.

use std::time::Duration;

use oauth2::{RequestTokenError, basic::BasicErrorResponse};
use serde::{Deserialize, Serialize};

use super::Account;
use crate::{
    limits::RETRY_AFTER_MAX,
    outcome::{Answer, Cause, Failure, Reach, Trouble},
};

/// What the `oauth2` crate drops of an answer and we need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// `Retry-After` in seconds (RFC 9110 §10.2.3).
    pub retry_after: Option<Duration>,
    /// Who signed in, from the ID token.
    pub account: Option<Account>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFailure {
    /// What it comes to for the mailbox.
    pub failure: Failure,
}

impl TokenFailure {
    /// A failure of the given kind without the provider's words.
    pub fn new(cause: Cause, trouble: Trouble) -> Self {
        Self {
            failure: Failure::of_mailbox(cause, trouble),
        }
    }

    /// No answer, or one that is no token response.
    pub fn unavailable() -> Self {
        Self::new(Cause::TokenUnavailable, Trouble::Transient)
    }

    /// What ails the mailbox.
    pub fn trouble(&self) -> Trouble {
        match self.failure.reach {
            Reach::Mailbox(trouble) => trouble,
            Reach::Message => Trouble::Transient,
        }
    }

    /// Classifies the error of a token request. Decides on the status and on `error`; of
    /// Microsoft's numbers, which may change, only the one without which `error` misleads.
    pub fn classify<E: std::error::Error + 'static>(
        error: &RequestTokenError<E, BasicErrorResponse>,
        captured: &Captured,
    ) -> Self {
        let retry_after = captured.retry_after.map(|asked| asked.min(RETRY_AFTER_MAX));
        let busy = captured
            .status
            .is_some_and(|status| status == 429 || status >= 500);
        let RequestTokenError::ServerResponse(response) = error else {
            let status = captured
                .status
                .map(|status| Answer::new(&format!("HTTP {status}")));
            let unavailable = Failure::of_mailbox(Cause::TokenUnavailable, Trouble::Transient);
            return Self {
                failure: Failure {
                    answer: status,
                    retry_after,
                    ..unavailable
                },
            };
        };
        let code = response.error().as_ref();
        let number = response.error_description().and_then(|text| aadsts(text));
        let (cause, trouble) = match code {
            _ if busy => (Cause::TokenUnavailable, Trouble::Transient),
            // Too many identical requests, although it says invalid_grant:
            // learn.microsoft.com/entra/identity-platform/reference-error-codes
            "invalid_grant" if number == Some("AADSTS50196") => {
                (Cause::TokenUnavailable, Trouble::Transient)
            }
            "invalid_grant" | "interaction_required" | "consent_required" | "login_required" => {
                (Cause::ReauthorisationRequired, Trouble::Authentication)
            }
            "invalid_client"
            | "unauthorized_client"
            | "invalid_scope"
            | "invalid_resource"
            | "invalid_request"
            | "unsupported_grant_type"
            | "access_denied" => (Cause::TokenMisconfigured, Trouble::Configuration),
            _ => (Cause::TokenUnavailable, Trouble::Transient),
        };
        // The code and the number, and not the description: that may name people.
        let answer = match number {
            Some(number) => Answer::new(&format!("{code} {number}")),
            None => Answer::new(code),
        };
        Self {
            failure: Failure {
                cause,
                reach: Reach::Mailbox(trouble),
                answer: Some(answer),
                retry_after,
                finding: None,
            },
        }
    }
}

/// The number of Microsoft's error at the start of its description.
fn aadsts(description: &str) -> Option<&str> {
    let end = description
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(description.len());
    description
        .get(..end)
        .filter(|number| number.starts_with("AADSTS") && number.len() <= 16)
}
