//! Octets in JSON: one character each, U+0000 to U+00FF. Lossless, and still readable where the
//! octets are text, which SMTP's mostly are.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&to_text(octets))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer)?
        .chars()
        .map(|c| u8::try_from(u32::from(c)))
        .collect::<Result<_, _>>()
        .map_err(|_| D::Error::custom("a character above U+00FF is no octet"))
}

/// Each octet as the character of the same number.
pub(crate) fn to_text(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}
