//! Running a session over a connection.

use std::{future::Future, pin::pin};

use futures_util::future::{Either, select};

use super::{
    ports::{Clock, Connection, ConnectionFault, Connector, StoreFault},
    recall::Leave,
};
use crate::{
    limits::{CLOSE_TIMEOUT, CONNECT_TIMEOUT, OPEN_TIMEOUT},
    outcome::{Cause, Failure, Outcome, Trouble},
    smtp::{Conclusion, Input, Output, Piece, Session, SessionConfig, Transaction, connect_failed},
    time::UnixMillis,
};

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    /// The server, by the name in its certificate.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// Who we are, and when TLS begins.
    pub session: SessionConfig,
}

/// A connection with a session on it.
pub struct Link<'a, C, K> {
    connection: C,
    clock: &'a K,
    session: Session,
    /// When this is over, so is the session, as soon as that makes no doubt.
    leave: Option<Leave<'a>>,
}

/// Where the session stops and waits for its caller.
enum Pause {
    Ready,
    NeedContent(u32),
    Concluded(Conclusion),
    Done(Result<(), Failure>),
}

impl<'a, C: Connection, K: Clock> Link<'a, C, K> {
    /// Connects, starts TLS and authenticates.
    ///
    /// # Errors
    /// Whatever stands in the way; it concerns every message of the mailbox.
    pub async fn open<N: Connector<Connection = C>>(
        connector: &N,
        clock: &'a K,
        opening: Opening<'_>,
    ) -> Result<Self, Failure> {
        let deadline = clock.now().after(OPEN_TIMEOUT);
        // A connection that is dropped is closed.
        match by(
            clock,
            deadline,
            Self::open_slowly(connector, clock, opening),
        )
        .await
        {
            Some(opened) => opened,
            None => Err(Failure::of_mailbox(Cause::TimedOut, Trouble::Transient)),
        }
    }

    async fn open_slowly<N: Connector<Connection = C>>(
        connector: &N,
        clock: &'a K,
        opening: Opening<'_>,
    ) -> Result<Self, Failure> {
        let deadline = clock.now().after(CONNECT_TIMEOUT);
        let tls = opening.session.tls;
        let connect = connector.connect(opening.host, opening.port, tls);
        let connection = match by(clock, deadline, connect).await {
            Some(Ok(connection)) => connection,
            Some(Err(ConnectionFault)) => return Err(connect_failed(tls)),
            None => {
                return Err(Failure {
                    cause: Cause::TimedOut,
                    ..connect_failed(tls)
                });
            }
        };
        let session = Session::new(opening.session, opening.host, clock.now());
        let mut link = Self {
            connection,
            clock,
            session,
            leave: None,
        };
        match link.advance().await {
            Pause::Ready => Ok(link),
            Pause::Done(Err(failure)) => {
                link.abandon().await;
                Err(failure)
            }
            // Before it is ready a session asks for nothing and ends only in failure.
            Pause::Done(Ok(())) | Pause::NeedContent(_) | Pause::Concluded(_) => {
                link.abandon().await;
                Err(Failure::of_mailbox(
                    Cause::ProtocolError,
                    Trouble::Transient,
                ))
            }
        }
    }

    /// The same link, which ends with this leave.
    #[must_use]
    pub fn under(self, leave: Leave<'a>) -> Self {
        Self {
            leave: Some(leave),
            ..self
        }
    }

    /// Whether it was called back.
    pub fn is_recalled(&self) -> bool {
        self.leave.is_some_and(|leave| leave.is_over())
    }

    /// Sends one message in one transaction, handing its content over whole by `hand_over_by` or not
    /// at all. `content` gives its pieces by number, in order. If they cannot be read, or are not as
    /// long as the transaction says, the connection ends before the message is whole.
    pub async fn transact(
        &mut self,
        transaction: Transaction,
        hand_over_by: UnixMillis,
        mut content: impl FnMut(u32) -> Result<Option<Vec<u8>>, StoreFault>,
    ) -> Conclusion {
        let recipients = transaction.envelope.forward_paths.len();
        let mut to_come = transaction.size;
        heed(&mut self.session, self.leave);
        self.session
            .begin(transaction, hand_over_by, self.clock.now());
        loop {
            match self.advance().await {
                Pause::Concluded(conclusion) => return conclusion,
                Pause::NeedContent(number) => {
                    let mut read = content(number);
                    let octets = read.as_ref().ok().and_then(|read| read.as_ref());
                    to_come =
                        to_come.saturating_sub(octets.map_or(0, |octets| octets.len() as u64));
                    // Behind BDAT the octets that were announced are the message, so what is more than
                    // them has to be seen before the last of them is given.
                    if to_come == 0
                        && octets.is_some()
                        && !matches!(content(number.saturating_add(1)), Ok(None))
                    {
                        read = Err(StoreFault);
                    }
                    let piece = match &read {
                        Ok(Some(octets)) => Piece::More(octets),
                        Ok(None) => Piece::End,
                        Err(StoreFault) => Piece::Unreadable,
                    };
                    self.session.content(piece, self.clock.now());
                }
                // The session was not ready, so nothing of the message was said.
                Pause::Ready | Pause::Done(_) => {
                    let recalled = self.is_recalled();
                    let failure = Failure::of_message(if recalled {
                        Cause::Stopped
                    } else {
                        Cause::ConnectionLost
                    });
                    return Conclusion {
                        outcomes: vec![Outcome::Deferred(failure); recipients],
                        left_over: Vec::new(),
                    };
                }
            }
        }
    }

    /// Waits until another message can be sent, once the server has confirmed the end of the last.
    ///
    /// # Errors
    /// When the connection is of no further use.
    pub async fn ready(&mut self) -> Result<(), Failure> {
        match self.advance().await {
            Pause::Ready => Ok(()),
            Pause::Done(Err(failure)) => Err(failure),
            _ => Err(Failure::of_mailbox(
                Cause::ConnectionLost,
                Trouble::Transient,
            )),
        }
    }

    /// The same, once it is heard what has come since the last message. Many a server takes one
    /// message and closes, which is not to be found out at the expense of the next one.
    ///
    /// # Errors
    /// When the connection is of no further use.
    pub async fn still_ready(&mut self) -> Result<(), Failure> {
        self.listen().await;
        self.ready().await
    }

    /// Says QUIT and closes. What the server makes of it changes nothing.
    pub async fn close(mut self) {
        self.session.quit(self.clock.now());
        self.advance().await;
        self.abandon().await;
    }

    /// Closes without a word. The platform's `close` may never settle, so it is not waited for
    /// long.
    pub async fn abandon(self) {
        let deadline = self.clock.now().after(CLOSE_TIMEOUT);
        by(self.clock, deadline, self.connection.close()).await;
    }

    /// Does what the session asks for until it waits for us.
    async fn advance(&mut self) -> Pause {
        loop {
            if self.session.is_about_to_write() {
                self.listen().await;
            }
            // Last, so that nothing is awaited between this look and what is given out.
            heed(&mut self.session, self.leave);
            match self.session.poll_output() {
                Output::Transmit(octets) => {
                    self.session.writing();
                    match self.transmit(octets).await {
                        Ok(()) => self.session.wrote(self.clock.now()),
                        Err(ConnectionFault) => self.last_words().await,
                    }
                }
                Output::NeedInput { deadline } => {
                    let read = self.until(deadline, self.connection.read()).await;
                    feed(&mut self.session, read, self.clock.now());
                }
                Output::UpgradeTls(_drained) => {
                    let deadline = self.session.deadline();
                    let upgrade = by(self.clock, deadline, self.connection.start_tls()).await;
                    let input = match upgrade {
                        Some(Ok(())) => Input::TlsEstablished,
                        Some(Err(ConnectionFault)) => Input::Closed,
                        None => Input::Timeout,
                    };
                    self.session.handle_input(input, self.clock.now());
                }
                Output::Ready => return Pause::Ready,
                Output::NeedContent(piece) => return Pause::NeedContent(piece),
                Output::Concluded(conclusion) => return Pause::Concluded(conclusion),
                Output::Done(result) => return Pause::Done(result),
            }
        }
    }

    /// Hears what is there already. A reply that nobody asked for would be taken for the answer to
    /// what is said next, and every answer behind it for that of the command before; and a server
    /// that has closed takes nothing any more.
    async fn listen(&mut self) {
        let at_once = self.clock.now();
        if let Some(heard) = by(self.clock, at_once, self.connection.read()).await {
            feed(&mut self.session, Some(heard), self.clock.now());
        }
    }

    /// Writes while it reads: a server that refuses early, or closes, is heard before all is
    /// written, and one that waits for us to read does not wait for ever.
    ///
    /// # Errors
    /// When the octets cannot be written.
    async fn transmit(&mut self, octets: Vec<u8>) -> Result<(), ConnectionFault> {
        let mut write = pin!(self.connection.write(octets));
        loop {
            let deadline = self.session.deadline();
            // The server agreed to TLS before our write was settled. From here on nothing is read in
            // the clear: a read left over would be taken for one over TLS. Nor behind an answer to all
            // of the content, which may be the last that a server says.
            let done = if self.session.is_upgrading() || self.session.is_answered_early() {
                let done = self.until(deadline, write.as_mut()).await;
                done.map(Either::Left)
            } else {
                let read = pin!(self.connection.read());
                let first = select(write.as_mut(), read);
                match self.until(deadline, first).await {
                    Some(Either::Left((written, _))) => Some(Either::Left(written)),
                    Some(Either::Right((read, _))) => Some(Either::Right(read)),
                    None => None,
                }
            };
            match done {
                Some(Either::Left(written)) => return written,
                Some(Either::Right(read)) => {
                    feed(&mut self.session, Some(read), self.clock.now());
                }
                // A timer may be early; then the session goes on, and the write with it.
                None => feed(&mut self.session, None, self.clock.now()),
            }
            heed(&mut self.session, self.leave);
            if self.session.is_done() {
                return Ok(());
            }
        }
    }

    /// A peer that closed may have said why: that is still there to be read.
    async fn last_words(&mut self) {
        let deadline = self.clock.now().after(CLOSE_TIMEOUT);
        while !self.session.is_done()
            && !self.session.is_upgrading()
            && !self.session.is_answered_early()
        {
            match by(self.clock, deadline, self.connection.read()).await {
                Some(Ok(Some(octets))) => {
                    let heard = Some(Ok(Some(octets)));
                    feed(&mut self.session, heard, self.clock.now());
                }
                _ => break,
            }
        }
        self.session.handle_input(Input::Closed, self.clock.now());
    }

    /// What `future` came to by `deadline`; nothing, too, where the session can end sooner and is
    /// called back.
    async fn until<T>(&self, deadline: UnixMillis, future: impl Future<Output = T>) -> Option<T> {
        let awaited = by(self.clock, deadline, future);
        let Some(leave) = self.leave.filter(|_| self.session.can_halt()) else {
            return awaited.await;
        };
        match select(pin!(awaited), pin!(leave.over())).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => None,
        }
    }
}

/// Tells the session what reading came to; nothing means that the deadline passed.
fn feed(
    session: &mut Session,
    read: Option<Result<Option<Vec<u8>>, ConnectionFault>>,
    now: UnixMillis,
) {
    match read {
        Some(Ok(Some(octets))) => session.handle_input(Input::Received(&octets), now),
        Some(Ok(None) | Err(ConnectionFault)) => session.handle_input(Input::Closed, now),
        None => session.handle_input(Input::Timeout, now),
    }
}

/// Has the session end if it was called back.
fn heed(session: &mut Session, leave: Option<Leave<'_>>) {
    if leave.is_some_and(|leave| leave.is_over()) {
        session.halt();
    }
}

/// What `future` came to by `deadline`, if anything.
pub(super) async fn by<T>(
    clock: &impl Clock,
    deadline: UnixMillis,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), pin!(clock.sleep_until(deadline))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

impl<C, K> std::fmt::Debug for Link<'_, C, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({:?})", self.session)
    }
}
