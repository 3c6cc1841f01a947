//! Taking a grant into custody: exchanged, proved, and only then kept.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        keeper_record::{Candidate, Record},
        ports::{Clock, Connector, Entropy, HttpClient, TokenCache, TokenCustody},
    },
    Broken, Found, Keeper,
};
use crate::{
    config::{MailboxConfig, Name},
    oauth::{Granted, TokenFailure},
    outcome::{Cause, Failure, Reach, Trouble},
    secret::Secret,
};

/// A code that a browser brought back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectQuestion {
    /// The mailbox to be connected.
    pub mailbox: Name,
    /// The digest of the state it came with.
    pub state: String,
    /// The code, sealed as [`consent_record`] of the state, in base64: what crosses to the Keeper is of
    /// no use to anybody else.
    pub code: String,
    /// The PKCE verifier, sealed in the same way.
    pub verifier: String,
    /// The address that was named to the provider.
    pub redirect_uri: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectAnswer {
    /// The grant is in custody, and the mail server has taken its token.
    Connected {
        /// What was granted, where the provider says so.
        scope: Option<String>,
        /// Who consented, where the provider says so.
        account: Option<String>,
        /// Tokens of grants before this one are in force no more.
        epoch: u32,
    },
    /// The mail server could not be asked. The grant is kept and tried again; the one before goes on.
    OnTrial(Failure),
    /// There was no token, or the mail server did not take it. Nothing was kept.
    Refused {
        /// Why.
        failure: Failure,
        /// Whether the provider still has the consent: it could not be given back, or was not because
        /// another that works may hang on it.
        stands: bool,
    },
    /// There was a token, and nothing to get the next one with. Nothing was kept.
    NoRefreshToken,
}

impl ConnectAnswer {
    /// No grant came of it.
    pub fn refused(failure: TokenFailure) -> Self {
        let failure = failure.failure;
        let stands = false;
        Self::Refused { failure, stands }
    }
}

/// The name under which a part of a consent under way is sealed: its `verifier`, its `code`.
pub(in super::super) fn consent_record(part: &str, state: &str) -> String {
    format!("{part}/{state}")
}

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// Exchanges a code, tries the token with the mail server, and keeps the grant if it is taken.
    /// The proof comes first: a grant of another account would else take the place of a good one.
    /// What a STOP finds under way is kept and not used: it is tried when that has ended.
    pub async fn connect(
        &self,
        question: &ConnectQuestion,
        mailbox: &MailboxConfig,
        connector: &impl Connector,
        is_stopped: impl Fn() -> bool,
    ) -> ConnectAnswer {
        let code = self.brought("code", &question.code, question);
        let verifier = self.brought("verifier", &question.verifier, question);
        let (Some(code), Some(verifier)) = (code, verifier) else {
            return ConnectAnswer::refused(TokenFailure::unavailable());
        };
        // Others are not held up meanwhile, and so may end or replace what this one began with.
        let Ok(Record { epoch: begun, .. }) = self.load() else {
            return ConnectAnswer::refused(TokenFailure::unavailable());
        };
        let exchanged = self.exchange(&code, &verifier, &question.redirect_uri);
        let granted = match exchanged.await {
            Ok(granted) => granted,
            Err(failure) => return ConnectAnswer::refused(failure),
        };
        let Some(refresh_token) = &granted.refresh_token else {
            return ConnectAnswer::NoRefreshToken;
        };
        let verdict = match self.suffices(&granted) {
            _ if is_stopped() => Err(stopped()),
            Ok(()) => self.prove(&granted, mailbox, connector).await,
            Err(too_narrow) => Err(too_narrow.failure),
        };
        let passes = Reach::Mailbox(Trouble::Transient);
        if let Err(failure) = &verdict
            && failure.reach != passes
        {
            return self.give_back(refresh_token, failure.clone()).await;
        }
        let flight = self.flight.lock().await;
        let answer = match (self.load(), verdict) {
            (Ok(record), _) if record.epoch != begun => Ok(Err(overtaken())),
            (Ok(record), Ok(())) if is_stopped() => {
                self.put_on_trial(record, refresh_token, stopped()).map(Ok)
            }
            (Ok(record), Ok(())) => self.take(record, &granted, refresh_token).await.map(Ok),
            (Ok(record), Err(failure)) => self.put_on_trial(record, refresh_token, failure).map(Ok),
            (Err(Broken), _) => Err(Broken),
        };
        drop(flight);
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => self.give_back(refresh_token, failure).await,
            // It is not kept now, and is not going to be later.
            Err(Broken) => {
                let failure = TokenFailure::unavailable().failure;
                self.give_back(refresh_token, failure).await
            }
        }
    }

    /// In flight.
    async fn take(
        &self,
        mut record: Record,
        granted: &Granted,
        refresh_token: &Secret,
    ) -> Result<ConnectAnswer, Broken> {
        // A refresh token that was supplied as a secret is taken over now, if it was not before:
        // later it would take the place of this grant.
        self.adopt_settings(&mut record)?;
        let refresh = self.seal_refresh(refresh_token)?;
        let found: Found = self.install(&mut record, refresh, granted)?;
        self.store(&record)?;
        self.share(&found).await;
        let account = granted.account.clone();
        Ok(ConnectAnswer::Connected {
            scope: granted.scope.clone(),
            account: account.and_then(|account| account.email.or(account.preferred_username)),
            epoch: record.epoch,
        })
    }

    /// In flight.
    fn put_on_trial(
        &self,
        mut record: Record,
        refresh_token: &Secret,
        failure: Failure,
    ) -> Result<ConnectAnswer, Broken> {
        self.adopt_settings(&mut record)?;
        let mut candidate = Candidate::new(self.seal_refresh(refresh_token)?);
        let failure = TokenFailure { failure };
        candidate.health = self.after(&candidate.health, &failure)?;
        record.candidate = Some(candidate);
        self.store(&record)?;
        Ok(ConnectAnswer::OnTrial(failure.failure))
    }

    /// Gives back a grant that is not kept, where there is no other: with one token a provider may end
    /// all that the same person has granted to the same application (RFC 7009 §2.1), and so the grant
    /// that works. After a disconnect there is none, whatever was supplied before it.
    async fn give_back(&self, refresh_token: &Secret, failure: Failure) -> ConnectAnswer {
        let other = self.load().map_or(true, |record| {
            let supplied = self.bootstrap.is_some() && !record.disconnected;
            supplied || record.refresh.is_some() || record.candidate.is_some()
        });
        let stands = other || !self.revoke(refresh_token).await;
        ConnectAnswer::Refused { failure, stands }
    }

    /// A part of the consent that was brought here, opened.
    fn brought(&self, part: &str, sealed: &str, question: &ConnectQuestion) -> Option<Secret> {
        let record = consent_record(part, &question.state);
        let sealed = STANDARD.decode(sealed).ok()?;
        let opened = self.sealer.open(&record, &sealed).ok()?;
        std::str::from_utf8(&opened).ok().map(Secret::new)
    }
}

fn overtaken() -> Failure {
    let (cause, trouble) = (Cause::ReauthorisationRequired, Trouble::Authentication);
    TokenFailure::found(cause, trouble, "token_connect_overtaken").failure
}

fn stopped() -> Failure {
    TokenFailure::new(Cause::Stopped, Trouble::Transient).failure
}
