//! Headers that a caller adds.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{HeaderText, InvalidHeaderText};
use crate::limits::HEADER_NAME_CHARS;

/// A header that a caller may set: not one of those that make a message what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct CustomHeader {
    name: String,
    value: HeaderText,
}

/// Why a header cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidHeader {
    /// Not a name.
    #[error("a header's name has 1 to {HEADER_NAME_CHARS} letters, digits and hyphens")]
    Name,
    /// One of ours.
    #[error("this header is set by edgepost and cannot be given")]
    Reserved,
    /// Its value.
    #[error(transparent)]
    Value(#[from] InvalidHeaderText),
}

/// Names, or beginnings of names where they end in a hyphen, that are not the caller's: who gets
/// the message and who it is from, how it is built, and what only servers may say.
const RESERVED: [&str; 24] = [
    "from",
    "sender",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-",
    "resent-",
    "return-path",
    "received",
    "received-",
    "delivered-to",
    "dkim-signature",
    "domainkey-signature",
    "arc-",
    "authentication-results",
    "disposition-notification-to",
    "return-receipt-to",
    "x-envelope-",
    "envelope-to",
];

impl CustomHeader {
    /// Reads a name and a value.
    ///
    /// # Errors
    /// When the name is no name or not the caller's, or the value could end the line.
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidHeader> {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain || !(1..=HEADER_NAME_CHARS).contains(&name.len()) {
            return Err(InvalidHeader::Name);
        }
        let lower = name.to_ascii_lowercase();
        let reserved =
            |ours: &str| lower == ours || (ours.ends_with('-') && lower.starts_with(ours));
        if RESERVED.iter().any(|ours| reserved(ours)) {
            return Err(InvalidHeader::Reserved);
        }
        Ok(Self {
            name: name.to_owned(),
            value: HeaderText::try_from(value)?,
        })
    }

    /// The name as the caller wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub fn value(&self) -> &str {
        self.value.as_str()
    }
}

impl TryFrom<(String, String)> for CustomHeader {
    type Error = InvalidHeader;

    fn try_from((name, value): (String, String)) -> Result<Self, InvalidHeader> {
        Self::new(&name, &value)
    }
}

impl From<CustomHeader> for (String, String) {
    fn from(header: CustomHeader) -> Self {
        (header.name, header.value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a16_the_headers_that_make_a_message_are_not_the_callers() {
        for name in [
            "Bcc",
            "FROM",
            "Content-Transfer-Encoding",
            "content-type",
            "DKIM-Signature",
            "Received",
            "Resent-To",
            "ARC-Seal",
            "Message-ID",
            "Sender",
            "X-Envelope-From",
        ] {
            assert_eq!(
                CustomHeader::new(name, "v"),
                Err(InvalidHeader::Reserved),
                "{name}"
            );
        }
        for name in [
            "",
            "X A:b",
            "X:b",
            "X\r\nBcc",
            "Ü",
            &"x".repeat(HEADER_NAME_CHARS + 1),
        ] {
            assert_eq!(
                CustomHeader::new(name, "v"),
                Err(InvalidHeader::Name),
                "{name:?}"
            );
        }
        for name in [
            "X-Entity-Ref-ID",
            "List-Unsubscribe",
            "In-Reply-To",
            "References",
            "X-From",
        ] {
            assert!(CustomHeader::new(name, "v").is_ok(), "{name}");
        }
    }

    #[test]
    fn a6_values_cannot_end_the_line() {
        for c in [
            '\r', '\n', '\0', '\u{b}', '\u{c}', '\u{7f}', '\u{85}', '\u{2028}',
        ] {
            let value = format!("x{c}Bcc: e@x.test");
            assert!(CustomHeader::new("X-A", &value).is_err(), "{c:?}");
        }
    }
}
