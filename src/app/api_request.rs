//! What the API adds to a message.

use serde::{Deserialize, Serialize};

use crate::api::{Card, Fingerprint};

/// What makes a message one of the API's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRequest {
    /// The message as its caller wrote it.
    pub card: Card,
    /// How often its caller may ask, in requests a second.
    pub rate_limit: u32,
    /// By what the request can be recognised when it is repeated.
    pub idempotency: Option<Idempotency>,
}

/// A request that must not be done twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The caller's key, scoped to the API key and the endpoint.
    pub scope: String,
    /// What was asked.
    pub fingerprint: Fingerprint,
}
