//! SMTP submission as a client: RFC 5321, 3207 (STARTTLS), 4954 (AUTH), 1870 (SIZE), 2034
//! (enhanced status codes), and the XOAUTH2 mechanism.
//!
//! [`Session`] is the machine. It holds no socket and reads no clock: octets and points in time
//! go in, octets and deadlines come out. The same machine runs in the Worker, in tests over
//! nothing, and byte by byte.
//!
//! ```text
//! greeting ─▶ EHLO ─▶ STARTTLS ─▶ TLS ─▶ EHLO ─▶ AUTH ─▶ ready ◀────────────┐
//!                                                          │ begin          │ RSET
//!                                                          ▼                │
//!                                        MAIL ─▶ RCPT… ─▶ DATA ─▶ content ─▶ accepted
//! ```
//!
//! Nothing is authenticated before TLS, and there is no way to send without it.

mod capabilities;
mod classify;
mod command;
mod contract;
mod reply;
mod sasl;
mod session;
mod transaction;
mod transparency;

pub use classify::Step;
pub use command::ClientName;
pub use contract::{Input, Output, SessionConfig};
pub use reply::{
    EnhancedStatusCode, InvalidReply, PlaintextDrained, Reply, ReplyCode, ReplyParser, Severity,
};
pub use session::Session;
pub use transaction::{Piece, Transaction};
pub use transparency::DotStuffer;
