//! One connection from its first octet to its last.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::plan::{Plan, Turn};
use super::record::{ConnectionRecord, Ending, Speaker};
use super::script::Script;
use super::transaction::Transaction;
use super::wire::{Line, Wire};
use crate::world::World;

/// A command line. RFC 5321 §4.5.3.1.4 gives 512 octets; servers take more.
const COMMAND_CAP: usize = 2_048;

/// A line of AUTH or behind it: RFC 4954 §4 asks for room for 12,288 octets of base64.
const AUTH_CAP: usize = 12_288 + 64;

/// A connection and the state of its dialogue.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) world: Arc<World>,
    pub(super) wire: Wire,
    pub(super) plan: Plan,
    pub(super) port: u16,
    pub(super) id: u64,
    /// The greeting was a refusal: all but QUIT is answered 503, RFC 5321 §3.1.
    pub(super) turned_away: bool,
    /// EHLO or HELO was taken, on this side of TLS.
    pub(super) greeted: bool,
    /// Keyword lines of the last EHLO reply.
    pub(super) advertised: Vec<String>,
    /// The authenticated address.
    pub(super) user: Option<String>,
    pub(super) refusals: u32,
    pub(super) transaction: Option<Transaction>,
}

/// The connection is over, and this is how to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client went, or did not keep to the time; nothing is left to do.
    Client(Ending),
    /// What is queued goes out, then close_notify and FIN.
    Orderly(Ending),
    /// What is queued goes out, then FIN without close_notify.
    Dropped,
    /// At once, as if the process had died.
    Killed,
    /// RST.
    Reset,
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        Self::Client(ending)
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(
    world: Arc<World>,
    stream: TcpStream,
    port: u16,
    ordinal: u32,
    script: Script,
) {
    let id = world.connections.open(port, ordinal);
    // Replies are put together here; waiting for more would only cost time.
    let _ = stream.set_nodelay(true);
    let mut connection = Connection {
        wire: Wire::new(stream, Arc::clone(&world), id),
        world,
        plan: Plan::new(script),
        port,
        id,
        turned_away: false,
        greeted: false,
        advertised: Vec::new(),
        user: None,
        refusals: 0,
        transaction: None,
    };
    let end = if connection.plan.resets_on_accept() {
        End::Reset
    } else {
        connection.run().await
    };
    connection.end(end).await;
}

impl Connection {
    /// Ends the connection. The record says so first: a test that saw the last octet must find the
    /// record closed.
    async fn end(&mut self, end: End) {
        match end {
            End::Client(ending) => {
                self.record(|record| record.end(ending));
            }
            End::Orderly(ending) => {
                self.record(|record| record.end(ending));
                self.wire.close(true).await;
            }
            End::Dropped => {
                self.record(|record| record.end(Ending::ClosedByServer));
                self.wire.close(false).await;
            }
            End::Killed => {
                self.record(|record| record.end(Ending::ClosedByServer));
                drop(self.wire.take());
            }
            End::Reset => {
                self.record(|record| record.end(Ending::ResetByServer));
                self.wire.reset();
            }
        }
    }

    pub(super) fn record<T>(&self, change: impl FnOnce(&mut ConnectionRecord) -> T) -> Option<T> {
        self.world.connections.with(self.id, change)
    }

    pub(super) fn violation(&self, what: impl Into<String>) {
        let what = what.into();
        self.record(|record| record.violation(what));
    }

    pub(super) fn note(&self, text: &str) {
        self.record(|record| record.say(Speaker::Note, text));
    }

    /// The next command line, not yet in the record.
    pub(super) async fn command_line(&mut self) -> Result<Line, End> {
        let line = self.wire.line(AUTH_CAP).await?;
        Ok(match line {
            Line::Whole(line) if line.len() > COMMAND_CAP && !is_auth(&line) => Line::TooLong,
            other => other,
        })
    }

    /// The line behind a challenge of AUTH, not yet in the record.
    pub(super) async fn auth_line(&mut self) -> Result<Line, End> {
        Ok(self.wire.line(AUTH_CAP).await?)
    }

    /// Enters what the client said, already without credentials.
    pub(super) fn heard(&self, line: &str) {
        let tls = self.wire.is_tls();
        self.record(|record| {
            record.say(Speaker::Client, line);
            if tls {
                record.command(line.to_owned());
            }
        });
    }

    /// Queues a reply that no script touches. Text without its last CRLF.
    pub(super) fn reply(&mut self, text: &str) -> Result<(), End> {
        self.record(|record| {
            text.split("\r\n")
                .for_each(|line| record.say(Speaker::Server, line))
        });
        self.wire.queue(text.as_bytes());
        self.wire.queue(b"\r\n");
        if text.starts_with("421") {
            Err(End::Orderly(Ending::ClosedByServer))
        } else {
            Ok(())
        }
    }

    /// Answers a step whose work is done, as the script has it.
    pub(super) async fn conclude(&mut self, turn: Turn, normal: &str) -> Result<(), End> {
        if let Some(delay) = turn.delay {
            // Replies to earlier commands of the group are not late.
            self.wire.flush().await?;
            self.note(&format!("answers {} ms late", delay.as_millis()));
            tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
        }
        if turn.stall {
            self.note("never answers");
            self.wire.flush().await?;
            return Err(End::Client(self.wire.until_gone().await));
        }
        if turn.drop_before {
            self.note("closes instead of answering");
            return Err(End::Dropped);
        }
        let answered = self.reply(turn.reply.as_deref().unwrap_or(normal));
        if turn.drop_after {
            self.note("closes after the answer");
            return Err(End::Dropped);
        }
        answered
    }
}

/// A day: long enough to be never, short enough for every clock.
const LONGEST_DELAY: Duration = Duration::from_secs(86_400);

fn is_auth(line: &[u8]) -> bool {
    line.get(..5)
        .is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "))
}
