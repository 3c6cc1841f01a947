//! What the owner is to be told of a mailbox, and what they have been told.
//!
//! | what happens | what is told |
//! |---|---|
//! | the mailbox fails, and a person has to act | `mailbox_down`, once for each cause until it works |
//! | the mailbox fails for hours for a reason that should have passed | the same, once |
//! | the mailbox takes a message after that was told | `mailbox_up`, once |
//! | a message has failed, or is in doubt, for good | `messages_failed`, at most one an hour |
//!
//! Told means handed to every channel. A try is noted before it is made, so that neither a Worker
//! that dies nor a store that fails can make an alert into a flood; the price is that one may come
//! twice.

use serde::{Deserialize, Serialize};

use super::{EmailId, Job, State, backoff};
use crate::{
    limits::{
        ALERT_DIGEST_EVERY, ALERT_GIVE_UP, ALERT_IDS, ALERT_LASTING, ALERT_RETRY_FIRST,
        ALERT_RETRY_LONGEST, ALERT_RETRY_SHORTEST, ALERTS_KEPT,
    },
    outcome::{Cause, Failure, Finding, Reach, Trouble},
    time::UnixMillis,
};

/// A way to the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A `POST` of JSON to an address of theirs.
    Url,
    /// A mail through another mailbox.
    Mailbox,
    /// A mail through the platform's Email Service.
    SendEmail,
}

/// What an alert is about. The names are those of its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// The mailbox does not work, and will not by itself.
    MailboxDown,
    /// It works again.
    MailboxUp,
    /// Messages have failed or are in doubt, and nothing more is tried.
    MessagesFailed,
}

/// Something to tell. Nothing in it is of a message but its identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What it is about.
    pub kind: AlertKind,
    /// When there was something to tell.
    pub at: UnixMillis,
    /// Since when it is so.
    pub since: UnixMillis,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// What was recognised in the provider's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// Messages that have failed.
    #[serde(default)]
    pub failed: u32,
    /// Messages in doubt.
    #[serde(default)]
    pub in_doubt: u32,
    /// The messages it is about, the first [`ALERT_IDS`].
    #[serde(default)]
    pub ids: Vec<EmailId>,
    /// The channels that have taken it.
    #[serde(default)]
    told: Vec<Channel>,
    /// Tries so far.
    #[serde(default)]
    tries: u32,
    /// When it is to be told, or told again.
    due_at: UnixMillis,
}

impl Alert {
    fn new(kind: AlertKind, since: UnixMillis, now: UnixMillis) -> Self {
        Self {
            kind,
            at: now,
            since,
            cause: None,
            finding: None,
            failed: 0,
            in_doubt: 0,
            ids: Vec::new(),
            told: Vec::new(),
            tries: 0,
            due_at: now,
        }
    }

    fn because(self, failure: &Failure, id: Option<EmailId>) -> Self {
        Self {
            cause: Some(failure.cause),
            finding: failure.finding.clone(),
            ids: id.into_iter().collect(),
            ..self
        }
    }

    /// A name that no other alert of the mailbox has, and that stays the same however often this one
    /// is told.
    pub fn name(&self) -> String {
        format!("{:?}/{}/{:?}", self.kind, self.at.as_millis(), self.cause)
    }

    /// Whether this channel has yet to take it.
    pub fn wants(&self, channel: Channel) -> bool {
        !self.told.contains(&channel)
    }

    /// This channel has taken it.
    pub fn taken_by(&mut self, channel: Channel) {
        self.told.push(channel);
    }
}

/// Trouble of the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Down {
    since: UnixMillis,
    /// The causes that the owner was told of.
    causes: Vec<Cause>,
    /// Whether they were told of any, so that they have to be told of the end as well.
    announced: bool,
}

/// The record of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLog {
    /// The version of this record's form.
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    down: Option<Down>,
    /// When messages that failed were last told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest_at: Option<UnixMillis>,
    /// What has not reached every channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pending: Vec<Alert>,
}

impl Default for AlertLog {
    fn default() -> Self {
        Self {
            v: Self::VERSION,
            down: None,
            digest_at: None,
            pending: Vec::new(),
        }
    }
}

impl AlertLog {
    const VERSION: u8 = 1;

    /// The form in which it is stored.
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the stored form. What a version of another time has noted and this one cannot read is
    /// forgotten: the worst of it is an alert that comes again.
    pub fn from_stored(stored: &str) -> Self {
        serde_json::from_str(stored)
            .ok()
            .filter(|log: &Self| log.v == Self::VERSION)
            .unwrap_or_default()
    }

    /// The mailbox failed, which the message `id` found out, or the Keeper without one. `heard` is
    /// whether there is any channel; what nobody would hear is not noted as told.
    pub fn mailbox_failed(
        &mut self,
        failure: &Failure,
        id: impl Into<Option<EmailId>>,
        heard: bool,
        now: UnixMillis,
    ) {
        let Reach::Mailbox(trouble) = failure.reach else {
            return;
        };
        let down = self.down.get_or_insert_with(|| Down {
            since: now,
            causes: Vec::new(),
            announced: false,
        });
        // A used-up day passes by itself, but not soon, and only the owner can buy another.
        let needs_person = trouble != Trouble::Transient || failure.cause == Cause::QuotaExceeded;
        let lasts = !down.announced && now.since(down.since) >= ALERT_LASTING;
        if !heard || down.causes.contains(&failure.cause) || !(needs_person || lasts) {
            return;
        }
        down.causes.push(failure.cause);
        down.announced = true;
        let alert = Alert::new(AlertKind::MailboxDown, down.since, now);
        let alert = alert.because(failure, id.into());
        self.keep(alert);
    }

    /// The mailbox is tried with other settings: if it fails with these too, that is news.
    pub fn settings_changed(&mut self) {
        if let Some(down) = &mut self.down {
            down.causes.clear();
        }
    }

    /// The provider has taken the message `id`, or refused it and nothing else.
    pub fn mailbox_works(&mut self, id: EmailId, now: UnixMillis) {
        let Some(down) = self.down.take().filter(|down| down.announced) else {
            return;
        };
        self.keep(Alert {
            ids: vec![id],
            ..Alert::new(AlertKind::MailboxUp, down.since, now)
        });
    }

    /// An attempt has ended. If nothing more is going to be tried and not everybody got the
    /// message, the owner is to know.
    pub fn message_concluded(&mut self, job: &Job, now: UnixMillis) {
        let lost = matches!(job.state, State::Failed | State::InDoubt) && job.due_at.is_none();
        if !lost {
            return;
        }
        let gathering =
            |alert: &&mut Alert| alert.kind == AlertKind::MessagesFailed && alert.tries == 0;
        if self.pending.iter_mut().find(gathering).is_none() {
            let free_at = self.digest_at.map(|at| at.after(ALERT_DIGEST_EVERY));
            self.keep(Alert {
                due_at: free_at.map_or(now, |at| at.max(now)),
                ..Alert::new(AlertKind::MessagesFailed, now, now)
            });
        }
        let Some(digest) = self.pending.iter_mut().find(gathering) else {
            return;
        };
        // The end of an attempt may be noted twice, when it is not certain that it was.
        if digest.ids.contains(&job.id) {
            return;
        }
        digest.at = now;
        let count = match job.state {
            State::InDoubt => &mut digest.in_doubt,
            _ => &mut digest.failed,
        };
        *count = count.saturating_add(1);
        if digest.ids.len() < ALERT_IDS {
            digest.ids.push(job.id);
        }
    }

    /// When there is something to tell.
    pub fn due_at(&self) -> Option<UnixMillis> {
        self.pending.iter().map(|alert| alert.due_at).min()
    }

    /// Drops what is of no use any more: alerts for which there is no channel that has not taken
    /// them, and those that are too old.
    pub fn tidy(&mut self, channels: &[Channel], now: UnixMillis) {
        self.pending.retain(|alert| {
            let wanted = channels.iter().any(|channel| alert.wants(*channel));
            wanted && now.since(alert.at) < ALERT_GIVE_UP
        });
    }

    /// The next alert that is due, with a try noted. To be stored before the try is made, and put
    /// back with what came of it.
    pub fn begin(&mut self, now: UnixMillis, random: u64) -> Option<Alert> {
        let place = self.pending.iter().position(|alert| alert.due_at <= now)?;
        let alert = self.pending.get_mut(place)?;
        alert.tries = alert.tries.saturating_add(1);
        let wait = backoff(
            alert.tries,
            ALERT_RETRY_FIRST,
            ALERT_RETRY_LONGEST,
            ALERT_RETRY_SHORTEST,
            random,
        );
        alert.due_at = now.after(wait);
        let alert = alert.clone();
        if alert.kind == AlertKind::MessagesFailed && alert.tries == 1 {
            self.digest_at = Some(now);
        }
        Some(alert)
    }

    /// Puts back an alert that [`Self::begin`] gave out.
    pub fn tried(&mut self, tried: Alert) {
        let own = self.pending.iter_mut().find(|alert| {
            (alert.kind, alert.at, alert.cause) == (tried.kind, tried.at, tried.cause)
        });
        if let Some(own) = own {
            *own = tried;
        }
    }

    fn keep(&mut self, alert: Alert) {
        if self.pending.len() >= ALERTS_KEPT {
            // Messages have stories that say the same; of the mailbox nothing else tells.
            let mut kinds = self.pending.iter().map(|alert| alert.kind);
            let digest = kinds.position(|kind| kind == AlertKind::MessagesFailed);
            self.pending.remove(digest.unwrap_or(0));
        }
        self.pending.push(alert);
    }
}

#[cfg(test)]
mod tests;
