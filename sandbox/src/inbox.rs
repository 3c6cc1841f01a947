//! The messages that were taken.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::INBOX_CAPACITY;
use crate::clock::now_ms;
use crate::octets;
use crate::sync::lock;

/// A message as it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// Unique in this sandbox, rising with time.
    pub id: u64,
    /// When it was taken, milliseconds since 1970.
    pub at_ms: u64,
    /// The submission port it came through.
    pub port: u16,
    /// The connection it came over, as in its record.
    pub connection: u64,
    /// Who it was from and for, as SMTP said.
    pub envelope: Envelope,
    /// The content, with the transparency dots taken out and nothing else changed. In JSON one
    /// character an octet.
    #[serde(with = "octets")]
    pub raw: Vec<u8>,
    /// How the content came.
    pub form: ContentForm,
    /// The connection's TLS.
    pub tls: Option<TlsFacts>,
    /// The connection's authentication.
    pub auth: Option<AuthFacts>,
}

/// What MAIL and RCPT said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The reverse path, without angle brackets.
    pub mail_from: String,
    /// Parameters of MAIL, such as `SIZE=1234`.
    pub mail_parameters: Vec<String>,
    /// The recipients that were taken, in order.
    pub rcpt_to: Vec<Recipient>,
}

/// One recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The forward path, without angle brackets.
    pub address: String,
    /// Parameters of RCPT, such as `NOTIFY=NEVER`.
    pub parameters: Vec<String>,
}

/// How content came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentForm {
    /// By DATA.
    Data,
    /// By BDAT.
    Bdat {
        /// In so many chunks.
        chunks: u32,
    },
}

impl ContentForm {
    pub(crate) fn words(self) -> String {
        match self {
            Self::Data => "by DATA".to_owned(),
            Self::Bdat { chunks: 1 } => "by BDAT".to_owned(),
            Self::Bdat { chunks } => format!("by BDAT in {chunks} chunks"),
        }
    }
}

/// What is known of a connection's TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1_3` or `TLSv1_2`; `None` when the handshake failed.
    pub version: Option<String>,
    /// The name the client asked for.
    pub sni: Option<String>,
    /// Why the handshake failed.
    pub error: Option<String>,
}

impl TlsFacts {
    /// `TLS 1.3`.
    pub(crate) fn version_words(&self) -> String {
        self.version
            .as_deref()
            .unwrap_or("unknown version")
            .replace("TLSv1_", "TLS 1.")
    }
}

/// What is known of a connection's authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthFacts {
    /// `XOAUTH2` or `OAUTHBEARER`.
    pub mechanism: String,
    /// Whether the credentials came with the command.
    pub form: AuthForm,
    /// The address named by the client.
    pub user: String,
    /// Code of the reply: 235 when it was taken.
    pub reply: u16,
}

/// How the credentials came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthForm {
    /// As initial response in the AUTH line.
    Inline,
    /// In a line of their own after `334`.
    TwoStep,
}

impl AuthForm {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Inline => "with the command",
            Self::TwoStep => "in two steps",
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    next_id: u64,
    /// Rises with every change, so that a page can ask whether to draw itself again.
    revision: u64,
    messages: VecDeque<Delivered>,
}

impl Inbox {
    /// Takes a message; its identifier and time are set here.
    pub(crate) fn deliver(&self, mut message: Delivered) -> u64 {
        let mut inner = lock(&self.inner);
        inner.next_id += 1;
        inner.revision += 1;
        message.id = inner.next_id;
        message.at_ms = now_ms();
        if inner.messages.len() >= INBOX_CAPACITY {
            inner.messages.pop_front();
        }
        let id = message.id;
        inner.messages.push_back(message);
        drop(inner);
        self.arrived.notify_all();
        id
    }

    pub(crate) fn all(&self) -> Vec<Delivered> {
        lock(&self.inner).messages.iter().cloned().collect()
    }

    /// `read` of each message, oldest first, without copying the contents.
    pub(crate) fn map<T>(&self, read: impl FnMut(&Delivered) -> T) -> Vec<T> {
        lock(&self.inner).messages.iter().map(read).collect()
    }

    pub(crate) fn of(&self, port: u16) -> Vec<Delivered> {
        lock(&self.inner)
            .messages
            .iter()
            .filter(|message| message.port == port)
            .cloned()
            .collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Delivered> {
        lock(&self.inner)
            .messages
            .iter()
            .find(|message| message.id == id)
            .cloned()
    }

    pub(crate) fn clear(&self) {
        let mut inner = lock(&self.inner);
        inner.revision += 1;
        inner.messages.clear();
    }

    pub(crate) fn revision(&self) -> u64 {
        lock(&self.inner).revision
    }

    /// The newest message that `wanted` takes, as soon as there is one.
    pub(crate) fn wait(
        &self,
        timeout: Duration,
        wanted: impl Fn(&Delivered) -> bool,
    ) -> Option<Delivered> {
        let deadline = Instant::now().checked_add(timeout)?;
        let mut inner = lock(&self.inner);
        loop {
            if let Some(found) = inner.messages.iter().rev().find(|message| wanted(message)) {
                return Some(found.clone());
            }
            let left = deadline
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())?;
            inner = self
                .arrived
                .wait_timeout(inner, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
