//! Who is known by a signature: clients with a certificate, and service accounts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::clock::now_ms;
use crate::sync::lock;

/// All of them, and the assertions they have presented.
#[derive(Debug, Default)]
pub(crate) struct Signers {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    clients: BTreeMap<String, Signer>,
    service_accounts: BTreeMap<String, ServiceAccount>,
    /// Issuer and `jti`, with the second at which the assertion ends.
    presented: HashMap<(String, String), u64>,
    clocks_ahead: BTreeMap<String, Duration>,
}

/// By what a signature is verified.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) certificate: CertificateDer<'static>,
}

/// What an administrator has let a service account do.
#[derive(Debug, Clone)]
pub(crate) struct ServiceAccount {
    pub(crate) signer: Signer,
    pub(crate) key_id: String,
    /// Scopes of the domain-wide delegation.
    pub(crate) scopes: BTreeSet<String>,
}

impl Signer {
    pub(crate) fn of_pem(pem: &str) -> io::Result<Self> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| io::Error::other("no certificate in PEM"))?;
        Ok(Self { certificate })
    }
}

impl Signers {
    pub(crate) fn add_client(&self, id: &str, signer: Signer) {
        lock(&self.inner).clients.insert(id.to_owned(), signer);
    }

    pub(crate) fn add_service_account(&self, name: &str, account: ServiceAccount) {
        lock(&self.inner)
            .service_accounts
            .insert(name.to_owned(), account);
    }

    pub(crate) fn client(&self, id: &str) -> Option<Signer> {
        lock(&self.inner).clients.get(id).cloned()
    }

    pub(crate) fn service_account(&self, name: &str) -> Option<ServiceAccount> {
        lock(&self.inner).service_accounts.get(name).cloned()
    }

    pub(crate) fn set_clock_ahead(&self, name: &str, by: Duration) {
        lock(&self.inner).clocks_ahead.insert(name.to_owned(), by);
    }

    /// What time it is to whoever looks at this one's assertions, in seconds.
    pub(crate) fn now(&self, name: &str) -> u64 {
        let ahead = lock(&self.inner).clocks_ahead.get(name).copied();
        now_ms() / 1_000 + ahead.unwrap_or_default().as_secs()
    }

    /// Whether this one's assertion was not presented before (RFC 7523 §3, point 7).
    pub(crate) fn is_new(&self, issuer: &str, id: &str, ends: u64) -> bool {
        let now = now_ms() / 1_000;
        let mut inner = lock(&self.inner);
        inner.presented.retain(|_, ends| *ends >= now);
        let presented = (issuer.to_owned(), id.to_owned());
        inner.presented.insert(presented, ends).is_none()
    }
}
