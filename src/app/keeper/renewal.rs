//! What the Keeper does without being asked: a token that is in use is renewed before it ends, and the
//! provider is asked once a day about a credential that nobody uses, which is how a grant that has
//! ended is found before a visitor meets it.
//!
//! In use is what was used during its last two lifetimes. Outboxes take tokens from Workers KV and do
//! not come here, so a token that was asked for ahead carries a mark, and whoever uses one with the
//! mark brings it here afterwards and gets it back without. That is one question and one write for
//! each lifetime, and it misses nobody; a question with every use, or a note in every Outbox, would
//! cost more than the renewal saves, and a token's age says nothing of whether anybody has it.

use super::{
    super::{
        keeper_record::{Candidate, Record},
        ports::{
            Clock, Connector, Entropy, HttpClient, Served, StoreFault, TokenCache, TokenCustody,
        },
    },
    Broken, Keeper, Need,
};
use crate::{
    config::MailboxConfig,
    limits::{
        CREDENTIAL_CHECK_EVERY, KV_STALE_MAX, OWNER_TELL_RETRY, STOP_LOOK, TOKEN_EXPIRY_MARGIN,
        TOKEN_RENEWAL_LEAD,
    },
    oauth::Right,
    time::UnixMillis,
};

/// When the alarm is to ring, if there is anything to do then.
pub(super) fn next_alarm(record: &Record, right: Right) -> Option<UnixMillis> {
    let trial_at = record.candidate.as_ref().and_then(Candidate::due_at);
    let tell_at = record.failure.as_ref().and(record.tell_at);
    let all = [due_at(record, right), trial_at, tell_at];
    all.into_iter().flatten().min()
}

/// When the provider is asked next although nobody asks for a token.
fn due_at(record: &Record, right: Right) -> Option<UnixMillis> {
    let has_none = right == Right::Consent && record.refresh.is_none();
    // Nothing but a person brings these back.
    if record.disconnected || has_none || record.has_ended() {
        return None;
    }
    let check_at = record.asked_at.after(CREDENTIAL_CHECK_EVERY);
    match &record.failure {
        Some(failure) if failure.is_transient() => record.health.down_until(),
        Some(_) => Some(check_at),
        None => Some(renew_at(record).map_or(check_at, |at| at.min(check_at))),
    }
}

/// When the access token is renewed ahead of its end, if it is in use. So long before that every
/// Outbox finds the new one in the cache when the old one in its memory is no longer fresh enough.
fn renew_at(record: &Record) -> Option<UnixMillis> {
    record.access.as_ref()?;
    let lifetime = record.expires_at.since(record.issued_at);
    let fresh_for = lifetime.saturating_sub(TOKEN_EXPIRY_MARGIN);
    let lead = TOKEN_RENEWAL_LEAD.min(fresh_for.checked_div(2).unwrap_or_default());
    let at = record.issued_at.after(fresh_for.saturating_sub(lead));
    let in_use = at.since(record.used_at) <= lifetime.saturating_mul(2);
    // With less the new one would not be found in time, and asking would never end.
    (in_use && lead >= KV_STALE_MAX).then_some(at)
}

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// Does what is due, and arms the alarm for what is next. While everything is stopped, nobody is
    /// asked, and all that is due waits for the end of that.
    ///
    /// # Errors
    /// When storage fails so that the alarm may not be armed.
    pub async fn wake(
        &self,
        mailbox: &MailboxConfig,
        connector: &impl Connector,
        served: &impl Served,
        is_stopped: impl Fn() -> bool,
    ) -> Result<(), StoreFault> {
        let wait = || self.custody.arm(Some(self.clock.now().after(STOP_LOOK)));
        if is_stopped() {
            return wait();
        }
        let wake = async {
            self.renew().await?;
            if is_stopped() {
                return wait().map_err(|StoreFault| Broken);
            }
            let tried = self.try_candidate(mailbox, connector, &is_stopped);
            if let Some(epoch) = tried.await? {
                // Whoever is not reached finds out with the next message.
                let _ = served.resume(epoch).await;
            }
            if is_stopped() {
                return wait().map_err(|StoreFault| Broken);
            }
            self.tell(served).await
        };
        wake.await.map_err(|Broken| StoreFault)
    }

    async fn renew(&self) -> Result<(), Broken> {
        let _flight = self.flight.lock().await;
        let mut record = self.load()?;
        self.adopt_settings(&mut record)?;
        let now = self.clock.now();
        if due_at(&record, self.right).is_none_or(|at| at > now) {
            // The alarm that led here is used up.
            return self.arm(&record);
        }
        let Ok(grant) = self.grant(&record) else {
            // It does not open, and may under another root key; of the access token, which does not
            // either, nothing is to follow.
            record.access = None;
            record.asked_at = now;
            return self.store(&record);
        };
        let renewed = match self.ask(&grant).await {
            Ok(granted) => self.keep(record, granted, Need::Ahead)?,
            Err(failure) => self.fail(record, &failure, Need::Ahead)?,
        };
        if let Ok(found) = renewed {
            self.share(&found).await;
        }
        Ok(())
    }

    /// Has the owner told of what was found unasked. It is stored that they are to be told, so neither
    /// a crash nor an Outbox that does not answer loses it.
    async fn tell(&self, served: &impl Served) -> Result<(), Broken> {
        let found = self.load()?;
        let now = self.clock.now();
        let (Some(failure), true) = (found.failure, found.tell_at.is_some_and(|at| at <= now))
        else {
            return Ok(());
        };
        let told = served.tell(&failure.failure).await;
        let _flight = self.flight.lock().await;
        let mut record = self.load()?;
        if record.failure.as_ref() == Some(&failure) {
            let again = self.clock.now().after(OWNER_TELL_RETRY);
            record.tell_at = told.is_err().then_some(again);
            self.store(&record)?;
        }
        Ok(())
    }
}
