//! Telling the owner: what a run of the Outbox found out is noted beside it, and told when the mail
//! work is done.

use super::{
    drain::{Drain, next_alarm},
    ports::{Alerts, Change, Clock, Entropy, OutboxStore, StoreFault, random},
    submit::by,
};
use crate::{
    limits::{ALERT_RUN_MAX, ALERT_TIMEOUT, FLIGHT_BEGIN_MAX},
    outbox::{AlertLog, Channel, EmailId, Job},
    outcome::Failure,
    time::UnixMillis,
};

/// Notes what the Keeper of the mailbox's credential has found out, so that the owner is told although
/// no message has met it; whether there is a channel by which they are. Not during a run, which has its own idea of what was told; the Keeper comes
/// again.
///
/// # Errors
/// During a run, and when storage fails.
pub fn learn(
    store: &impl OutboxStore,
    drain: &Drain,
    alerts: &impl Alerts,
    clock: &impl Clock,
    failure: &Failure,
) -> Result<bool, StoreFault> {
    if drain.is_running() {
        return Err(StoreFault);
    }
    let mut log = store.alerts()?;
    let now = clock.now();
    let heard = !alerts.channels().is_empty();
    log.mailbox_failed(failure, None, heard, now);
    store.commit(&Change {
        alerts: Some(&log),
        ..Change::default()
    })?;
    if let Some(at) = next_alarm(store, now)? {
        store.arm(at)?;
    }
    Ok(heard)
}

/// The owner of one mailbox, as its Outbox knows them.
pub(super) struct Owner<'a, S, K, E, A> {
    pub(super) store: &'a S,
    pub(super) clock: &'a K,
    pub(super) entropy: &'a E,
    pub(super) alerts: &'a A,
}

impl<S: OutboxStore, K: Clock, E: Entropy, A: Alerts> Owner<'_, S, K, E, A> {
    /// The record after a failure that the message `id` met; nothing if it is as before.
    pub(super) fn after_failure(
        &self,
        failure: &Failure,
        id: EmailId,
    ) -> Result<Option<AlertLog>, StoreFault> {
        let heard = !self.alerts.channels().is_empty();
        self.changed(|log| log.mailbox_failed(failure, id, heard, self.clock.now()))
    }

    /// The record after an attempt. `works` says that it has shown the mailbox to be in order.
    pub(super) fn after_attempt(
        &self,
        job: &Job,
        works: bool,
    ) -> Result<Option<AlertLog>, StoreFault> {
        let heard = !self.alerts.channels().is_empty();
        self.changed(|log| {
            if works {
                log.mailbox_works(job.id, self.clock.now());
            }
            if heard {
                log.message_concluded(job, self.clock.now());
            }
        })
    }

    /// The record after a change of the mailbox's settings.
    pub(super) fn after_settings(&self) -> Result<Option<AlertLog>, StoreFault> {
        self.changed(AlertLog::settings_changed)
    }

    fn changed(&self, change: impl FnOnce(&mut AlertLog)) -> Result<Option<AlertLog>, StoreFault> {
        let before = self.store.alerts()?;
        let mut log = before.clone();
        change(&mut log);
        Ok((log != before).then_some(log))
    }

    /// Tells what is due, in a run that began then. Whatever a channel does, this ends soon: mail
    /// that is accepted meanwhile is waiting.
    pub(super) async fn tell(&self, run_began: UnixMillis) -> Result<(), StoreFault> {
        let began = self.clock.now();
        let channels = self.alerts.channels();
        let mut silent: Vec<Channel> = Vec::new();
        let mut log = self.store.alerts()?;
        let before = log.clone();
        log.tidy(channels, began);
        if log != before {
            self.store(&log)?;
        }
        loop {
            let now = self.clock.now();
            let late = now.since(run_began) > FLIGHT_BEGIN_MAX || now.since(began) > ALERT_RUN_MAX;
            if late || channels.iter().all(|channel| silent.contains(channel)) {
                return Ok(());
            }
            let Some(mut alert) = log.begin(now, self.random()) else {
                return Ok(());
            };
            self.store(&log)?;
            let waiting = self.store.waiting()?;
            for channel in channels {
                // One that has just failed is not worth another deadline in this run.
                if !alert.wants(*channel) || silent.contains(channel) {
                    continue;
                }
                let deadline = self.clock.now().after(ALERT_TIMEOUT);
                let told = self.alerts.tell(*channel, &alert, waiting);
                match by(self.clock, deadline, told).await {
                    Some(Ok(())) => alert.taken_by(*channel),
                    Some(Err(_)) | None => silent.push(*channel),
                }
            }
            log.tried(alert);
            log.tidy(channels, self.clock.now());
            self.store(&log)?;
        }
    }

    fn store(&self, log: &AlertLog) -> Result<(), StoreFault> {
        self.store.commit(&Change {
            alerts: Some(log),
            ..Change::default()
        })
    }

    fn random(&self) -> u64 {
        random(self.entropy)
            .map(u64::from_be_bytes)
            .unwrap_or(u64::MAX / 2)
    }
}
