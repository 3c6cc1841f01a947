//! What goes into a session and what comes out of it.

use std::fmt;

use super::{ClientName, PlaintextDrained};
use crate::{
    mail::EmailAddress,
    outcome::{Failure, Outcome},
    secret::AccessToken,
    time::UnixMillis,
    tls::TlsMode,
};

/// Who is sending, and with what.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// What we call ourselves.
    pub client_name: ClientName,
    /// The mailbox that is authenticated.
    pub user: EmailAddress,
    /// Its access token.
    pub token: AccessToken,
    /// When TLS begins. With [`TlsMode::Implicit`] the connection is one over TLS already, its
    /// server's name verified.
    pub tls: TlsMode,
}

/// What happened to the connection.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Octets came, as many as they may be.
    Received(&'a [u8]),
    /// The TLS handshake that [`Output::UpgradeTls`] asked for is done.
    TlsEstablished,
    /// No more octets will come, or none can be written.
    Closed,
    /// Time has passed. Harmless before the deadline.
    Timeout,
}

/// What to do next.
pub enum Output {
    /// Write these octets.
    Transmit(Vec<u8>),
    /// Start TLS, verifying the server's name, and say [`Input::TlsEstablished`] or
    /// [`Input::Closed`].
    UpgradeTls(PlaintextDrained),
    /// Wait for octets until the deadline, then say [`Input::Timeout`].
    NeedInput {
        /// When waiting ends.
        deadline: UnixMillis,
    },
    /// Authenticated: call [`Session::begin`](super::Session::begin) or [`Session::quit`](super::Session::quit), or wait.
    Ready,
    /// Call [`Session::content`](super::Session::content) with this piece, by number from 0. Numbers
    /// go up one by one.
    NeedContent(u32),
    /// What became of the transaction. Given once; then the session is ready again or done.
    Concluded(Conclusion),
    /// The session is over. Given again however often one asks.
    Done(Result<(), Failure>),
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Recipient by recipient, in the envelope's order.
    pub outcomes: Vec<Outcome>,
    /// The numbers of those who were too many for this transaction and may go into a further one
    /// at once (RFC 5321 §4.5.3.1.10). Where none is begun their outcome counts. There are only any
    /// where the server took the message for somebody, so each transaction has fewer than the one
    /// before.
    pub left_over: Vec<usize>,
}

/// What is written may be an access token: `Debug` says how much it is.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit(octets) => write!(f, "Transmit({} octets)", octets.len()),
            Self::UpgradeTls(_) => f.write_str("UpgradeTls"),
            Self::NeedInput { deadline } => write!(f, "NeedInput(until {deadline})"),
            Self::Ready => f.write_str("Ready"),
            Self::NeedContent(piece) => write!(f, "NeedContent({piece})"),
            Self::Concluded(conclusion) => write!(f, "Concluded({conclusion:?})"),
            Self::Done(result) => write!(f, "Done({result:?})"),
        }
    }
}
