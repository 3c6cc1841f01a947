//! A private key that signs for a client.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    der::{self, Elements},
    pem,
};
use crate::limits::RSA_KEY_OCTETS_MIN;

/// `rsaEncryption` (RFC 8017 appendix C): a key for RSA, whatever the padding.
pub(super) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// An RSA key in PKCS#8 (RFC 5208), of at least 2048 bits.
///
/// Memory is wiped when it is dropped, and `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SigningKey {
    pkcs8: Zeroizing<Vec<u8>>,
    modulus: Vec<u8>,
}

/// Why a text is no key that could be used. It never holds any of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnfitKey {
    /// PKCS#1, or the form of elliptic curves before PKCS#8.
    #[error(
        "holds a key in an older form (PKCS#1, `BEGIN RSA PRIVATE KEY`); convert it with `openssl pkcs8 -topk8 -nocrypt -in old.key -out new.key` and set the new one"
    )]
    Pkcs1,
    /// Under a passphrase that nobody could type here.
    #[error(
        "holds a key under a passphrase; take it off with `openssl pkcs8 -topk8 -nocrypt -in old.key -out new.key` and set the new one"
    )]
    Encrypted,
    /// A certificate.
    #[error(
        "holds a certificate and no private key; the key is in the file that was made along with it and begins with `-----BEGIN PRIVATE KEY-----`"
    )]
    Certificate,
    /// A public key.
    #[error("holds a public key; the private one is in a file of its own")]
    PublicKey,
    /// A key for something else than RSA.
    #[error(
        "holds a key that is not a plain RSA key; make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out new.key`"
    )]
    NotRsa,
    /// A key that is guessed too easily (RFC 7518 §3.3).
    #[error(
        "holds an RSA key of less than 2048 bits; make one with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out new.key`"
    )]
    Small,
    /// Cut off, or changed on the way.
    #[error(
        "holds a key that is damaged; set it again from its file, with nothing in between, such as `wrangler secret put NAME < new.key`"
    )]
    Damaged,
    /// Something else.
    #[error(
        "holds no private key; it has to be the whole file, from `-----BEGIN PRIVATE KEY-----` to `-----END PRIVATE KEY-----`"
    )]
    NotPem,
}

impl SigningKey {
    /// Reads a PEM file's text.
    ///
    /// # Errors
    /// When it holds no key that could be used, with what to do about it.
    pub fn parse(text: &str) -> Result<Self, UnfitKey> {
        if let Some(pkcs8) = pem::part(text, "PRIVATE KEY") {
            return Self::of_pkcs8(pkcs8.map_err(|_| UnfitKey::Damaged)?);
        }
        let labels = [
            ("RSA PRIVATE KEY-----", UnfitKey::Pkcs1),
            ("ENCRYPTED PRIVATE KEY-----", UnfitKey::Encrypted),
            ("EC PRIVATE KEY-----", UnfitKey::NotRsa),
            ("PUBLIC KEY-----", UnfitKey::PublicKey),
            ("CERTIFICATE-----", UnfitKey::Certificate),
        ];
        let encrypted = text.contains("ENCRYPTED").then_some(UnfitKey::Encrypted);
        let label = labels
            .into_iter()
            .find(|(label, _)| text.contains(label))
            .map(|(_, unfit)| unfit);
        Err(encrypted.or(label).unwrap_or(UnfitKey::NotPem))
    }

    fn of_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, UnfitKey> {
        let (algorithm, key) = parts(&pkcs8).ok_or(UnfitKey::Damaged)?;
        if algorithm != RSA_ENCRYPTION {
            return Err(UnfitKey::NotRsa);
        }
        let modulus = modulus_of(key).ok_or(UnfitKey::Damaged)?.to_vec();
        if modulus.len() < RSA_KEY_OCTETS_MIN {
            return Err(UnfitKey::Small);
        }
        Ok(Self { pkcs8, modulus })
    }

    /// The key in PKCS#8, in DER.
    ///
    /// # Warning
    /// Whoever reads it can act as the client. It is for whoever signs, and for nobody else.
    pub fn expose_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// What the public half shares with it.
    pub(super) fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// A name that tells it from other keys. It is made of the public half, and gives nothing away.
    pub fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.modulus))
    }
}

/// The algorithm's identifier, and the key itself.
fn parts(pkcs8: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Elements(pkcs8).enter()?;
    let _version = outer.take(der::INTEGER)?;
    let algorithm = outer.enter()?.take(der::OBJECT_IDENTIFIER)?;
    Some((algorithm, outer.take(der::OCTET_STRING)?))
}

/// RFC 8017 appendix A.1.2: the version, the modulus, and the rest.
fn modulus_of(key: &[u8]) -> Option<&[u8]> {
    let mut numbers = Elements(key).enter()?;
    let _version = numbers.take(der::INTEGER)?;
    numbers.take(der::INTEGER).map(der::magnitude)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../tests/fixtures/keys/application.key");

    fn unfit(text: &str) -> UnfitKey {
        SigningKey::parse(text).unwrap_err()
    }

    #[test]
    fn ok_a_key_whatever_became_of_its_line_breaks() {
        let key = SigningKey::parse(GOOD).unwrap();
        assert_eq!(key.modulus().len(), 256);
        for text in [
            GOOD.replace('\n', "\r\n"),
            GOOD.replace('\n', " "),
            GOOD.replace('\n', "\\n"),
            GOOD.replace('\n', ""),
            format!("a certificate may stand before it\n{GOOD}\n"),
        ] {
            let other = SigningKey::parse(&text).unwrap();
            assert_eq!(other.expose_pkcs8(), key.expose_pkcs8());
        }
        assert_eq!(format!("{key:?}"), "SigningKey([redacted])");
    }

    #[test]
    fn err_every_other_kind_of_file_is_told_what_it_is() {
        let fixtures = [
            (
                include_str!("../../tests/fixtures/keys/pkcs1.key"),
                UnfitKey::Pkcs1,
            ),
            (
                include_str!("../../tests/fixtures/keys/encrypted.key"),
                UnfitKey::Encrypted,
            ),
            (
                include_str!("../../tests/fixtures/keys/ec.key"),
                UnfitKey::NotRsa,
            ),
            (
                include_str!("../../tests/fixtures/keys/ec-sec1.key"),
                UnfitKey::NotRsa,
            ),
            // RSASSA-PSS (RFC 4055): the platform imports no such key.
            (
                include_str!("../../tests/fixtures/keys/pss.key"),
                UnfitKey::NotRsa,
            ),
            (
                include_str!("../../tests/fixtures/keys/small.key"),
                UnfitKey::Small,
            ),
            (
                include_str!("../../tests/fixtures/keys/application.crt"),
                UnfitKey::Certificate,
            ),
            ("-----BEGIN PUBLIC KEY-----", UnfitKey::PublicKey),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED",
                UnfitKey::Encrypted,
            ),
            ("canary-of-a-client-secret", UnfitKey::NotPem),
            ("-----BEGIN PRIVATE KEY-----\ncanary!", UnfitKey::Damaged),
        ];
        for (text, expected) in fixtures {
            assert_eq!(unfit(text), expected, "{text}");
            // Nothing of the text comes back.
            let told = expected.to_string();
            let lines = text.lines().filter(|line| !line.starts_with("-----"));
            assert!(lines.into_iter().all(|line| !told.contains(line)));
        }
    }

    #[test]
    fn err_a_key_that_was_cut_off_anywhere() {
        for cut in (30..GOOD.len() - 30).step_by(7) {
            assert!(SigningKey::parse(&GOOD[..cut]).is_err(), "{cut}");
        }
        let lines: Vec<_> = GOOD.lines().collect();
        for missing in 1..lines.len() - 1 {
            let mut lines = lines.clone();
            lines.remove(missing);
            let text = lines.join("\n");
            assert!(SigningKey::parse(&text).is_err(), "line {missing}");
        }
    }
}
