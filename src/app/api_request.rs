//! What the API adds to a message.

use serde::{Deserialize, Serialize};

use super::intake::Accept;
use crate::{
    api::{ApiError, Card, Fingerprint, ScheduledAt, SendRequest},
    config::{Caller, Config},
    outbox::{EmailId, Source},
};

/// What makes a message one of the API's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRequest {
    /// The message as its caller wrote it.
    pub card: Card,
    /// How often its caller may ask, in requests a second.
    pub rate_limit: u32,
    /// By what the request can be recognised when it is repeated.
    pub idempotency: Option<Idempotency>,
    /// When the message is to be sent, if its caller has set a time.
    #[serde(default)]
    pub scheduled_at: Option<ScheduledAt>,
}

/// A request that must not be done twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The caller's key, scoped to the API key and the endpoint.
    pub scope: String,
    /// What was asked.
    pub fingerprint: Fingerprint,
}

/// What `caller` asks for, as it is handed to the Outbox of the mailbox through which it may.
/// `staged` says under which identifier its files are there already, if they are.
pub(super) fn accept(
    caller: &Caller,
    config: &Config,
    asked: SendRequest,
    idempotency: Option<Idempotency>,
    staged: Option<EmailId>,
) -> Result<Accept, ApiError> {
    let allowed = caller.sending_mailbox(config, &asked.from.address);
    let (mailbox, settings) = allowed.ok_or_else(|| why_not(caller, config))?;
    let scheduled_at = asked.scheduled_at;
    let (card, draft) = asked.into_parts(settings.sender.address.clone(), &caller.name);
    Ok(Accept {
        mailbox: mailbox.clone(),
        source: Source(format!("api/{}", caller.name)),
        draft,
        request: Some(ApiRequest {
            card,
            rate_limit: caller.rate_limit,
            idempotency,
            scheduled_at,
        }),
        staged,
    })
}

/// Why a caller may not send: a mailbox of its own that has a fault might be the one that was
/// meant, and that is not the caller's mistake.
pub(super) fn why_not(caller: &Caller, config: &Config) -> ApiError {
    if caller.has_faulty_mailbox(config) {
        ApiError::misconfigured()
    } else {
        ApiError::sender_not_allowed()
    }
}
