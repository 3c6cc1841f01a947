//! Content, by DATA with its dots doubled or as the octets behind `BDAT n LAST`, and what the server
//! says to it.

use super::{
    Cause, Command, Failure, Outcome, Reply, Session, State, Step, UnixMillis,
    ending::connection_lost,
};
use crate::{
    limits::CONTENT_TIMEOUT,
    smtp::{DotStuffer, Output, Piece, Transaction, classify::refused, fitness::Fitness},
};

/// Content on its way out.
#[derive(Debug)]
pub(super) struct Content {
    /// None behind BDAT, where nothing is changed.
    stuffer: Option<DotStuffer>,
    fitness: Fitness,
    /// Octets of the message that are still to come.
    left: u64,
    next_piece: u32,
}

impl Content {
    pub(super) fn by_data(transaction: &Transaction) -> Self {
        Self {
            stuffer: Some(DotStuffer::default()),
            fitness: Fitness::for_data(transaction.needs.eight_bit),
            left: transaction.size,
            next_piece: 0,
        }
    }

    fn by_bdat(transaction: &Transaction) -> Self {
        Self {
            stuffer: None,
            fitness: Fitness::for_bdat(transaction.needs.eight_bit),
            ..Self::by_data(transaction)
        }
    }

    pub(super) fn next_piece(&self) -> u32 {
        self.next_piece
    }

    /// The next octets as they go onto the wire.
    fn take(&mut self, octets: &[u8]) -> Result<Vec<u8>, Cause> {
        self.left = self
            .left
            .checked_sub(octets.len() as u64)
            .ok_or(Cause::ContentUnreadable)?;
        self.fitness
            .check(octets)
            .map_err(|_unfit| Cause::ContentUnfit)?;
        self.next_piece = self.next_piece.saturating_add(1);
        Ok(match &mut self.stuffer {
            Some(stuffer) => stuffer.stuff(octets),
            None => octets.to_vec(),
        })
    }

    /// Whether the octets given out are all that was announced by BDAT.
    fn fills_chunk(&self) -> bool {
        self.stuffer.is_none() && self.left == 0
    }

    /// What ends the content, if it may end here.
    fn end(&mut self) -> Result<&'static [u8], Cause> {
        if self.left != 0 {
            return Err(Cause::ContentUnreadable);
        }
        self.fitness.end().map_err(|_unfit| Cause::ContentUnfit)?;
        Ok(self.stuffer.take().map_or(b"", DotStuffer::end))
    }
}

/// None, which nothing is taken of.
impl Default for Content {
    fn default() -> Self {
        Self {
            stuffer: None,
            fitness: Fitness::for_bdat(false),
            left: 0,
            next_piece: 0,
        }
    }
}

impl Session {
    /// Gives the next piece of content, when it is wanted.
    ///
    /// The pieces have to be as long together as the transaction says. Of content that is longer,
    /// shorter or unfit to be sent, the end is never written, and the connection is given up.
    pub fn content(&mut self, piece: Piece<'_>, now: UnixMillis) {
        if self.state != State::Content {
            return;
        }
        let last = match piece {
            Piece::More(octets) => match self.content.take(octets) {
                Ok(wire) if !self.content.fills_chunk() => {
                    self.outputs.push_back(Output::Transmit(wire));
                    self.want_content(now);
                    return;
                }
                Ok(wire) => self.content.end().map(|_nothing| self.keep_last(wire)),
                Err(cause) => Err(cause),
            },
            Piece::End => self.content.end().map(<[u8]>::to_vec),
            Piece::Unreadable => Err(Cause::ContentUnreadable),
        };
        match last {
            Ok(_) if now > self.hand_over_by => self.withhold(Cause::TimedOut),
            Ok(wire) => self.hand_over(wire, now),
            Err(cause) => self.withhold(cause),
        }
    }

    pub(super) fn want_content(&mut self, now: UnixMillis) {
        self.wait_in(State::Content, CONTENT_TIMEOUT, now);
    }

    /// Announces the whole message as one chunk. Only on a connection whose EHLO over TLS offered
    /// CHUNKING, and only after a recipient was taken: a server that does not know BDAT, or is not
    /// in a transaction, may read what is behind it as commands.
    pub(super) fn say_bdat(&mut self, now: UnixMillis) {
        let Some(progress) = &self.progress else {
            return;
        };
        let transaction = &progress.transaction;
        self.content = Content::by_bdat(transaction);
        let line = Command::BdatLast(transaction.size).to_line();
        if self.content.fills_chunk() {
            self.hand_over(line, now);
        } else {
            self.outputs.push_back(Output::Transmit(line));
            self.wait_in(State::Chunk, CONTENT_TIMEOUT, now);
        }
    }

    /// A reply while content is still going out: no end of content has been sent, and none may
    /// be, so the connection is of no further use. Of the mailbox it says no more than the reply.
    pub(super) fn refused_early(&mut self, reply: &Reply) {
        self.report(&match refused(self.service, Step::Content, reply).outcome {
            // Nothing was handed over whole, so there is no doubt.
            Outcome::InDoubt(failure) => Outcome::Deferred(failure),
            outcome => outcome,
        });
        self.fail(if reply.is_closing() {
            connection_lost()
        } else {
            Failure::of_message(Cause::ConnectionLost)
        });
    }

    pub(super) fn acceptance_reply(&mut self, reply: &Reply, now: UnixMillis) {
        // RFC 5321 §4.3.2: no other success is what a server says to content.
        if reply.code.value() != 250 {
            let outcome = refused(self.service, Step::Content, reply).outcome;
            return self.conclude(&outcome, reply.is_closing(), now);
        }
        self.state = State::Ready;
        if let Some(progress) = self.progress.take() {
            self.give_out(progress.accepted(reply.answer()));
        }
    }
}
