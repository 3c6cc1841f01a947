//! The operator's key.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::KeyDigest;

/// Octets of randomness an operator key must have at least.
const OPERATOR_KEY_OCTETS: usize = 32;

/// Opens routes to scripts, as `Authorization: Bearer …`, and the operator's pages to whoever types it
/// in. The key of a monitor is one too, and opens less.
#[derive(Debug, Clone)]
pub struct OperatorKey(KeyDigest);

/// Too short to be random, or not base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must be at least {OPERATOR_KEY_OCTETS} random bytes in base64url, as the key command prints them"
)]
pub struct InvalidOperatorKey;

impl OperatorKey {
    /// Reads the key and keeps its digest.
    ///
    /// # Errors
    /// When it is shorter than 32 octets or not base64url: a word somebody made up would be
    /// guessed.
    pub fn parse(text: &str) -> Result<Self, InvalidOperatorKey> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(octets) if octets.len() >= OPERATOR_KEY_OCTETS => Ok(Self(KeyDigest::of(text))),
            _ => Err(InvalidOperatorKey),
        }
    }

    /// Whether this is the key, in time that depends only on the length of what is presented.
    pub fn is(&self, presented: &str) -> bool {
        self.0.matches(presented)
    }

    /// What goes into the key that signs sessions, so that another operator key ends them all.
    pub fn salt(&self) -> &[u8; 32] {
        self.0.octets()
    }

    /// Whether a request with this `Authorization` header comes from the operator.
    pub fn admits(&self, authorization: Option<&str>) -> bool {
        bearer(authorization).is_some_and(|presented| self.is(presented))
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1; the scheme in any case,
/// RFC 9110 §11.1).
pub fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn only_the_key_itself_opens() {
        let key = OperatorKey::parse(KEY).unwrap();
        assert!(key.admits(Some(&format!("Bearer {KEY}"))));
        assert!(key.admits(Some(&format!("bearer {KEY}"))));
        for header in [
            None,
            Some(""),
            Some(KEY),
            Some("Bearer "),
            Some("Bearer x"),
            Some(&format!("Basic {KEY}")[..]),
            Some(&format!("Bearer {KEY} ")[..]),
            Some(&format!("Bearer  {KEY}")[..]),
            Some(&format!("Bearer {KEY}x")[..]),
        ] {
            assert!(!key.admits(header), "{header:?}");
        }
    }

    #[test]
    fn err_words_that_somebody_made_up() {
        for text in [
            "",
            "hunter2",
            "correct horse battery staple and then some more words",
        ] {
            assert!(OperatorKey::parse(text).is_err());
        }
    }
}
