//! Addresses: one parser, and the same value in header and envelope.

use std::{fmt, str::FromStr};

use crate::limits::{ADDRESS_OCTETS, DOMAIN_OCTETS, LOCAL_PART_OCTETS};
use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An address as it stands in `MAIL FROM:<…>`: a dot-string, `@`, a domain name
/// (RFC 5321 §4.1.2). An internationalised domain is kept as its A-labels (RFC 5890 §2.3.2.1),
/// which every server understands.
///
/// Stricter than the RFC on purpose. Quoted local parts, comments, domain literals and groups
/// are refused: two parsers read them differently, and mail then goes to another domain than the
/// one that was checked. A leading `-` is refused because some servers hand addresses to
/// programs as arguments.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// Why a text is not an address that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidAddress {
    /// Nothing there.
    #[error("an address is expected, found nothing")]
    Empty,
    /// No `@`, or more than one.
    #[error("an address has exactly one @")]
    At,
    /// Too long for a path of RFC 5321 §4.5.3.1.
    #[error(
        "an address has at most {LOCAL_PART_OCTETS} octets before the @ and {ADDRESS_OCTETS} in all"
    )]
    TooLong,
    /// Not a dot-string.
    #[error("the part before the @ holds a character or a dot that cannot stand there")]
    LocalPart,
    /// Not a domain name.
    #[error("the part after the @ is not a domain name")]
    Domain,
}

impl EmailAddress {
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// The part after the `@`, in lower case.
    pub fn domain(&self) -> &str {
        self.text
            .get(self.at.saturating_add(1)..)
            .unwrap_or_default()
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        // Before any look inside: what follows then takes bounded time.
        if text.len() > ADDRESS_OCTETS {
            return Err(InvalidAddress::TooLong);
        }
        let (local_part, domain) = text.split_once('@').ok_or(InvalidAddress::At)?;
        if domain.contains('@') {
            return Err(InvalidAddress::At);
        }
        if local_part.len() > LOCAL_PART_OCTETS || domain.len() > DOMAIN_OCTETS {
            return Err(InvalidAddress::TooLong);
        }
        if local_part.starts_with('-')
            || local_part.starts_with("=?")
            || !local_part
                .split('.')
                .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
        {
            return Err(InvalidAddress::LocalPart);
        }
        let domain = to_a_labels(domain)?;
        if !is_domain_name(&domain) {
            return Err(InvalidAddress::Domain);
        }
        let text = format!("{local_part}@{domain}");
        if text.len() > ADDRESS_OCTETS {
            return Err(InvalidAddress::TooLong);
        }
        Ok(Self {
            text,
            at: local_part.len(),
        })
    }
}

/// The domain in lower case (domains compare without case, RFC 1035 §2.3.3; local parts are the
/// host's business) and in A-labels (UTS 46, strict).
///
/// A name that UTS 46 would have to map to another, but for its case, is refused: full-width
/// letters and invisible characters make two names look like one.
fn to_a_labels(domain: &str) -> Result<String, InvalidAddress> {
    let lower = domain.to_lowercase();
    // What has no punycode in it and is ASCII is its own A-label.
    if domain.is_ascii() && !lower.split('.').any(|label| label.starts_with("xn--")) {
        return Ok(lower);
    }
    let uts46 = Uts46::new();
    let (deny, hyphens) = (AsciiDenyList::STD3, Hyphens::Check);
    let ascii = uts46
        .to_ascii(lower.as_bytes(), deny, hyphens, DnsLength::Verify)
        .map_err(|_| InvalidAddress::Domain)?
        .into_owned();
    let (unicode, valid) = uts46.to_unicode(ascii.as_bytes(), deny, hyphens);
    // A letter that becomes ASCII only when its case is changed (the Kelvin sign) is another one.
    let stays = domain.is_ascii() || !lower.is_ascii();
    let as_written = stays && (*unicode == *lower || ascii == lower);
    if valid.is_ok() && as_written {
        Ok(ascii)
    } else {
        Err(InvalidAddress::Domain)
    }
}

/// `atext` of RFC 5322 §3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// Two labels or more of letters, digits and inner hyphens (RFC 1123 §2.1), the last not all
/// digits, or `localhost`, which no provider routes and a development server does.
fn is_domain_name(domain: &str) -> bool {
    if domain.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let Some((_, top)) = domain.rsplit_once('.') else {
        return false;
    };
    domain.split('.').all(label_ok) && !top.bytes().all(|b| b.is_ascii_digit())
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An address is personal data: a log line must not show one by accident.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress(…@{})", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_addresses() {
        for text in [
            "a@b.test",
            "first.last+tag@mail.example.com",
            "o'brien@example.ie",
            "user@localhost",
            "x@xn--bcher-kva.test",
            "!#$%&'*+/=?^_`{|}~-@example.com",
        ] {
            let address: EmailAddress = text.parse().unwrap();
            assert_eq!(address.as_str(), text);
        }
        let address: EmailAddress = "Info@EXAMPLE.com".parse().unwrap();
        assert_eq!(
            (address.local_part(), address.domain()),
            ("Info", "example.com")
        );
    }

    #[test]
    fn a10_internationalised_domains_become_a_labels() {
        for (text, expected) in [
            ("a@bücher.test", "a@xn--bcher-kva.test"),
            ("a@BÜCHER.test", "a@xn--bcher-kva.test"),
            ("a@xn--bcher-kva.test", "a@xn--bcher-kva.test"),
            ("a@XN--BCHER-KVA.test", "a@xn--bcher-kva.test"),
            ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
            ("a@faß.de", "a@xn--fa-hia.de"),
        ] {
            assert_eq!(
                text.parse::<EmailAddress>().unwrap().as_str(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn err_addresses_that_two_parsers_read_differently_or_that_reach_the_wire() {
        let long_local = format!("{}@x.test", "a".repeat(65));
        let long_domain = format!("a@{}.test", "b.".repeat(130));
        let long_label = format!("a@{}.test", "b".repeat(64));
        let many_ats = "@".repeat(1_000_000);
        for text in [
            "",
            "a",
            "@b.test",
            "a@",
            "a@b",
            "a@b.c>\r\nRCPT TO:<e@x",
            "\"a\r\nb\"@x.test",
            "<a@b.test> SIZE=1",
            "a@b.test>, <e@x.test",
            "-oQ/tmp@x.test",
            "a@b.test\0",
            "\"xclow3n@gmail.com x\"@internal.domain",
            "\"a@evil.test\"@good.test",
            "=?utf-8?q?=61=40evil.test=3e=00?=@good.test",
            "alice@good.test(comment)@evil.test",
            "a b@x.test",
            "a..b@x.test",
            ".a@x.test",
            "a.@x.test",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@-x.test",
            "a@x-.test",
            "a@x..test",
            "a@x.test.",
            "ü@x.test",
            "a\u{ff20}x.test",
            "a@example.com\u{200b}",
            "a@ex\u{ad}ample.com",
            "a@ｅxample.com",
            "a@xn--aaa-.test",
            "a@xn--a.test",
            "a@xn--ls8h=.test",
            "a@b\u{2024}test",
            "a@b。test",
            "a@☃.test\0",
            "a%\u{7f}@x.test",
            &long_local,
            &long_domain,
            &long_label,
            &many_ats,
        ] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text:.60?}");
        }
    }

    #[test]
    fn debug_shows_the_domain_only() {
        let address: EmailAddress = "jane.doe@example.com".parse().unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…@example.com)");
    }
}
