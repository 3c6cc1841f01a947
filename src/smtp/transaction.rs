//! One message on its way: what it is to carry, and what has become of each recipient so far.

use std::collections::VecDeque;

use super::Conclusion;
use crate::{
    mail::{EmailAddress, Envelope},
    outcome::{Answer, Cause, Failure, Outcome},
};

/// What is to be sent: the envelope, and what is known of the content beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Sender and recipients.
    pub envelope: Envelope,
    /// Octets of the content as rendered, which SIZE declares (RFC 1870 §3: dots that are doubled
    /// on the wire do not count) and BDAT counts.
    pub size: u64,
    /// What it asks of the server.
    pub needs: Needs,
}

/// What a message asks of the server beyond plain SMTP. The default is nothing: 7-bit content and
/// ASCII headers, which every server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The content has octets above 127 (RFC 6152).
    pub eight_bit: bool,
    /// An address or a header has characters beyond ASCII (RFC 6531).
    pub smtputf8: bool,
}

/// A piece of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Octets; more follow.
    More(&'a [u8]),
    /// There is no more.
    End,
    /// There is more, and it cannot be had.
    Unreadable,
}

/// A command of the envelope whose reply is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Mail,
    /// RCPT for the recipient of this number.
    Rcpt(usize),
    Data,
}

/// Where one recipient stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    /// Not yet named to the server, or named and not yet answered.
    Waiting,
    /// Taken by the server.
    Taken,
    /// One too many for the transaction, and what it comes to if there is no further one.
    Over(Outcome),
    /// Done with.
    Settled(Outcome),
}

/// A transaction under way.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) transaction: Transaction,
    slots: Vec<Slot>,
    /// Commands whose replies are awaited, in the order in which they were written.
    pub(super) awaited: VecDeque<Asked>,
    /// The refusal of the message for everybody, after which no reply of the group means anything.
    pub(super) refused_for_all: Option<Outcome>,
    /// The last octets of the content are being written: from here on the server may have accepted.
    pub(super) handed_over: bool,
}

impl Progress {
    pub(super) fn new(transaction: Transaction) -> Self {
        let slots = vec![Slot::Waiting; transaction.envelope.forward_paths.len()];
        Self {
            transaction,
            slots,
            awaited: VecDeque::new(),
            refused_for_all: None,
            handed_over: false,
        }
    }

    /// The recipients that are to be named to the server, by number.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (usize, &EmailAddress)> {
        let paths = self.transaction.envelope.forward_paths.iter();
        let numbered = self.slots.iter().zip(paths).enumerate();
        numbered
            .filter(|(_, (slot, _))| **slot == Slot::Waiting)
            .map(|(index, (_, path))| (index, path))
    }

    /// The server takes this recipient.
    pub(super) fn take(&mut self, index: usize) {
        self.put(index, Slot::Taken);
    }

    /// This recipient is one too many for the transaction.
    pub(super) fn leave_over(&mut self, index: usize, outcome: Outcome) {
        self.put(index, Slot::Over(outcome));
    }

    /// Notes what became of one recipient.
    pub(super) fn settle(&mut self, index: usize, outcome: Outcome) {
        self.put(index, Slot::Settled(outcome));
    }

    fn put(&mut self, index: usize, now: Slot) {
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = now;
        }
    }

    /// Whether content has anybody to go to.
    pub(super) fn any_taken(&self) -> bool {
        self.slots.contains(&Slot::Taken)
    }

    /// The result when the server took the message for all whom it had taken. Whoever it said
    /// nothing about is not among them.
    pub(super) fn accepted(self, answer: Answer) -> Conclusion {
        let over = |(index, slot): (usize, &Slot)| matches!(slot, Slot::Over(_)).then_some(index);
        let left_over = self.slots.iter().enumerate().filter_map(over).collect();
        let untold = Outcome::Deferred(Failure::of_message(Cause::ProtocolError));
        Conclusion {
            left_over,
            outcomes: self.outcomes(&Outcome::Accepted(answer), &untold),
        }
    }

    /// The result, where every recipient without an outcome of its own gets `outcome`, or what the
    /// server has said to the message as a whole: no later word and no loss changes that.
    pub(super) fn conclude(mut self, outcome: &Outcome) -> Conclusion {
        let refused = self.refused_for_all.take();
        let outcome = refused.as_ref().unwrap_or(outcome);
        Conclusion {
            outcomes: self.outcomes(outcome, outcome),
            left_over: Vec::new(),
        }
    }

    /// The result when the connection is lost: in doubt for those for whom the server may have
    /// accepted the message, deferred for those for whom it cannot have.
    pub(super) fn lost(self, cause: Cause) -> Conclusion {
        let outcome = if self.handed_over {
            Outcome::InDoubt(Failure::of_message(Cause::AnswerLost))
        } else {
            Outcome::Deferred(Failure::of_message(cause))
        };
        self.conclude(&outcome)
    }

    fn outcomes(self, taken: &Outcome, waiting: &Outcome) -> Vec<Outcome> {
        self.slots
            .into_iter()
            .map(|slot| match slot {
                Slot::Waiting => waiting.clone(),
                Slot::Taken => taken.clone(),
                Slot::Over(own) | Slot::Settled(own) => own,
            })
            .collect()
    }
}
