//! The certificate that a client is known by, or as much of it as the provider has to be told.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    assertion::SigningAlgorithm,
    der::{self, Elements},
    pem,
    signing_key::{RSA_ENCRYPTION, SigningKey},
};

/// A certificate (RFC 5280) of an RSA key, or its thumbprint alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(Known);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Whole { der: Vec<u8>, modulus: Vec<u8> },
    Sha256([u8; 32]),
    Sha1([u8; 20]),
}

/// Why a text is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnfitCertificate {
    /// A private key, which does not belong among what anybody may read.
    #[error(
        "holds a private key, which must not stand here: take it out, count it as known to others, and make a new pair"
    )]
    PrivateKey,
    /// A certificate of another kind of key.
    #[error("holds a certificate whose key is not RSA")]
    NotRsa,
    /// Something else.
    #[error(
        "must be the certificate, from `-----BEGIN CERTIFICATE-----` to `-----END CERTIFICATE-----`, or its thumbprint in 40 or 64 hexadecimal digits"
    )]
    Unreadable,
}

impl FromStr for Certificate {
    type Err = UnfitCertificate;

    /// Reads PEM, base64 of DER, or a thumbprint as `openssl x509 -fingerprint` prints it.
    fn from_str(text: &str) -> Result<Self, UnfitCertificate> {
        if text.contains("PRIVATE KEY-----") {
            return Err(UnfitCertificate::PrivateKey);
        }
        if let Some(known) = thumbprint(text) {
            return Ok(Self(known));
        }
        let der = pem::part(text, "CERTIFICATE")
            .unwrap_or_else(|| pem::base64(text))
            .map_err(|_| UnfitCertificate::Unreadable)?;
        let (algorithm, key) = public_key(&der).ok_or(UnfitCertificate::Unreadable)?;
        if algorithm != RSA_ENCRYPTION {
            return Err(UnfitCertificate::NotRsa);
        }
        let modulus = modulus_of(key).ok_or(UnfitCertificate::Unreadable)?;
        Ok(Self(Known::Whole {
            modulus: modulus.to_vec(),
            der: der.to_vec(),
        }))
    }
}

impl Certificate {
    /// The thumbprint that goes with `algorithm`, in base64url: SHA-256 (`x5t#S256`, RFC 7515 §4.1.8)
    /// with PS256, SHA-1 (`x5t`, §4.1.7) with RS256. None where only the other is known.
    pub fn thumbprint(&self, algorithm: SigningAlgorithm) -> Option<String> {
        use SigningAlgorithm::{Ps256, Rs256};
        match (&self.0, algorithm) {
            (Known::Whole { der, .. }, Ps256) => Some(URL_SAFE_NO_PAD.encode(Sha256::digest(der))),
            (Known::Whole { der, .. }, Rs256) => Some(URL_SAFE_NO_PAD.encode(Sha1::digest(der))),
            (Known::Sha256(digest), Ps256) => Some(URL_SAFE_NO_PAD.encode(digest)),
            (Known::Sha1(digest), Rs256) => Some(URL_SAFE_NO_PAD.encode(digest)),
            (Known::Sha256(_), Rs256) | (Known::Sha1(_), Ps256) => None,
        }
    }

    /// Whether it may be that of `key`: of a thumbprint alone nobody can tell.
    pub fn may_be_of(&self, key: &SigningKey) -> bool {
        match &self.0 {
            Known::Whole { modulus, .. } => modulus == key.modulus(),
            Known::Sha256(_) | Known::Sha1(_) => true,
        }
    }
}

/// Digits with or without colons.
fn thumbprint(text: &str) -> Option<Known> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| *c != ':' && !c.is_ascii_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let octets: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |octet, digit| (octet << 4) | digit))
        .collect();
    match digits.len() {
        64 => octets.try_into().ok().map(Known::Sha256),
        40 => octets.try_into().ok().map(Known::Sha1),
        _ => None,
    }
}

/// RFC 5280 §4.1: the algorithm of the subject's public key, and the key.
fn public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Elements(der).enter()?.enter()?;
    // The version, which version 1 leaves out, comes before the serial number.
    let (tag, _) = fields.next()?;
    if tag != der::INTEGER {
        let _serial = fields.take(der::INTEGER)?;
    }
    for _ in ["signature", "issuer", "validity", "subject"] {
        fields.take(der::SEQUENCE)?;
    }
    let mut info = fields.enter()?;
    let algorithm = info.enter()?.take(der::OBJECT_IDENTIFIER)?;
    match info.take(der::BIT_STRING)? {
        [0, key @ ..] => Some((algorithm, key)),
        _ => None,
    }
}

/// RFC 8017 appendix A.1.1: the modulus, and the exponent.
fn modulus_of(key: &[u8]) -> Option<&[u8]> {
    Elements(key)
        .enter()?
        .take(der::INTEGER)
        .map(der::magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = include_str!("../../tests/fixtures/keys/application.crt");
    const KEY: &str = include_str!("../../tests/fixtures/keys/application.key");
    const ANOTHER: &str = include_str!("../../tests/fixtures/keys/another.key");
    // As openssl prints them.
    const SHA256: &str = "53:B2:21:2B:FF:46:F9:F6:49:AC:7F:59:0B:BF:EF:75:23:5F:42:07:EF:EF:9B:D4:29:08:AD:D5:03:26:47:D4";
    const SHA1: &str = "3F:2F:63:55:D9:01:BF:14:EA:8E:BB:CD:7D:52:76:96:D4:60:5D:65";

    fn names(text: &str) -> (Option<String>, Option<String>) {
        let certificate: Certificate = text.parse().unwrap();
        (
            certificate.thumbprint(SigningAlgorithm::Ps256),
            certificate.thumbprint(SigningAlgorithm::Rs256),
        )
    }

    #[test]
    fn ok_the_thumbprints_are_those_that_openssl_prints() {
        let sha256 = Some("U7IhK_9G-fZJrH9ZC7_vdSNfQgfv75vUKQit1QMmR9Q".to_owned());
        let sha1 = Some("Py9jVdkBvxTqjrvNfVJ2ltRgXWU".to_owned());
        let both = (sha256.clone(), sha1.clone());
        assert_eq!(names(PEM), both);
        let lines: Vec<_> = PEM.lines().collect();
        let bare = lines[1..lines.len() - 1].concat();
        assert_eq!(names(&bare), both);
        assert_eq!(names(SHA256), (sha256, None));
        assert_eq!(names(&SHA1.replace(':', "").to_lowercase()), (None, sha1));
    }

    #[test]
    fn a_certificate_knows_its_key() {
        let certificate: Certificate = PEM.parse().unwrap();
        assert!(certificate.may_be_of(&SigningKey::parse(KEY).unwrap()));
        assert!(!certificate.may_be_of(&SigningKey::parse(ANOTHER).unwrap()));
        let thumbprint: Certificate = SHA256.parse().unwrap();
        assert!(thumbprint.may_be_of(&SigningKey::parse(ANOTHER).unwrap()));
    }

    #[test]
    fn err_what_is_no_certificate() {
        for (text, unfit) in [
            (KEY, UnfitCertificate::PrivateKey),
            ("", UnfitCertificate::Unreadable),
            ("SECRET_CERTIFICATE", UnfitCertificate::Unreadable),
            (&PEM[..500], UnfitCertificate::Unreadable),
            (&SHA1[3..], UnfitCertificate::Unreadable),
            ("AAAA", UnfitCertificate::Unreadable),
        ] {
            assert_eq!(text.parse::<Certificate>(), Err(unfit), "{text}");
        }
    }
}
