//! What is kept of each connection.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::script::Script;
use crate::CONNECTION_CAPACITY;
use crate::clock::now_ms;
use crate::inbox::{AuthFacts, ContentForm, TlsFacts};
use crate::octets;
use crate::sync::lock;

/// One connection to a submission port, open or closed.
///
/// Credentials sent over TLS are not in it. What a client sends before TLS is, all of it: that is
/// how a test proves that no credential was among it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionRecord {
    /// Unique in this sandbox.
    pub id: u64,
    /// The port it came to.
    pub port: u16,
    /// 1 for the first connection to this port.
    pub ordinal: u32,
    /// What was to go wrong with it.
    pub script: Script,
    /// When it was taken, milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended; `None` while it is open.
    pub ended_ms: Option<u64>,
    /// Every octet the client sent before TLS. In JSON one character an octet.
    #[serde(with = "octets")]
    pub plaintext_received: Vec<u8>,
    /// The handshake, from the moment the client's hello was read; also when it failed.
    pub tls: Option<TlsFacts>,
    /// Command lines after TLS, without CRLF; what goes with AUTH reads `<redacted>`.
    pub commands: Vec<String>,
    /// Both sides' lines with their times, credentials redacted, content summarised.
    pub dialogue: Vec<Exchange>,
    /// The last AUTH that was answered, whatever the answer.
    pub auth: Option<AuthFacts>,
    /// The authenticated address.
    pub auth_user: Option<String>,
    /// Where the client broke a rule of the protocol, in words, each rule once. Empty for a client
    /// in good order.
    pub violations: Vec<String>,
    /// How often it broke one.
    pub violation_count: u32,
    /// Content that came whole, whether or not it was taken.
    pub contents: Vec<ContentFacts>,
    /// Identifiers of the messages taken.
    pub messages: Vec<u64>,
    /// How it ended; `None` while it is open.
    pub ending: Option<Ending>,
}

impl ConnectionRecord {
    /// What the client sent before TLS, as text; octets above 127 become the character of the same
    /// number.
    pub fn plaintext(&self) -> String {
        octets::to_text(&self.plaintext_received)
    }
}

/// What is known of one message's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentFacts {
    /// By DATA or by BDAT.
    pub form: ContentForm,
    /// Without transparency.
    pub octets: u64,
    /// Identifier of the message; `None` when it was refused.
    pub message: Option<u64>,
}

/// One line of a dialogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// Who said it.
    pub speaker: Speaker,
    /// What was said, or for `Note` what happened. Control characters are escaped.
    pub text: String,
}

/// Whose line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Nobody's: an event such as the TLS handshake.
    Note,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// QUIT, answered.
    Quit,
    /// The client closed without QUIT.
    ClosedByClient,
    /// The client's side failed or was reset.
    ResetByClient,
    /// The server closed: a fault, or 421.
    ClosedByServer,
    /// The server reset the connection.
    ResetByServer,
    /// The TLS handshake failed.
    TlsFailed,
    /// Nothing came for longer than the server waits.
    TimedOut,
}

/// All records of a sandbox.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next_id: u64,
    records: VecDeque<ConnectionRecord>,
}

/// Longest line kept of a dialogue, in characters: it is there to be read.
const DIALOGUE_LINE_CAP: usize = 512;

/// Most lines kept of one dialogue: a client in a loop must not fill the memory.
const DIALOGUE_CAP: usize = 2_000;

/// Most command lines and most violations kept of one connection, for the same reason.
const LIST_CAP: usize = 10_000;

impl Connections {
    /// Enters a new connection and answers its identifier.
    pub(crate) fn open(&self, port: u16, ordinal: u32, script: &Script) -> u64 {
        let mut inner = lock(&self.inner);
        inner.next_id += 1;
        let id = inner.next_id;
        if inner.records.len() >= CONNECTION_CAPACITY {
            let oldest_closed = inner
                .records
                .iter()
                .position(|record| record.ended_ms.is_some());
            inner.records.remove(oldest_closed.unwrap_or(0));
        }
        inner.records.push_back(ConnectionRecord {
            id,
            port,
            ordinal,
            script: script.clone(),
            started_ms: now_ms(),
            ended_ms: None,
            plaintext_received: Vec::new(),
            tls: None,
            commands: Vec::new(),
            dialogue: Vec::new(),
            auth: None,
            auth_user: None,
            violations: Vec::new(),
            violation_count: 0,
            contents: Vec::new(),
            messages: Vec::new(),
            ending: None,
        });
        id
    }

    /// Changes one record, if it is still kept.
    pub(crate) fn with<T>(
        &self,
        id: u64,
        change: impl FnOnce(&mut ConnectionRecord) -> T,
    ) -> Option<T> {
        let mut inner = lock(&self.inner);
        // Records are in order of their identifiers.
        let index = inner
            .records
            .binary_search_by_key(&id, |record| record.id)
            .ok()?;
        inner.records.get_mut(index).map(change)
    }

    /// The records of one port, in the order they were opened.
    pub(crate) fn of(&self, port: u16) -> Vec<ConnectionRecord> {
        lock(&self.inner)
            .records
            .iter()
            .filter(|record| record.port == port)
            .cloned()
            .collect()
    }

    /// The newest `limit` records, newest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<ConnectionRecord> {
        lock(&self.inner)
            .records
            .iter()
            .rev()
            .take(limit)
            .cloned()
            .collect()
    }
}

impl ConnectionRecord {
    pub(crate) fn say(&mut self, speaker: Speaker, text: &str) {
        if self.dialogue.len() < DIALOGUE_CAP {
            let text = text
                .escape_debug()
                .to_string()
                .replace("\\\"", "\"")
                .replace("\\'", "'");
            let text = match text.char_indices().nth(DIALOGUE_LINE_CAP) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text,
            };
            self.dialogue.push(Exchange {
                at_ms: now_ms(),
                speaker,
                text,
            });
        }
    }

    pub(crate) fn command(&mut self, line: String) {
        if self.commands.len() < LIST_CAP {
            self.commands.push(line);
        }
    }

    pub(crate) fn content(&mut self, facts: ContentFacts) {
        if self.contents.len() < LIST_CAP {
            self.contents.push(facts);
        }
    }

    pub(crate) fn violation(&mut self, what: String) {
        self.violation_count = self.violation_count.saturating_add(1);
        if self.violations.len() < LIST_CAP && !self.violations.contains(&what) {
            self.violations.push(what);
        }
    }

    pub(crate) fn end(&mut self, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
            self.ended_ms = Some(now_ms());
        }
    }
}
