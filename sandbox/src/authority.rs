//! The sandbox's certificate authority and the certificates it shows, good and bad.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::AUTHORITY_SUBJECT;
use crate::smtp::script::BadCertificate;

/// The name the good certificate is for, with the address it stands for.
const GOOD_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// The name of a host that is not us.
const WRONG_NAME: &str = "mail.wrong.test";

/// TLS configurations, one a certificate, and the authority's certificate.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) authority_pem: String,
    pub(crate) good: Arc<ServerConfig>,
    wrong_name: Arc<ServerConfig>,
    expired: Arc<ServerConfig>,
    unknown_issuer: Arc<ServerConfig>,
}

impl Certificates {
    pub(crate) fn generate() -> io::Result<Self> {
        let authority = new_authority(AUTHORITY_SUBJECT).map_err(io::Error::other)?;
        // The same subject on purpose: only the signature can tell the two apart.
        let stranger = new_authority(AUTHORITY_SUBJECT).map_err(io::Error::other)?;
        let now = OffsetDateTime::now_utc();
        let current = (now - Duration::hours(1), now + Duration::days(90));
        let past = (now - Duration::days(90), now - Duration::days(1));
        Ok(Self {
            good: leaf(&authority, &GOOD_NAMES, current)?,
            wrong_name: leaf(&authority, &[WRONG_NAME], current)?,
            expired: leaf(&authority, &GOOD_NAMES, past)?,
            unknown_issuer: leaf(&stranger, &GOOD_NAMES, current)?,
            authority_pem: authority.pem(),
        })
    }

    pub(crate) fn bad(&self, which: BadCertificate) -> &Arc<ServerConfig> {
        match which {
            BadCertificate::WrongName => &self.wrong_name,
            BadCertificate::Expired => &self.expired,
            BadCertificate::UnknownIssuer => &self.unknown_issuer,
        }
    }
}

/// A good certificate for a server that somebody else wrote, everything as PEM.
#[derive(Debug)]
pub struct ServerIdentity {
    /// The authority that whoever connects must trust.
    pub authority_pem: String,
    /// For `localhost` and 127.0.0.1.
    pub certificate_pem: String,
    /// The certificate's private key.
    pub key_pem: String,
}

impl ServerIdentity {
    /// A certificate of an authority of its own.
    ///
    /// # Errors
    /// When no keys can be made.
    pub fn generate() -> io::Result<Self> {
        let authority = new_authority(AUTHORITY_SUBJECT).map_err(io::Error::other)?;
        let now = OffsetDateTime::now_utc();
        let current = (now - Duration::hours(1), now + Duration::days(90));
        let (certificate, key) = sign(&authority, &GOOD_NAMES, current)?;
        Ok(Self {
            authority_pem: authority.pem(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn new_authority(subject: &str) -> Result<Issuer, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = common_name(subject);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(365);
    params.not_after = now + Duration::days(365);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn leaf(
    issuer: &Issuer,
    names: &[&str],
    validity: (OffsetDateTime, OffsetDateTime),
) -> io::Result<Arc<ServerConfig>> {
    let (certificate, key) = sign(issuer, names, validity)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // The provider is named here: a process-wide default may not be installed, or be another.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

fn sign(
    issuer: &Issuer,
    names: &[&str],
    (not_before, not_after): (OffsetDateTime, OffsetDateTime),
) -> io::Result<(Certificate, KeyPair)> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names.clone()).map_err(io::Error::other)?;
    params.distinguished_name = common_name(names.first().map_or("", String::as_str));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = not_before;
    params.not_after = not_after;
    let certificate = params.signed_by(&key, issuer).map_err(io::Error::other)?;
    Ok((certificate, key))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}
