//! Addresses with the names people give them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{EmailAddress, HeaderText, InvalidAddress, InvalidHeaderText};
use crate::limits::MAILBOX_OCTETS;

/// An address with an optional display name: `mailbox` of RFC 5322 §3.4.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The name a reader sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<HeaderText>,
    /// Where mail goes.
    pub address: EmailAddress,
}

/// Why a text is not one mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidMailbox {
    /// The address.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// The display name.
    #[error("the display name cannot be used: {0}")]
    DisplayName(#[from] InvalidHeaderText),
    /// Neither `address` nor `Name <address>`.
    #[error("an address is written as name@example.com or Name <name@example.com>")]
    Form,
}

impl From<EmailAddress> for Mailbox {
    fn from(address: EmailAddress) -> Self {
        Self {
            display_name: None,
            address,
        }
    }
}

/// Reads `address` or `Name <address>`, the name bare or in quotes. Lists, groups and comments are
/// refused: the address is what stands between the only pair of angle brackets, at the end, and
/// nothing else can be taken for one.
impl FromStr for Mailbox {
    type Err = InvalidMailbox;

    fn from_str(text: &str) -> Result<Self, InvalidMailbox> {
        // Before any look inside: what follows then takes bounded time.
        if text.len() > MAILBOX_OCTETS {
            return Err(InvalidAddress::TooLong.into());
        }
        let text = text.trim_matches([' ', '\t']);
        let Some(rest) = text.strip_suffix('>') else {
            return Ok(text.parse::<EmailAddress>()?.into());
        };
        let (name, address) = rest.rsplit_once('<').ok_or(InvalidMailbox::Form)?;
        let address = address.parse()?;
        let name = unquote(name.trim_matches([' ', '\t'])).ok_or(InvalidMailbox::Form)?;
        if name.is_empty() {
            return Ok(Self {
                display_name: None,
                address,
            });
        }
        Ok(Self {
            display_name: Some(HeaderText::try_from(name)?),
            address,
        })
    }
}

/// A display name without its quotes (`quoted-string`, RFC 5322 §3.2.4), or a bare one, in which
/// people write more than the RFC's atoms; refused is what would end or begin an address, another
/// address or a group before it among them: whoever is in it would get nothing.
fn unquote(name: &str) -> Option<String> {
    let Some(inner) = name.strip_prefix('"') else {
        let plain = !name.contains(['<', '>', '"', '\\', '@', ';', ':']);
        return plain.then(|| name.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let mut unquoted = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => return None,
            '\\' => unquoted.push(characters.next()?),
            _ => unquoted.push(c),
        }
    }
    Some(unquoted)
}

/// As it is written, for people and for the API: `Name <address>`.
impl std::fmt::Display for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.display_name {
            None => self.address.fmt(f),
            Some(name)
                if name
                    .as_str()
                    .contains(['"', '<', '>', '\\', ',', ';', ':', '@']) =>
            {
                let escaped = name.as_str().replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\" <{}>", self.address)
            }
            Some(name) => write!(f, "{} <{}>", name.as_str(), self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, String), InvalidMailbox> {
        let mailbox: Mailbox = text.parse()?;
        // What is written can be read again.
        assert_eq!(mailbox.to_string().parse(), Ok(mailbox.clone()));
        let name = mailbox.display_name.map(String::from).unwrap_or_default();
        Ok((name, mailbox.address.into()))
    }

    #[test]
    fn ok_with_and_without_a_name() {
        for (text, name, address) in [
            ("a@x.test", "", "a@x.test"),
            ("<a@x.test>", "", "a@x.test"),
            (" Acme <a@x.test> ", "Acme", "a@x.test"),
            ("Acme, Inc. <a@x.test>", "Acme, Inc.", "a@x.test"),
            (
                "\"Acme \\\"A\\\" <Inc>\" <a@x.test>",
                "Acme \"A\" <Inc>",
                "a@x.test",
            ),
            (
                "Jürgen Müller <a@bücher.test>",
                "Jürgen Müller",
                "a@xn--bcher-kva.test",
            ),
            ("\"\" <a@x.test>", "", "a@x.test"),
        ] {
            assert_eq!(
                parse(text),
                Ok((name.to_owned(), address.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn a8_a9_err_what_another_parser_might_read_as_another_address() {
        let nested = "g0: ".repeat(10_000);
        let (ats, quotes) = ("@".repeat(1_000_000), "\"\\(".repeat(300_000));
        for text in [
            "",
            "Acme",
            "a@x.test, b@x.test",
            "A <a@x.test>, B <b@x.test>",
            "a@x.test, B <b@x.test>",
            "a@x.test; B <b@x.test>",
            "a@x.test b <c@x.test>",
            "A; B <b@x.test>",
            "g: A <a@x.test>",
            "A <a@x.test> <b@x.test>",
            "A <b@x.test> <a@x.test>",
            "<<a@x.test>>",
            "A <a@x.test> x",
            "A <a@x.test",
            "g: a@x.test;",
            "g: A <a@x.test>;",
            "\"A\" \"B\" <a@x.test>",
            "\"A <a@x.test>",
            "\"A\\\" <a@x.test>",
            "A <a@x.test>\r\nBcc: e@x.test",
            "A\r\nBcc: e@x.test <a@x.test>",
            "=?utf-8?q?A?= <a@x.test>",
            "\"xclow3n@gmail.com x\"@internal.domain",
            "\"a@evil.test\"@good.test",
            "alice@good.test(comment)@evil.test",
            &nested,
            &ats,
            &quotes,
        ] {
            assert!(parse(text).is_err(), "{text:.40}");
        }
    }
}
