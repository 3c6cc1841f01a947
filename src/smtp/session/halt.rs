//! Ending a session before its work is done, without a doubt about any message.

use super::{Cause, Failure, Session, State};

impl Session {
    /// Whether [`Self::halt`] would end the session now. It would not while a message is with the
    /// server, which may have accepted it: whoever left then would not know.
    pub fn can_halt(&self) -> bool {
        !matches!(
            self.state,
            State::Ready
                | State::Acceptance
                | State::LastWrite
                | State::Answered(_)
                | State::Quit
                | State::Done(_)
        )
    }

    /// No MAIL is written from here on. What is under way ends at once where the server cannot have
    /// accepted it, because its last octet was not given out to be sent, and else with the server's
    /// answer. A session that is ready stays so, for a QUIT.
    pub fn halt(&mut self) {
        self.halted = true;
        if !self.can_halt() {
            return;
        }
        if let Some(progress) = self.progress.take() {
            self.give_out(progress.lost(Cause::Stopped));
        }
        self.fail(Failure::of_message(Cause::Stopped));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Session, SessionConfig, TlsMode, UnixMillis};
    use crate::{
        mail::{EmailAddress, Envelope},
        outcome::{Cause, Outcome},
        secret::AccessToken,
        smtp::{ClientName, Input, Needs, Output, Piece, Transaction},
    };

    pub(in super::super) const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);
    const LATER: UnixMillis = UnixMillis::new(1_795_339_900_000);

    /// What it wants to write, until it waits for something else.
    pub(in super::super) fn written(session: &mut Session) -> (String, Output) {
        let mut text = String::new();
        loop {
            match session.poll_output() {
                Output::Transmit(octets) => text.push_str(&String::from_utf8_lossy(&octets)),
                other => return (text, other),
            }
        }
    }

    fn hear(session: &mut Session, replies: &[&str]) {
        for reply in replies {
            let _ = written(session);
            session.handle_input(Input::Received(reply.as_bytes()), NOW);
        }
    }

    /// A message for two, of whom the server takes one at a time.
    fn transaction() -> Transaction {
        let user: EmailAddress = "sales@shop.test".parse().unwrap();
        Transaction {
            envelope: Envelope {
                reverse_path: user.clone(),
                forward_paths: vec![user.clone(), user],
            },
            size: 3,
            needs: Needs::default(),
        }
    }

    /// A session whose content is out but for its end, and whose second recipient is left over.
    pub(in super::super) fn handing_over() -> Session {
        let user: EmailAddress = "sales@shop.test".parse().unwrap();
        let mut session = Session::new(
            SessionConfig {
                client_name: ClientName::of(&user),
                user,
                token: AccessToken::new("token").unwrap(),
                tls: TlsMode::Implicit,
            },
            "mx.test",
            NOW,
        );
        let ehlo = "250-mx\r\n250 AUTH XOAUTH2\r\n";
        hear(&mut session, &["220 mx\r\n", ehlo, "235 ok\r\n"]);
        session.begin(transaction(), LATER, NOW);
        let too_many = "452 4.5.3 too many recipients\r\n";
        hear(
            &mut session,
            &["250 ok\r\n", "250 ok\r\n", too_many, "354 go\r\n"],
        );
        session.content(Piece::More(b"a\r\n"), NOW);
        assert_eq!(written(&mut session).0, "a\r\n");
        session.content(Piece::End, NOW);
        session
    }

    /// The same, with its last octet given out.
    fn handed_over() -> Session {
        let mut session = handing_over();
        assert_eq!(written(&mut session).0, ".\r\n");
        session
    }

    #[test]
    fn d8_a_message_that_is_with_the_server_is_waited_for_and_no_mail_follows() {
        for halts in [false, true] {
            let mut session = handed_over();
            assert!(!session.can_halt());
            if halts {
                session.halt();
            }
            session.handle_input(Input::Received(b"250 ok\r\n"), NOW);
            let (text, next) = written(&mut session);
            assert_eq!(text, "");
            let Output::Concluded(conclusion) = next else {
                panic!("{next:?}");
            };
            assert!(matches!(
                conclusion.outcomes[..],
                [Outcome::Accepted(_), Outcome::Deferred(_)]
            ));
            assert_eq!(conclusion.left_over, [1]);
            session.begin(transaction(), LATER, NOW);
            let (text, next) = written(&mut session);
            assert_eq!(text.starts_with("MAIL"), !halts, "{text}");
            if halts {
                // Ready for QUIT, and for nothing else.
                assert!(matches!(next, Output::Ready));
                session.quit(NOW);
                assert_eq!(written(&mut session).0, "QUIT\r\n");
            }
        }
    }

    #[test]
    fn d8_an_end_of_content_that_was_not_given_out_is_not_written_and_leaves_no_doubt() {
        let mut session = handing_over();
        assert!(session.is_about_to_write() && session.can_halt());
        session.halt();
        let (text, next) = written(&mut session);
        assert_eq!(text, "");
        let Output::Concluded(conclusion) = next else {
            panic!("{next:?}");
        };
        let deferred = |outcome: &Outcome| matches!(outcome, Outcome::Deferred(_));
        assert!(conclusion.outcomes.iter().all(deferred), "{conclusion:?}");
        assert!(conclusion.left_over.is_empty());
        let Output::Done(Err(failure)) = session.poll_output() else {
            panic!("it goes on");
        };
        assert_eq!(failure.cause, Cause::Stopped);
    }
}
