//! The sealed form of a value: version ‖ key id ‖ nonce ‖ AES-256-GCM.
//!
//! Authenticated with it: version, key id, purpose and the full name of the record, so that a
//! sealed value opens under no other name, for no other purpose and as no other version.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Purpose, RootKey};

const VERSION: u8 = 1;
const KEY_ID_OCTETS: usize = 4;

/// Octets of a nonce: 96 random bits. With one sealing a minute it takes thousands of years to
/// reach the 2^32 sealings up to which random nonces are safe (NIST SP 800-38D §8.3).
pub const NONCE_OCTETS: usize = 12;

/// Seals with the present key, opens with it or the one before.
pub struct Sealer {
    present: Key,
    previous: Option<Key>,
}

struct Key {
    id: [u8; KEY_ID_OCTETS],
    purpose: Purpose,
    cipher: Aes256Gcm,
}

/// A sealed value that cannot be opened: cut, changed, of another record, version or key. Which
/// of these is deliberately not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the sealed value cannot be opened")]
pub struct Unsealable;

impl Sealer {
    /// The sealer for `purpose`.
    pub fn new(present: &RootKey, previous: Option<&RootKey>, purpose: Purpose) -> Self {
        Self {
            present: Key::new(present, purpose),
            previous: previous.map(|root| Key::new(root, purpose)),
        }
    }

    /// Seals `plaintext` as the value of `record`. `nonce` must be fresh random octets.
    ///
    /// # Errors
    /// When the plaintext is too long for the cipher (64 GiB).
    pub fn seal(
        &self,
        record: &str,
        plaintext: &[u8],
        nonce: [u8; NONCE_OCTETS],
    ) -> Result<Vec<u8>, Unsealable> {
        let key = &self.present;
        let payload = Payload {
            msg: plaintext,
            aad: &key.aad(record),
        };
        let ciphertext = key
            .cipher
            .encrypt(Nonce::from_slice(&nonce), payload)
            .map_err(|_| Unsealable)?;
        Ok([&[VERSION][..], &key.id, &nonce, &ciphertext].concat())
    }

    /// Whether `sealed` is under the present key; what is not should be sealed anew while the key
    /// before is still known.
    pub fn is_present(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=KEY_ID_OCTETS) == Some(&self.present.id)
    }

    /// Opens what was sealed as the value of `record`.
    ///
    /// # Errors
    /// When it was not, or not with a key we have.
    pub fn open(&self, record: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (&version, rest) = sealed.split_first().ok_or(Unsealable)?;
        let (id, rest) = rest.split_at_checked(KEY_ID_OCTETS).ok_or(Unsealable)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_OCTETS).ok_or(Unsealable)?;
        if version != VERSION {
            return Err(Unsealable);
        }
        let key = [Some(&self.present), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.id == id)
            .ok_or(Unsealable)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &key.aad(record),
        };
        let plaintext = key
            .cipher
            .decrypt(Nonce::from_slice(nonce), payload)
            .map_err(|_| Unsealable)?;
        Ok(Zeroizing::new(plaintext))
    }
}

impl Key {
    fn new(root: &RootKey, purpose: Purpose) -> Self {
        let key = root.derive(purpose);
        Self {
            id: root.id(),
            purpose,
            cipher: Aes256Gcm::new((&*key).into()),
        }
    }

    fn aad(&self, record: &str) -> Vec<u8> {
        // The label ends in a NUL, which no record name holds, so no two pairs of purpose and
        // record run together into the same octets.
        [
            &[VERSION][..],
            &self.id,
            self.purpose.label(),
            b"\0",
            record.as_bytes(),
        ]
        .concat()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    fn root(octet: u8) -> RootKey {
        let mut key = [octet; 32];
        key[0] = 255;
        RootKey::parse(&URL_SAFE_NO_PAD.encode(key)).unwrap()
    }

    fn sealer() -> Sealer {
        Sealer::new(&root(1), None, Purpose::Seal)
    }

    /// Pins the stored format: a change here makes every stored token unreadable.
    #[test]
    fn the_sealed_form_is_pinned() {
        let sealed = sealer()
            .seal("record", b"value", [7; NONCE_OCTETS])
            .unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(&sealed),
            "AYw1emcHBwcHBwcHBwcHBwfhVuc_aZB903Mnp_pxe8C9PnZazBw"
        );
        assert_eq!(*sealer().open("record", &sealed).unwrap(), b"value");
    }

    #[test]
    fn d7_a_value_moved_to_another_record_does_not_open() {
        let sealed = sealer()
            .seal("token/sales", b"value", [7; NONCE_OCTETS])
            .unwrap();
        assert_eq!(sealer().open("token/other", &sealed), Err(Unsealable));
    }

    #[test]
    fn no_changed_octet_and_no_prefix_opens() {
        let sealed = sealer()
            .seal("record", b"value", [7; NONCE_OCTETS])
            .unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(
                sealer().open("record", &changed),
                Err(Unsealable),
                "octet {at}"
            );
            assert_eq!(
                sealer().open("record", &sealed[..at]),
                Err(Unsealable),
                "prefix {at}"
            );
        }
    }

    #[test]
    fn the_previous_key_still_opens() {
        let sealed = sealer()
            .seal("record", b"value", [7; NONCE_OCTETS])
            .unwrap();
        let rotated = Sealer::new(&root(2), Some(&root(1)), Purpose::Seal);
        assert_eq!(*rotated.open("record", &sealed).unwrap(), b"value");
        assert!(!rotated.is_present(&sealed) && sealer().is_present(&sealed));
        let forgotten = Sealer::new(&root(2), None, Purpose::Seal);
        assert_eq!(forgotten.open("record", &sealed), Err(Unsealable));
    }

    #[test]
    fn err_keys_that_are_not_32_random_octets() {
        for text in [
            "",
            "short",
            &"A".repeat(43),
            &URL_SAFE_NO_PAD.encode([1; 31]),
        ] {
            assert!(RootKey::parse(text).is_err(), "{text}");
        }
    }
}
