//! Text that must never be printed, and the one kind of it that goes onto wires.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroize;

use crate::limits::ACCESS_TOKEN_CHARS;

/// A secret: a key, a token, a password.
///
/// It has no `Display`, no `PartialEq` (comparing secrets needs constant time, see
/// [`crate::access`]) and a `Debug` that shows nothing, not even the length. Memory is wiped
/// when it is dropped.
pub struct Secret(String);

impl Secret {
    /// Takes custody of `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    ///
    /// # Warning
    /// Whoever reads it can act as its owner. Give it only to the wire it is meant for; never to
    /// a log, an error, or an answer.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A bearer token that can stand in a SASL response: visible ASCII (RFC 6750 §2.1, RFC 7628
/// §3.1), short enough for one line.
#[derive(Clone, Debug)]
pub struct AccessToken(Secret);

/// A token that cannot be used on a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the access token is empty, too long, or holds a character that no bearer token has")]
pub struct InvalidToken;

impl AccessToken {
    /// Takes custody of a token.
    ///
    /// # Errors
    /// When it could end the line it is to stand in, or is too long for it.
    pub fn new(token: &str) -> Result<Self, InvalidToken> {
        let fits = (1..=ACCESS_TOKEN_CHARS).contains(&token.len());
        if fits && token.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(Secret::new(token)))
        } else {
            Err(InvalidToken)
        }
    }

    /// The token itself.
    ///
    /// # Warning
    /// Whoever reads it can send as the mailbox until it expires.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_tokens_that_could_end_a_line_or_a_field() {
        for token in [
            "",
            "a b",
            "a\r\n",
            "a\u{1}b",
            "ü",
            &"x".repeat(ACCESS_TOKEN_CHARS + 1),
        ] {
            assert_eq!(
                AccessToken::new(token).err(),
                Some(InvalidToken),
                "{token:.10}"
            );
        }
        assert!(AccessToken::new(&"x".repeat(8000)).is_ok());
    }

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("canary-1234567890");
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret))
                .matches("canary")
                .count(),
            0
        );
    }
}
