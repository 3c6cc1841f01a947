//! MAIL, RCPT and DATA: one by one, or in a group where the server offers PIPELINING.

use super::{
    Cause, Command, Content, Failure, Outcome, Reply, Session, Severity, State, Step, UnixMillis,
};
use crate::{
    limits::REPLY_TIMEOUT,
    smtp::{
        Output, Transaction,
        classify::refused,
        transaction::{Asked, Progress},
    },
};

impl Session {
    /// Begins a transaction, when ready. Content that is not handed over whole by `hand_over_by` is
    /// not handed over at all: the caller would not be there for the answer.
    pub fn begin(&mut self, transaction: Transaction, hand_over_by: UnixMillis, now: UnixMillis) {
        if self.state != State::Ready || self.halted {
            return;
        }
        let missing = self.missing_for(&transaction);
        self.progress = Some(Progress::new(transaction));
        if let Some(cause) = missing {
            self.report(&Outcome::Rejected(Failure::of_message(cause)));
            return;
        }
        self.hand_over_by = hand_over_by;
        if self.replies.is_drained() {
            self.say_envelope(now);
        } else {
            // The server has begun to speak, and its words would be taken for the answer.
            self.lose(Cause::ProtocolError);
        }
    }

    /// What the server does not offer and the message cannot do without. There is no use in
    /// beginning what it said it will not take.
    fn missing_for(&self, transaction: &Transaction) -> Option<Cause> {
        let offered = self.capabilities;
        let needs = transaction.needs;
        // RFC 1870 §6.1.
        let too_large = offered
            .size
            .is_some_and(|max| max != 0 && transaction.size > max);
        if too_large {
            Some(Cause::MessageTooLarge)
        } else if needs.eight_bit && !offered.eight_bit {
            Some(Cause::EightBitNotOffered)
        } else if needs.smtputf8 && !offered.smtputf8 {
            Some(Cause::SmtpUtf8NotOffered)
        } else {
            None
        }
    }

    /// Writes MAIL; with PIPELINING every RCPT behind it, and DATA where that is how content goes.
    /// DATA ends its group, BDAT waits until somebody was taken (RFC 2920 §3.1).
    fn say_envelope(&mut self, now: UnixMillis) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        let envelope = &progress.transaction.envelope;
        let mail = Command::Mail {
            reverse_path: &envelope.reverse_path,
            size: self.capabilities.size.map(|_| progress.transaction.size),
            needs: progress.transaction.needs,
        };
        let mut group = mail.to_line();
        let mut awaited = vec![Asked::Mail];
        if self.capabilities.pipelining {
            for (index, forward_path) in progress.waiting() {
                group.extend(Command::Rcpt(forward_path).to_line());
                awaited.push(Asked::Rcpt(index));
            }
            if !self.capabilities.chunking {
                group.extend(Command::Data.to_line());
                awaited.push(Asked::Data);
            }
        }
        progress.refused_for_all = None;
        progress.awaited = awaited.into();
        self.outputs.push_back(Output::Transmit(group));
        self.wait_in(State::Envelope, REPLY_TIMEOUT, now);
    }

    /// A reply to the command of the envelope that has waited longest.
    pub(super) fn envelope_reply(&mut self, reply: &Reply, now: UnixMillis) {
        let closing = reply.is_closing();
        let positive = reply.code.severity() == Severity::PositiveCompletion;
        let service = self.service;
        let Some(progress) = &mut self.progress else {
            return;
        };
        match progress.awaited.pop_front() {
            Some(Asked::Mail) if positive => {}
            Some(Asked::Mail) => {
                let outcome = refused(service, Step::Mail, reply).outcome;
                if closing {
                    return self.conclude(&outcome, closing, now);
                }
                progress.refused_for_all = Some(outcome);
            }
            Some(Asked::Rcpt(index)) => {
                // Behind a refused MAIL a refusal means nothing: it is about the order of commands. Nor
                // does it behind one that was for all.
                let judged = progress.refused_for_all.is_none();
                if positive {
                    progress.take(index);
                } else if judged {
                    let judgement = refused(service, Step::Rcpt, reply);
                    if judgement.for_all {
                        // Who was taken before gets nothing either: the mailbox may not send.
                        if closing {
                            return self.conclude(&judgement.outcome, closing, now);
                        }
                        progress.refused_for_all = Some(judgement.outcome);
                    } else if judgement.further_transaction {
                        progress.leave_over(index, judgement.outcome);
                    } else {
                        progress.settle(index, judgement.outcome);
                    }
                }
                if closing {
                    return self.lose(Cause::ConnectionLost);
                }
            }
            Some(Asked::Data) => return self.data_reply(reply, now),
            None => return self.lose(Cause::ProtocolError),
        }
        self.wait_in(State::Envelope, REPLY_TIMEOUT, now);
        self.next_of_envelope(now);
    }

    /// What comes when every reply of the group is there.
    fn next_of_envelope(&mut self, now: UnixMillis) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        if !progress.awaited.is_empty() {
            return;
        }
        if let Some(outcome) = progress.refused_for_all.clone() {
            return self.conclude(&outcome, false, now);
        }
        let next = progress.waiting().next();
        if let Some((index, forward_path)) = next {
            let line = Command::Rcpt(forward_path).to_line();
            progress.awaited.push_back(Asked::Rcpt(index));
            self.outputs.push_back(Output::Transmit(line));
        } else if !progress.any_taken() {
            // Nobody is left: RSET instead of content that would be refused.
            self.end_transaction(false, now);
        } else if self.capabilities.chunking {
            self.say_bdat(now);
        } else {
            progress.awaited.push_back(Asked::Data);
            self.ask(&Command::Data, State::Envelope, now);
        }
    }

    fn data_reply(&mut self, reply: &Reply, now: UnixMillis) {
        let Some(progress) = &self.progress else {
            return;
        };
        let any_taken = progress.any_taken();
        match (reply.code.value(), progress.refused_for_all.clone()) {
            (354, None) if any_taken => {
                let transaction = &progress.transaction;
                self.content = Content::by_data(transaction);
                self.want_content(now);
            }
            // The server would send an empty message to those it says it took.
            (354, Some(outcome)) if any_taken => {
                self.report(&outcome);
                self.fail(Failure::of_message(Cause::ProtocolError));
            }
            // RFC 2920 §3.1: a server that wants content though nobody was taken gets none of it.
            (354, outcome) => {
                let nobody = Outcome::Deferred(Failure::of_message(Cause::ProtocolError));
                self.report(&outcome.unwrap_or(nobody));
                self.outputs.push_back(Output::Transmit(b".\r\n".to_vec()));
                self.wait_in(State::LoneDot, REPLY_TIMEOUT, now);
            }
            // The first refusal decides: this one is about the order of commands.
            (_, Some(outcome)) => self.conclude(&outcome, reply.is_closing(), now),
            (_, None) if !any_taken => self.end_transaction(reply.is_closing(), now),
            (_, None) => {
                let outcome = refused(self.service, Step::Data, reply).outcome;
                self.conclude(&outcome, reply.is_closing(), now);
            }
        }
    }
}
