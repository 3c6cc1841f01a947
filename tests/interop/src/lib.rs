//! Mail servers that nobody here wrote, and the core's own SMTP client to talk to them.
//!
//! In scope: starting each server on loopback with a configuration of ours, sending to it through
//! `edgepost::app::Link` over real sockets and TLS, and reading back what it took. Out of scope:
//! the Worker; `tests/e2e` has it against the sandbox, which can misbehave to the octet as no real
//! server will.
//!
//! What makes a server refuse or go away is the address it is shown, the same for all of them:
//!
//! | local part of the sender | |
//! |---|---|
//! | `mail-refused`, `mail-deferred` | 550, 451 to MAIL |
//! | `mail-closed` | the connection ends without an answer to MAIL |
//! | `content-refused`, `content-deferred` | 554, 451 to the content |
//! | `content-closed` | the connection ends without an answer to the content |
//!
//! | local part of a recipient begins with | |
//! |---|---|
//! | `refused`, `deferred` | 550, 450 to RCPT |
//! | `closed` | the connection ends without an answer to RCPT |
//!
//! Every token that begins with `good` is taken.

mod client;
mod dialogue;
mod net;
mod raw;
mod server;
mod servers;

pub use client::{Client, Mail, SENDER, Wish, say, say_failure};
pub use raw::Raw;
pub use server::{Accepted, Kind, Mechanism, Server};
pub use servers::{Plan, plans};
