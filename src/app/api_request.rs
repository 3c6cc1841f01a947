//! What comes with a message beside it: what the API keeps, and what makes a request one of a kind.

use serde::{Deserialize, Serialize};

use crate::api::{Card, Fingerprint};

/// What comes with a message of the API's, and with one that must not be made twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRequest {
    /// The message as its caller wrote it; none where it is our own.
    pub card: Option<Card>,
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
