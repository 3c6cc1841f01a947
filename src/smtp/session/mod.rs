//! The session: its states, what goes in and what comes out. What each reply leads to stands in
//! `opening` (until it is ready), `envelope` (MAIL to DATA), `content` and `hand_over` (what comes behind)
//! and `ending`; how a session ends that is called back, in `halt`.

mod content;
mod ending;
mod envelope;
mod halt;
mod hand_over;
mod opening;

use std::{collections::VecDeque, fmt, time::Duration};

use self::content::Content;
use super::{
    Input, Output, Reply, ReplyParser, Service, SessionConfig, Severity, Step,
    capabilities::Capabilities, command::Command, sasl::Mechanism, transaction::Progress,
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
    /// No transaction begins any more.
    halted: bool,
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
    /// That BDAT is written, which content follows at once.
    Chunk,
    /// Pieces of content, from our own side.
    Content,
    /// That the last octets are given out. Until then nothing can be accepted.
    HandingOver,
    /// The reply to content that was handed over whole.
    Acceptance,
    /// The same, while the last octets are not known to be written.
    LastWrite,
    /// That they are, after the server took the message.
    Answered(Reply),
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
            halted: false,
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

    /// Whether the next output is octets to be written. Before that is asked for, whoever drives the
    /// session does well to hand in what has come: a server that is gone, or has spoken unasked,
    /// makes the session think better of it.
    pub fn is_about_to_write(&self) -> bool {
        matches!(self.outputs.front(), Some(Output::Transmit(_)))
    }

    /// What to do next. Octets that are given out count as written, but for the last ones of content
    /// where [`Self::writing`] says that they are not yet.
    pub fn poll_output(&mut self) -> Output {
        self.mind_half_replies();
        if let Some(output) = self.outputs.pop_front() {
            if let Output::Transmit(_) = &output {
                self.written();
            }
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
                if self.is_answered_early() {
                    return;
                }
                self.read_replies(now);
            }
            Input::TlsEstablished if self.state == State::Tls => self.secured(now),
            // Nobody asked for it, so whoever drives the session has lost count.
            Input::TlsEstablished => self.lose(Cause::ProtocolError),
            Input::Closed => self.lose(Cause::ConnectionLost),
            Input::Timeout if now >= self.deadline => self.overdue(now),
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

    fn written(&mut self) {
        match self.state {
            State::Chunk => self.state = State::Content,
            State::HandingOver if !self.is_about_to_write() => self.handed_over(),
            _ => {}
        }
    }

    fn read_replies(&mut self, now: UnixMillis) {
        loop {
            match self.replies.next_reply() {
                Ok(Some(reply)) if self.awaits_reply() => self.handle_reply(&reply, now),
                Ok(Some(reply)) => self.unasked(&reply),
                Ok(None) => break,
                Err(_) => self.lose(Cause::ProtocolError),
            }
            let leaving = matches!(self.state, State::Done(_) | State::Tls | State::Answered(_));
            if leaving {
                return;
            }
        }
        // The beginning of a reply that nobody asked for. When ready, it may yet be a good-bye.
        if !self.replies.is_drained() && !self.awaits_reply() && self.state != State::Ready {
            self.lose(Cause::ProtocolError);
        }
    }

    /// Whether a reply that comes now can be one to what was said. While something is still to be
    /// written it cannot, but for one that stops the content.
    fn awaits_reply(&self) -> bool {
        match self.state {
            State::Content | State::HandingOver => true,
            State::Ready | State::Chunk | State::Tls | State::Answered(_) | State::Done(_) => false,
            _ => !self
                .outputs
                .iter()
                .any(|output| matches!(output, Output::Transmit(_))),
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
            State::Content | State::HandingOver => self.refused_early(reply),
            State::Acceptance => self.acceptance_reply(reply, now),
            State::LastWrite => self.early_answer(reply, now),
            State::LoneDot => self.end_transaction(reply.is_closing(), now),
            State::Rset if positive => self.state = State::Ready,
            // To RSET there is no refusal (RFC 5321 §4.3.2).
            State::Rset => self.lose(Cause::ConnectionLost),
            State::Quit => self.state = State::Done(Ok(())),
            State::Ready | State::Chunk | State::Tls | State::Answered(_) | State::Done(_) => {
                self.unasked(reply)
            }
        }
    }

    fn ask(&mut self, command: &Command<'_>, awaited: State, now: UnixMillis) {
        self.outputs.push_back(Output::Transmit(command.to_line()));
        self.wait_in(awaited, REPLY_TIMEOUT, now);
    }

    fn wait_in(&mut self, awaited: State, within: Duration, now: UnixMillis) {
        self.state = awaited;
        self.deadline = now.after(within);
        if self.is_before_content_is_over() {
            self.deadline = self.deadline.min(self.hand_over_by);
        }
    }

    fn is_before_content_is_over(&self) -> bool {
        matches!(self.state, State::Envelope | State::Chunk | State::Content)
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
