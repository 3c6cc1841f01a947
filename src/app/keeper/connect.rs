//! Taking a grant into custody: exchanged, proved, and only then kept.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        ports::{Clock, Connector, Entropy, HttpClient, TokenCache, TokenCustody},
        submit::{Link, Opening},
    },
    Broken, Found, Keeper,
};
use crate::{
    config::{MailboxConfig, Name},
    oauth::{Fingerprint, Granted, Right, TokenFailure},
    outbox::Health,
    outcome::Failure,
    secret::Secret,
    smtp::{ClientName, SessionConfig},
};

/// A code that a browser brought back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectQuestion {
    /// The mailbox to be connected.
    pub mailbox: Name,
    /// The digest of the state it came with.
    pub state: String,
    /// The code.
    pub code: String,
    /// The PKCE verifier, sealed as [`verifier_record`] of the state, in base64. So what crosses to the
    /// Keeper is of no use to anybody else.
    pub verifier: String,
    /// The address that was named to the provider.
    pub redirect_uri: String,
}

impl std::fmt::Debug for ConnectQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConnectQuestion({})", self.mailbox)
    }
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
    },
    /// There was no token, or the mail server did not take it. Nothing was kept.
    Refused(Failure),
    /// There was a token, and nothing to get the next one with. Nothing was kept.
    NoRefreshToken,
}

/// The name under which a state's verifier is sealed.
pub(in super::super) fn verifier_record(state: &str) -> String {
    format!("verifier/{state}")
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
    pub async fn connect(
        &self,
        question: &ConnectQuestion,
        mailbox: &MailboxConfig,
        connector: &impl Connector,
    ) -> ConnectAnswer {
        match self.connect_alone(question, mailbox, connector).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => ConnectAnswer::Refused(failure),
            Err(Broken) => ConnectAnswer::Refused(TokenFailure::unavailable().failure),
        }
    }

    async fn connect_alone(
        &self,
        question: &ConnectQuestion,
        mailbox: &MailboxConfig,
        connector: &impl Connector,
    ) -> Result<Result<ConnectAnswer, Failure>, Broken> {
        let verifier = self.verifier(question)?;
        let granted = match self.exchange(question, &verifier).await {
            Ok(granted) => granted,
            Err(failure) => return Ok(Err(failure.failure)),
        };
        let Some(refresh_token) = &granted.refresh_token else {
            return Ok(Ok(ConnectAnswer::NoRefreshToken));
        };
        if let Err(too_narrow) = self.suffices(&granted) {
            return Ok(Err(too_narrow.failure));
        }
        if let Err(failure) = self.prove(&granted, mailbox, connector).await {
            return Ok(Err(failure));
        }
        let sealed = self.seal(self.record, &granted.access.to_stored())?;
        let _flight = self.flight.lock().await;
        let mut record = self.load()?;
        // A refresh token that was supplied as a secret is taken over now, if it was not before:
        // later it would take the place of this grant.
        self.adopt_settings(&mut record)?;
        record.refresh = Some(self.seal_refresh(refresh_token)?);
        record.access = Some(STANDARD.encode(&sealed));
        record.health = Health::Up;
        record.failure = None;
        record.candidate = None;
        record.disconnected = false;
        self.store(&record)?;
        self.share(&Found {
            sealed,
            news: Some(granted.access.clone()),
        })
        .await;
        let account = granted
            .account
            .and_then(|account| account.email.or(account.preferred_username));
        Ok(Ok(ConnectAnswer::Connected {
            scope: granted.scope,
            account,
        }))
    }

    /// Connects, starts TLS, authenticates as the configured address, and quits.
    async fn prove(
        &self,
        granted: &Granted,
        mailbox: &MailboxConfig,
        connector: &impl Connector,
    ) -> Result<(), Failure> {
        let user = mailbox.sender.address.clone();
        let opening = Opening {
            host: &self.provider.smtp_host,
            port: self.provider.smtp_port,
            session: SessionConfig {
                client_name: ClientName::of(&user),
                user,
                token: granted.access.token.clone(),
                tls: self.provider.smtp_tls,
            },
        };
        let link = Link::open(connector, self.clock, opening).await?;
        link.close().await;
        Ok(())
    }

    fn verifier(&self, question: &ConnectQuestion) -> Result<Secret, Broken> {
        let record = verifier_record(&question.state);
        let sealed = STANDARD.decode(&question.verifier).map_err(|_| Broken)?;
        let opened = self.sealer.open(&record, &sealed).map_err(|_| Broken)?;
        let text = std::str::from_utf8(&opened).map_err(|_| Broken)?;
        Ok(Secret::new(text))
    }

    /// Whether there is a grant in custody, or one that was supplied and will be.
    ///
    /// # Errors
    /// When storage fails.
    pub fn holds_grant(&self) -> Result<bool, Unknown> {
        let record = self.load().map_err(|Broken| Unknown)?;
        if self.right == Right::Application {
            return Ok(!record.disconnected);
        }
        let supplied = self.bootstrap.map(|token| Fingerprint::of(token.expose()));
        let new = supplied.is_some_and(|supplied| !record.knows(&supplied));
        Ok(new || self.unsealed(record.refresh.as_ref()).is_some())
    }
}

/// The record cannot be read at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential's record cannot be read")]
pub struct Unknown;
