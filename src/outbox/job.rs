//! A message in the Outbox, and the one function that moves it from state to state.
//!
//! Every recipient has a state of its own, because a server may take a message for one and not for
//! another; the message's state is drawn from theirs.
//!
//! | a recipient that is | lease | accepted | deferred | rejected | in doubt | postponed | found leased after a restart | rescheduled | canceled |
//! |---|---|---|---|---|---|---|---|---|---|
//! | scheduled, queued or deferred, due | sending | – | – | – | – | deferred | – | scheduled, or queued if for now | canceled |
//! | the same, not due | – | – | – | – | – | – | – | the same | canceled |
//! | in_doubt, due | sending | – | – | – | – | in_doubt | – | – | – |
//! | sending | – | sent | deferred | failed | in_doubt, due once | – | in_doubt, due once | – | – |
//! | anything else | – | – | – | – | – | – | – | – | – |
//!
//! A dash is no transition: nothing changes. The last two columns are for the message as a whole: if
//! one recipient has no transition, nobody has (`schedule.rs`). Where the server takes fewer recipients
//! at a time, an attempt is several transactions; those who are left for the next stay `sending`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{EmailId, StoryEvent, backoff};
use crate::{
    limits::{DOUBT_WAIT, RETRY_FIRST, RETRY_LONGEST, RETRY_SHORTEST},
    mail::{EmailAddress, Envelope, MessageId, Part},
    outcome::{Answer, Cause, Failure, Outcome},
    time::UnixMillis,
};

/// Where a message stands, in the words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted by us, to be sent at a time that its caller has set.
    Scheduled,
    /// Accepted by us, not yet tried.
    Queued,
    /// Leased: an attempt is under way, or was when the Worker died.
    Sending,
    /// The provider took responsibility for it.
    Sent,
    /// Tried, and will be tried again.
    Deferred,
    /// Refused for good, by every recipient or as a whole.
    Failed,
    /// Handed over, and the answer was lost.
    InDoubt,
    /// Called back by its caller before anybody had it.
    Canceled,
}

/// What handed the message in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(pub String);

/// A recipient and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Who.
    pub address: EmailAddress,
    /// Where delivery to it stands.
    pub state: State,
    /// Attempts that ended in doubt so far.
    #[serde(default)]
    pub doubts: u32,
    /// When delivery to it is to be tried; none once it is settled or while it is leased.
    pub due_at: Option<UnixMillis>,
    /// The provider's words when that was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

impl Recipient {
    fn is_due(&self, now: UnixMillis) -> bool {
        self.due_at.is_some_and(|due_at| due_at <= now)
    }

    fn settle(&mut self, outcome: &Outcome, wait: std::time::Duration, now: UnixMillis) {
        self.due_at = None;
        match outcome {
            Outcome::Accepted(answer) => {
                self.state = State::Sent;
                self.answer = Some(answer.clone());
                return;
            }
            Outcome::Rejected(_) => self.state = State::Failed,
            Outcome::Deferred(failure) => {
                self.state = State::Deferred;
                let wait = failure.retry_after.map_or(wait, |asked| wait.max(asked));
                self.due_at = Some(now.after(wait));
            }
            Outcome::InDoubt(_) => {
                self.state = State::InDoubt;
                self.doubts = self.doubts.saturating_add(1);
                // Once more, with the same octets and the same Message-ID; a second doubt stays.
                self.due_at = (self.doubts == 1).then(|| now.after(DOUBT_WAIT));
            }
        }
        self.answer = outcome.failure().and_then(|failure| failure.answer.clone());
    }
}

/// A message in the Outbox, as it is stored but for its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The version of this record's form.
    v: u8,
    /// Its identifier.
    pub id: EmailId,
    /// What handed it in.
    pub source: Source,
    /// When it was accepted.
    pub created_at: UnixMillis,
    /// `MAIL FROM`.
    pub reverse_path: EmailAddress,
    /// `RCPT TO`, each with what became of it.
    pub recipients: Vec<Recipient>,
    /// The `Message-ID` we submit.
    pub message_id: MessageId,
    /// Octets of content.
    pub size: u64,
    /// The order of its parts; nothing where the content is kept as it is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layout: Vec<Part>,
    /// When its caller wanted it sent, if that was not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<UnixMillis>,
    /// Where it stands.
    pub state: State,
    /// Leases so far.
    pub attempts: u32,
    /// When it is to be tried; none once it is settled or while it is leased.
    pub due_at: Option<UnixMillis>,
}

/// A stored record that this version does not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a stored message is of a version this Worker does not know")]
pub struct UnreadableJob;

impl Job {
    /// The version of a message whose content is kept as it is sent.
    const VERSION: u8 = 1;
    /// The version of one whose content is kept in parts: a Worker that knows nothing of parts would
    /// send the first of them alone, and must not read it.
    const VERSION_IN_PARTS: u8 = 2;

    /// A message that has just been accepted, due at once.
    pub fn accepted(
        id: EmailId,
        source: Source,
        envelope: Envelope,
        message_id: MessageId,
        size: u64,
        now: UnixMillis,
    ) -> (Self, StoryEvent) {
        let recipients = envelope.forward_paths.into_iter();
        let job = Self {
            v: Self::VERSION,
            id,
            source,
            created_at: now,
            reverse_path: envelope.reverse_path,
            recipients: recipients
                .map(|address| Recipient {
                    address,
                    state: State::Queued,
                    doubts: 0,
                    due_at: Some(now),
                    answer: None,
                })
                .collect(),
            message_id,
            size,
            layout: Vec::new(),
            scheduled_at: None,
            state: State::Queued,
            attempts: 0,
            due_at: Some(now),
        };
        (job, StoryEvent::to(State::Queued, now))
    }

    /// The same message, its content kept in parts of this order.
    #[must_use]
    pub fn in_parts(self, layout: Vec<Part>) -> Self {
        Self {
            v: Self::VERSION_IN_PARTS,
            layout,
            ..self
        }
    }

    /// The form in which it is stored.
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When it is of a version this code does not know.
    pub fn from_stored(stored: &str) -> Result<Self, UnreadableJob> {
        let job: Self = serde_json::from_str(stored).map_err(|_| UnreadableJob)?;
        let version = if job.layout.is_empty() {
            Self::VERSION
        } else {
            Self::VERSION_IN_PARTS
        };
        if job.v == version {
            Ok(job)
        } else {
            Err(UnreadableJob)
        }
    }

    /// The envelope of the attempt that is leased.
    pub fn leased_envelope(&self) -> Envelope {
        let leased = self
            .recipients
            .iter()
            .filter(|recipient| recipient.state == State::Sending);
        Envelope {
            reverse_path: self.reverse_path.clone(),
            forward_paths: leased.map(|recipient| recipient.address.clone()).collect(),
        }
    }

    /// Begins an attempt for the recipients that are due. To be stored before the first octet of
    /// the transaction leaves.
    pub fn lease(&mut self, now: UnixMillis) -> Option<StoryEvent> {
        let mut any = false;
        for recipient in self
            .recipients
            .iter_mut()
            .filter(|recipient| recipient.is_due(now))
        {
            recipient.state = State::Sending;
            recipient.due_at = None;
            any = true;
        }
        if !any {
            return None;
        }
        self.attempts = self.attempts.saturating_add(1);
        self.draw();
        Some(StoryEvent::to(self.state, now).attempt(self.attempts))
    }

    /// Ends an attempt with what became of each recipient of [`Self::leased_envelope`].
    pub fn conclude(
        &mut self,
        outcomes: &[Outcome],
        now: UnixMillis,
        random: u64,
    ) -> Option<StoryEvent> {
        self.settle(outcomes, &[], now, random)
    }

    /// Notes what became of the recipients of [`Self::leased_envelope`] in one transaction, but for
    /// those of these numbers: they go into a further one of the same attempt, before which this is
    /// to be stored. Nothing changes where there are none.
    pub fn go_on(
        &mut self,
        outcomes: &[Outcome],
        left_over: &[usize],
        now: UnixMillis,
        random: u64,
    ) -> Option<StoryEvent> {
        if left_over.is_empty() {
            return None;
        }
        self.settle(outcomes, left_over, now, random)
    }

    fn settle(
        &mut self,
        outcomes: &[Outcome],
        left_over: &[usize],
        now: UnixMillis,
        random: u64,
    ) -> Option<StoryEvent> {
        if self.state != State::Sending {
            return None;
        }
        let wait = backoff(
            self.attempts,
            RETRY_FIRST,
            RETRY_LONGEST,
            RETRY_SHORTEST,
            random,
        );
        let leased = self
            .recipients
            .iter_mut()
            .filter(|recipient| recipient.state == State::Sending);
        // A result too short would leave recipients leased for ever; what nobody told us of is
        // in doubt.
        let untold = Outcome::InDoubt(Failure::of_message(Cause::AnswerLost));
        let outcomes_and_more = outcomes.iter().chain(std::iter::repeat(&untold));
        let settled = |number: &usize| !left_over.contains(number);
        for (number, (recipient, outcome)) in leased.zip(outcomes_and_more).enumerate() {
            if settled(&number) {
                recipient.settle(outcome, wait, now);
            }
        }
        self.draw();
        let told = outcomes.iter().enumerate();
        let told = told.filter_map(|(number, outcome)| settled(&number).then_some(outcome));
        let event = match told.clone().find_map(Outcome::failure) {
            Some(failure) => StoryEvent::because(self.state, failure, now),
            None => {
                let answer = told.clone().find_map(|outcome| match outcome {
                    Outcome::Accepted(answer) => Some(answer.clone()),
                    _ => None,
                });
                StoryEvent {
                    answer,
                    ..StoryEvent::to(self.state, now)
                }
            }
        };
        Some(event.attempt(self.attempts))
    }

    /// Notes that an attempt could not begin, because the mailbox cannot be used. The message stays
    /// due: the mailbox's health holds it back, and lets it go as soon as the mailbox works.
    pub fn postpone(&mut self, failure: &Failure, now: UnixMillis) -> Option<StoryEvent> {
        let mut due = self
            .recipients
            .iter_mut()
            .filter(|recipient| recipient.is_due(now))
            .peekable();
        due.peek()?;
        // What is in doubt stays so: the doubt is about the attempt before.
        for recipient in due.filter(|recipient| recipient.state != State::InDoubt) {
            recipient.state = State::Deferred;
        }
        self.draw();
        Some(StoryEvent::because(self.state, failure, now))
    }

    /// Settles a lease that nobody holds any more: the Worker died between the lease and the end
    /// of the attempt, and the provider may have the message.
    pub fn found_leased(&mut self, now: UnixMillis, random: u64) -> Option<StoryEvent> {
        let doubt = Outcome::InDoubt(Failure::of_message(Cause::RestartedWhileSending));
        let outcomes = vec![doubt; self.leased_envelope().forward_paths.len()];
        self.conclude(&outcomes, now, random)
    }

    /// Draws the state and the due time of the whole from those of the recipients: what is under
    /// way comes first, then what is still to be done, then doubt, then failure; `sent` means
    /// all of them.
    fn draw(&mut self) {
        let any = |state| {
            self.recipients
                .iter()
                .any(|recipient| recipient.state == state)
        };
        let ranking = [
            State::Sending,
            State::Deferred,
            State::Queued,
            State::Scheduled,
            State::InDoubt,
            State::Failed,
            State::Canceled,
        ];
        self.state = ranking
            .into_iter()
            .find(|state| any(*state))
            .unwrap_or(State::Sent);
        self.due_at = self
            .recipients
            .iter()
            .filter_map(|recipient| recipient.due_at)
            .min();
        if self.state == State::Sending {
            self.due_at = None;
        }
    }
}

mod schedule;

#[cfg(test)]
mod tests;
