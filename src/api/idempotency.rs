//! Idempotency keys: a request that is repeated makes no second message.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::limits::IDEMPOTENCY_KEY_CHARS;

/// What a caller calls a request, so that it can be recognised when it comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header's value: 1 to 256 visible characters of ASCII, spaces inside allowed.
    pub fn parse(value: &str) -> Option<Self> {
        let plain = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let fits = (1..=IDEMPOTENCY_KEY_CHARS).contains(&value.len());
        (plain && fits).then(|| Self(value.to_owned()))
    }

    /// The key as it is kept for one API key and one endpoint: nobody's repeats are anybody
    /// else's. A digest, so that what callers put into keys is not stored.
    pub fn scoped(&self, api_key: &str, endpoint: &str) -> String {
        let mut digest = Sha256::new();
        for part in [api_key, endpoint, &self.0] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        hex(&digest.finalize())
    }
}

/// What tells one request body from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a body: of its values, so that neither the order of keys nor white space
    /// makes it another. Of its files only `digests` count: a file is the same in whatever form it
    /// was written, and in a large body it does not stand any more.
    pub fn of(body: &serde_json::Value, digests: &[[u8; 32]]) -> Self {
        let mut digest = Sha256::new();
        // Objects are kept sorted by key, so this text is the same for the same values.
        if digests.is_empty() {
            digest.update(body.to_string());
        } else {
            digest.update(without_contents(body.clone()).to_string());
        }
        for file in digests {
            digest.update(file);
        }
        Self(hex(&digest.finalize()))
    }

    /// A fingerprint that was kept.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The form in which it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn without_contents(mut body: serde_json::Value) -> serde_json::Value {
    let files = body.get_mut("attachments");
    for file in files
        .and_then(|files| files.as_array_mut())
        .into_iter()
        .flatten()
    {
        if let Some(content) = file.get_mut("content") {
            *content = serde_json::Value::Null;
        }
    }
    body
}

fn hex(digest: &[u8]) -> String {
    digest
        .iter()
        .take(16)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h8_keys_have_1_to_256_visible_characters() {
        assert!(IdempotencyKey::parse(&"k".repeat(256)).is_some());
        for bad in ["", "a\r\nb", "ü", "a\tb", &"k".repeat(257)] {
            assert_eq!(IdempotencyKey::parse(bad), None, "{bad:.10?}");
        }
    }

    #[test]
    fn h7_keys_are_their_owners() {
        let key = IdempotencyKey::parse("one").unwrap();
        let scoped = key.scoped("shop", "/emails");
        assert_eq!(scoped, key.scoped("shop", "/emails"));
        assert_ne!(scoped, key.scoped("other", "/emails"));
        assert_ne!(scoped, key.scoped("shop", "/emails/batch"));
        let joined = IdempotencyKey::parse("/emailsone").unwrap();
        assert_ne!(scoped, joined.scoped("shop", ""));
    }

    #[test]
    fn h6_the_same_values_are_the_same_request() {
        let of = |text: &str| Fingerprint::of(&serde_json::from_str(text).unwrap(), &[]);
        assert_eq!(of(r#"{"a":1,"b":[1,2]}"#), of(r#"{ "b": [1, 2], "a": 1 }"#));
        assert_ne!(of(r#"{"a":1,"b":[1,2]}"#), of(r#"{"a":1,"b":[2,1]}"#));
        let file = |content: &str, digest: u8| {
            let body = format!(r#"{{"attachments":[{{"content":{content},"filename":"a"}}]}}"#);
            Fingerprint::of(&serde_json::from_str(&body).unwrap(), &[[digest; 32]])
        };
        assert_eq!(file("\"aGk=\"", 1), file("true", 1));
        assert_ne!(file("true", 1), file("true", 2));
    }
}
