//! One line of a message's story.

use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    outcome::{Answer, Blame, Cause, Failure, Finding},
    time::UnixMillis,
};

/// A transition: when, to what, and why. Stored as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryEvent {
    /// When.
    pub at: UnixMillis,
    /// The state the message went into.
    pub state: State,
    /// When it is to be sent, where its caller has set a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<UnixMillis>,
    /// The number of the attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Who can put it right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blame: Option<Blame>,
    /// What was recognised in the provider's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// The way the message took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// The provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// The way a message takes to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// SMTP submission.
    Smtp,
}

impl StoryEvent {
    /// A transition without a failure.
    pub(super) fn to(state: State, at: UnixMillis) -> Self {
        Self {
            at,
            state,
            scheduled_at: None,
            attempt: None,
            cause: None,
            blame: None,
            finding: None,
            transport: None,
            answer: None,
        }
    }

    /// A transition because of `failure`.
    pub(super) fn because(state: State, failure: &Failure, at: UnixMillis) -> Self {
        Self {
            cause: Some(failure.cause),
            blame: Some(failure.cause.blame()),
            finding: failure.finding.clone(),
            answer: failure.answer.clone(),
            ..Self::to(state, at)
        }
    }

    pub(super) fn attempt(self, attempt: u32) -> Self {
        Self {
            attempt: Some(attempt),
            transport: Some(Transport::Smtp),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Trouble;

    /// Pins the stored form of a line: stories are read as long as their messages are kept.
    #[test]
    fn the_stored_form_is_pinned() {
        let failure = Failure::of_mailbox(Cause::TlsFailed, Trouble::Transient)
            .answered(Answer::new("220 go"));
        let event = StoryEvent::because(State::Deferred, &failure, UnixMillis::new(1)).attempt(2);
        let stored = concat!(
            r#"{"at":1,"state":"deferred","attempt":2,"cause":"tls_failed","blame":"provider","#,
            r#""transport":"smtp","answer":"220 go"}"#
        );
        assert_eq!(serde_json::to_string(&event).unwrap(), stored);
        assert_eq!(serde_json::from_str::<StoryEvent>(stored).unwrap(), event);
    }
}
