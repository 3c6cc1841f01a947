//! Mail accounts of the sandbox, what they were granted, and how the token endpoint treats them.

mod exchange;
mod grants;
mod secrets;
mod store;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use secrets::Secret;

pub(crate) use grants::{Exchange, Issued, TokenError};
pub use store::TokenVerdict;
pub(crate) use store::{AccountSummary, Accounts};

/// How an account behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountSettings {
    /// How long an access token lives. In JSON, whole seconds.
    #[serde(rename = "lifetime_seconds", with = "whole_seconds")]
    pub lifetime: Duration,
    /// Whether each refresh gives a new refresh token and ends the old one.
    pub rotate: bool,
    /// Whether SMTP AUTH refuses tokens that are in order.
    pub refuse: Refuse,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(3_600),
            rotate: false,
            refuse: Refuse::Never,
        }
    }
}

/// Whether SMTP AUTH refuses an account's good tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refuse {
    /// Good tokens are taken.
    #[default]
    Never,
    /// The next so many are refused.
    Next(u32),
    /// All are refused.
    Always,
}

/// What the token endpoint does instead of its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFault {
    /// 400 with `invalid_grant`.
    InvalidGrant,
    /// 401 with `invalid_client`.
    InvalidClient,
    /// Any status, with a `Retry-After` if given.
    Status {
        /// The status code.
        code: u16,
        /// Value of the header `Retry-After`.
        #[serde(default)]
        retry_after: Option<String>,
        /// The body, sent as `application/json`.
        #[serde(default)]
        body: String,
    },
    /// No answer until the client goes.
    Stall,
    /// 200 with this body, sent as `application/json`.
    Body(String),
    /// 302 to this address.
    Redirect(String),
}

/// One request to the token endpoint; holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRequest {
    /// When it came, milliseconds since 1970.
    pub at_ms: u64,
    /// `authorization_code`, `refresh_token`, or whatever was asked for.
    pub grant_type: String,
    /// `issued`, an error code of RFC 6749 such as `invalid_grant`, or `fault: …` for a scripted one.
    pub outcome: String,
}

mod whole_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}
