//! When the next run is: what can be done next, and the alarm that is armed for it.

use super::{
    super::ports::{
        Alerts, Clock, Connector, Entropy, OutboxStore, StoreFault, TokenCache, TokenSource,
    },
    Outbox,
};
use crate::{
    limits::{STAGING_MAX, STOP_LOOK},
    outbox::Health,
    time::UnixMillis,
};

impl<S, N, K, E, C, T, A> Outbox<'_, S, N, K, E, C, T, A>
where
    S: OutboxStore,
    N: Connector,
    K: Clock,
    E: Entropy,
    C: TokenCache,
    T: TokenSource,
    A: Alerts,
{
    /// Arms the alarm for what comes next.
    pub(super) fn arm_next(&self) -> Result<(), StoreFault> {
        let now = self.clock.now();
        match next_alarm(self.store, now)? {
            // What is due stays due, and must not make the alarm spin.
            Some(at) if self.stop => self.store.arm(at.max(now.after(STOP_LOOK))),
            Some(at) => self.store.arm(at),
            None => self.store.disarm(),
        }
    }
}

/// When the next message may be tried, the owner is to be told something, or content that never
/// became a message is to be swept.
pub(in crate::app) fn next_alarm(
    store: &impl OutboxStore,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, StoreFault> {
    let staging = store.oldest_staging()?;
    let sweep = staging.map(|(_, since)| since.after(STAGING_MAX));
    let alert = store.alerts()?.due_at();
    let next = next_due(store)?.into_iter().chain(sweep).chain(alert).min();
    Ok(next.map(|at| at.max(now)))
}

/// When the next message may be tried, if any may.
pub(super) fn next_due(store: &impl OutboxStore) -> Result<Option<UnixMillis>, StoreFault> {
    let Some(due_at) = store.earliest_due()? else {
        return Ok(None);
    };
    if store.standing()?.stopped.is_some() {
        return Ok(None);
    }
    let down_until = store.health()?.down_until();
    Ok(Some(down_until.map_or(due_at, |until| until.max(due_at))))
}

/// Forgets what was found of the mailbox and tries at once what waits for it: somebody has connected
/// it, or says that it works again.
///
/// # Errors
/// When storage fails.
pub(in crate::app) fn resume(
    store: &impl OutboxStore,
    clock: &impl Clock,
) -> Result<(), StoreFault> {
    if store.health()? != Health::Up {
        store.set_health(&Health::Up)?;
    }
    if store.earliest_due()?.is_some() {
        store.arm(clock.now())?;
    }
    Ok(())
}

/// Wakes an Outbox whose mailbox was found down under other settings than those of now: a deploy tells
/// nobody, and the next probe may be hours away. For whoever looks how the mailbox is.
///
/// # Errors
/// When storage fails.
pub fn wake_if_repaired(
    store: &impl OutboxStore,
    settings: &str,
    clock: &impl Clock,
) -> Result<(), StoreFault> {
    let health = store.health()?;
    if health.clone().under(settings) == health {
        return Ok(());
    }
    match next_due(store)? {
        Some(_) => store.arm(clock.now()),
        None => Ok(()),
    }
}
