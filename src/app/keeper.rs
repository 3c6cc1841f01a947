//! The Keeper of a credential: holds the refresh token, asks the provider one question at a time.

mod ask;
mod connect;
mod custody;
mod disconnect;
mod renewal;
mod server;
mod state;
mod trial;

use std::cell::RefCell;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    keeper_record::Record,
    ports::{Clock, Entropy, HttpClient, NoEntropy, Signer, TokenCache, TokenCustody, random},
    submit::by,
};
pub(super) use connect::consent_record;
pub use connect::{ConnectAnswer, ConnectQuestion};
pub use disconnect::Disconnected;
pub use server::MetadataAnswer;
pub use state::{CredentialState, Trial};

use crate::{
    config::Name,
    limits::{CACHE_TIMEOUT, KV_TTL_MIN, TOKEN_EXPIRY_MARGIN},
    mail::EmailAddress,
    oauth::{
        CachedToken, ClientAuthentication, Fingerprint, Granted, Provider, Right, TokenFailure,
    },
    outbox::Health,
    seal::Sealer,
    secret::Secret,
    time::UnixMillis,
};

/// What an Outbox asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeeperRequest {
    /// The mailbox whose credential it is.
    pub mailbox: Name,
    /// The token that a server refused.
    pub refused: Option<Fingerprint>,
}

/// What the Keeper answers. The token travels sealed, as it is cached: no body of any request
/// ever holds one in the clear but those of the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeeperAnswer {
    /// The sealed token in base64.
    Token(String),
    /// Why there is none.
    Failure(TokenFailure),
}

impl KeeperAnswer {
    /// Opens the answer.
    ///
    /// # Errors
    /// The Keeper's failure, or one of ours if the token does not open.
    pub fn open(self, sealer: &Sealer, record: &str) -> Result<CachedToken, TokenFailure> {
        let sealed = match self {
            Self::Token(sealed) => sealed,
            Self::Failure(failure) => return Err(failure),
        };
        let sealed = STANDARD
            .decode(sealed)
            .map_err(|_| TokenFailure::unavailable())?;
        let opened = sealer
            .open(record, &sealed)
            .map_err(|_| TokenFailure::unavailable())?;
        CachedToken::from_stored(&opened).ok_or_else(TokenFailure::unavailable)
    }
}

/// A sealed token, and the token itself where it is new and everybody is to have it.
struct Found {
    sealed: Vec<u8>,
    news: Option<CachedToken>,
}

/// Why an access token is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Somebody waits for it.
    Now,
    /// Somebody may, later.
    Ahead,
}

/// One credential's Keeper. The lock belongs to the object and outlives the call.
#[derive(Debug)]
pub struct Keeper<'a, S, H, C, K, E> {
    /// Its record.
    pub custody: &'a S,
    /// The way to the provider.
    pub http: &'a H,
    /// Where access tokens are cached for everybody.
    pub cache: &'a C,
    /// The time.
    pub clock: &'a K,
    /// Randomness for sealing.
    pub entropy: &'a E,
    /// Seals and opens.
    pub sealer: &'a Sealer,
    /// Lets one caller at a time ask; those who waited find the answer there.
    pub flight: &'a Mutex<()>,
    /// A record that could not be stored: it may hold the only copy of a rotated refresh token,
    /// and is stored before anything else is done.
    pub unsaved: &'a RefCell<Option<String>>,
    /// Who issues the tokens.
    pub provider: &'a Provider,
    /// By what right.
    pub right: Right,
    /// To whom.
    pub client_id: &'a str,
    /// With what that one proves who it is.
    pub client: ClientAuthentication<'a>,
    /// Signs, where it is a key.
    pub signer: &'a dyn Signer,
    /// Whose mailbox it is; a service account says for whom it acts.
    pub subject: &'a EmailAddress,
    /// The refresh token that the operator supplied to begin with.
    pub bootstrap: Option<&'a Secret>,
    /// The name under which access tokens are cached and sealed.
    pub record: &'a str,
}

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// A token that is fresh and is not the one named as `refused`; at most one request to the
    /// provider, and none while the last failure forbids it.
    pub async fn token(&self, refused: Option<&Fingerprint>) -> KeeperAnswer {
        let _flight = self.flight.lock().await;
        match self.token_alone(refused).await {
            Ok(Ok(found)) => {
                self.share(&found).await;
                KeeperAnswer::Token(STANDARD.encode(found.sealed))
            }
            Ok(Err(failure)) => KeeperAnswer::Failure(failure),
            Err(Broken) => KeeperAnswer::Failure(TokenFailure::unavailable()),
        }
    }

    async fn token_alone(
        &self,
        refused: Option<&Fingerprint>,
    ) -> Result<Result<Found, TokenFailure>, Broken> {
        let mut record = self.load()?;
        self.adopt_settings(&mut record)?;
        if let Some(found) = self.still_good(&mut record, refused) {
            return Ok(Ok(found));
        }
        let now = self.clock.now();
        if let (false, Some(failure)) = (record.health.allows(now), &record.failure) {
            return Ok(Err(held(failure, &record.health, now)));
        }
        let grant = match self.grant(&record) {
            Ok(grant) => grant,
            Err(failure) => return Ok(Err(failure)),
        };
        match self.ask(&grant).await {
            Ok(granted) => self.keep(record, granted, Need::Now),
            Err(failure) => self.fail(record, &failure, Need::Now),
        }
    }

    fn keep(
        &self,
        mut record: Record,
        granted: Granted,
        need: Need,
    ) -> Result<Result<Found, TokenFailure>, Broken> {
        if let Some(rotated) = &granted.refresh_token {
            record.refresh = Some(self.seal_refresh(rotated)?);
        }
        if let Err(too_narrow) = self.suffices(&granted) {
            return self.fail(record, &too_narrow, need);
        }
        let found = self.put_access(&mut record, granted.access, need)?;
        // Before anyone uses the new access token: if this object died with a rotated refresh
        // token unsaved, the grant would be lost.
        self.secure(&record)?;
        Ok(Ok(found))
    }

    /// Puts an access token into the record: the credential works.
    fn put_access(
        &self,
        record: &mut Record,
        mut access: CachedToken,
        need: Need,
    ) -> Result<Found, Broken> {
        access.unused = need == Need::Ahead;
        access.epoch = record.epoch;
        let sealed = self.seal(self.record, &access.to_stored())?;
        let now = self.clock.now();
        record.access = Some(STANDARD.encode(&sealed));
        (record.asked_at, record.issued_at) = (now, now);
        record.expires_at = access.expires_at;
        if need == Need::Now {
            record.used_at = now;
        }
        record.works();
        Ok(Found {
            sealed,
            news: Some(access),
        })
    }

    fn fail(
        &self,
        mut record: Record,
        failure: &TokenFailure,
        need: Need,
    ) -> Result<Result<Found, TokenFailure>, Broken> {
        let now = self.clock.now();
        record.health = self.after(&record.health, failure)?;
        record.failure = Some(failure.clone());
        record.asked_at = now;
        // Whoever asked for a token tells the owner; what is found unasked, nobody else knows.
        let unknown = need == Need::Ahead && !failure.is_transient();
        record.tell_at = unknown.then_some(now);
        // With a rotated refresh token in it, perhaps.
        self.secure(&record)?;
        Ok(Err(held(failure, &record.health, now)))
    }

    fn after(&self, health: &Health, failure: &TokenFailure) -> Result<Health, Broken> {
        let random = u64::from_be_bytes(random(self.entropy)?);
        Ok(health.after_failure(&failure.failure, "", self.clock.now(), random))
    }

    /// The token in custody, if it will do. One that was asked for ahead is in use from now on.
    fn still_good(&self, record: &mut Record, refused: Option<&Fingerprint>) -> Option<Found> {
        let sealed = STANDARD.decode(record.access.as_ref()?).ok()?;
        let token = CachedToken::from_stored(&self.sealer.open(self.record, &sealed).ok()?)?;
        let named = refused.is_some_and(|name| *name == Fingerprint::of(token.token.expose()));
        if named || !token.is_fresh(self.clock.now()) {
            return None;
        }
        // The token is good whether or not that can be noted.
        let noted = token.unused.then(|| self.first_use(record, token));
        let unchanged = Found { sealed, news: None };
        Some(noted.and_then(Result::ok).unwrap_or(unchanged))
    }

    /// Takes the mark off a token that was asked for ahead, for everybody: whoever finds it now need
    /// not come here with it.
    fn first_use(&self, record: &mut Record, mut token: CachedToken) -> Result<Found, Broken> {
        token.unused = false;
        let sealed = self.seal(self.record, &token.to_stored())?;
        record.access = Some(STANDARD.encode(&sealed));
        record.used_at = self.clock.now();
        self.store(record)?;
        Ok(Found {
            sealed,
            news: Some(token),
        })
    }

    /// Puts a new token where every Outbox of this credential finds it, if it lives long enough to be
    /// worth a write. In flight: what is written later could take the place of what a disconnect has
    /// written meanwhile.
    async fn share(&self, found: &Found) {
        let Some(news) = &found.news else { return };
        let good_for = news
            .good_for(self.clock.now())
            .saturating_sub(TOKEN_EXPIRY_MARGIN);
        if good_for >= KV_TTL_MIN {
            let put = self
                .cache
                .put(self.record, &found.sealed, good_for.as_secs());
            let deadline = self.clock.now().after(CACHE_TIMEOUT);
            // One that takes too long costs the others a question to this Keeper.
            by(self.clock, deadline, put).await;
        }
    }
}

/// The failure with the time for which it is held: whoever comes back sooner would be told the
/// same and take it for another failure.
fn held(failure: &TokenFailure, health: &Health, now: UnixMillis) -> TokenFailure {
    let mut failure = failure.clone();
    failure.failure.retry_after = health.down_until().map(|until| until.since(now));
    failure
}

/// Storage, sealing or randomness failed here; the provider was not to blame.
struct Broken;

impl From<NoEntropy> for Broken {
    fn from(_: NoEntropy) -> Self {
        Self
    }
}
