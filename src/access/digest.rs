//! Digests of keys, the only form in which keys are kept and compared.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// SHA-256 of a key. Keys are random, so a plain digest cannot be searched; comparing digests
/// takes the same time wherever the first difference is.
#[derive(Clone)]
pub struct KeyDigest([u8; 32]);

/// Not the digest of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be sha256: and 64 hexadecimal digits, as the key command prints it")]
pub struct InvalidKeyDigest;

impl KeyDigest {
    /// The digest of `key`.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Whether `presented` is the key, in time that depends only on its length.
    pub fn matches(&self, presented: &str) -> bool {
        self.is(&Self::of(presented))
    }

    /// The octets, for deriving keys from.
    pub(super) fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are of the same key, always in the same time.
    pub fn is(&self, other: &Self) -> bool {
        other.0.ct_eq(&self.0).into()
    }
}

impl FromStr for KeyDigest {
    type Err = InvalidKeyDigest;

    fn from_str(text: &str) -> Result<Self, InvalidKeyDigest> {
        let digits = text.strip_prefix("sha256:").ok_or(InvalidKeyDigest)?;
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidKeyDigest);
        }
        let mut digest = [0; 32];
        for (octet, pair) in digest.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidKeyDigest)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| InvalidKeyDigest)?;
        }
        Ok(Self(digest))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}
