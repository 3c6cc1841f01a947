//! One connection from its first octet to its last.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::end::End;
use super::plan::Plan;
use super::record::{ConnectionRecord, Ending, Speaker};
use super::script::{Flow, How, Script, Security};
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
    pub(super) security: Security,
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
    /// A chunk was refused: nothing goes on before RSET, RFC 3030 §2.
    pub(super) needs_reset: bool,
    /// The command before this one was BDAT.
    pub(super) behind_chunk: bool,
    /// What the client said and must hear the answer to before it says more.
    pub(super) awaited: Option<String>,
}

/// Where a connection came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door {
    pub(super) port: u16,
    /// 1 for the first connection to the port.
    pub(super) ordinal: u32,
    pub(super) security: Security,
}

/// Serves one connection to its end.
pub(super) async fn serve(world: Arc<World>, stream: TcpStream, door: Door, script: Script) {
    let id = world.connections.open(door.port, door.ordinal, &script);
    // Replies are put together here; waiting for more would only cost time.
    let _ = stream.set_nodelay(true);
    let plan = Plan::new(script);
    let mut connection = Connection {
        wire: Wire::new(stream, &plan, Arc::clone(&world), id),
        world,
        security: if plan.has_other_security() {
            door.security.other()
        } else {
            door.security
        },
        plan,
        port: door.port,
        id,
        turned_away: false,
        greeted: false,
        advertised: Vec::new(),
        user: None,
        refusals: 0,
        transaction: None,
        needs_reset: false,
        behind_chunk: false,
        awaited: None,
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
            End::Client(ending) => self.record_end(ending),
            End::Orderly(ending) if self.wire.cut_ahead().is_none() => {
                self.record_end(ending);
                self.wire.close(true).await;
            }
            End::Orderly(_) | End::Broken(_) => {
                // What was said before is heard; of a reset that can only be hoped.
                let how = match (self.wire.flush().await, end) {
                    (Err(End::Cut(how)), _) | (_, End::Broken(how)) => how,
                    _ => How::Fin,
                };
                self.wire.unsay();
                self.break_off(how).await;
            }
            End::Cut(how) => {
                self.note("the script ends it at this octet");
                self.wire.unsay();
                self.break_off(how).await;
            }
            End::Reset => self.break_off(How::Rst).await,
        }
    }

    async fn break_off(&mut self, how: How) {
        match how {
            How::Fin => {
                self.record_end(Ending::ClosedByServer);
                self.wire.close(false).await;
            }
            How::Rst => {
                self.record_end(Ending::ResetByServer);
                self.wire.reset();
            }
            How::Stall => {
                let ending = self.wire.until_gone_unread().await;
                self.record_end(ending);
            }
        }
    }

    fn record_end(&self, ending: Ending) {
        self.record(|record| record.end(ending));
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
        let line = match self.plan.idle() {
            None => self.wire.line(AUTH_CAP).await?,
            Some(idle) => match timeout(idle.limit, self.wire.line(AUTH_CAP)).await {
                Ok(line) => line?,
                Err(_) => {
                    self.note("has waited long enough");
                    if let Some(text) = &idle.text {
                        // A 421 among them ends it no other way than the script wants.
                        let _ = self.reply(text);
                    }
                    return Err(End::Broken(idle.how));
                }
            },
        };
        Ok(match line {
            Line::Whole(line) if line.len() > COMMAND_CAP && !is_auth(&line) => Line::TooLong,
            other => other,
        })
    }

    /// The line behind a challenge of AUTH, not yet in the record.
    pub(super) async fn auth_line(&mut self) -> Result<Line, End> {
        self.wire.line(AUTH_CAP).await
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

    /// How the script ends the connection within content, and after how many octets of it.
    pub(super) fn cut_of_content(&self) -> Option<(u64, How)> {
        self.plan.cut(Flow::Content)
    }
}

fn is_auth(line: &[u8]) -> bool {
    line.get(..5)
        .is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "))
}
