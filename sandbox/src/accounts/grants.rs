//! Codes, refresh tokens and access tokens.

use std::time::{Duration, Instant};

/// An authorization code lives this long: RFC 6749 §4.1.2 recommends at most 10 minutes.
pub(crate) const CODE_LIFETIME: Duration = Duration::from_secs(600);

/// Consent of one account, or an application's own right, from which tokens are made. Revoking it
/// ends all of them.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) holder: Holder,
    pub(super) scope: String,
    pub(super) revoked: bool,
}

/// In whose name tokens are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// One account's.
    Account(String),
    /// The client's own: which accounts let it in is theirs to say.
    Application,
}

impl Holder {
    pub(super) fn is(&self, address: &str) -> bool {
        matches!(self, Self::Account(account) if account == address)
    }
}

/// A code as it waits to be exchanged.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) account: String,
    pub(super) scope: String,
    pub(super) redirect_uri: String,
    /// Base64url SHA-256 of the verifier, RFC 7636 §4.2.
    pub(super) challenge: String,
    pub(super) expires: Instant,
    /// The grant it was exchanged for: a second use revokes it, RFC 6749 §4.1.2.
    pub(super) used_for: Option<u64>,
}

#[derive(Debug)]
pub(super) struct RefreshToken {
    pub(super) grant: u64,
    /// A rotated token is known, so that its account is, but no longer good.
    pub(super) replaced: bool,
}

#[derive(Debug)]
pub(super) struct AccessToken {
    pub(super) grant: u64,
    /// That of the grant, or less.
    pub(super) scope: String,
    pub(super) expires: Instant,
}

/// What a client presents to the token endpoint.
#[derive(Debug)]
pub(crate) enum Exchange<'a> {
    /// RFC 6749 §4.1.3 with RFC 7636 §4.5.
    Code {
        code: &'a str,
        redirect_uri: &'a str,
        verifier: &'a str,
    },
    /// RFC 6749 §6.
    Refresh {
        token: &'a str,
        scope: Option<&'a str>,
    },
    /// RFC 6749 §4.4. The client is the one that is named, whether or not it is.
    Application { client: &'a str, scope: &'a str },
    /// RFC 7523 §2.1, for one account.
    ServiceAccount { subject: String, scope: String },
}

/// Tokens as they go out.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    /// `None`: the client keeps the one it has.
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: String,
    pub(crate) lifetime: Duration,
}

/// Why there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// `invalid_grant`, with the reason for a reader.
    InvalidGrant(&'static str),
    /// `invalid_scope`.
    InvalidScope,
}
