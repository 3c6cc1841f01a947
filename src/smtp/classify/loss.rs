//! Connections that end, or servers that fall silent, where the place says what to look at.
//!
//! The platform tells of a failed handshake only that the connection is gone, at the first read or
//! write over it. So TLS failures are told by their phase.

use crate::{
    outcome::{Cause, Failure, Finding, Trouble},
    tls::TlsMode,
};

/// A place where a lost connection means something of its own.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// Its name, which stands in stories. Stable.
    pub name: &'static str,
    /// What happened, for the documentation.
    pub what: &'static str,
    /// What it is called.
    pub cause: Cause,
    /// What the operator is to do.
    pub advice: &'static str,
}

impl Loss {
    /// As a failure of the mailbox. All of them may pass by themselves, so they are tried again
    /// with growing distance.
    pub(in crate::smtp) fn failure(&self) -> Failure {
        Failure {
            finding: Some(Finding::named(self.name)),
            ..Failure::of_mailbox(self.cause, Trouble::Transient)
        }
    }
}

const NO_CONNECTION_OVER_TLS: Loss = Loss {
    name: "no_connection_over_tls",
    what: "implicit TLS: no connection",
    cause: Cause::ConnectFailed,
    advice: "no connection to the mail server, or no TLS on it; check smtp_host and smtp_port, that the port takes TLS from the first octet (465 does, 587 wants smtp_tls = \"starttls\"), that smtp_host is the name in the server's certificate, that it has not expired, and who issued it",
};

/// A connection that could not be opened. Over TLS the platform does not tell whether it was TCP or
/// the handshake that failed.
pub fn connect_failed(tls: TlsMode) -> Failure {
    match tls {
        TlsMode::Implicit => NO_CONNECTION_OVER_TLS.failure(),
        TlsMode::StartTls => Failure::of_mailbox(Cause::ConnectFailed, Trouble::Transient),
    }
}

pub(in crate::smtp) const NO_GREETING: Loss = Loss {
    name: "no_greeting",
    what: "no greeting in time, on a connection that starts in the clear",
    cause: Cause::TimedOut,
    advice: "the mail server did not greet in time; check smtp_port, and set smtp_tls = \"implicit\" if that port takes TLS from the first octet, for then the server waits for us",
};

pub(in crate::smtp) const NOT_GREETED: Loss = Loss {
    name: "ended_without_greeting",
    what: "the connection ended before the greeting, on a connection that starts in the clear",
    cause: Cause::ConnectionLost,
    advice: "the mail server closed the connection without a greeting; it may be busy, or tired of waiting for TLS: set smtp_tls = \"implicit\" if smtp_port takes TLS from the first octet",
};

pub(in crate::smtp) const TLS_AT_START: Loss = Loss {
    name: "tls_failed_at_start",
    what: "implicit TLS: the connection ended before the greeting",
    cause: Cause::TlsFailed,
    advice: "no TLS at the start of the connection; check that smtp_port takes TLS from the first octet (465 does, 587 wants smtp_tls = \"starttls\"), that smtp_host is the name in the server's certificate, that it has not expired, and who issued it",
};

pub(in crate::smtp) const TLS_HANDSHAKE: Loss = Loss {
    name: "tls_failed_in_handshake",
    what: "STARTTLS: the connection ended in the handshake, or it took too long",
    cause: Cause::TlsFailed,
    advice: "the TLS handshake failed after the server agreed to STARTTLS; check that the server speaks TLS 1.2 or later, that smtp_host is the name in its certificate, that it has not expired, and who issued it",
};

pub(in crate::smtp) const TLS_FIRST_OCTETS: Loss = Loss {
    name: "tls_failed_at_first_octets",
    what: "STARTTLS: the connection ended, or fell silent, at EHLO over TLS",
    cause: Cause::TlsFailed,
    advice: "the connection ended with the first octets over TLS, which is how the platform tells of a certificate that it refuses; check that smtp_host is the name in the server's certificate, that it has not expired, and who issued it",
};

pub(in crate::smtp) const AT_AUTH: Loss = Loss {
    name: "lost_at_auth",
    what: "the connection ended instead of a reply to AUTH",
    cause: Cause::ConnectionLost,
    advice: "the mail server closed the connection instead of answering AUTH; some do so where too many connections are open, or where the token is longer than they take",
};

/// All of them.
pub const LOSSES: &[Loss] = &[
    NO_CONNECTION_OVER_TLS,
    NO_GREETING,
    NOT_GREETED,
    TLS_AT_START,
    TLS_HANDSHAKE,
    TLS_FIRST_OCTETS,
    AT_AUTH,
];
