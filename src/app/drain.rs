//! Sending what is due: one message after another over one connection.

use std::cell::Cell;

use super::{
    ports::{Clock, Connector, Entropy, OutboxStore, StoreFault, TokenCache, TokenSource, random},
    submit::{Link, Opening},
    tokens::Tokens,
};
use crate::{
    config::MailboxConfig,
    limits::{ALARM_LOST_AFTER, FLIGHT_BEGIN_MAX},
    oauth::{CachedToken, Fingerprint},
    outbox::{Health, Job},
    outcome::{Cause, Failure, Reach, Trouble},
    smtp::{ClientName, SessionConfig, Transaction},
};

/// What one Outbox remembers between calls, and loses when it is restarted.
#[derive(Debug, Default)]
pub struct Drain {
    running: Cell<bool>,
    recovered: Cell<bool>,
}

impl Drain {
    /// Whether a message has been due so long without an attempt that its alarm must have been
    /// lost; whoever asks should call [`Outbox::run`].
    ///
    /// # Errors
    /// When storage fails.
    pub fn is_stalled(
        &self,
        store: &impl OutboxStore,
        clock: &impl Clock,
    ) -> Result<bool, StoreFault> {
        let long_past = |at| clock.now().since(at) > ALARM_LOST_AFTER;
        let overdue = store.earliest_due()?.is_some_and(long_past);
        let down = store
            .health()?
            .down_until()
            .is_some_and(|until| !long_past(until));
        Ok(overdue && !down && !self.running.get())
    }
}

/// An Outbox: its mailbox, and its ports.
#[derive(Debug)]
pub struct Outbox<'a, S, N, K, E, C, T> {
    /// Its messages.
    pub store: &'a S,
    /// The way to the mail server.
    pub connector: &'a N,
    /// The time.
    pub clock: &'a K,
    /// Randomness, for jitter.
    pub entropy: &'a E,
    /// Its mailbox and the mailbox's access tokens; none while the configuration has a fault,
    /// and then everything waits.
    pub account: Option<(&'a MailboxConfig, Tokens<'a, C, T>)>,
    /// What it remembers.
    pub drain: &'a Drain,
}

impl<'a, S, N, K, E, C, T> Outbox<'a, S, N, K, E, C, T>
where
    S: OutboxStore,
    N: Connector,
    K: Clock,
    E: Entropy,
    C: TokenCache,
    T: TokenSource,
{
    /// Sends what is due and arms the alarm for what is not. A second call while one is under
    /// way does nothing: one connection a mailbox, one attempt a message.
    ///
    /// # Errors
    /// When storage fails; the platform then calls again.
    pub async fn run(&self) -> Result<(), StoreFault> {
        if self.drain.running.replace(true) {
            return Ok(());
        }
        let _running = Running(&self.drain.running);
        self.recover()?;
        let mut link = None;
        let drained = self.send_due(&mut link).await;
        if let Some(link) = link {
            link.close().await;
        }
        // Nothing is awaited between this look and arming, so no message accepted meanwhile can
        // be overlooked.
        self.arm_next()?;
        drained
    }

    /// Settles leases that a life before this one left behind.
    fn recover(&self) -> Result<(), StoreFault> {
        if self.drain.recovered.get() {
            return Ok(());
        }
        for mut job in self.store.leased()? {
            if let Some(event) = job.found_leased(self.clock.now(), self.random()) {
                self.store.update(&job, &event)?;
            }
        }
        self.drain.recovered.set(true);
        Ok(())
    }

    async fn send_due(
        &self,
        link: &mut Option<Link<'a, N::Connection, K>>,
    ) -> Result<(), StoreFault> {
        let began = self.clock.now();
        while self.clock.now().since(began) <= FLIGHT_BEGIN_MAX {
            let now = self.clock.now();
            if !self.store.health()?.allows(now) {
                return Ok(());
            }
            let Some(job) = self.store.next_due(now)? else {
                return Ok(());
            };
            if link.is_none() {
                match self.open().await {
                    Ok(opened) => *link = Some(opened),
                    Err(failure) => return self.put_off(job, &failure),
                }
                if self.store.health()? != Health::Up {
                    self.store.set_health(&Health::Up)?;
                }
                // Time has passed: what is due is looked up again.
                continue;
            }
            if let Some(open) = link.as_mut() {
                self.send(job, open).await?;
                if !open.is_ready().await
                    && let Some(spent) = link.take()
                {
                    spent.abandon().await;
                }
            }
        }
        Ok(())
    }

    /// One attempt. The lease is stored before the session is told of the message, and the
    /// output gate holds what the session writes until the lease is durable.
    async fn send(
        &self,
        mut job: Job,
        link: &mut Link<'a, N::Connection, K>,
    ) -> Result<(), StoreFault> {
        let Some(event) = job.lease(self.clock.now()) else {
            return Ok(());
        };
        self.store.update(&job, &event)?;
        let transaction = Transaction {
            envelope: job.leased_envelope(),
            size: job.size,
        };
        let id = job.id;
        let outcomes = link
            .transact(transaction, |piece| self.store.content(id, piece))
            .await;
        match job.conclude(&outcomes, self.clock.now(), self.random()) {
            Some(event) => self.store.update(&job, &event),
            None => Ok(()),
        }
    }

    /// The mailbox cannot be used: the message that found out says so in its story, and all wait.
    fn put_off(&self, mut job: Job, failure: &Failure) -> Result<(), StoreFault> {
        let now = self.clock.now();
        let health = self
            .store
            .health()?
            .after_failure(failure, now, self.random());
        let until = health.down_until().unwrap_or(now);
        match job.postpone(failure, until, now) {
            Some(event) => self.store.update_with_health(&job, &event, &health),
            None => self.store.set_health(&health),
        }
    }

    /// Connects with a token, and once more with a fresh one if the first is refused.
    async fn open(&self) -> Result<Link<'a, N::Connection, K>, Failure> {
        let Some((mailbox, tokens)) = &self.account else {
            return Err(Failure::of_mailbox(
                Cause::Misconfigured,
                Trouble::Configuration,
            ));
        };
        let token = tokens
            .token(None, self.clock)
            .await
            .map_err(|none| none.failure)?;
        let refused = match self.open_with(mailbox, &token).await {
            Err(failure) if failure.reach == Reach::Mailbox(Trouble::Authentication) => failure,
            opened => return opened,
        };
        let name = Fingerprint::of(token.token.expose());
        match tokens.token(Some(&name), self.clock).await {
            Ok(fresh) => self.open_with(mailbox, &fresh).await,
            // Why there is no other token says more than that the old one was refused, unless it
            // is only the weather.
            Err(none) if none.trouble() == Trouble::Transient => Err(refused),
            Err(none) => Err(none.failure),
        }
    }

    async fn open_with(
        &self,
        mailbox: &MailboxConfig,
        token: &CachedToken,
    ) -> Result<Link<'a, N::Connection, K>, Failure> {
        let user = mailbox.sender.address.clone();
        let opening = Opening {
            host: &mailbox.provider.smtp_host,
            port: mailbox.provider.smtp_port,
            session: SessionConfig {
                client_name: ClientName::of(&user),
                user,
                token: token.token.clone(),
            },
        };
        Link::open(self.connector, self.clock, opening).await
    }

    /// Arms the alarm for the next message that may be tried.
    fn arm_next(&self) -> Result<(), StoreFault> {
        let Some(due_at) = self.store.earliest_due()? else {
            return Ok(());
        };
        let down_until = self.store.health()?.down_until();
        let at = down_until.map_or(due_at, |until| until.max(due_at));
        self.store.arm(at.max(self.clock.now()))
    }

    /// A random number. Without one there is no jitter, which is a pity and no more.
    fn random(&self) -> u64 {
        random(self.entropy)
            .map(u64::from_be_bytes)
            .unwrap_or(u64::MAX / 2)
    }
}

/// Marks the end of a run however it ends.
struct Running<'a>(&'a Cell<bool>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
