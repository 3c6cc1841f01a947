//! The root key and the keys derived from it.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Octets of the root key.
const ROOT_KEY_OCTETS: usize = 32;

/// What a derived key is for. A key of one purpose opens nothing of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Tokens at rest.
    Seal,
    /// The operator's sessions, see [`RootKey::session_key`].
    Session,
}

impl Purpose {
    /// The name that goes into key derivation and into what is authenticated. Stable: a change
    /// makes everything stored unreadable.
    pub(super) fn label(self) -> &'static [u8] {
        match self {
            Self::Seal => b"edgepost/seal/v1",
            Self::Session => b"edgepost/session/v1",
        }
    }
}

/// The one key the operator sets.
pub struct RootKey([u8; ROOT_KEY_OCTETS]);

/// Not 32 octets in base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be {ROOT_KEY_OCTETS} random bytes in base64url, as the key command prints them")]
pub struct InvalidRootKey;

impl RootKey {
    /// Reads the key from base64url without padding.
    ///
    /// # Errors
    /// When it is anything else, or all octets are the same, which no random key is.
    pub fn parse(text: &str) -> Result<Self, InvalidRootKey> {
        let octets = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidRootKey)?);
        let key: [u8; ROOT_KEY_OCTETS] =
            octets.as_slice().try_into().map_err(|_| InvalidRootKey)?;
        if key.iter().all(|octet| Some(octet) == key.first()) {
            return Err(InvalidRootKey);
        }
        Ok(Self(key))
    }

    /// Which key a value was sealed with: four octets of a digest, enough to choose between the
    /// present key and the one before.
    pub(super) fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(b"edgepost/key-id")
            .chain_update(self.0)
            .finalize();
        let mut id = [0; 4];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        id
    }

    /// The key that signs the operator's sessions. `salt` is made of the operator's key: who has only
    /// one of the two keys can make no session, and replacing either ends all of them.
    pub fn session_key(&self, salt: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let label = Purpose::Session.label();
        let derived = Hkdf::<Sha256>::new(Some(salt), &self.0).expand(label, key.as_mut());
        debug_assert!(derived.is_ok());
        key
    }

    /// The key for `purpose` (HKDF-SHA256, RFC 5869, no salt: the root key is uniform).
    pub(super) fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let derived = Hkdf::<Sha256>::new(None, &self.0).expand(purpose.label(), key.as_mut());
        // `expand` fails only beyond 255 blocks of output; this asks for one.
        debug_assert!(derived.is_ok());
        key
    }
}

impl Drop for RootKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey([redacted])")
    }
}
