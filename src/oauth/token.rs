//! How long an access token is good, what tells it from others, and its form in the cache.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    limits::{TOKEN_EXPIRY_MARGIN, TOKEN_LIFETIME_DEFAULT, TOKEN_LIFETIME_MAX},
    secret::AccessToken,
    time::UnixMillis,
};

/// A short digest that tells tokens apart and gives none away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of an access or refresh token.
    pub fn of(token: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"edgepost/fingerprint")
            .chain_update(token);
        Self(
            digest
                .finalize()
                .iter()
                .take(8)
                .map(|octet| format!("{octet:02x}"))
                .collect(),
        )
    }
}

/// An access token with its end.
#[derive(Clone, Debug)]
pub struct CachedToken {
    /// The token.
    pub token: AccessToken,
    /// When the provider stops taking it.
    pub expires_at: UnixMillis,
    /// Its Keeper asked for it ahead of need and has not heard that anybody uses it: whoever does
    /// first takes it there and gets it back without this mark.
    pub unused: bool,
    /// How many grants its Keeper has had: what came of a grant before the present one is taken for
    /// nothing by whoever knows that.
    pub epoch: u32,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u8,
    access_token: String,
    expires_at: UnixMillis,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unused: bool,
    #[serde(default, skip_serializing_if = "is_first")]
    epoch: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_first(epoch: &u32) -> bool {
    *epoch == 0
}

impl CachedToken {
    const VERSION: u8 = 1;

    /// A token issued at `now` for `lifetime`, which is doubted when absurd.
    pub fn issued(token: AccessToken, lifetime: Option<Duration>, now: UnixMillis) -> Self {
        let lifetime = lifetime
            .unwrap_or(TOKEN_LIFETIME_DEFAULT)
            .min(TOKEN_LIFETIME_MAX);
        Self {
            token,
            expires_at: now.after(lifetime),
            unused: false,
            epoch: 0,
        }
    }

    /// Whether a session that starts now can rely on it.
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        self.good_for(now) > TOKEN_EXPIRY_MARGIN
    }

    /// How long it is still good.
    pub fn good_for(&self, now: UnixMillis) -> Duration {
        self.expires_at.since(now)
    }

    /// The form that is sealed into the cache.
    pub fn to_stored(&self) -> Zeroizing<Vec<u8>> {
        let stored = Stored {
            v: Self::VERSION,
            access_token: self.token.expose().to_owned(),
            expires_at: self.expires_at,
            unused: self.unused,
            epoch: self.epoch,
        };
        Zeroizing::new(serde_json::to_vec(&stored).unwrap_or_default())
    }

    /// Reads the stored form; whatever is not one counts as nothing cached.
    pub fn from_stored(stored: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_str(std::str::from_utf8(stored).ok()?).ok()?;
        if stored.v != Self::VERSION {
            return None;
        }
        let token = AccessToken::new(&stored.access_token).ok()?;
        Some(Self {
            token,
            expires_at: stored.expires_at,
            unused: stored.unused,
            epoch: stored.epoch,
        })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pins the form in the cache: an older Worker's tokens must be read or ignored, never
    /// misread.
    #[test]
    fn the_stored_form_is_pinned() {
        let token = AccessToken::new("ya29.a").unwrap();
        let cached = CachedToken {
            token,
            expires_at: UnixMillis::new(1000),
            unused: false,
            epoch: 0,
        };
        let stored = br#"{"v":1,"access_token":"ya29.a","expires_at":1000}"#;
        assert_eq!(cached.to_stored().as_slice(), stored);
        assert_eq!(
            CachedToken::from_stored(stored).unwrap().expires_at,
            UnixMillis::new(1000)
        );
        let ahead = CachedToken {
            unused: true,
            epoch: 3,
            ..cached
        };
        let stored =
            br#"{"v":1,"access_token":"ya29.a","expires_at":1000,"unused":true,"epoch":3}"#;
        assert_eq!(ahead.to_stored().as_slice(), stored);
        let read = CachedToken::from_stored(stored).unwrap();
        assert!(read.unused && read.epoch == 3);
        for other in ["", "{}", r#"{"v":2,"access_token":"a","expires_at":1}"#] {
            assert!(CachedToken::from_stored(other.as_bytes()).is_none());
        }
    }

    #[test]
    fn lifetimes_are_doubted() {
        let token = || AccessToken::new("t").unwrap();
        let now = UnixMillis::new(0);
        let century = Duration::from_secs(3_155_760_000);
        let cached = CachedToken::issued(token(), Some(century), now);
        assert_eq!(cached.good_for(now), TOKEN_LIFETIME_MAX);
        let unnamed = CachedToken::issued(token(), None, now);
        assert_eq!(unnamed.good_for(now), TOKEN_LIFETIME_DEFAULT);
        assert!(!CachedToken::issued(token(), Some(Duration::ZERO), now).is_fresh(now));
    }
}
