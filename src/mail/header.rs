//! Text that may stand in a header.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::EmailAddress;
use crate::limits::HEADER_TEXT_CHARS;

/// One line of text without control characters: a subject or a display name. Whatever is not
/// ASCII is encoded when the header is written (RFC 2047).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderText(String);

/// Why a text cannot stand in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidHeaderText {
    /// CR, LF, NUL or another character that ends or hides a line.
    #[error("a line break or another control character cannot stand here")]
    Control,
    /// Longer than any reader shows.
    #[error("at most {HEADER_TEXT_CHARS} characters can stand here")]
    TooLong,
    /// Nothing but white space.
    #[error("text is expected, found nothing")]
    Empty,
    /// `=?…?=`: readers would show something else than what was written (RFC 2047 §2).
    #[error("=? and ?= together look like encoded text and cannot stand here")]
    EncodedWord,
}

impl HeaderText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HeaderText {
    type Error = InvalidHeaderText;

    fn try_from(text: String) -> Result<Self, InvalidHeaderText> {
        if text.chars().count() > HEADER_TEXT_CHARS {
            return Err(InvalidHeaderText::TooLong);
        }
        // U+2028 and U+2029 are line breaks to some readers though not controls to Unicode.
        if text
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(InvalidHeaderText::Control);
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(InvalidHeaderText::Empty);
        }
        if is_encoded_word(trimmed) {
            return Err(InvalidHeaderText::EncodedWord);
        }
        Ok(Self(trimmed.to_owned()))
    }
}

/// Whether readers may take it for encoded text, and show something else (RFC 2047 §2).
pub(super) fn is_encoded_word(text: &str) -> bool {
    let rest = text.find("=?").and_then(|at| text.get(at..));
    rest.is_some_and(|rest| rest.contains("?="))
}

impl TryFrom<&str> for HeaderText {
    type Error = InvalidHeaderText;

    fn try_from(text: &str) -> Result<Self, InvalidHeaderText> {
        text.to_owned().try_into()
    }
}

impl From<HeaderText> for String {
    fn from(text: HeaderText) -> Self {
        text.0
    }
}

/// A name or a subject is somebody's: `Debug` shows its size only.
impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderText({} octets)", self.0.len())
    }
}

/// A `Message-ID` without its angle brackets (RFC 5322 §3.6.4), always made by us: 128 random
/// bits at the sender's domain. Retries carry the same one, so that a copy can be recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// The identifier made of `random` for mail from `sender`.
    pub fn new(random: u128, sender: &EmailAddress) -> Self {
        Self(format!("{random:032x}@{}", sender.domain()))
    }

    /// The identifier without angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn err_anything_that_could_end_a_header_line() {
        for c in [
            '\r', '\n', '\0', '\u{b}', '\u{c}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}',
        ] {
            let text = format!("x{c}Bcc: evil@x.test");
            assert_eq!(
                HeaderText::try_from(text),
                Err(InvalidHeaderText::Control),
                "{c:?}"
            );
        }
        assert_eq!(HeaderText::try_from("  "), Err(InvalidHeaderText::Empty));
        let long = "x".repeat(HEADER_TEXT_CHARS + 1);
        assert_eq!(HeaderText::try_from(long), Err(InvalidHeaderText::TooLong));
    }

    #[test]
    fn err_text_that_readers_would_decode() {
        for text in [
            "=?utf-8?q?=0d=0aBcc:_e@x.test?=",
            "a =?UTF-8?B?eA==?= b",
            "=?x?=",
        ] {
            assert_eq!(
                HeaderText::try_from(text),
                Err(InvalidHeaderText::EncodedWord),
                "{text}"
            );
        }
        for text in ["x=?", "?= a =", "really?=yes", "a=?b"] {
            assert!(HeaderText::try_from(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn ok_percent_sequences_stay_literal() {
        assert_eq!(
            HeaderText::try_from("x%0d%0aBcc:").unwrap().as_str(),
            "x%0d%0aBcc:"
        );
    }
}
