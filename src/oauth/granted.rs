//! What a token endpoint grants.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2::{
    TokenResponse,
    basic::{BasicTokenResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CachedToken, TokenFailure, captured::Captured};
use crate::{
    secret::{AccessToken, Secret},
    time::UnixMillis,
};

/// What the provider granted.
#[derive(Debug)]
pub struct Granted {
    /// The access token.
    pub access: CachedToken,
    /// A refresh token; it takes the place of the one presented, if one was.
    pub refresh_token: Option<Secret>,
    /// What was granted, where that is said: it may be less than was asked (RFC 6749 §5.1).
    pub scope: Option<String>,
    /// Who consented, where that is said.
    pub account: Option<Account>,
}

impl Granted {
    /// Whether what was granted has every scope of `asked` that gives a right. What is not said was
    /// granted as it was asked (RFC 6749 §5.1).
    pub fn covers(&self, asked: &str) -> bool {
        let Some(granted) = &self.scope else {
            return true;
        };
        asked
            .split_ascii_whitespace()
            .filter(|scope| !WITHOUT_RIGHTS.contains(scope))
            .all(|asked| granted.split(' ').any(|scope| is_same(scope, asked)))
    }

    /// Reads the answer to a request that the `oauth2` crate has no part in (RFC 6749 §5.1). There is
    /// no refresh token in it, or none that would be used.
    pub(super) fn of_fields(
        fields: &Map<String, Value>,
        captured: Captured,
        now: UnixMillis,
    ) -> Result<Self, TokenFailure> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let is_bearer = text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let token = text("access_token").filter(|_| is_bearer);
        let token = token.and_then(|token| AccessToken::new(token).ok());
        let lifetime = fields.get("expires_in").and_then(Value::as_u64);
        Ok(Self {
            access: CachedToken::issued(
                token.ok_or_else(TokenFailure::unavailable)?,
                lifetime.map(Duration::from_secs),
                now,
            ),
            refresh_token: None,
            scope: text("scope").map(str::to_owned),
            account: captured.account,
        })
    }

    pub(super) fn of(
        answer: &BasicTokenResponse,
        captured: Captured,
        now: UnixMillis,
    ) -> Result<Self, TokenFailure> {
        // A proof-of-possession token would be refused by every mail server.
        if !matches!(answer.token_type(), BasicTokenType::Bearer) {
            return Err(TokenFailure::unavailable());
        }
        let token = AccessToken::new(answer.access_token().secret())
            .map_err(|_| TokenFailure::unavailable())?;
        let refresh_token = answer.refresh_token().map(|token| token.secret().as_str());
        let scope = answer.scopes().map(|scopes| {
            let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            names.join(" ")
        });
        Ok(Self {
            access: CachedToken::issued(token, answer.expires_in(), now),
            refresh_token: refresh_token
                .filter(|token| !token.is_empty())
                .map(Secret::new),
            scope,
            account: captured.account,
        })
    }
}

/// Scopes that are asked for and that answers leave out or rewrite (OpenID Connect Core §5.4, §11).
const WITHOUT_RIGHTS: [&str; 4] = ["offline_access", "openid", "profile", "email"];

/// Microsoft writes one permission with several hosts, `outlook.office.com` and
/// `outlook.office365.com` among them, so of two addresses the last part counts if there is one.
fn is_same(granted: &str, asked: &str) -> bool {
    let permission = |scope: &str| {
        let path = scope.strip_prefix("https://")?;
        let (_, last) = path.rsplit_once('/')?;
        (!last.is_empty()).then(|| last.to_ascii_lowercase())
    };
    granted.eq_ignore_ascii_case(asked)
        || permission(asked).is_some_and(|asked| permission(granted) == Some(asked))
}

/// Who signed in, by the claims of an ID token (OpenID Connect Core §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The name the person signs in with; an address at Microsoft.
    #[serde(default)]
    pub preferred_username: Option<String>,
}

impl Account {
    /// Reads the claims. The signature is not looked at: the token came over TLS from the token
    /// endpoint itself, which is proof enough (OpenID Connect Core §3.1.3.7, point 6).
    pub(super) fn of_id_token(token: &str) -> Option<Self> {
        let claims = token.split('.').nth(1)?;
        let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
        serde_json::from_str(std::str::from_utf8(&claims).ok()?).ok()
    }
}
