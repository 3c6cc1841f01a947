//! The session: its states, what goes in and what comes out. What each reply leads to stands in
//! `opening` (until it is ready), `envelope` (MAIL to DATA) and `content` (what comes behind).

mod content;
mod envelope;
mod opening;

use std::{collections::VecDeque, fmt, time::Duration};

use self::content::Content;
use super::{
    Input, Output, Reply, ReplyParser, Service, SessionConfig, Severity, Step,
    capabilities::Capabilities,
    classify::{Loss, loss},
    command::Command,
    sasl::Mechanism,
    transaction::Progress,
};
use crate::{
    limits::{CLOSE_TIMEOUT, REPLY_TIMEOUT},
    outcome::{Cause, Failure, Outcome, Trouble},
    time::UnixMillis,
    tls::TlsMode,
};

/// One connection to a submission server, as a machine without a socket.
///
/// - [`Self::poll_output`] says what to do next. Do it, and poll again, until it says to wait.
/// - [`Self::handle_input`] takes what happened. Octets may be split anywhere. A `Timeout` before
///   the deadline does nothing, and nothing does anything once the session is done.
/// - [`Self::begin`], [`Self::content`] and [`Self::quit`] are the caller's wishes, each in its
///   time as the outputs tell; at any other time they do nothing.
///
/// [`Self::deadline`] also bounds a write that does not get through.
pub struct Session {
    config: SessionConfig,
    /// Whose server this is, as far as it is known.
    service: Option<Service>,
    state: State,
    replies: ReplyParser,
    capabilities: Capabilities,
    progress: Option<Progress>,
    /// When the content of the transaction under way must have been handed over.
    hand_over_by: UnixMillis,
    content: Content,
    outputs: VecDeque<Output>,
    deadline: UnixMillis,
}

/// Named for what is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Greeting,
    Ehlo,
    StartTls,
    Tls,
    /// EHLO over TLS.
    EhloTls,
    /// The empty challenge that asks for the response.
    AuthChallenge(Mechanism),
    Auth(Mechanism),
    /// The refusal that follows an acknowledged error challenge, whose reason is kept.
    AuthRefusal(Option<String>),
    Ready,
    /// The replies to MAIL, RCPT and DATA that the transaction under way counts.
    Envelope,
    /// Pieces of content, from our own side.
    Content,
    Acceptance,
    /// The reply to content that has nobody to go to.
    LoneDot,
    Rset,
    Quit,
    Done(Result<(), Failure>),
}

impl Session {
    /// A session on a connection that has just been opened: in the clear or over TLS, as `config`
    /// says. `host` is the name that the server's certificate has to show.
    pub fn new(config: SessionConfig, host: &str, now: UnixMillis) -> Self {
        Self {
            config,
            service: Service::of_host(host),
            state: State::Greeting,
            replies: ReplyParser::default(),
            capabilities: Capabilities::default(),
            progress: None,
            hand_over_by: now,
            content: Content::default(),
            outputs: VecDeque::new(),
            deadline: now.after(REPLY_TIMEOUT),
        }
    }

    /// When the step that is under way ends by itself.
    pub fn deadline(&self) -> UnixMillis {
        self.deadline
    }

    /// Whether the session is over.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    /// Whether the next thing to happen is the TLS handshake.
    pub fn is_upgrading(&self) -> bool {
        self.state == State::Tls
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match &self.state {
            State::Ready => Output::Ready,
            State::Content => Output::NeedContent(self.content.next_piece()),
            State::Done(result) => Output::Done(result.clone()),
            _ => Output::NeedInput {
                deadline: self.deadline,
            },
        }
    }

    /// Takes what happened to the connection.
    pub fn handle_input(&mut self, input: Input<'_>, now: UnixMillis) {
        if self.is_done() {
            return;
        }
        match input {
            // In the clear, and after the server agreed to TLS.
            Input::Received(octets) if self.state == State::Tls && !octets.is_empty() => {
                self.fail(Failure::of_mailbox(
                    Cause::DataBeforeTls,
                    Trouble::Transient,
                ));
            }
            Input::Received(octets) => {
                self.replies.push(octets);
                self.read_replies(now);
            }
            Input::TlsEstablished if self.state == State::Tls => self.secured(now),
            // Nobody asked for it, so whoever drives the session has lost count.
            Input::TlsEstablished => self.fail(protocol_error()),
            Input::Closed => self.lose(Cause::ConnectionLost),
            Input::Timeout if now >= self.deadline => self.lose(Cause::TimedOut),
            Input::Timeout => {}
        }
    }

    /// Ends the session, when ready.
    pub fn quit(&mut self, now: UnixMillis) {
        if self.state == State::Ready {
            self.outputs
                .push_back(Output::Transmit(Command::Quit.to_line()));
            self.wait_in(State::Quit, CLOSE_TIMEOUT, now);
        }
    }

    fn read_replies(&mut self, now: UnixMillis) {
        loop {
            // Those to one group of commands may come together (RFC 2920 §3.1).
            let owed = match (&self.state, &self.progress) {
                (State::Envelope, Some(progress)) => progress.awaited.len(),
                _ => 1,
            };
            match self.replies.next_reply() {
                Ok(Some(reply)) => self.handle_reply(&reply, now),
                Ok(None) => return,
                Err(_) => self.lose(Cause::ProtocolError),
            }
            let leaving = matches!(self.state, State::Done(_) | State::Tls);
            if leaving {
                return;
            }
            // A server that speaks before it is spoken to has lost count, or somebody speaks for
            // it: its next words would be taken for the answer to a command not yet sent.
            if owed <= 1 && !self.replies.is_drained() {
                self.lose(Cause::ProtocolError);
                return;
            }
        }
    }

    fn handle_reply(&mut self, reply: &Reply, now: UnixMillis) {
        let positive = reply.code.severity() == Severity::PositiveCompletion;
        match self.state.clone() {
            State::Greeting
            | State::Ehlo
            | State::StartTls
            | State::EhloTls
            | State::AuthChallenge(_)
            | State::Auth(_)
            | State::AuthRefusal(_) => self.opening_reply(reply, now),
            State::Envelope => self.envelope_reply(reply, now),
            State::Content => self.refused_early(reply),
            State::Acceptance => self.acceptance_reply(reply, now),
            State::LoneDot => self.end_transaction(reply.is_closing(), now),
            State::Rset if positive => self.state = State::Ready,
            State::Quit => self.state = State::Done(Ok(())),
            // To RSET there is no refusal (RFC 5321 §4.3.2); when ready, nothing was asked.
            State::Rset | State::Ready | State::Tls | State::Done(_) => {
                self.lose(Cause::ConnectionLost);
            }
        }
    }

    /// Ends a transaction that the server refused as a whole.
    fn conclude(&mut self, outcome: &Outcome, closing: bool, now: UnixMillis) {
        self.report(outcome);
        self.end_transaction(closing, now);
    }

    /// Leaves a transaction that did not end in acceptance: with RSET, because servers differ in
    /// what they keep of it, and a message behind it must not meet the rest.
    fn end_transaction(&mut self, closing: bool, now: UnixMillis) {
        let unsettled = Outcome::Deferred(Failure::of_message(Cause::ProtocolError));
        self.report(&unsettled);
        if closing {
            self.fail(connection_lost());
        } else {
            self.ask(&Command::Rset, State::Rset, now);
        }
    }

    /// Gives out the result of the transaction under way, if one is.
    fn report(&mut self, outcome: &Outcome) {
        if let Some(progress) = self.progress.take() {
            self.outputs
                .push_back(Output::Concluded(progress.conclude(outcome)));
        }
    }

    /// The connection is gone, or not to be trusted any more.
    fn lose(&mut self, cause: Cause) {
        if let Some(progress) = self.progress.take() {
            self.outputs
                .push_back(Output::Concluded(progress.lost(cause)));
        }
        if self.state == State::Quit {
            self.state = State::Done(Ok(()));
            return;
        }
        let failure = match self.place_of(cause) {
            Some(loss) => loss.failure(),
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

    fn fail(&mut self, failure: Failure) {
        // What was to be written is of no use on a connection that is given up.
        self.outputs
            .retain(|output| matches!(output, Output::Concluded(_)));
        self.state = State::Done(Err(failure));
    }

    fn ask(&mut self, command: &Command<'_>, awaited: State, now: UnixMillis) {
        self.outputs.push_back(Output::Transmit(command.to_line()));
        self.wait_in(awaited, REPLY_TIMEOUT, now);
    }

    fn wait_in(&mut self, awaited: State, within: Duration, now: UnixMillis) {
        let handing_over = matches!(awaited, State::Envelope | State::Content);
        self.state = awaited;
        self.deadline = now.after(within);
        if handing_over {
            self.deadline = self.deadline.min(self.hand_over_by);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.state)
    }
}

fn protocol_error() -> Failure {
    Failure::of_mailbox(Cause::ProtocolError, Trouble::Transient)
}

fn connection_lost() -> Failure {
    Failure::of_mailbox(Cause::ConnectionLost, Trouble::Transient)
}
