//! What is due, message by message, and the connection it goes over.

use std::pin::pin;

use futures_util::future::{Either, select};

use super::{
    super::{
        ports::{
            Alerts, Clock, Connector, Entropy, OutboxStore, StoreFault, TokenCache, TokenSource,
        },
        submit::Link,
    },
    Outbox,
    attempt::can_be_handed_over,
};
use crate::{
    limits::{FLIGHT_BEGIN_MAX, HAND_OVER_MAX},
    oauth::TokenFailure,
    outbox::Health,
    outcome::{Cause, Failure, Trouble},
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
    /// Sends what is due, until nothing is, or the time for one run is over.
    pub(super) async fn send_due(
        &self,
        link: &mut Option<Link<'a, N::Connection, K>>,
    ) -> Result<(), StoreFault> {
        let began = self.clock.now();
        let hand_over_by = began.after(HAND_OVER_MAX);
        let mut first = true;
        // Whether a message has gone over the connection there is. One that is closed since is
        // replaced, and a new one is not: each serves an attempt.
        let mut used = false;
        while self.clock.now().since(began) <= FLIGHT_BEGIN_MAX {
            let mut ended = None;
            if let Some(open) = link.as_mut().filter(|_| used)
                && let Err(failure) = open.still_ready().await
            {
                ended = failure.finding.is_some().then_some(failure);
                if let Some(spent) = link.take() {
                    spent.abandon().await;
                }
            }
            let now = self.clock.now();
            let standing = self.store.standing()?;
            let stopped = self.stop || standing.stopped.is_some();
            if stopped || !self.store.health()?.allows(now) {
                return Ok(());
            }
            let Some(job) = self.store.next_due(now)? else {
                return Ok(());
            };
            // It said why, and the next connection would hear the same.
            if let Some(failure) = ended {
                return self.put_off(job.id, &failure);
            }
            // It was called back, or the token that opened it was taken back.
            if (link.as_ref().is_some_and(Link::is_recalled) || self.is_token_gone())
                && let Some(old) = link.take()
            {
                old.close().await;
                continue;
            }
            // It goes out in a run of its own, which begins as soon as this one has ended.
            if !first && !can_be_handed_over(job.size, now, hand_over_by) {
                return Ok(());
            }
            if link.is_none() {
                let leave = self.drain.recall.leave();
                let opening = async {
                    if standing.disconnected {
                        return Err(disconnected());
                    }
                    self.open().await
                };
                // One that is called back while it opens is closed by being dropped.
                let opened = match select(pin!(opening), pin!(leave.over())).await {
                    Either::Left((opened, _)) => opened,
                    Either::Right(_) => continue,
                };
                match opened {
                    Ok(opened) => {
                        *link = Some(opened.under(leave));
                        used = false;
                    }
                    Err(failure) => return self.put_off(job.id, &failure),
                }
                if self.store.health()? != Health::Up {
                    self.store.set_health(&Health::Up)?;
                }
                // Time has passed: what is due is looked up again.
                continue;
            }
            let Some(open) = link.as_mut() else {
                return Ok(());
            };
            (first, used) = (false, true);
            let id = job.id;
            let trouble = self.send(job, open, hand_over_by).await?;
            if let Some(failure) = trouble {
                if let Some(spent) = link.take() {
                    spent.abandon().await;
                }
                return self.note(id, &failure);
            }
        }
        Ok(())
    }
}

/// The mailbox alone was disconnected; its credential, which others share, was not.
fn disconnected() -> Failure {
    let (cause, trouble) = (Cause::ReauthorisationRequired, Trouble::Authentication);
    TokenFailure::found(cause, trouble, "token_disconnected").failure
}
