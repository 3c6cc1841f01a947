//! Sending what is due: one message after another over one connection.

mod attempt;
mod due;
mod next;

use std::cell::{Cell, RefCell};

use self::next::next_due;
pub use self::next::wake_if_repaired;
pub(super) use self::next::{next_alarm, resume};
use super::{
    alerts::Owner,
    ports::{
        Alerts, Change, Clock, Connector, Entropy, OutboxStore, StoreFault, TokenCache,
        TokenSource, random,
    },
    recall::Recall,
    submit::{Link, Opening},
    tokens::Tokens,
};
use crate::{
    config::MailboxConfig,
    limits::{ALARM_LOST_AFTER, RUN_SAFETY, STAGING_MAX, STORE_RETRY},
    oauth::{CachedToken, Fingerprint},
    outbox::{EmailId, Job, StoryEvent},
    outcome::{Cause, Failure, Reach, Trouble},
    smtp::{ClientName, SessionConfig},
};

/// What one Outbox remembers between calls, and loses when it is restarted.
#[derive(Debug, Default)]
pub struct Drain {
    running: Cell<bool>,
    /// The end of an attempt that could not be stored. It is known here and nowhere else that the
    /// provider answered, so it is stored before anything else is done.
    unsaved: RefCell<Option<(Job, StoryEvent)>>,
    /// Calls back whoever is in a session.
    pub recall: Recall,
}

impl Drain {
    /// Whether a run is under way, which sees to the alarm when it ends.
    pub fn is_running(&self) -> bool {
        self.running.get()
    }

    /// Whether a message or an alert has been due so long without a try, or a message is leased
    /// without one, that the alarm must have been lost; whoever asks should call [`Outbox::run`].
    ///
    /// # Errors
    /// When storage fails.
    pub fn is_stalled(
        &self,
        store: &impl OutboxStore,
        clock: &impl Clock,
    ) -> Result<bool, StoreFault> {
        if self.running.get() {
            return Ok(false);
        }
        // What can be done next should have been done long ago.
        let next = next_due(store)?.into_iter().chain(store.alerts()?.due_at());
        let overdue = next
            .min()
            .is_some_and(|at| clock.now().since(at) > ALARM_LOST_AFTER);
        Ok(overdue || !store.leased()?.is_empty())
    }
}

/// What led to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The alarm, which the platform keeps until the run has ended.
    Alarm,
    /// A request that found the alarm lost; nothing stands behind this run but what it arms.
    Request,
}

/// An Outbox: its mailbox, and its ports.
#[derive(Debug)]
pub struct Outbox<'a, S, N, K, E, C, T, A> {
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
    /// A fingerprint of everything that decides whether the mailbox works: when it changes, what
    /// was found wrong under the old one is forgotten.
    pub settings: &'a str,
    /// The configuration says STOP.
    pub stop: bool,
    /// The ways to the mailbox's owner.
    pub alerts: &'a A,
    /// What it remembers.
    pub drain: &'a Drain,
}

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
    /// Sends what is due and arms the alarm for what is not. A second call while one is under
    /// way sends nothing: one connection a mailbox, one attempt a message.
    ///
    /// # Errors
    /// When storage fails so that not even the alarm can be armed; the platform then calls again.
    pub async fn run(&self, trigger: Trigger) -> Result<(), StoreFault> {
        if self.drain.running.replace(true) {
            // The alarm that led here is used up, and whoever is running may yet die.
            return self.store.arm(self.clock.now().after(RUN_SAFETY));
        }
        let _running = Running(&self.drain.running);
        // An error is not passed on: the platform retries an alarm a few times in a few minutes,
        // and then never again.
        match self.run_alone(trigger).await {
            Ok(()) => Ok(()),
            Err(StoreFault) => self.store.arm(self.clock.now().after(STORE_RETRY)),
        }
    }

    async fn run_alone(&self, trigger: Trigger) -> Result<(), StoreFault> {
        // The platform keeps an alarm until its handler has ended, and calls again at once after a
        // crash; arming another one here would take the place of that.
        if trigger == Trigger::Request {
            self.store.arm(self.clock.now().after(RUN_SAFETY))?;
        }
        let began = self.clock.now();
        self.recover()?;
        self.sweep()?;
        let health = self.store.health()?;
        let under_these = health.clone().under(self.settings);
        if under_these != health {
            self.store.commit(&Change {
                health: Some(&under_these),
                alerts: self.owner().after_settings()?.as_ref(),
                ..Change::default()
            })?;
        }
        let mut link = None;
        let sent = self.send_due(&mut link).await;
        if let Some(link) = link {
            link.close().await;
        }
        if let Some((_, tokens)) = &self.account {
            tokens.report(self.clock).await;
        }
        sent?;
        self.owner().tell(began).await?;
        // Nothing is awaited between this look and arming, so no message accepted meanwhile can
        // be overlooked.
        self.arm_next()
    }

    /// Settles what an attempt before this one left behind. Nobody is sending now, so whatever is
    /// leased belongs to a life that has ended.
    fn recover(&self) -> Result<(), StoreFault> {
        let unsaved = self.drain.unsaved.borrow().clone();
        if let Some((job, event)) = unsaved {
            // If it is not leased any more the end was stored after all, and what has been done with
            // the message since must not be undone.
            let leased = self.store.leased()?;
            if leased.iter().any(|held| held.id == job.id) {
                self.conclude(&job, &event, false)?;
            }
            self.drain.unsaved.replace(None);
        }
        for mut job in self.store.leased()? {
            match job.found_leased(self.clock.now(), self.random()) {
                Some(event) => self.conclude(&job, &event, false)?,
                None => self.store.realign(&job)?,
            }
        }
        Ok(())
    }

    /// Drops what was kept for messages that never came to be: whoever was handing them in is
    /// long gone.
    fn sweep(&self) -> Result<(), StoreFault> {
        while let Some((id, since)) = self.store.oldest_staging()? {
            if self.clock.now().since(since) < STAGING_MAX {
                break;
            }
            self.store.discard(id)?;
        }
        Ok(())
    }

    /// Stores the end of an attempt, or of a part of one, with what the owner is to know of it. `works`
    /// says that it has shown the mailbox to be in order.
    fn conclude(&self, job: &Job, event: &StoryEvent, works: bool) -> Result<(), StoreFault> {
        self.store.commit(&Change {
            job: Some((job, event)),
            alerts: self.owner().after_attempt(job, works)?.as_ref(),
            ..Change::default()
        })
    }

    /// Notes what ails the mailbox. A failure of one message says that nothing does.
    fn note(&self, id: EmailId, failure: &Failure) -> Result<(), StoreFault> {
        let health = self.store.health()?;
        let noted = health.after_failure(failure, self.settings, self.clock.now(), self.random());
        if noted == health {
            return Ok(());
        }
        self.store.commit(&Change {
            health: Some(&noted),
            alerts: self.owner().after_failure(failure, id)?.as_ref(),
            ..Change::default()
        })
    }

    /// The mailbox cannot be used, as the message `found_by` was to find out: the one that has been due
    /// longest says so in its story, and all wait. It is looked up again, because finding out took
    /// time, and a message may have been called back in it.
    fn put_off(&self, found_by: EmailId, failure: &Failure) -> Result<(), StoreFault> {
        let now = self.clock.now();
        let health = self.store.health()?;
        let health = health.after_failure(failure, self.settings, now, self.random());
        let mut job = self.store.next_due(now)?;
        let event = job.as_mut().and_then(|job| job.postpone(failure, now));
        let about = job.as_ref().map_or(found_by, |job| job.id);
        self.store.commit(&Change {
            job: job.as_ref().zip(event.as_ref()),
            health: Some(&health),
            alerts: self.owner().after_failure(failure, about)?.as_ref(),
            ..Change::default()
        })
    }

    fn is_token_gone(&self) -> bool {
        let account = self.account.as_ref();
        account.is_some_and(|(_, tokens)| tokens.memory.is_empty())
    }

    fn owner(&self) -> Owner<'a, S, K, E, A> {
        Owner {
            store: self.store,
            clock: self.clock,
            entropy: self.entropy,
            alerts: self.alerts,
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
                tls: mailbox.provider.smtp_tls,
            },
        };
        Link::open(self.connector, self.clock, opening).await
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
