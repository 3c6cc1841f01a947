//! The Keeper of a credential: holds the refresh token, asks the provider one question at a time.

mod connect;

use std::cell::RefCell;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    keeper_record::{Candidate, Record},
    ports::{Clock, Entropy, HttpClient, NoEntropy, StoreFault, TokenCache, TokenCustody, random},
    submit::by,
};
pub(super) use connect::verifier_record;
pub use connect::{ConnectAnswer, ConnectQuestion};

use crate::{
    config::Name,
    limits::{CACHE_TIMEOUT, KV_TTL_MIN, TOKEN_EXPIRY_MARGIN},
    oauth::{
        CachedToken, ClientCredentialsGrant, Fingerprint, Granted, Provider, RefreshGrant, Right,
        TokenFailure, revocation,
    },
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
    /// By what right.
    pub right: Right,
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
        if let Some(granted) = self.try_candidate(&mut record).await? {
            return self.keep(record, granted);
        }
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
        let granted = match self.right {
            _ if record.disconnected => return Ok(Err(without_grant("token_disconnected"))),
            Right::Consent => {
                let Some(refresh_token) = self.unsealed(record.refresh.as_ref()) else {
                    return Ok(Err(without_grant("token_not_connected")));
                };
                self.refresh(&refresh_token).await
            }
            Right::Application => {
                let grant = ClientCredentialsGrant {
                    provider: self.provider,
                    client_id: self.client_id,
                    client_proof: self.client_secret.into(),
                };
                grant.request(|request| self.http.send(request), now).await
            }
        };
        match granted {
            Ok(granted) => self.keep(record, granted),
            Err(failure) => self.fail(record, &failure),
        }
    }

    async fn refresh(&self, refresh_token: &Secret) -> Result<Granted, TokenFailure> {
        let grant = RefreshGrant {
            provider: self.provider,
            client_id: self.client_id,
            client_proof: self.client_secret.into(),
            refresh_token,
        };
        grant
            .request(|request| self.http.send(request), self.clock.now())
            .await
    }

    /// Puts a refresh token on trial to the test, where there is one. It takes the place of the
    /// one before only when the provider took it.
    async fn try_candidate(&self, record: &mut Record) -> Result<Option<Granted>, Broken> {
        let now = self.clock.now();
        let Some(candidate) = &record.candidate else {
            return Ok(None);
        };
        if candidate.refused.is_some() || !record.health.allows(now) {
            return Ok(None);
        }
        let refresh = candidate.refresh.clone();
        let Some(token) = self.unsealed(Some(&refresh)) else {
            record.candidate = None;
            return Ok(None);
        };
        let failure = match self.refresh(&token).await {
            Ok(granted) if granted.covers(&self.provider.smtp_scope) => {
                record.refresh = Some(refresh);
                record.candidate = None;
                return Ok(Some(granted));
            }
            Ok(_) => too_narrow(),
            Err(failure) => failure,
        };
        // After a passing fault it is tried again at the next refresh. The fault says nothing against
        // the grant that works, which must not wait on its account.
        if !failure.is_transient() {
            record.candidate = Some(Candidate {
                refresh,
                refused: Some(failure),
            });
            self.store(record)?;
        }
        Ok(None)
    }

    fn keep(
        &self,
        mut record: Record,
        granted: Granted,
    ) -> Result<Result<Found, TokenFailure>, Broken> {
        if let Some(rotated) = &granted.refresh_token {
            record.refresh = Some(self.seal_refresh(rotated)?);
        }
        if self.right == Right::Consent && !granted.covers(&self.provider.smtp_scope) {
            // The mail server would refuse it and not say why.
            return self.fail(record, &too_narrow());
        }
        let sealed = self.seal(self.record, &granted.access.to_stored())?;
        record.access = Some(STANDARD.encode(&sealed));
        record.health = Health::Up;
        record.failure = None;
        // Before anyone uses the new access token: if this object died with a rotated refresh
        // token unsaved, the grant would be lost.
        self.store(&record)?;
        Ok(Ok(Found {
            sealed,
            fresh: Some(granted.access),
        }))
    }

    fn fail(
        &self,
        mut record: Record,
        failure: &TokenFailure,
    ) -> Result<Result<Found, TokenFailure>, Broken> {
        self.note(&mut record, failure)?;
        Ok(Err(held(failure, &record.health, self.clock.now())))
    }

    fn note(&self, record: &mut Record, failure: &TokenFailure) -> Result<(), Broken> {
        let random = u64::from_be_bytes(random(self.entropy)?);
        let now = self.clock.now();
        record.health = record
            .health
            .after_failure(&failure.failure, "", now, random);
        record.failure = Some(failure.clone());
        self.store(record)
    }

    /// Ends the credential: forgets its tokens, remembers that it was ended, and gives the refresh
    /// token back where the provider takes it. What was supplied so far does not connect it again,
    /// however often it is deployed.
    ///
    /// # Errors
    /// When it could not be stored; then nothing was given back.
    pub async fn disconnect(&self) -> Result<Disconnected, StoreFault> {
        let _flight = self.flight.lock().await;
        let token = self.forget().map_err(|Broken| StoreFault)?;
        let deadline = self.clock.now().after(CACHE_TIMEOUT);
        // What does not open counts as nothing cached.
        let put = self.cache.put(self.record, &[], KV_TTL_MIN.as_secs());
        by(self.clock, deadline, put).await;
        let request = token.and_then(|token| revocation(self.provider, &token));
        let Some(request) = request else {
            return Ok(Disconnected { revoked: false });
        };
        let answer = self.http.send(request).await;
        let revoked = answer.is_ok_and(|answer| answer.status().is_success());
        Ok(Disconnected { revoked })
    }

    fn forget(&self) -> Result<Option<Secret>, Broken> {
        let mut record = self.load()?;
        self.adopt_settings(&mut record)?;
        let token = self.unsealed(record.refresh.as_ref());
        record.refresh = None;
        record.access = None;
        record.candidate = None;
        record.health = Health::Up;
        record.failure = None;
        record.disconnected = true;
        self.store(&record)?;
        Ok(token)
    }

    /// Takes over a refresh token that was supplied and not seen before, and forgets failures
    /// that a changed setting may have mended.
    fn adopt_settings(&self, record: &mut Record) -> Result<(), Broken> {
        let client = self.client_secret.map_or("", Secret::expose);
        let scope = &self.provider.smtp_scope;
        let settings = Fingerprint::of(&format!("{}\n{scope}\n{client}", self.client_id));
        let mut changed = false;
        if record.settings.as_ref() != Some(&settings) {
            // An application is connected by its settings, so others connect it again.
            if record.settings.is_some() && self.right == Right::Application {
                record.disconnected = false;
            }
            record.settings = Some(settings);
            if let Some(candidate) = &mut record.candidate {
                candidate.refused = None;
            }
            changed = true;
        }
        if let Some(token) = self.bootstrap {
            let fingerprint = Fingerprint::of(token.expose());
            if !record.knows(&fingerprint) {
                let refresh = self.seal_refresh(token)?;
                if record.has_working_grant() {
                    let refused = None;
                    record.candidate = Some(Candidate { refresh, refused });
                } else {
                    record.refresh = Some(refresh);
                    record.access = None;
                    record.candidate = None;
                }
                record.disconnected = false;
                record.remember(fingerprint);
                changed = true;
            }
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

    /// A sealed refresh token.
    fn unsealed(&self, refresh: Option<&String>) -> Option<Secret> {
        let sealed = STANDARD.decode(refresh?).ok()?;
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
        let Some(stored) = self.custody.load().map_err(|StoreFault| Broken)? else {
            return Ok(Record::new());
        };
        // A record that cannot be read is left alone: writing over it would lose the grant.
        let mut record = Record::read(&stored).ok_or(Broken)?;
        if self.reseal(&mut record)? {
            self.store(&record)?;
        }
        Ok(record)
    }

    /// Seals anew what is under the key before the present one, so that the operator can forget
    /// that key.
    fn reseal(&self, record: &mut Record) -> Result<bool, Broken> {
        let refresh_name = self.refresh_record();
        let candidate = record.candidate.as_mut().map(|one| &mut one.refresh);
        let tokens = [
            (refresh_name.as_str(), record.refresh.as_mut()),
            (refresh_name.as_str(), candidate),
            (self.record, record.access.as_mut()),
        ];
        let mut changed = false;
        for (name, token) in tokens {
            let Some(token) = token else { continue };
            let Ok(sealed) = STANDARD.decode(&*token) else {
                continue;
            };
            if self.sealer.is_present(&sealed) {
                continue;
            }
            if let Ok(opened) = self.sealer.open(name, &sealed) {
                *token = STANDARD.encode(self.seal(name, &opened)?);
                changed = true;
            }
        }
        Ok(changed)
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

fn without_grant(finding: &'static str) -> TokenFailure {
    let (cause, trouble) = (Cause::ReauthorisationRequired, Trouble::Authentication);
    TokenFailure::found(cause, trouble, finding)
}

fn too_narrow() -> TokenFailure {
    let (cause, trouble) = (Cause::TokenMisconfigured, Trouble::Configuration);
    TokenFailure::found(cause, trouble, "token_scope_too_narrow")
}

/// What became of disconnecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnected {
    /// Whether the provider took the grant back. Where not, its owner can end it there.
    pub revoked: bool,
}

/// Storage, sealing or randomness failed here; the provider was not to blame.
struct Broken;

impl From<NoEntropy> for Broken {
    fn from(_: NoEntropy) -> Self {
        Self
    }
}
