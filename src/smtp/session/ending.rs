//! How a transaction ends, and how a session does.

use super::{
    Cause, Command, Failure, Outcome, Output, Reply, Session, State, TlsMode, Trouble, UnixMillis,
};
use crate::{
    limits::REPLY_TIMEOUT,
    smtp::{
        Conclusion,
        classify::{Loss, closing_unasked, loss},
    },
};

impl Session {
    /// Ends a transaction that the server refused as a whole.
    pub(super) fn conclude(&mut self, outcome: &Outcome, closing: bool, now: UnixMillis) {
        self.report(outcome);
        self.end_transaction(closing, now);
    }

    /// Leaves a transaction that did not end in acceptance: with RSET, because servers differ in
    /// what they keep of it, and a message behind it must not meet the rest. Where no message can
    /// follow any more, the connection ends with it: the caller may have no time left to wait.
    pub(super) fn end_transaction(&mut self, closing: bool, now: UnixMillis) {
        let unsettled = Outcome::Deferred(Failure::of_message(Cause::ProtocolError));
        self.report(&unsettled);
        if closing {
            self.fail(connection_lost());
        } else if now >= self.hand_over_by {
            self.fail(Failure::of_message(Cause::ConnectionLost));
        } else {
            self.outputs
                .push_back(Output::Transmit(Command::Rset.to_line()));
            self.wait_in(State::Rset, REPLY_TIMEOUT, now);
        }
    }

    /// Gives out the result of the transaction under way, if one is.
    pub(super) fn report(&mut self, outcome: &Outcome) {
        if let Some(progress) = self.progress.take() {
            self.give_out(progress.conclude(outcome));
        }
    }

    pub(super) fn give_out(&mut self, conclusion: Conclusion) {
        self.outputs.push_back(Output::Concluded(conclusion));
    }

    /// Gives up a transaction whose content is not to be handed over. It says nothing against the
    /// mailbox.
    pub(super) fn withhold(&mut self, cause: Cause) {
        let failure = Failure::of_message(cause);
        self.report(&match cause {
            Cause::ContentUnfit => Outcome::Rejected(failure.clone()),
            _ => Outcome::Deferred(failure.clone()),
        });
        self.fail(failure);
    }

    /// The deadline has passed: the server's, or our own for this message.
    pub(super) fn overdue(&mut self, now: UnixMillis) {
        if self.is_before_content_is_over() && now >= self.hand_over_by {
            self.withhold(Cause::TimedOut);
        } else {
            self.lose(Cause::TimedOut);
        }
    }

    /// A server that speaks before it is spoken to says good-bye (RFC 5321 §3.8), or has lost count,
    /// or somebody speaks for it: its next words would be taken for the answer to a command not yet
    /// written.
    pub(super) fn unasked(&mut self, reply: &Reply) {
        if reply.is_closing() && self.state != State::Quit {
            let failure = closing_unasked(self.service, reply);
            self.report(&Outcome::Deferred(failure.clone()));
            self.fail(failure);
        } else {
            self.lose(Cause::ProtocolError);
        }
    }

    /// The connection is gone, or not to be trusted any more.
    pub(super) fn lose(&mut self, cause: Cause) {
        let mut answered = self.state == State::Rset;
        if let Some(progress) = self.progress.take() {
            answered |= progress.refused_for_all.is_some();
            self.give_out(progress.lost(cause));
        }
        if self.state == State::Quit {
            self.state = State::Done(Ok(()));
            return;
        }
        let failure = match self.place_of(cause) {
            Some(loss) => loss.failure(),
            // The server has said what it thinks of this message. That it then closes says nothing
            // of the mailbox.
            None if answered && cause != Cause::ProtocolError => Failure::of_message(cause),
            None => Failure::of_mailbox(cause, Trouble::Transient),
        };
        self.fail(failure);
    }

    /// Where the place of a loss says more than that it happened.
    fn place_of(&self, cause: Cause) -> Option<Loss> {
        let implicit = self.config.tls == TlsMode::Implicit;
        match (&self.state, cause) {
            // Octets that are no SMTP came through TLS, or through none.
            (_, Cause::ProtocolError) => None,
            (State::Tls, _) => Some(loss::TLS_HANDSHAKE),
            (State::EhloTls, _) if !implicit => Some(loss::TLS_FIRST_OCTETS),
            (State::Greeting, Cause::TimedOut) if !implicit => Some(loss::NO_GREETING),
            // Once there is an octet of it, the port is of the right kind.
            (State::Greeting, Cause::ConnectionLost) if self.replies.is_drained() => {
                Some(if implicit {
                    loss::TLS_AT_START
                } else {
                    loss::NOT_GREETED
                })
            }
            (State::AuthChallenge(_) | State::Auth(_), Cause::ConnectionLost) => {
                Some(loss::AT_AUTH)
            }
            _ => None,
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        // What was to be written is of no use on a connection that is given up.
        self.outputs
            .retain(|output| matches!(output, Output::Concluded(_)));
        self.state = State::Done(Err(failure));
    }
}

pub(super) fn connection_lost() -> Failure {
    Failure::of_mailbox(Cause::ConnectionLost, Trouble::Transient)
}
