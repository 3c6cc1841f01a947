//! Commands (RFC 5321 §4.1.1), written from types that cannot end a line.

use std::fmt;

use super::{Needs, sasl::Mechanism};
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
    /// AUTH, with the initial response where it fits the line.
    Auth(Mechanism, Option<&'a Secret>),
    /// The response to the empty challenge, on a line of its own.
    SaslResponse(&'a Secret),
    /// The response by which the client acknowledges an error challenge.
    SaslAcknowledge(Mechanism),
    Mail {
        reverse_path: &'a EmailAddress,
        size: Option<u64>,
        needs: Needs,
    },
    Rcpt(&'a EmailAddress),
    Data,
    /// The only chunk of a message, with its octets (RFC 3030 §2).
    BdatLast(u64),
    Rset,
    Quit,
}

impl Command<'_> {
    /// The command's line with its CRLF.
    pub(super) fn to_line(&self) -> Vec<u8> {
        let line = match self {
            Self::Ehlo(name) => format!("EHLO {}", name.0),
            Self::StartTls => "STARTTLS".to_owned(),
            Self::Auth(mechanism, None) => format!("AUTH {}", mechanism.name()),
            Self::Auth(mechanism, Some(response)) => {
                format!("AUTH {} {}", mechanism.name(), response.expose())
            }
            Self::SaslResponse(response) => response.expose().to_owned(),
            Self::SaslAcknowledge(mechanism) => mechanism.acknowledgement().to_owned(),
            Self::Mail {
                reverse_path,
                size,
                needs,
            } => {
                let size = size.map_or(String::new(), |size| format!(" SIZE={size}"));
                // RFC 6531 §3.4: SMTPUTF8 goes with 8BITMIME or is enough by itself; said apart.
                let body = if needs.eight_bit {
                    " BODY=8BITMIME"
                } else {
                    ""
                };
                let utf8 = if needs.smtputf8 { " SMTPUTF8" } else { "" };
                format!("MAIL FROM:<{reverse_path}>{size}{body}{utf8}")
            }
            Self::Rcpt(forward_path) => format!("RCPT TO:<{forward_path}>"),
            Self::Data => "DATA".to_owned(),
            Self::BdatLast(octets) => format!("BDAT {octets} LAST"),
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
            Self::Auth(..) | Self::SaslResponse(_) | Self::SaslAcknowledge(_) => "AUTH",
            Self::Mail { .. } => "MAIL",
            Self::Rcpt(_) => "RCPT",
            Self::Data => "DATA",
            Self::BdatLast(_) => "BDAT",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        })
    }
}
