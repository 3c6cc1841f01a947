//! The Keeper's record as it is stored.

use serde::{Deserialize, Serialize};

use crate::{
    oauth::{Fingerprint, TokenFailure},
    outbox::Health,
    outcome::Cause,
    time::UnixMillis,
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
    /// A refresh token that takes the place of the one above, if there is one, once it has proved good.
    #[serde(default)]
    pub(super) candidate: Option<Candidate>,
    /// An operator disconnected the mailbox: only what was not known then connects it again.
    #[serde(default)]
    pub(super) disconnected: bool,
    /// How many grants there were before this one.
    #[serde(default)]
    pub(super) epoch: u32,
    /// When the provider was last asked, whatever came of it.
    #[serde(default = "never")]
    pub(super) asked_at: UnixMillis,
    /// When the access token was issued, and until when it is good.
    #[serde(default = "never")]
    pub(super) issued_at: UnixMillis,
    #[serde(default = "never")]
    pub(super) expires_at: UnixMillis,
    /// When somebody was last known to use the credential.
    #[serde(default = "never")]
    pub(super) used_at: UnixMillis,
    /// When the owner is to be told of `failure`, which nobody but the Keeper has met.
    #[serde(default)]
    pub(super) tell_at: Option<UnixMillis>,
}

fn never() -> UnixMillis {
    UnixMillis::new(0)
}

/// A refresh token on trial.
#[derive(Serialize, Deserialize)]
pub(super) struct Candidate {
    /// Sealed, in base64.
    pub(super) refresh: String,
    /// Why the provider or the mail server did not take it: it is not tried again under the same
    /// settings.
    pub(super) refused: Option<TokenFailure>,
    /// How trying it went where that decided nothing.
    #[serde(default)]
    pub(super) health: Health,
}

impl Candidate {
    pub(super) fn new(refresh: String) -> Self {
        Self {
            refresh,
            refused: None,
            health: Health::Up,
        }
    }

    /// When it is tried next; a time that is past where that is at once.
    pub(super) fn due_at(&self) -> Option<UnixMillis> {
        let until = self.health.down_until();
        self.refused.is_none().then(|| until.unwrap_or_else(never))
    }
}

impl Record {
    /// 1 knew no candidate and no disconnecting, 2 no times.
    const VERSION: u8 = 3;

    pub(super) fn new(now: UnixMillis) -> Self {
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
            epoch: 0,
            asked_at: now,
            issued_at: never(),
            expires_at: never(),
            used_at: never(),
            tell_at: None,
        }
    }

    /// Reads a record of this version or one before, and says whether it was of one before.
    pub(super) fn read(stored: &str, now: UnixMillis) -> Option<(Self, bool)> {
        let mut record: Self = serde_json::from_str(stored).ok()?;
        if !(1..=Self::VERSION).contains(&record.v) {
            return None;
        }
        let is_old = record.v != Self::VERSION;
        if is_old {
            record.v = Self::VERSION;
            record.asked_at = now;
        }
        Some((record, is_old))
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

    /// Forgets what was found wrong.
    pub(super) fn works(&mut self) {
        self.health = Health::Up;
        self.failure = None;
        self.tell_at = None;
    }

    /// Begins with another grant, or with none: what came of the one before is in force no more.
    pub(super) fn replace_grant(&mut self, refresh: Option<String>) {
        self.refresh = refresh;
        self.access = None;
        self.candidate = None;
        self.epoch = self.epoch.saturating_add(1);
        self.works();
    }

    /// Whether there is a grant that may still be good: only the provider's word that it has ended
    /// speaks against it, and not a client secret that has expired.
    pub(super) fn has_working_grant(&self) -> bool {
        self.refresh.is_some() && !self.has_ended()
    }

    /// Whether the provider has said that what it is asked with is good no more.
    pub(super) fn has_ended(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_some_and(|it| it.failure.cause == Cause::ReauthorisationRequired)
    }
}
