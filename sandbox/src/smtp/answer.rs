//! What goes back to the client at a step, as the script has it.

use std::time::Duration;

use super::connection::Connection;
use super::end::End;
use super::garbage::{self, Spoiled};
use super::plan::{Trickle, Turn};
use super::record::{Ending, Speaker};
use super::script::Segment;

/// A day: long enough to be never, short enough for every clock.
const LONGEST_DELAY: Duration = Duration::from_secs(86_400);

/// Long enough that what follows travels in a segment of its own, even on a busy machine; a client
/// that has not begun its handshake by then does so on poisoned ground.
pub(super) const LATER: Duration = Duration::from_millis(50);

/// Between two portions of a reply without end: the client may read them as fast as it likes, but
/// the processor is shared.
const BREATH: Duration = Duration::from_millis(2);

impl Connection {
    /// Queues a reply that no script touches. Text without its last CRLF.
    pub(super) fn reply(&mut self, text: &str) -> Result<(), End> {
        self.said(text);
        self.wire.queue(text.as_bytes());
        self.wire.queue(b"\r\n");
        after(text)
    }

    /// Answers a step whose work is done, as the script has it.
    pub(super) async fn conclude(&mut self, turn: Turn, normal: &str) -> Result<(), End> {
        self.hold_back(&turn).await?;
        let answered = self.answer(&turn, normal).await;
        for (segment, text) in &turn.unasked {
            if *segment == Segment::Later {
                self.wire.flush().await?;
                tokio::time::sleep(LATER).await;
            }
            self.note("answers what was not asked");
            self.said(text);
            self.wire.queue(text.as_bytes());
            self.wire.queue(b"\r\n");
        }
        if let Some(how) = turn.drop_after {
            self.note("breaks off after the answer");
            return Err(End::Broken(how));
        }
        answered
    }

    /// What comes before the answer: lateness, silence, the end.
    pub(super) async fn hold_back(&mut self, turn: &Turn) -> Result<(), End> {
        if let Some(delay) = turn.delay {
            // Replies to earlier commands of the group are not late.
            self.wire.flush().await?;
            self.note(&format!("answers {} ms late", delay.as_millis()));
            tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
            self.check_patience().await;
        }
        if turn.stall {
            self.note("never answers");
            self.wire.flush().await?;
            return Err(End::Client(self.wire.until_gone().await));
        }
        if let Some(how) = turn.drop_before {
            self.note("breaks off instead of answering");
            return Err(End::Broken(how));
        }
        Ok(())
    }

    async fn answer(&mut self, turn: &Turn, normal: &str) -> Result<(), End> {
        let text = turn.reply.as_deref().unwrap_or(normal);
        let octets = match &turn.garbage {
            None => {
                if turn.trickle.is_none() {
                    return self.reply(text);
                }
                self.said(text);
                format!("{text}\r\n").into_bytes()
            }
            Some(garbage) => {
                self.note(&format!("answers with {}", garbage.words()));
                match garbage::spoil(garbage, text) {
                    Spoiled::Octets(octets) => octets,
                    Spoiled::Endless(portion) => return self.say_for_ever(&portion).await,
                }
            }
        };
        match turn.trickle {
            None => self.wire.queue(&octets),
            Some(trickle) => self.trickle(&octets, trickle).await?,
        }
        // A reply that was spoiled is no 421 any more.
        match &turn.garbage {
            None => after(text),
            Some(_) => Ok(()),
        }
    }

    async fn trickle(&mut self, octets: &[u8], trickle: Trickle) -> Result<(), End> {
        self.wire.flush().await?;
        self.note(&format!(
            "answers in segments of {} octets, {} ms apart",
            trickle.octets,
            trickle.pause.as_millis()
        ));
        for segment in octets.chunks(trickle.octets) {
            self.wire.queue(segment);
            self.wire.flush().await?;
            tokio::time::sleep(trickle.pause).await;
        }
        Ok(())
    }

    async fn say_for_ever(&mut self, portion: &[u8]) -> Result<(), End> {
        loop {
            self.wire.queue(portion);
            self.wire.flush().await?;
            tokio::time::sleep(BREATH).await;
        }
    }

    fn said(&self, text: &str) {
        self.record(|record| {
            text.split("\r\n")
                .for_each(|line| record.say(Speaker::Server, line));
        });
    }
}

/// 421 ends the connection, RFC 5321 §3.8.
fn after(text: &str) -> Result<(), End> {
    if text.starts_with("421") {
        Err(End::Orderly(Ending::ClosedByServer))
    } else {
        Ok(())
    }
}
