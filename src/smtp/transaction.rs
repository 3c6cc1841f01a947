//! One mail transaction: what it is to carry, and what has become of each recipient so far.

use crate::{
    mail::{EmailAddress, Envelope},
    outcome::{Cause, Failure, Outcome},
};

/// What is to be sent: the envelope, and how many octets the content has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Sender and recipients.
    pub envelope: Envelope,
    /// Octets of the content as rendered, which SIZE declares (RFC 1870 §3: dots that are doubled
    /// on the wire do not count).
    pub size: u64,
}

/// A piece of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Octets; more follow.
    More(&'a [u8]),
    /// There is no more.
    End,
}

/// A transaction under way.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) transaction: Transaction,
    outcomes: Vec<Option<Outcome>>,
    /// The end of content was given out to be sent: from here on the server may have accepted.
    pub(super) handed_over: bool,
}

impl Progress {
    pub(super) fn new(transaction: Transaction) -> Self {
        let outcomes = vec![None; transaction.envelope.forward_paths.len()];
        Self {
            transaction,
            outcomes,
            handed_over: false,
        }
    }

    /// The recipient that RCPT number `index` is for.
    pub(super) fn forward_path(&self, index: usize) -> Option<&EmailAddress> {
        self.transaction.envelope.forward_paths.get(index)
    }

    /// Notes what became of one recipient.
    pub(super) fn settle(&mut self, index: usize, outcome: Outcome) {
        if let Some(slot) = self.outcomes.get_mut(index) {
            *slot = Some(outcome);
        }
    }

    /// Whether no recipient is left to send content for.
    pub(super) fn all_settled(&self) -> bool {
        self.outcomes.iter().all(Option::is_some)
    }

    /// The result, where every recipient without an outcome of its own gets `outcome`.
    pub(super) fn conclude(self, outcome: &Outcome) -> Vec<Outcome> {
        self.outcomes
            .into_iter()
            .map(|own| own.unwrap_or_else(|| outcome.clone()))
            .collect()
    }

    /// The result when the connection is lost: in doubt if the server may have accepted the
    /// message, deferred if it cannot have.
    pub(super) fn lost(self, cause: Cause) -> Vec<Outcome> {
        let outcome = if self.handed_over {
            Outcome::InDoubt(Failure::of_message(Cause::AnswerLost))
        } else {
            Outcome::Deferred(Failure::of_message(cause))
        };
        self.conclude(&outcome)
    }
}
