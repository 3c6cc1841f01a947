//! The Keeper of a credential: holds the refresh token, asks the provider one question at a time.

mod connect;

use std::cell::RefCell;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    ports::{Clock, Entropy, HttpClient, NoEntropy, StoreFault, TokenCache, TokenCustody, random},
    submit::by,
};
pub(super) use connect::verifier_record;
pub use connect::{ConnectAnswer, ConnectQuestion};

use crate::{
    config::Name,
    limits::{CACHE_TIMEOUT, KV_TTL_MIN, TOKEN_EXPIRY_MARGIN},
    oauth::{CachedToken, Fingerprint, Provider, RefreshGrant, TokenFailure},
    outbox::Health,
    outcome::{Cause, Trouble},
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

/// The Keeper's record. Tokens in it are sealed under names of their own.
#[derive(Serialize, Deserialize)]
struct Record {
    v: u8,
    /// The refresh token, sealed, in base64.
    refresh: Option<String>,
    /// The access token, sealed as it is cached, in base64.
    access: Option<String>,
    /// The supplied refresh tokens that were taken over, the last one last: each is used once, and
    /// the provider's rotated ones after it.
    #[serde(default)]
    bootstraps: Vec<Fingerprint>,
    /// What else the operator has set; a change is worth a new try at once.
    settings: Option<Fingerprint>,
    /// How the last requests to the provider went.
    #[serde(default)]
    health: Health,
    /// The failure that `health` is about.
    failure: Option<TokenFailure>,
}

const RECORD_VERSION: u8 = 1;

/// How many supplied refresh tokens are remembered: a rollback to a secret of before must not put
/// a token to use again that has been used up.
const BOOTSTRAPS_KNOWN: usize = 15;

/// A sealed token, and the token itself where it is new.
struct Found {
    sealed: Vec<u8>,
    fresh: Option<CachedToken>,
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
    /// To whom.
    pub client_id: &'a str,
    /// The client's proof.
    pub client_secret: Option<&'a Secret>,
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
        let answer = {
            let _flight = self.flight.lock().await;
            self.token_alone(refused).await
        };
        match answer {
            Ok(Ok(found)) => {
                // Not under the lock: nobody has to wait for the cache.
                if let Some(fresh) = &found.fresh {
                    self.share(fresh, &found.sealed).await;
                }
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
        if let Some(sealed) = self.still_good(&record, refused) {
            return Ok(Ok(Found {
                sealed,
                fresh: None,
            }));
        }
        let now = self.clock.now();
        if let (false, Some(failure)) = (record.health.allows(now), &record.failure) {
            return Ok(Err(held(failure, &record.health, now)));
        }
        let Some(refresh_token) = self.refresh_token(&record) else {
            let (cause, trouble) = (Cause::ReauthorisationRequired, Trouble::Authentication);
            return Ok(Err(TokenFailure::found(
                cause,
                trouble,
                "token_not_connected",
            )));
        };
        let grant = RefreshGrant {
            provider: self.provider,
            client_id: self.client_id,
            client_proof: self.client_secret.into(),
            refresh_token: &refresh_token,
        };
        let granted = grant.request(|request| self.http.send(request), now).await;
        match granted {
            Ok(granted) => {
                if let Some(rotated) = &granted.refresh_token {
                    record.refresh = Some(self.seal_refresh(rotated)?);
                }
                let sealed = self.seal(self.record, &granted.access.to_stored())?;
                record.access = Some(STANDARD.encode(&sealed));
                record.health = Health::Up;
                record.failure = None;
                // Before anyone uses the new access token: if this object died with a rotated
                // refresh token unsaved, the grant would be lost.
                self.store(&record)?;
                Ok(Ok(Found {
                    sealed,
                    fresh: Some(granted.access),
                }))
            }
            Err(failure) => {
                let random = u64::from_be_bytes(random(self.entropy)?);
                let now = self.clock.now();
                record.health = record
                    .health
                    .after_failure(&failure.failure, "", now, random);
                record.failure = Some(failure.clone());
                self.store(&record)?;
                Ok(Err(held(&failure, &record.health, now)))
            }
        }
    }

    /// Takes over a refresh token that was supplied and not seen before, and forgets failures
    /// that a changed setting may have mended.
    fn adopt_settings(&self, record: &mut Record) -> Result<(), Broken> {
        let client = self.client_secret.map_or("", Secret::expose);
        let scope = &self.provider.smtp_scope;
        let settings = Fingerprint::of(&format!("{}\n{scope}\n{client}", self.client_id));
        let supplied = self
            .bootstrap
            .map(|token| (token, Fingerprint::of(token.expose())));
        let mut changed = false;
        if record.settings.as_ref() != Some(&settings) {
            record.settings = Some(settings);
            changed = true;
        }
        if let Some((token, fingerprint)) = supplied
            && !record.bootstraps.contains(&fingerprint)
        {
            record.refresh = Some(self.seal_refresh(token)?);
            record.access = None;
            let superfluous = record.bootstraps.len().saturating_sub(BOOTSTRAPS_KNOWN);
            record.bootstraps.drain(..superfluous);
            record.bootstraps.push(fingerprint);
            changed = true;
        }
        if changed {
            record.health = Health::Up;
            record.failure = None;
            self.store(record)?;
        }
        Ok(())
    }

    fn still_good(&self, record: &Record, refused: Option<&Fingerprint>) -> Option<Vec<u8>> {
        let sealed = STANDARD.decode(record.access.as_ref()?).ok()?;
        let token = CachedToken::from_stored(&self.sealer.open(self.record, &sealed).ok()?)?;
        let named = refused.is_some_and(|name| *name == Fingerprint::of(token.token.expose()));
        (token.is_fresh(self.clock.now()) && !named).then_some(sealed)
    }

    fn refresh_token(&self, record: &Record) -> Option<Secret> {
        let sealed = STANDARD.decode(record.refresh.as_ref()?).ok()?;
        let opened = self.sealer.open(&self.refresh_record(), &sealed).ok()?;
        std::str::from_utf8(&opened).ok().map(Secret::new)
    }

    fn seal_refresh(&self, token: &Secret) -> Result<String, Broken> {
        Ok(STANDARD.encode(self.seal(&self.refresh_record(), token.expose().as_bytes())?))
    }

    fn refresh_record(&self) -> String {
        format!("refresh/{}", self.record)
    }

    fn seal(&self, record: &str, plaintext: &[u8]) -> Result<Vec<u8>, Broken> {
        self.sealer
            .seal(record, plaintext, random(self.entropy)?)
            .map_err(|_| Broken)
    }

    /// Puts the token where every Outbox of this credential finds it, if it lives long enough to
    /// be worth a write.
    async fn share(&self, access: &CachedToken, sealed: &[u8]) {
        let good_for = access
            .good_for(self.clock.now())
            .saturating_sub(TOKEN_EXPIRY_MARGIN);
        if good_for >= KV_TTL_MIN {
            let put = self.cache.put(self.record, sealed, good_for.as_secs());
            let deadline = self.clock.now().after(CACHE_TIMEOUT);
            // One that takes too long costs the others a question to this Keeper.
            by(self.clock, deadline, put).await;
        }
    }

    fn load(&self) -> Result<Record, Broken> {
        let unsaved = self.unsaved.borrow().clone();
        if let Some(unsaved) = unsaved {
            self.custody.store(&unsaved).map_err(|StoreFault| Broken)?;
            self.unsaved.replace(None);
        }
        match self.custody.load().map_err(|StoreFault| Broken)? {
            // A record that cannot be read is left alone: writing over it would lose the grant.
            Some(stored) => match serde_json::from_str::<Record>(&stored) {
                Ok(record) if record.v == RECORD_VERSION => Ok(record),
                _ => Err(Broken),
            },
            None => Ok(Record {
                v: RECORD_VERSION,
                refresh: None,
                access: None,
                bootstraps: Vec::new(),
                settings: None,
                health: Health::Up,
                failure: None,
            }),
        }
    }

    fn store(&self, record: &Record) -> Result<(), Broken> {
        let record = serde_json::to_string(record).map_err(|_| Broken)?;
        self.custody.store(&record).map_err(|StoreFault| {
            self.unsaved.replace(Some(record));
            Broken
        })
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
