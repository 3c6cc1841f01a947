//! What the operator supplies: settings, and a refresh token, which takes the place of a grant that
//! works only when the mail server has let it in.

use super::{
    super::{
        keeper_record::{Candidate, Record},
        ports::{Clock, Connector, Entropy, HttpClient, TokenCache, TokenCustody},
        submit::{Link, Opening},
    },
    Broken, Found, Keeper, Need,
    ask::Grant,
};
use crate::{
    config::MailboxConfig,
    oauth::{Fingerprint, Granted, Right, TokenFailure},
    outcome::Failure,
    smtp::{ClientName, SessionConfig},
};

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// A fingerprint of what else the operator has set.
    pub(super) fn settings(&self) -> Fingerprint {
        let client = self.client.settings();
        let client = client.expose();
        let scope = &self.provider.smtp_scope;
        Fingerprint::of(&format!("{}\n{scope}\n{client}", self.client_id))
    }

    /// Takes over a refresh token that was supplied and not seen before, and forgets failures
    /// that a changed setting may have mended.
    pub(super) fn adopt_settings(&self, record: &mut Record) -> Result<(), Broken> {
        let settings = self.settings();
        let mut changed = false;
        if record.settings.as_ref() != Some(&settings) {
            // An application is connected by its settings, so others connect it again.
            if record.settings.is_some() && self.right != Right::Consent {
                record.disconnected = false;
            }
            record.settings = Some(settings);
            if let Some(candidate) = &mut record.candidate {
                *candidate = Candidate::new(std::mem::take(&mut candidate.refresh));
            }
            changed = true;
        }
        if let Some(token) = self.bootstrap {
            let fingerprint = Fingerprint::of(token.expose());
            if !record.knows(&fingerprint) {
                let refresh = self.seal_refresh(token)?;
                if record.has_working_grant() {
                    record.candidate = Some(Candidate::new(refresh));
                } else {
                    // Nothing is lost with what is there, so the first message may prove this one.
                    record.replace_grant(Some(refresh));
                }
                record.disconnected = false;
                record.remember(fingerprint);
                changed = true;
            }
        }
        if changed {
            record.works();
            self.store(record)?;
        }
        Ok(())
    }

    /// Puts a refresh token on trial to the test, where there is one: the provider has to take it, and
    /// the mail server its access token, as with a consent. Gives the number of the new grant if it is
    /// one now. Stopped meanwhile, it goes no further, and the trial begins anew when that has ended.
    ///
    /// By the alarm and not while somebody asks for a token: the mail server may take its time, and
    /// the grant that works must not wait on account of another.
    pub(super) async fn try_candidate(
        &self,
        mailbox: &MailboxConfig,
        connector: &impl Connector,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<u32>, Broken> {
        let Some((granted, name)) = self.ask_candidate().await? else {
            return Ok(None);
        };
        if is_stopped() {
            return Ok(None);
        }
        let verdict = match self.suffices(&granted) {
            Ok(()) => self
                .prove(&granted, mailbox, connector)
                .await
                .map_err(|failure| TokenFailure { failure }),
            Err(too_narrow) => Err(too_narrow),
        };
        let _flight = self.flight.lock().await;
        let mut record = self.load()?;
        let candidate = record.candidate.as_ref();
        if candidate.is_none_or(|candidate| candidate.refresh != name) {
            // Somebody has connected or disconnected the mailbox meanwhile.
            return Ok(None);
        }
        if is_stopped() {
            return Ok(None);
        }
        if let Err(failure) = verdict {
            self.judge(&mut record, &failure)?;
            return Ok(None);
        }
        let found = self.install(&mut record, name, &granted)?;
        self.secure(&record)?;
        self.share(&found).await;
        Ok(Some(record.epoch))
    }

    /// Asks for an access token with the refresh token on trial, and the sealed form of the one that
    /// comes next.
    async fn ask_candidate(&self) -> Result<Option<(Granted, String)>, Broken> {
        let _flight = self.flight.lock().await;
        let mut record = self.load()?;
        let now = self.clock.now();
        let Some(candidate) = &mut record.candidate else {
            return Ok(None);
        };
        if candidate.due_at().is_none_or(|at| at > now) {
            return Ok(None);
        }
        let Some(token) = self.unsealed(Some(&candidate.refresh)) else {
            record.candidate = None;
            self.store(&record)?;
            return Ok(None);
        };
        match self.ask(&Grant::Refresh(token)).await {
            Ok(granted) => {
                if let Some(rotated) = &granted.refresh_token {
                    candidate.refresh = self.seal_refresh(rotated)?;
                }
                let name = candidate.refresh.clone();
                // Before the access token is used, as with every grant: the one before is used up.
                self.secure(&record)?;
                Ok(Some((granted, name)))
            }
            Err(failure) => {
                self.judge(&mut record, &failure)?;
                Ok(None)
            }
        }
    }

    /// What a failure says of a refresh token on trial. One that passes says nothing, and it is tried
    /// again; nor does any say something against the grant that works.
    fn judge(&self, record: &mut Record, failure: &TokenFailure) -> Result<(), Broken> {
        let Some(mut candidate) = record.candidate.take() else {
            return Ok(());
        };
        candidate.health = self.after(&candidate.health, failure)?;
        if !failure.is_transient() {
            candidate.refused = Some(failure.clone());
        }
        record.candidate = Some(candidate);
        self.store(record)
    }

    /// Begins with a grant that has proved good.
    pub(super) fn install(
        &self,
        record: &mut Record,
        refresh: String,
        granted: &Granted,
    ) -> Result<Found, Broken> {
        record.replace_grant(Some(refresh));
        record.disconnected = false;
        self.put_access(record, granted.access.clone(), Need::Ahead)
    }

    /// Connects, starts TLS, authenticates as the configured address, and quits.
    pub(super) async fn prove(
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
}
