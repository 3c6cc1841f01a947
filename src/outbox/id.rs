//! Identifiers that say where a message is kept.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::time::UnixMillis;

/// Names an Outbox inside an identifier: 32 bits of a digest of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboxTag(u32);

impl OutboxTag {
    /// The tag of the Outbox called `name`.
    pub fn of(name: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"edgepost-id")
            .chain_update(name)
            .finalize();
        Self(
            digest
                .iter()
                .take(4)
                .fold(0, |tag, octet| (tag << 8) | u32::from(*octet)),
        )
    }
}

/// The identifier of a message: a UUID of version 8 (RFC 9562 §5.8) made of 48 bits of
/// milliseconds, 42 random bits, and the tag of the Outbox that keeps the message. Identifiers
/// sort by time, and none needs a look-up to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailId(u128);

/// Not an identifier of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidId {
    /// No UUID at all.
    #[error("an identifier is a UUID such as 019ab1c2-8000-8000-8000-000000000000")]
    Form,
    /// A UUID, and not one that was made here.
    #[error("there is no such identifier")]
    Foreign,
}

const VERSION_8: u128 = 0x8 << 76;
const VERSION_MASK: u128 = 0xf << 76;
const VARIANT: u128 = 0b10 << 62;
const VARIANT_MASK: u128 = 0b11 << 62;

impl EmailId {
    /// The identifier of a message that `outbox` takes in at `now`; of `random`, 42 bits are used.
    pub fn new(now: UnixMillis, random: u64, outbox: OutboxTag) -> Self {
        let millis = u128::from(now.as_millis() & 0xffff_ffff_ffff) << 80;
        let random_12 = u128::from(random & 0xfff) << 64;
        let random_30 = u128::from((random >> 12) & 0x3fff_ffff) << 32;
        Self(millis | VERSION_8 | random_12 | VARIANT | random_30 | u128::from(outbox.0))
    }

    /// Which Outbox keeps the message.
    pub fn outbox(self) -> OutboxTag {
        OutboxTag(u32::try_from(self.0 & 0xffff_ffff).unwrap_or_default())
    }
}

impl fmt::Display for EmailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            id >> 96,
            (id >> 80) & 0xffff,
            (id >> 64) & 0xffff,
            (id >> 48) & 0xffff,
            id & 0xffff_ffff_ffff
        )
    }
}

impl FromStr for EmailId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let hyphens_in_place = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        if !hyphens_in_place {
            return Err(InvalidId::Form);
        }
        let id = u128::from_str_radix(&text.replace('-', ""), 16).map_err(|_| InvalidId::Form)?;
        let ours = id & VERSION_MASK == VERSION_8 && id & VARIANT_MASK == VARIANT;
        if ours {
            Ok(Self(id))
        } else {
            Err(InvalidId::Foreign)
        }
    }
}

impl TryFrom<String> for EmailId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<EmailId> for String {
    fn from(id: EmailId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_a_uuid_that_names_its_outbox() {
        let tag = OutboxTag::of("sales");
        let id = EmailId::new(UnixMillis::new(0x0190_1234_5678), u64::MAX, tag);
        let text = id.to_string();
        assert!(text.starts_with("01901234-5678-8fff-bfff-ffff"), "{text}");
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(id.outbox(), tag);
        assert_ne!(OutboxTag::of("other"), tag);
    }

    #[test]
    fn identifiers_sort_by_time() {
        let at = |millis, random| EmailId::new(UnixMillis::new(millis), random, OutboxTag::of("a"));
        assert!(at(1, u64::MAX) < at(2, 0));
        assert!(at(1, u64::MAX).to_string() < at(2, 0).to_string());
    }

    #[test]
    fn h5_a_foreign_uuid_is_told_from_what_is_no_uuid() {
        let foreign = "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794";
        assert_eq!(foreign.parse::<EmailId>(), Err(InvalidId::Foreign));
        assert_eq!("x".parse::<EmailId>(), Err(InvalidId::Form));
    }

    #[test]
    fn err_what_is_no_identifier_of_ours() {
        for text in [
            "",
            "x",
            "../../admin",
            "00000000-0000-0000-0000-000000000000",
            "01901234-5678-4fff-bfff-ffffffffffff",
            "01901234-5678-8fff-3fff-ffffffffffff",
            "0190123405678-8fff-bfff-ffffffffffff",
            "01901234-5678-8fff-bfff-fffffffffffff",
            "+1901234-5678-8fff-bfff-ffffffffffff",
        ] {
            assert!(text.parse::<EmailId>().is_err(), "{text}");
        }
    }
}
