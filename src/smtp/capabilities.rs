//! What a server offers in its reply to EHLO (RFC 5321 §4.1.1.1).

use super::Reply;

/// The extensions we make use of. Those of before TLS and those of after it are two values, and
/// nothing carries over from one to the other (RFC 3207 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Capabilities {
    /// RFC 3207.
    pub(super) starttls: bool,
    /// `AUTH` with the mechanism XOAUTH2.
    pub(super) xoauth2: bool,
    /// `AUTH` with the mechanism OAUTHBEARER (RFC 7628).
    pub(super) oauthbearer: bool,
    /// RFC 1870: offered, and the largest message taken, zero meaning no limit is named.
    pub(super) size: Option<u64>,
    /// RFC 2920.
    pub(super) pipelining: bool,
    /// RFC 3030.
    pub(super) chunking: bool,
    /// RFC 6152.
    pub(super) eight_bit: bool,
    /// RFC 6531.
    pub(super) smtputf8: bool,
}

impl Capabilities {
    /// Reads the reply to EHLO. Its first line is the server's name; words compare without case.
    pub(super) fn read(reply: &Reply) -> Self {
        let mut offered = Self::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "STARTTLS" => offered.starttls = true,
                "AUTH" => {
                    for mechanism in words {
                        offered.xoauth2 |= mechanism.eq_ignore_ascii_case("XOAUTH2");
                        offered.oauthbearer |= mechanism.eq_ignore_ascii_case("OAUTHBEARER");
                    }
                }
                "SIZE" => {
                    offered.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0));
                }
                "PIPELINING" => offered.pipelining = true,
                "CHUNKING" => offered.chunking = true,
                "8BITMIME" => offered.eight_bit = true,
                "SMTPUTF8" => offered.smtputf8 = true,
                _ => {}
            }
        }
        offered
    }
}
