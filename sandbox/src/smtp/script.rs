//! What a connection does wrong, as values.
//!
//! A script is a set of faults, not a sequence: each fault says where in the session it applies, so
//! the order in the list means nothing. Where several apply to one step they act in this order:
//! `Delay`, `Stall`, `Drop` before the reply, `Reply`, `Drop` after the reply. The step's work is done
//! before all of them, unless `Reply` refuses it: a message whose end is answered late, never, or not
//! at all is in the inbox.
//!
//! A command that would be refused anyway (RCPT without MAIL) gets its refusal and no fault; AUTH
//! alone meets its faults before the token is looked at.

use serde::{Deserialize, Serialize};

/// The faults of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// All that goes wrong; empty for a server in good order.
    pub faults: Vec<Fault>,
}

impl Script {
    /// A server in good order.
    pub fn none() -> Self {
        Self::default()
    }

    /// These faults.
    pub fn of(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self {
            faults: faults.into_iter().collect(),
        }
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection is reset (RST) as soon as it is taken.
    ResetOnAccept,
    /// STARTTLS is not offered, and answered 502 when it comes anyway.
    NoStartTls,
    /// EHLO is answered 502 5.5.1; HELO works.
    EhloRefused,
    /// TLS shows a certificate no client may take.
    Certificate(BadCertificate),
    /// Plaintext behind the 220 that answers STARTTLS.
    InjectAfterStartTls {
        /// In the segment of the 220, or in one of its own.
        segment: Segment,
        /// What is sent, exactly.
        bytes: String,
    },
    /// The 220 that answers STARTTLS is the last thing the client hears.
    CloseWithStartTls {
        /// With FIN in the segment of the 220, or with RST behind it.
        how: How,
    },
    /// This reply instead of the normal one. Whether the step counts as done follows the reply's
    /// first digit; 421 also ends the connection. For `Auth` it comes right after the credentials.
    Reply {
        /// At which step.
        step: Step,
        /// Only the nth time the step is reached on this connection, from 1; `None` is each time.
        #[serde(default)]
        nth: Option<u32>,
        /// The full reply without its last CRLF, such as `451 4.7.0 Temporary server error`.
        /// Sent as it is, so it can be malformed; lines of one reply are joined by `\r\n`.
        text: String,
    },
    /// The connection ends (FIN, and no close_notify under TLS). `Content` before the reply means
    /// that the message was taken into the inbox and its answer lost.
    Drop {
        /// At which step.
        step: Step,
        /// Only the nth time, as in `Reply`.
        #[serde(default)]
        nth: Option<u32>,
        /// Before or after the reply.
        when: When,
    },
    /// The connection dies when so many octets of content have been read. Nothing is taken. The
    /// client sees FIN or RST, as it would of a process that was killed.
    DropInContent {
        /// How many octets, as they came over the wire.
        octets: u64,
    },
    /// The step is never answered. The connection stays open until the client goes.
    Stall {
        /// At which step.
        step: Step,
        /// Only the nth time, as in `Reply`.
        #[serde(default)]
        nth: Option<u32>,
    },
    /// The step is answered late.
    Delay {
        /// At which step.
        step: Step,
        /// Only the nth time, as in `Reply`.
        #[serde(default)]
        nth: Option<u32>,
        /// How late.
        millis: u64,
    },
    /// The keyword lines of the EHLO reply, instead of the normal ones. `CHUNKING`, `8BITMIME`,
    /// `SMTPUTF8` and `DSN` work when they are named here.
    Capabilities {
        /// Before TLS.
        #[serde(default)]
        before_tls: Option<Vec<String>>,
        /// After TLS.
        #[serde(default)]
        after_tls: Option<Vec<String>>,
    },
}

impl Fault {
    /// `text` at each `step`.
    pub fn reply(step: Step, text: impl Into<String>) -> Self {
        Self::Reply {
            step,
            nth: None,
            text: text.into(),
        }
    }

    /// The connection ends before the reply to `step`.
    pub fn drop_before(step: Step) -> Self {
        Self::Drop {
            step,
            nth: None,
            when: When::BeforeReply,
        }
    }

    /// The connection ends after the reply to `step`.
    pub fn drop_after(step: Step) -> Self {
        Self::Drop {
            step,
            nth: None,
            when: When::AfterReply,
        }
    }

    /// `step` is never answered.
    pub fn stall(step: Step) -> Self {
        Self::Stall { step, nth: None }
    }

    /// `step` is answered so many milliseconds late.
    pub fn delay(step: Step, millis: u64) -> Self {
        Self::Delay {
            step,
            nth: None,
            millis,
        }
    }

    /// The same fault, but only the nth time its step is reached on the connection, from 1. Faults
    /// that have no step stay as they are.
    #[must_use]
    pub fn only(mut self, n: u32) -> Self {
        match &mut self {
            Self::Reply { nth, .. }
            | Self::Drop { nth, .. }
            | Self::Stall { nth, .. }
            | Self::Delay { nth, .. } => {
                *nth = Some(n);
            }
            Self::ResetOnAccept
            | Self::NoStartTls
            | Self::EhloRefused
            | Self::Certificate(_)
            | Self::InjectAfterStartTls { .. }
            | Self::CloseWithStartTls { .. }
            | Self::DropInContent { .. }
            | Self::Capabilities { .. } => {}
        }
        self
    }
}

/// Where in a session a fault applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The first line of the server.
    Greeting,
    /// EHLO before TLS. HELO is no such step.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// EHLO after TLS.
    EhloTls,
    /// The outcome of AUTH, when the credentials are there.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, whose normal reply is 354.
    Data,
    /// The end of the content, whether it came by DATA or by the last BDAT.
    Content,
    /// QUIT.
    Quit,
}

/// Before or after the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The step's work is done, its answer is lost.
    BeforeReply,
    /// The answer goes out, then the connection ends.
    AfterReply,
}

/// Which certificate TLS shows instead of the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadCertificate {
    /// For `mail.wrong.test`, by the sandbox's authority.
    WrongName,
    /// For `localhost`, by the sandbox's authority, expired.
    Expired,
    /// For `localhost`, by an authority nobody knows.
    UnknownIssuer,
}

/// Where injected plaintext travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// In the segment of the 220.
    Same,
    /// In a later one, before the handshake.
    Later,
}

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// In order.
    Fin,
    /// By reset.
    Rst,
}
