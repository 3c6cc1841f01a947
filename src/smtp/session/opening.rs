//! From the greeting to a session that is ready.

use super::{
    Capabilities, Cause, Command, Failure, Mechanism, Reply, Service, Session, Severity, State,
    Step, TlsMode, Trouble, UnixMillis, protocol_error,
};
use crate::{
    limits::{ANSWER_CHARS, REPLY_TIMEOUT},
    outcome::Answer,
    smtp::{Output, classify::connection_refused, sasl},
};

impl Session {
    pub(super) fn opening_reply(&mut self, reply: &Reply, now: UnixMillis) {
        let positive = reply.code.severity() == Severity::PositiveCompletion;
        // RFC 5321 §4.3.2: no other success is what a server says there.
        let greets = reply.code.value() == 220;
        let offers = reply.code.value() == 250;
        match self.state.clone() {
            State::Greeting if greets && self.config.tls == TlsMode::Implicit => {
                self.secured(now);
            }
            State::Greeting if greets => self.ehlo(State::Ehlo, now),
            State::Greeting => self.refuse(Step::Greeting, reply),
            State::Ehlo if offers => self.start_tls(reply, now),
            // RFC 3207 §4: 220, and no other success, is the consent to TLS.
            State::StartTls if reply.code.value() == 220 => self.upgrade(now),
            State::StartTls => self.refuse(Step::StartTls, reply),
            State::EhloTls if offers => self.authenticate(reply, now),
            State::AuthChallenge(mechanism) if reply.code.value() == 334 => {
                let response = mechanism.response(&self.config.user, &self.config.token);
                self.ask(
                    &Command::SaslResponse(&response),
                    State::Auth(mechanism),
                    now,
                );
            }
            State::Auth(mechanism) if reply.code.value() == 334 => {
                let reason = sasl::challenge_reason(reply);
                self.ask(
                    &Command::SaslAcknowledge(mechanism),
                    State::AuthRefusal(reason),
                    now,
                );
            }
            // RFC 4954 §6: 235, and no other success, is what makes us somebody.
            State::Auth(_) if reply.code.value() == 235 => self.state = State::Ready,
            State::AuthRefusal(_) if positive => self.fail(protocol_error()),
            State::AuthRefusal(reason) => self.refuse_auth(reply, reason.as_deref()),
            State::AuthChallenge(_) | State::Auth(_) => self.refuse_auth(reply, None),
            _ => self.refuse(Step::Ehlo, reply),
        }
    }

    fn refuse(&mut self, step: Step, reply: &Reply) {
        self.fail(connection_refused(self.service, step, reply));
    }

    /// A refusal of AUTH with the reason that the error challenge gave, which comes whole whatever
    /// the length of the server's words.
    fn refuse_auth(&mut self, reply: &Reply, reason: Option<&str>) {
        let failure = connection_refused(self.service, Step::Auth, reply);
        self.fail(match (reason, &failure.answer) {
            (Some(reason), Some(words)) => {
                let room = ANSWER_CHARS.saturating_sub(reason.chars().count().saturating_add(3));
                let words: String = words.as_str().chars().take(room).collect();
                failure.answered(Answer::new(&format!("{words} ({reason})")))
            }
            _ => failure,
        });
    }

    /// From here on the connection is encrypted, and whatever was learned before is forgotten
    /// (RFC 3207 §4.2).
    pub(super) fn secured(&mut self, now: UnixMillis) {
        self.capabilities = Capabilities::default();
        self.ehlo(State::EhloTls, now);
    }

    fn ehlo(&mut self, awaited: State, now: UnixMillis) {
        let name = self.config.client_name.clone();
        self.ask(&Command::Ehlo(&name), awaited, now);
    }

    fn start_tls(&mut self, reply: &Reply, now: UnixMillis) {
        if Capabilities::read(reply).starttls {
            self.ask(&Command::StartTls, State::StartTls, now);
        } else {
            self.fail(Failure::of_mailbox(
                Cause::TlsNotOffered,
                Trouble::Configuration,
            ));
        }
    }

    fn upgrade(&mut self, now: UnixMillis) {
        match self.replies.drained() {
            Some(proof) => {
                self.outputs.push_back(Output::UpgradeTls(proof));
                self.wait_in(State::Tls, REPLY_TIMEOUT, now);
            }
            None => self.fail(Failure::of_mailbox(
                Cause::DataBeforeTls,
                Trouble::Transient,
            )),
        }
    }

    fn authenticate(&mut self, reply: &Reply, now: UnixMillis) {
        self.capabilities = Capabilities::read(reply);
        // RFC 5321 §4.1.1.1: the first word is the server's name.
        let name = reply.lines.first().and_then(|line| line.split(' ').next());
        self.service = self.service.or_else(|| Service::of_host(name?));
        let Some(mechanism) = Mechanism::of(self.capabilities) else {
            self.fail(Failure::of_mailbox(
                Cause::AuthNotOffered,
                Trouble::Configuration,
            ));
            return;
        };
        let response = mechanism.response(&self.config.user, &self.config.token);
        if mechanism.fits_inline(&response) {
            self.ask(
                &Command::Auth(mechanism, Some(&response)),
                State::Auth(mechanism),
                now,
            );
        } else {
            self.ask(
                &Command::Auth(mechanism, None),
                State::AuthChallenge(mechanism),
                now,
            );
        }
    }
}
