//! A message that waits for its time, or is called back.
//!
//! Both can be done until the moment of sending, and with every message that nobody has: one that is
//! scheduled or queued, and one that was deferred for everybody. Once a recipient has it or may have it,
//! the message has been sent, whatever the others still wait for.

use super::{Job, State};
use crate::{outbox::StoryEvent, time::UnixMillis};

impl Job {
    /// The same message, to be sent at `at`.
    pub fn scheduled(mut self, at: UnixMillis, now: UnixMillis) -> (Self, StoryEvent) {
        let event = self.wait_until(Some(at), now);
        (self, event)
    }

    /// Has the message sent at another time, or at once.
    ///
    /// # Errors
    /// With its state, where it is too late.
    pub fn reschedule(
        &mut self,
        at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<StoryEvent, State> {
        if !self.is_with_nobody() {
            return Err(self.state);
        }
        Ok(self.wait_until(at, now))
    }

    /// Calls the message back. To do so twice is to do it once, so that a caller who heard no answer
    /// may ask again.
    ///
    /// # Errors
    /// With its state, where it is too late.
    pub fn cancel(&mut self, now: UnixMillis) -> Result<Option<StoryEvent>, State> {
        if self.state == State::Canceled {
            return Ok(None);
        }
        if !self.is_with_nobody() {
            return Err(self.state);
        }
        for recipient in &mut self.recipients {
            recipient.state = State::Canceled;
            recipient.due_at = None;
        }
        self.draw();
        Ok(Some(StoryEvent::to(self.state, now)))
    }

    fn wait_until(&mut self, at: Option<UnixMillis>, now: UnixMillis) -> StoryEvent {
        let state = at.map_or(State::Queued, |_| State::Scheduled);
        for recipient in &mut self.recipients {
            recipient.state = state;
            recipient.due_at = Some(at.unwrap_or(now));
        }
        self.scheduled_at = at;
        self.draw();
        StoryEvent {
            scheduled_at: at,
            ..StoryEvent::to(self.state, now)
        }
    }

    /// Whether it is certain of every recipient that they do not have the message, and that they are
    /// not just getting it.
    fn is_with_nobody(&self) -> bool {
        self.recipients.iter().all(|recipient| {
            matches!(
                recipient.state,
                State::Scheduled | State::Queued | State::Deferred
            )
        })
    }
}
