//! The session: what to write next, and what each reply leads to.

use std::{collections::VecDeque, fmt, time::Duration};

use super::{
    DotStuffer, Input, Output, Piece, Reply, ReplyParser, SessionConfig, Severity, Step,
    Transaction,
    capabilities::Capabilities,
    classify::{connection_refused, refused},
    command::Command,
    sasl,
    transaction::Progress,
};
use crate::{
    limits::{CLOSE_TIMEOUT, CONTENT_TIMEOUT, FINAL_REPLY_TIMEOUT, REPLY_TIMEOUT},
    outcome::{Cause, Failure, Outcome, Trouble},
    time::UnixMillis,
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
    state: State,
    replies: ReplyParser,
    capabilities: Capabilities,
    progress: Option<Progress>,
    /// When the content of the transaction under way must have been handed over.
    hand_over_by: UnixMillis,
    stuffer: DotStuffer,
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
    AuthChallenge,
    Auth,
    /// The refusal that follows an acknowledged error challenge, whose reason is kept.
    AuthRefusal(Option<String>),
    Ready,
    Mail,
    Rcpt(usize),
    Data,
    Content,
    Acceptance,
    Rset,
    Quit,
    Done(Result<(), Failure>),
}

impl Session {
    /// A session on a connection that has just been opened, in the clear.
    pub fn new(config: SessionConfig, now: UnixMillis) -> Self {
        Self {
            config,
            state: State::Greeting,
            replies: ReplyParser::default(),
            capabilities: Capabilities::default(),
            progress: None,
            hand_over_by: now,
            stuffer: DotStuffer::default(),
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

    /// What to do next.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        match &self.state {
            State::Ready => Output::Ready,
            State::Content => Output::NeedContent,
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
            Input::TlsEstablished if self.state == State::Tls => {
                // RFC 3207 §4.2: whatever was learned before is forgotten.
                self.capabilities = Capabilities::default();
                self.ask(
                    &Command::Ehlo(&self.config.client_name.clone()),
                    State::EhloTls,
                    now,
                );
            }
            // Nobody asked for it, so whoever drives the session has lost count.
            Input::TlsEstablished => self.fail(protocol_error()),
            Input::Closed => self.lose(Cause::ConnectionLost),
            Input::Timeout if now >= self.deadline => self.lose(Cause::TimedOut),
            Input::Timeout => {}
        }
    }

    /// Begins a transaction, when ready. Content that is not handed over whole by `hand_over_by` is
    /// not handed over at all: the caller would not be there for the answer.
    pub fn begin(&mut self, transaction: Transaction, hand_over_by: UnixMillis, now: UnixMillis) {
        if self.state != State::Ready {
            return;
        }
        // RFC 1870 §6.1: no use in offering what the server said it will not take.
        let too_large = self
            .capabilities
            .size
            .is_some_and(|max| max != 0 && transaction.size > max);
        let size = self.capabilities.size.map(|_| transaction.size);
        let reverse_path = transaction.envelope.reverse_path.clone();
        let progress = Progress::new(transaction);
        if too_large {
            let failure = Failure::of_message(Cause::MessageTooLarge);
            let outcomes = progress.conclude(&Outcome::Rejected(failure));
            self.outputs.push_back(Output::Concluded(outcomes));
            return;
        }
        self.progress = Some(progress);
        self.hand_over_by = hand_over_by;
        self.stuffer = DotStuffer::default();
        self.ask(
            &Command::Mail {
                reverse_path: &reverse_path,
                size,
            },
            State::Mail,
            now,
        );
    }

    /// Gives the next piece of content, when it is wanted.
    pub fn content(&mut self, piece: Piece<'_>, now: UnixMillis) {
        if self.state != State::Content {
            return;
        }
        match piece {
            Piece::More(octets) => {
                let wire = self.stuffer.stuff(octets);
                self.wait_in(State::Content, CONTENT_TIMEOUT, now);
                self.outputs.push_back(Output::Transmit(wire));
            }
            Piece::End if now > self.hand_over_by => self.lose(Cause::TimedOut),
            Piece::End => {
                let end = std::mem::take(&mut self.stuffer).end();
                if let Some(progress) = &mut self.progress {
                    progress.handed_over = true;
                }
                self.outputs.push_back(Output::Transmit(end.to_vec()));
                self.wait_in(State::Acceptance, FINAL_REPLY_TIMEOUT, now);
            }
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
            if !self.replies.is_drained() {
                self.lose(Cause::ProtocolError);
                return;
            }
        }
    }

    fn handle_reply(&mut self, reply: &Reply, now: UnixMillis) {
        let positive = reply.code.severity() == Severity::PositiveCompletion;
        let closing = reply.code.value() == 421;
        match self.state.clone() {
            State::Greeting if positive => {
                self.ask(
                    &Command::Ehlo(&self.config.client_name.clone()),
                    State::Ehlo,
                    now,
                );
            }
            State::Greeting => self.fail(connection_refused(Step::Greeting, reply)),
            State::Ehlo if positive => self.start_tls(reply, now),
            // RFC 3207 §4: 220, and no other success, is the consent to TLS.
            State::StartTls if reply.code.value() == 220 => self.upgrade(now),
            State::StartTls => self.fail(connection_refused(Step::StartTls, reply)),
            State::EhloTls if positive => self.authenticate(reply, now),
            State::Ehlo | State::EhloTls => self.fail(connection_refused(Step::Ehlo, reply)),
            State::AuthChallenge if reply.code.value() == 334 => {
                let response = sasl::xoauth2(&self.config.user, &self.config.token);
                self.ask(&Command::SaslResponse(&response), State::Auth, now);
            }
            State::Auth if reply.code.value() == 334 => {
                let reason = sasl::challenge_status(reply);
                self.ask(&Command::SaslAcknowledge, State::AuthRefusal(reason), now);
            }
            State::Auth if positive => self.state = State::Ready,
            State::AuthRefusal(_) if positive => self.fail(protocol_error()),
            State::AuthRefusal(reason) => self.fail(auth_refused(reply, reason.as_deref())),
            State::AuthChallenge | State::Auth => self.fail(auth_refused(reply, None)),
            State::Mail if positive => self.next_rcpt(0, now),
            State::Mail => self.conclude(&refused(Step::Mail, reply), closing, now),
            State::Rcpt(index) => {
                if !positive {
                    self.settle(index, refused(Step::Rcpt, reply));
                }
                if closing {
                    self.lose(Cause::ConnectionLost);
                } else {
                    self.next_rcpt(index.saturating_add(1), now);
                }
            }
            State::Data if reply.code.value() == 354 => {
                self.wait_in(State::Content, CONTENT_TIMEOUT, now);
            }
            State::Data => self.conclude(&refused(Step::Data, reply), closing, now),
            State::Content => self.refused_early(reply),
            State::Acceptance if positive => self.accepted(reply),
            State::Acceptance => self.conclude(&refused(Step::Content, reply), closing, now),
            State::Rset if positive => self.state = State::Ready,
            State::Quit => self.state = State::Done(Ok(())),
            // To RSET there is no refusal (RFC 5321 §4.3.2); when ready, nothing was asked.
            State::Rset | State::Ready | State::Tls | State::Done(_) => {
                self.lose(Cause::ConnectionLost);
            }
        }
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
        if !self.capabilities.xoauth2 {
            self.fail(Failure::of_mailbox(
                Cause::AuthNotOffered,
                Trouble::Configuration,
            ));
            return;
        }
        let response = sasl::xoauth2(&self.config.user, &self.config.token);
        if sasl::fits_inline(&response) {
            self.ask(&Command::AuthXoauth2(Some(&response)), State::Auth, now);
        } else {
            self.ask(&Command::AuthXoauth2(None), State::AuthChallenge, now);
        }
    }

    fn next_rcpt(&mut self, index: usize, now: UnixMillis) {
        let Some(progress) = &self.progress else {
            return;
        };
        if let Some(forward_path) = progress.forward_path(index) {
            let line = Command::Rcpt(forward_path).to_line();
            self.outputs.push_back(Output::Transmit(line));
            self.wait_in(State::Rcpt(index), REPLY_TIMEOUT, now);
        } else if progress.all_settled() {
            // Nobody is left: RSET instead of DATA, whose 554 would mean nothing new.
            self.end_transaction(false, now);
        } else {
            self.ask(&Command::Data, State::Data, now);
        }
    }

    fn settle(&mut self, index: usize, outcome: Outcome) {
        if let Some(progress) = &mut self.progress {
            progress.settle(index, outcome);
        }
    }

    fn accepted(&mut self, reply: &Reply) {
        self.state = State::Ready;
        self.report(&Outcome::Accepted(reply.answer()));
    }

    /// A reply while content is still going out: no end of content has been sent, and none may
    /// be, so the connection is of no further use.
    fn refused_early(&mut self, reply: &Reply) {
        self.report(&match refused(Step::Content, reply) {
            // Nothing was handed over whole, so there is no doubt.
            Outcome::InDoubt(failure) => Outcome::Deferred(failure),
            outcome => outcome,
        });
        self.fail(Failure::of_mailbox(
            Cause::ConnectionLost,
            Trouble::Transient,
        ));
    }

    /// Ends a transaction that the server refused as a whole.
    fn conclude(&mut self, outcome: &Outcome, closing: bool, now: UnixMillis) {
        self.report(outcome);
        self.end_transaction(closing, now);
    }

    fn end_transaction(&mut self, closing: bool, now: UnixMillis) {
        let unsettled = Outcome::Deferred(Failure::of_message(Cause::ProtocolError));
        self.report(&unsettled);
        if closing {
            self.fail(Failure::of_mailbox(
                Cause::ConnectionLost,
                Trouble::Transient,
            ));
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
        match self.state {
            State::Quit => self.state = State::Done(Ok(())),
            // The platform tells nothing of a failed handshake but that the connection is gone,
            // at the first read or write over it. Octets that are no SMTP came through TLS.
            State::Tls | State::EhloTls if cause != Cause::ProtocolError => {
                self.fail(Failure::of_mailbox(Cause::TlsFailed, Trouble::Transient));
            }
            _ => self.fail(Failure::of_mailbox(cause, Trouble::Transient)),
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
        let handing_over = matches!(
            awaited,
            State::Mail | State::Rcpt(_) | State::Data | State::Content
        );
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

fn auth_refused(reply: &Reply, reason: Option<&str>) -> Failure {
    let failure = connection_refused(Step::Auth, reply);
    match (reason, &failure.answer) {
        (Some(status), Some(words)) => {
            let words = format!("{} (status {status})", words.as_str());
            failure.answered(crate::outcome::Answer::new(&words))
        }
        _ => failure,
    }
}
