//! A stand-in mail provider on loopback, for demonstrations and end-to-end tests.
//!
//! To its client it is a provider like any other: an OAuth 2.0 authorization server over HTTPS, an
//! SMTP submission server behind STARTTLS or implicit TLS that takes XOAUTH2 and OAUTHBEARER, and a
//! mailbox. To a person it is an
//! inbox to read. To a test it is a peer that can be told to misbehave, to the octet, and that
//! keeps a record of what it was sent.
//!
//! In scope: what a client of a mail provider can see on the wire. Out of scope: delivery to anyone
//! (a message taken here goes nowhere), storage (everything is gone when the handle is dropped) and
//! any address but loopback.
//!
//! ```no_run
//! use edgepost_sandbox::{Options, Sandbox, Script, Fault, Step};
//! # fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::start(Options::default())?;
//! sandbox.add_account("shop@sandbox.test", Default::default());
//! let refresh_token = sandbox.grant("shop@sandbox.test");
//! // The first connection is told to come back later, all others are served.
//! let port = sandbox.open_smtp(
//!     vec![Script::of([Fault::reply(Step::Mail, "451 4.7.0 Temporary server error")])],
//!     Script::none(),
//! )?;
//! # let _ = (refresh_token, port);
//! # Ok(()) }
//! ```

mod accounts;
mod authority;
mod clock;
mod handle;
mod hook;
mod http;
mod inbox;
mod net;
mod oauth;
mod octets;
mod options;
mod random;
mod signers;
mod smtp;
mod sync;
mod verifier;
mod web;
mod world;

pub use accounts::{AccountSettings, Refuse, Secret, TokenFault, TokenRequest, TokenVerdict};
pub use authority::ServerIdentity;
pub use handle::Sandbox;
pub use hook::HookPost;
pub use inbox::{AuthFacts, AuthForm, ContentForm, Delivered, Envelope, Recipient, TlsFacts};
pub use options::{Options, SampleSite};
pub use smtp::port::SmtpPort;
pub use smtp::record::{ConnectionRecord, ContentFacts, Ending, Exchange, Speaker};
pub use smtp::script::{
    BadCertificate, Fault, Flow, Garbage, How, OldAnswer, OldVersion, Script, Security, Segment,
    Step, When,
};

/// A string that appears nowhere else, so that a search of a release bundle can prove that nothing
/// of the sandbox got into it. The web server sends it in the header `x-edgepost-sandbox`.
pub const MARKER: &str = "edgepost-sandbox-marker-7f3a";

/// The common name in the subject of the sandbox's certificate authority.
pub const AUTHORITY_SUBJECT: &str = "edgepost sandbox authority";

/// The scope an access token needs before SMTP AUTH takes it.
pub const SMTP_SCOPE: &str = "https://sandbox.test/SMTP.Send";

/// How many messages the inbox keeps; the oldest goes first.
pub const INBOX_CAPACITY: usize = 1_000;

/// How many posts to hooks are kept; the oldest goes first.
pub const HOOK_CAPACITY: usize = 2_000;

/// How many secrets are remembered for [`Sandbox::secrets`]; later ones are not.
pub const SECRET_CAPACITY: usize = 100_000;

/// How many connection records are kept; the oldest closed one goes first.
pub const CONNECTION_CAPACITY: usize = 5_000;
