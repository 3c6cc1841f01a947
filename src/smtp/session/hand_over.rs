//! The last octets of content. Before they are given out nothing can have been accepted; from then on
//! it may have been, and a 250 is believed as soon as they are known to be written.

use super::{Cause, Output, Reply, Session, State, UnixMillis};
use crate::limits::FINAL_REPLY_TIMEOUT;

impl Session {
    /// Whoever drives the session is about to write what it was given out last, and will say
    /// [`Self::wrote`]. Without this what is given out counts as written.
    pub fn writing(&mut self) {
        if self.state == State::Acceptance {
            self.state = State::LastWrite;
        }
    }

    /// What was given out last is written. An answer that came meanwhile counts from now on.
    pub fn wrote(&mut self, now: UnixMillis) {
        match std::mem::replace(&mut self.state, State::Acceptance) {
            State::LastWrite => {}
            State::Answered(reply) => {
                self.acceptance_reply(&reply, now);
                self.read_replies(now);
            }
            other => self.state = other,
        }
    }

    /// Whether the server took the message before all of it is known to be written. Nothing more is
    /// to be read until it is, nor when it cannot be: a server that has answered may close.
    pub fn is_answered_early(&self) -> bool {
        matches!(self.state, State::Answered(_))
    }

    /// A reply while the last octets are being written. A refusal is one; an acceptance can only be
    /// one of what has arrived.
    pub(super) fn early_answer(&mut self, reply: &Reply, now: UnixMillis) {
        if reply.code.value() == 250 {
            self.state = State::Answered(reply.clone());
        } else {
            self.acceptance_reply(reply, now);
        }
    }

    /// Has all octets of a chunk written but the last, which is for a write of its own: whatever is
    /// heard before that was said by a server that cannot have the message, and a write that fails
    /// before leaves no doubt. It costs no turn, since nobody is waited for between the two.
    pub(super) fn keep_last(&mut self, mut wire: Vec<u8>) -> Vec<u8> {
        let last = wire.split_off(wire.len().saturating_sub(1));
        if !wire.is_empty() {
            self.outputs.push_back(Output::Transmit(wire));
        }
        last
    }

    /// Has the last octets written.
    pub(super) fn hand_over(&mut self, wire: Vec<u8>, now: UnixMillis) {
        self.outputs.push_back(Output::Transmit(wire));
        self.wait_in(State::HandingOver, FINAL_REPLY_TIMEOUT, now);
        self.mind_half_replies();
    }

    /// Makes sure, before the last octets are given out, that no reply has begun: its end would be
    /// taken for the server's answer to them.
    pub(super) fn mind_half_replies(&mut self) {
        let last_is_next = self.state == State::HandingOver && matches!(self.outputs.len(), 0 | 1);
        if last_is_next && !self.replies.is_drained() {
            self.withhold(Cause::ProtocolError);
        }
    }

    /// The last octets are given out. From here on the server may have accepted.
    pub(super) fn handed_over(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.handed_over = true;
        }
        self.state = State::Acceptance;
    }
}

#[cfg(test)]
mod tests {
    use super::super::halt::tests::{NOW, handing_over, written};
    use crate::{
        outcome::Outcome,
        smtp::{Input, Output},
    };

    /// What comes of the first recipient, when so much is heard while the last octets are in flight,
    /// and they are then written or cannot be.
    fn ends(heard: &[&str], arrives: bool) -> Outcome {
        let mut session = handing_over();
        let Output::Transmit(_) = session.poll_output() else {
            panic!("nothing to write");
        };
        session.writing();
        for octets in heard {
            assert!(matches!(session.poll_output(), Output::NeedInput { .. }));
            session.handle_input(Input::Received(octets.as_bytes()), NOW);
        }
        if arrives {
            session.wrote(NOW);
        } else {
            session.handle_input(Input::Closed, NOW);
        }
        match written(&mut session).1 {
            Output::Concluded(conclusion) => conclusion.outcomes[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn s13_an_acceptance_counts_when_what_it_is_of_is_written() {
        for heard in [
            &["250 ok\r\n"][..],
            &["25", "0 ok\r\n"],
            &["250 ok\r\n421 bye\r\n"],
        ] {
            assert!(matches!(ends(heard, true), Outcome::Accepted(_)));
            assert!(matches!(ends(heard, false), Outcome::InDoubt(_)));
        }
    }

    #[test]
    fn s9_a_refusal_counts_whether_it_is_or_not() {
        for arrives in [true, false] {
            let refused = ends(&["554 5.6.0 no\r\n"], arrives);
            assert!(matches!(refused, Outcome::Rejected(_)), "{refused:?}");
        }
    }

    #[test]
    fn s13_a_reply_that_begins_before_the_last_octets_is_none_to_them() {
        let mut session = handing_over();
        session.handle_input(Input::Received(b"2"), NOW);
        let (text, next) = written(&mut session);
        assert_eq!(text, "");
        let Output::Concluded(conclusion) = next else {
            panic!("{next:?}");
        };
        assert!(matches!(conclusion.outcomes[0], Outcome::Deferred(_)));
    }
}
