//! What all servers of one sandbox share.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use tokio::runtime::Handle;

use crate::accounts::Accounts;
use crate::authority::Certificates;
use crate::hook::Hooks;
use crate::inbox::Inbox;
use crate::options::SampleSite;
use crate::signers::Signers;
use crate::smtp::port::SmtpPort;
use crate::smtp::record::Connections;
use crate::verifier::Verifier;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) accounts: Accounts,
    pub(crate) inbox: Inbox,
    pub(crate) connections: Connections,
    pub(crate) certificates: Certificates,
    pub(crate) client: Client,
    /// Other clients, and service accounts.
    pub(crate) signers: Signers,
    pub(crate) web_port: u16,
    pub(crate) https_port: u16,
    /// The default submission port, set once it is open.
    pub(crate) smtp_port: OnceLock<u16>,
    pub(crate) hooks: Hooks,
    pub(crate) verifier: Verifier,
    pub(crate) site: Mutex<Option<SampleSite>>,
    /// All submission ports, for the pages and the JSON API to script, close and reopen.
    pub(crate) ports: Mutex<BTreeMap<u16, SmtpPort>>,
    pub(crate) runtime: Handle,
}

/// The client of the authorization server that has a secret.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("secret", &"<redacted>")
            .finish()
    }
}

impl World {
    /// Issuer identifier of the authorization server, RFC 8414 §2.
    pub(crate) fn issuer(&self) -> String {
        format!("https://localhost:{}", self.https_port)
    }

    /// Where codes, refresh tokens and assertions are exchanged; also who an assertion is for.
    pub(crate) fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer())
    }

    /// Origin of the inbox and of the JSON API.
    pub(crate) fn web_url(&self) -> String {
        format!("http://localhost:{}", self.web_port)
    }

    /// The default submission port.
    pub(crate) fn smtp_port(&self) -> u16 {
        self.smtp_port.get().copied().unwrap_or_default()
    }
}
