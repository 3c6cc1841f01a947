//! Signed assertions (RFC 7515, RFC 7523), taken apart and verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::pki_types::SignatureVerificationAlgorithm;
use webpki::ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};

use crate::signers::Signer;

/// An assertion, in doubt until its signature is verified.
#[derive(Debug)]
pub(super) struct Assertion<'a> {
    header: Value,
    claims: Value,
    input: &'a str,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (input, signature) = text.rsplit_once('.')?;
        let (header, claims) = input.split_once('.')?;
        let part = |text: &str| -> Option<Value> {
            let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            value.is_object().then_some(value)
        };
        Some(Self {
            header: part(header)?,
            claims: part(claims)?,
            input,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// A parameter of the header; empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.header
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A claim; empty where there is none.
    pub(super) fn claim(&self, name: &str) -> &str {
        self.claims
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A claim that is a number of seconds.
    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        self.claims.get(name).and_then(Value::as_u64)
    }

    /// Whether it names this certificate, in the way that goes with its algorithm.
    pub(super) fn names(&self, signer: &Signer) -> bool {
        let encode = |digest: &[u8]| URL_SAFE_NO_PAD.encode(digest);
        let expected = match self.header("alg") {
            "PS256" => ("x5t#S256", encode(&Sha256::digest(&signer.certificate))),
            "RS256" => ("x5t", encode(&Sha1::digest(&signer.certificate))),
            _ => return false,
        };
        self.header(expected.0) == expected.1
    }

    /// Whether the certificate's key signed it.
    pub(super) fn is_signed_by(&self, signer: &Signer) -> bool {
        let algorithm: &dyn SignatureVerificationAlgorithm = match self.header("alg") {
            // Legacy is what is said of the key: it is one for RSA as such, and not for PSS alone.
            "PS256" => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            "RS256" => RSA_PKCS1_2048_8192_SHA256,
            _ => return false,
        };
        webpki::EndEntityCert::try_from(&signer.certificate).is_ok_and(|certificate| {
            certificate
                .verify_signature(algorithm, self.input.as_bytes(), &self.signature)
                .is_ok()
        })
    }
}
