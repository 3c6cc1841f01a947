//! What a connection does wrong, as values.
//!
//! A script is a set of faults, not a sequence: each fault says where in the session it applies, so
//! the order in the list means nothing. Where several apply to one step they act in this order:
//! `Delay`, `Stall`, `Drop` before the reply, `Reply` and `Garbage` (in the pieces of `Trickle`),
//! `Unasked`, `Drop` after the reply. The step's work is done before all of them, unless `Reply`
//! refuses it: a message whose end is answered late, never, or not at all is in the inbox.
//!
//! A command that would be refused anyway (RCPT without MAIL) gets its refusal and no fault; AUTH
//! alone meets its faults before the token is looked at.

mod make;
mod tell;
mod words;

use serde::{Deserialize, Serialize};

pub use words::{
    BadCertificate, Flow, Garbage, How, OldAnswer, OldVersion, Security, Segment, Step, When,
};

/// The faults of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// The connection ends where so many octets have passed, whatever they mean. What came is
    /// neither read nor answered after that; what goes is cut to the octet.
    Cut {
        /// Which octets are counted.
        flow: Flow,
        /// How many pass. 0 ends it before the first one, as soon as its turn comes.
        octets: u64,
        /// How it ends.
        how: How,
    },

    /// STARTTLS is not offered, and answered 502 when it comes anyway.
    NoStartTls,
    /// The port is taken for the other kind: one with STARTTLS begins with a handshake and greets
    /// under TLS, one with implicit TLS greets in plaintext and offers STARTTLS.
    OtherSecurity,
    /// TLS shows a certificate no client may take.
    Certificate(BadCertificate),
    /// A server from before TLS 1.2 answers the client's hello.
    OldTls {
        /// All it can do.
        version: OldVersion,
        /// What it says.
        answer: OldAnswer,
    },
    /// Plaintext behind the 220 that answers STARTTLS.
    InjectAfterStartTls {
        /// In the segment of the 220, or in one of its own.
        segment: Segment,
        /// What is sent, exactly.
        bytes: String,
    },
    /// The 220 that answers STARTTLS is the last thing the client hears.
    CloseWithStartTls {
        /// With FIN in the segment of the 220, or behind it with RST or in silence.
        how: How,
    },

    /// This reply instead of the normal one. Whether the step counts as done follows the reply's
    /// first digit; 421 also ends the connection. For `Auth` it comes right after the credentials;
    /// there and for `AuthChallenge` 3yz asks the client for one more line and refuses then.
    Reply {
        /// At which step.
        step: Step,
        /// Only the nth time the step is reached on this connection, from 1; `None` is each time.
        #[serde(default)]
        nth: Option<u32>,
        /// The full reply without its last CRLF, such as `451 4.7.0 Temporary server error`.
        /// Sent as it is, so it can be malformed, or two replies in one segment; lines are joined
        /// by `\r\n`.
        text: String,
    },
    /// The reply is spoiled, or something else comes in its place. The step is done.
    Garbage {
        /// At which step.
        step: Step,
        /// Only the nth time, as in `Reply`.
        #[serde(default)]
        nth: Option<u32>,
        /// What comes.
        garbage: Garbage,
    },
    /// Behind the reply comes one to a command that was not sent.
    Unasked {
        /// At which step.
        step: Step,
        /// Only the nth time, as in `Reply`.
        #[serde(default)]
        nth: Option<u32>,
        /// In the segment of the reply, or in one of its own.
        segment: Segment,
        /// The reply nobody asked for, without its last CRLF.
        text: String,
    },
    /// The reply comes in small segments (under TLS: records), one after the other.
    Trickle {
        /// At which step.
        step: Step,
        /// Only the nth time, as in `Reply`.
        #[serde(default)]
        nth: Option<u32>,
        /// Octets in each, 1 at least.
        octets: u32,
        /// The pause behind each.
        pause_millis: u64,
    },
    /// The connection ends, without close_notify under TLS. `Content` before the reply means that
    /// the message was taken into the inbox and its answer lost.
    Drop {
        /// At which step.
        step: Step,
        /// Only the nth time, as in `Reply`.
        #[serde(default)]
        nth: Option<u32>,
        /// Before or after the reply.
        when: When,
        /// How it ends.
        #[serde(default)]
        how: How,
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
    /// A client that says nothing for so long, where a command is awaited, loses the connection.
    Idle {
        /// How long is too long.
        millis: u64,
        /// Last words, such as `421 4.4.2 Idle for too long`; without them it just ends.
        #[serde(default)]
        text: Option<String>,
        /// How it ends.
        #[serde(default)]
        how: How,
    },

    /// The name that the server gives itself in the EHLO reply, instead of `localhost`: some
    /// clients know by it whose answers they read.
    Name(String),
    /// EHLO is answered 502 5.5.1; HELO works.
    EhloRefused,
    /// The keyword lines of the EHLO reply, instead of the normal ones. What they do not name does
    /// not work: not the extension, and not the mechanism of AUTH.
    Capabilities {
        /// Before TLS.
        #[serde(default)]
        before_tls: Option<Vec<String>>,
        /// After TLS.
        #[serde(default)]
        after_tls: Option<Vec<String>>,
    },
    /// This keyword (`CHUNKING`) or mechanism of AUTH (`OAUTHBEARER`) is not among the normal ones,
    /// on neither side of TLS.
    Without(String),
    /// So many recipients in one transaction; more are answered 452 4.5.3.
    MaxRecipients(u32),
    /// So many octets in one message, which SIZE says too; more are answered 552 5.3.4.
    MaxSize(u64),
}

impl Fault {
    /// The step at which the fault applies, and which time only; `None` for what applies to the
    /// connection.
    pub(super) fn place(&self) -> Option<(Step, Option<u32>)> {
        match self {
            Self::Reply { step, nth, .. }
            | Self::Garbage { step, nth, .. }
            | Self::Unasked { step, nth, .. }
            | Self::Trickle { step, nth, .. }
            | Self::Drop { step, nth, .. }
            | Self::Stall { step, nth }
            | Self::Delay { step, nth, .. } => Some((*step, *nth)),
            _ => None,
        }
    }
}
