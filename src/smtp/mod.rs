//! SMTP submission as a client: RFC 5321, 3207 (STARTTLS), 8314 (implicit TLS), 4954 (AUTH), 1870
//! (SIZE), 2920 (PIPELINING), 3030 (CHUNKING), 6152 (8BITMIME), 6531 (SMTPUTF8), 2034 (enhanced
//! status codes), and the mechanisms XOAUTH2 and OAUTHBEARER (RFC 7628). `docs/smtp.md` has the
//! whole of it in words.
//!
//! [`Session`] is the machine. It holds no socket and reads no clock: octets and points in time
//! go in, octets and deadlines come out. The same machine runs in the Worker, in tests over
//! nothing, and byte by byte.
//!
//! ```text
//! greeting ─▶ EHLO ─▶ STARTTLS ─▶ TLS ─▶ EHLO ─▶ AUTH ─▶ ready ◀───────────────────┐
//!     └───────── implicit TLS ────────────▲               │ begin                 │ RSET, or accepted
//!                                                          ▼                       │
//!                                        MAIL ─▶ RCPT… ─▶ DATA or BDAT ─▶ content ─┘
//! ```
//!
//! Nothing is authenticated before TLS, and there is no way to send without it.

mod capabilities;
mod classify;
mod command;
mod contract;
mod fitness;
mod reply;
mod sasl;
mod session;
mod transaction;
mod transparency;

pub use classify::{
    Codes, EVIDENCE, Evidence, LOSSES, Loss, RULES, Rule, Service, Source, Status, Step, Verdict,
    advice_of, connect_failed, elsewhere,
};
pub use command::ClientName;
pub use contract::{Conclusion, Input, Output, SessionConfig};
pub use reply::{
    EnhancedStatusCode, InvalidReply, PlaintextDrained, Reply, ReplyCode, ReplyParser, Severity,
};
pub use session::Session;
pub use transaction::{Needs, Piece, Transaction};
pub use transparency::DotStuffer;
