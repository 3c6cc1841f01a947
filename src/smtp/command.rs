//! Commands (RFC 5321 §4.1.1), written from types that cannot end a line.

use std::fmt;

use crate::{mail::EmailAddress, secret::Secret};

/// What we call ourselves in EHLO. A Worker has no name of its own in the DNS; the domain it
/// sends for is the most telling thing it can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName(String);

impl ClientName {
    /// The domain of the sending address, which is a domain name by type.
    pub fn of(sender: &EmailAddress) -> Self {
        Self(sender.domain().to_owned())
    }
}

/// A command of ours.
pub(super) enum Command<'a> {
    Ehlo(&'a ClientName),
    StartTls,
    /// AUTH XOAUTH2, with the initial response where it fits the line.
    AuthXoauth2(Option<&'a Secret>),
    /// The response to the empty challenge, on a line of its own.
    SaslResponse(&'a Secret),
    /// The empty response by which the client acknowledges an error challenge.
    SaslAcknowledge,
    Mail {
        reverse_path: &'a EmailAddress,
        size: Option<u64>,
    },
    Rcpt(&'a EmailAddress),
    Data,
    Rset,
    Quit,
}

impl Command<'_> {
    /// The command's line with its CRLF.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let line = match self {
            Self::Ehlo(name) => format!("EHLO {}", name.0),
            Self::StartTls => "STARTTLS".to_owned(),
            Self::AuthXoauth2(None) => "AUTH XOAUTH2".to_owned(),
            Self::AuthXoauth2(Some(response)) => format!("AUTH XOAUTH2 {}", response.expose()),
            Self::SaslResponse(response) => response.expose().to_owned(),
            Self::SaslAcknowledge => String::new(),
            Self::Mail {
                reverse_path,
                size: None,
            } => format!("MAIL FROM:<{reverse_path}>"),
            Self::Mail {
                reverse_path,
                size: Some(size),
            } => {
                format!("MAIL FROM:<{reverse_path}> SIZE={size}")
            }
            Self::Rcpt(forward_path) => format!("RCPT TO:<{forward_path}>"),
            Self::Data => "DATA".to_owned(),
            Self::Rset => "RSET".to_owned(),
            Self::Quit => "QUIT".to_owned(),
        };
        let mut line = line.into_bytes();
        line.extend_from_slice(b"\r\n");
        line
    }
}

impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ehlo(_) => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::AuthXoauth2(_) | Self::SaslResponse(_) | Self::SaslAcknowledge => "AUTH",
            Self::Mail { .. } => "MAIL",
            Self::Rcpt(_) => "RCPT",
            Self::Data => "DATA",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        })
    }
}
