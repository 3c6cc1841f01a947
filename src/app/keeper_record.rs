//! The Keeper's record as it is stored.

use serde::{Deserialize, Serialize};

use crate::{
    oauth::{Fingerprint, TokenFailure},
    outbox::Health,
    outcome::Cause,
};

/// How many supplied refresh tokens are remembered: a rollback to a secret of before must not put
/// a token to use again that has been used up.
const BOOTSTRAPS_KNOWN: usize = 15;

/// What is known of a credential. Tokens in it are sealed under names of their own.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    v: u8,
    /// The refresh token, sealed, in base64.
    pub(super) refresh: Option<String>,
    /// The access token, sealed as it is cached, in base64.
    pub(super) access: Option<String>,
    /// The supplied refresh tokens that were taken over, the last one last: each is used once, and
    /// the provider's rotated ones after it.
    #[serde(default)]
    bootstraps: Vec<Fingerprint>,
    /// What else the operator has set; a change is worth a new try at once.
    pub(super) settings: Option<Fingerprint>,
    /// How the last requests to the provider went.
    #[serde(default)]
    pub(super) health: Health,
    /// The failure that `health` is about.
    pub(super) failure: Option<TokenFailure>,
    /// A supplied refresh token that takes the place of one that works, once it has proved good.
    #[serde(default)]
    pub(super) candidate: Option<Candidate>,
    /// An operator disconnected the mailbox: only what was not known then connects it again.
    #[serde(default)]
    pub(super) disconnected: bool,
}

/// A refresh token on trial.
#[derive(Serialize, Deserialize)]
pub(super) struct Candidate {
    /// Sealed, in base64.
    pub(super) refresh: String,
    /// Why the provider did not take it: it is not tried again under the same settings.
    pub(super) refused: Option<TokenFailure>,
}

impl Record {
    /// 1 knew no candidate and no disconnecting.
    const VERSION: u8 = 2;

    pub(super) fn new() -> Self {
        Self {
            v: Self::VERSION,
            refresh: None,
            access: None,
            bootstraps: Vec::new(),
            settings: None,
            health: Health::Up,
            failure: None,
            candidate: None,
            disconnected: false,
        }
    }

    /// Reads a record of this version or the one before.
    pub(super) fn read(stored: &str) -> Option<Self> {
        let record: Self = serde_json::from_str(stored).ok()?;
        (1..=Self::VERSION).contains(&record.v).then_some(Self {
            v: Self::VERSION,
            ..record
        })
    }

    /// Whether this supplied refresh token was taken over before.
    pub(super) fn knows(&self, bootstrap: &Fingerprint) -> bool {
        self.bootstraps.contains(bootstrap)
    }

    /// Remembers a supplied refresh token.
    pub(super) fn remember(&mut self, bootstrap: Fingerprint) {
        let superfluous = self.bootstraps.len().saturating_sub(BOOTSTRAPS_KNOWN);
        self.bootstraps.drain(..superfluous);
        self.bootstraps.push(bootstrap);
    }

    /// Whether there is a grant that may still be good: only the provider's word that it has ended
    /// speaks against it, and not a client secret that has expired.
    pub(super) fn has_working_grant(&self) -> bool {
        let ended =
            |failure: &TokenFailure| failure.failure.cause == Cause::ReauthorisationRequired;
        self.refresh.is_some() && !self.failure.as_ref().is_some_and(ended)
    }
}
