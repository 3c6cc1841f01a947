//! One attempt to send a message: one transaction, or several where the server takes fewer recipients
//! at a time (RFC 5321 §4.5.3.1.10).

use std::time::Duration;

use super::{
    super::{
        content::ContentReader,
        ports::{
            Alerts, Clock, Connector, Entropy, OutboxStore, StoreFault, TokenCache, TokenSource,
        },
        standing::is_stopped,
        submit::Link,
    },
    Outbox,
};
use crate::{
    limits::TRANSFER_OCTETS_PER_SECOND,
    outbox::Job,
    outcome::{Cause, Failure, Outcome, Reach},
    smtp::{Conclusion, Needs, Transaction},
    time::UnixMillis,
};

impl<'a, S, N, K, E, C, T, A> Outbox<'a, S, N, K, E, C, T, A>
where
    S: OutboxStore,
    N: Connector,
    K: Clock,
    E: Entropy,
    C: TokenCache,
    T: TokenSource,
    A: Alerts,
{
    /// One attempt. The lease is stored before the session is told of the message, and the
    /// output gate holds what the session writes until the lease is durable.
    ///
    /// Gives what ails the mailbox, if the attempt has shown that anything does.
    pub(super) async fn send(
        &self,
        mut job: Job,
        link: &mut Link<'a, N::Connection, K>,
        hand_over_by: UnixMillis,
    ) -> Result<Option<Failure>, StoreFault> {
        let Some(event) = job.lease(self.clock.now()) else {
            self.store.realign(&job)?;
            return Ok(None);
        };
        self.store.update(&job, &event)?;
        let (outcomes, of_mailbox) = loop {
            let Conclusion {
                outcomes,
                left_over,
            } = self.transact(&job, link, hand_over_by).await;
            let mut failures = outcomes.iter().filter_map(Outcome::failure);
            let of_mailbox = failures
                .find(|failure| failure.reach != Reach::Message)
                .cloned();
            let works = of_mailbox.is_none() && outcomes.iter().any(is_answer);
            let now = self.clock.now();
            // Those who were too many for one transaction go into the next at once, if there is time
            // and nobody was told to stop. What became of the others is durable before: nobody gets
            // it twice.
            let called_back = link.is_recalled() || is_stopped(self.store, self.stop);
            if !called_back && can_be_handed_over(job.size, now, hand_over_by) {
                let mut going_on = job.clone();
                if let Some(event) = going_on.go_on(&outcomes, &left_over, now, self.random())
                    && self.conclude(&going_on, &event, works).is_ok()
                {
                    job = going_on;
                    continue;
                }
            }
            if let Some(event) = job.conclude(&outcomes, now, self.random()) {
                let stored = self.conclude(&job, &event, works);
                if stored.is_err() {
                    self.drain.unsaved.replace(Some((job, event)));
                }
                stored?;
            }
            break (outcomes, of_mailbox);
        };
        let ready = link.ready().await;
        // A server that closes after it took a message does what servers do, unless it says why; one
        // that closes on every message is left alone for a while.
        let taken = outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Accepted(_)));
        Ok(match (of_mailbox, ready) {
            (Some(failure), _) => Some(failure),
            (None, Err(failure)) if !taken || failure.finding.is_some() => Some(failure),
            (None, Err(_)) => Some(Failure::of_message(Cause::ConnectionLost)),
            (None, Ok(())) => None,
        })
    }

    /// One transaction, for the recipients that are leased.
    async fn transact(
        &self,
        job: &Job,
        link: &mut Link<'a, N::Connection, K>,
        hand_over_by: UnixMillis,
    ) -> Conclusion {
        let transaction = Transaction {
            envelope: job.leased_envelope(),
            size: job.size,
            // What we write is 7-bit, and its addresses are ASCII by type.
            needs: Needs::default(),
        };
        let mut reader = ContentReader::new(self.store, job);
        let content = |_| reader.read();
        link.transact(transaction, hand_over_by, content).await
    }
}

/// Whether so many octets can be on their way whole by then, on the slowest way that is reckoned with.
pub(super) fn can_be_handed_over(octets: u64, now: UnixMillis, by: UnixMillis) -> bool {
    let seconds = octets.div_ceil(TRANSFER_OCTETS_PER_SECOND);
    now.after(Duration::from_secs(seconds)) <= by
}

/// A server that says yes or no to a message has no complaint about its mailbox.
fn is_answer(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted(_) | Outcome::Rejected(_))
}
