//! Replies (RFC 5321 §4.2), from octets that may arrive split anywhere.

use std::fmt;

use thiserror::Error;

use crate::{
    limits::{LEADING_EMPTY_LINES, REPLY_LINE_OCTETS, REPLY_LINES, REPLY_OCTETS},
    outcome::Answer,
};

/// A three-digit reply code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyCode(u16);

/// What the first digit of a reply code says (RFC 5321 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 2yz: done.
    PositiveCompletion,
    /// 3yz: go on.
    PositiveIntermediate,
    /// 4yz: not now.
    TransientNegativeCompletion,
    /// 5yz: not ever.
    PermanentNegativeCompletion,
}

impl ReplyCode {
    /// The number.
    pub fn value(self) -> u16 {
        self.0
    }

    /// What its first digit says.
    pub fn severity(self) -> Severity {
        match self.0 {
            0..=299 => Severity::PositiveCompletion,
            300..=399 => Severity::PositiveIntermediate,
            400..=499 => Severity::TransientNegativeCompletion,
            _ => Severity::PermanentNegativeCompletion,
        }
    }
}

/// `class.subject.detail` (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnhancedStatusCode {
    /// 2, 4 or 5.
    pub class: u16,
    /// What it is about.
    pub subject: u16,
    /// What precisely.
    pub detail: u16,
}

/// A whole reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The code, the same on all lines.
    pub code: ReplyCode,
    /// The texts behind the code, at least one, without line ends.
    pub lines: Vec<String>,
}

impl Reply {
    /// The enhanced status code at the start of the text, if its class fits the reply code as
    /// RFC 2034 §4 asks.
    pub fn enhanced(&self) -> Option<EnhancedStatusCode> {
        let word = self.lines.first()?.split(' ').next()?;
        let mut numbers = word.split('.').map(|number| {
            let plain =
                (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| number.parse::<u16>().ok()).flatten()
        });
        let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let fits = numbers.next().is_none() && class == self.code.value() / 100;
        fits.then_some(EnhancedStatusCode {
            class,
            subject,
            detail,
        })
    }

    /// Whether the server closes the connection behind it (RFC 5321 §3.8), whatever it answers.
    pub fn is_closing(&self) -> bool {
        self.code.value() == 421
    }

    /// The provider's words, for a person to read.
    pub fn answer(&self) -> Answer {
        Answer::new(&format!("{} {}", self.code.value(), self.lines.join(" ")))
    }
}

/// Octets that are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidReply {
    /// A line that does not begin with a code.
    #[error("a line does not begin with a reply code")]
    Syntax,
    /// Lines of one reply with different codes.
    #[error("the lines of a reply have different codes")]
    MixedCodes,
    /// Longer than any server's.
    #[error("a reply is longer than {REPLY_LINES} lines or {REPLY_OCTETS} octets")]
    TooLong,
}

/// Proof that no octet received in the clear is left: what follows is read from TLS only.
/// Without it STARTTLS cannot be completed, so bytes that an attacker put behind the server's
/// consent can never pass for bytes of the encrypted session (CVE-2011-0411 and its kin).
#[derive(Debug)]
#[must_use]
pub struct PlaintextDrained(());

/// Makes replies out of octets.
#[derive(Default)]
pub struct ReplyParser {
    buffer: Vec<u8>,
    code: Option<ReplyCode>,
    lines: Vec<String>,
    octets: usize,
    /// A reply has been read: from here on an empty line is none.
    greeted: bool,
    empty_lines: usize,
}

impl ReplyParser {
    /// Takes octets as they come.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole reply, or nothing when more octets are needed.
    ///
    /// # Errors
    /// When what came is no reply or longer than the caps; the connection is then of no use.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, InvalidReply> {
        while let Some(line) = self.take_line()? {
            if line.is_empty() && self.may_be_skipped() {
                continue;
            }
            let (code, last, text) = parse_line(&line)?;
            self.greeted = true;
            if *self.code.get_or_insert(code) != code {
                return Err(InvalidReply::MixedCodes);
            }
            self.octets = self.octets.saturating_add(line.len());
            if self.lines.len() >= REPLY_LINES || self.octets > REPLY_OCTETS {
                return Err(InvalidReply::TooLong);
            }
            self.lines.push(text);
            if last {
                self.code = None;
                self.octets = 0;
                return Ok(Some(Reply {
                    code,
                    lines: std::mem::take(&mut self.lines),
                }));
            }
        }
        Ok(None)
    }

    /// Some servers send an empty line before their greeting.
    fn may_be_skipped(&mut self) -> bool {
        self.empty_lines = self.empty_lines.saturating_add(1);
        !self.greeted && self.empty_lines <= LEADING_EMPTY_LINES
    }

    /// Whether nothing is left over: neither octets nor the beginning of a reply.
    pub fn is_drained(&self) -> bool {
        self.buffer.is_empty() && self.lines.is_empty()
    }

    /// The proof of [`Self::is_drained`].
    pub fn drained(&self) -> Option<PlaintextDrained> {
        self.is_drained().then_some(PlaintextDrained(()))
    }

    /// A line without its end. Servers that end lines with LF alone are understood: in a reply
    /// nothing hangs on the difference.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, InvalidReply> {
        let Some(end) = self.buffer.iter().position(|&octet| octet == b'\n') else {
            let too_long = self.buffer.len() > REPLY_LINE_OCTETS;
            return if too_long {
                Err(InvalidReply::TooLong)
            } else {
                Ok(None)
            };
        };
        if end >= REPLY_LINE_OCTETS {
            return Err(InvalidReply::TooLong);
        }
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }
}

/// `ddd`, `ddd text` or `ddd-text`; a tab is taken for the space.
fn parse_line(line: &[u8]) -> Result<(ReplyCode, bool, String), InvalidReply> {
    let (digits, rest) = line.split_at_checked(3).ok_or(InvalidReply::Syntax)?;
    let first = digits.first().copied().unwrap_or_default();
    if !matches!(first, b'2'..=b'5') || !digits.iter().all(u8::is_ascii_digit) {
        return Err(InvalidReply::Syntax);
    }
    let code = digits.iter().fold(0_u16, |code, digit| {
        code.saturating_mul(10)
            .saturating_add(u16::from(digit.saturating_sub(b'0')))
    });
    let (last, text) = match rest.split_first() {
        None => (true, &[][..]),
        Some((b' ' | b'\t', text)) => (true, text),
        Some((b'-', text)) => (false, text),
        Some(_) => return Err(InvalidReply::Syntax),
    };
    Ok((
        ReplyCode(code),
        last,
        String::from_utf8_lossy(text).into_owned(),
    ))
}

impl fmt::Debug for ReplyParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyParser({} octets waiting)", self.buffer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(octets: &[u8]) -> Result<Vec<Reply>, InvalidReply> {
        let mut parser = ReplyParser::default();
        let mut replies = Vec::new();
        for octet in octets {
            parser.push(&[*octet]);
            replies.extend(parser.next_reply()?);
        }
        Ok(replies)
    }

    #[test]
    fn ok_one_line_many_lines_and_lines_without_text() {
        let replies = parse(b"220\tmx.test ESMTP\r\n250-a\r\n250-\r\n250\r\n354 go\n").unwrap();
        let seen: Vec<_> = replies
            .iter()
            .map(|r| (r.code.value(), r.lines.join("|")))
            .collect();
        assert_eq!(
            seen,
            [
                (220, "mx.test ESMTP".into()),
                (250, "a||".into()),
                (354, "go".to_owned())
            ]
        );
    }

    #[test]
    fn s4_s5_err_what_is_no_reply() {
        for octets in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"220 x\r\n\r\n",
            b"25 x\r\n",
            b"650 x\r\n",
            b"2500 x\r\n",
            b"\x80\xff\r\n",
        ] {
            assert_eq!(parse(octets), Err(InvalidReply::Syntax), "{octets:?}");
        }
        assert_eq!(parse(b"250-a\r\n550 b\r\n"), Err(InvalidReply::MixedCodes));
    }

    #[test]
    fn s4_empty_lines_before_the_greeting_are_let_pass_as_far_as_it_goes() {
        assert_eq!(parse(b"\r\n\r\n220 mx\r\n").unwrap().len(), 1);
        let nothing_else = b"\r\n".repeat(LEADING_EMPTY_LINES + 1);
        assert_eq!(parse(&nothing_else), Err(InvalidReply::Syntax));
    }

    #[test]
    fn s4_s5_err_what_has_no_end() {
        assert_eq!(
            parse(&[b'2'; REPLY_LINE_OCTETS + 1]),
            Err(InvalidReply::TooLong)
        );
        assert_eq!(
            parse(&b"250-x\r\n".repeat(REPLY_LINES + 1)),
            Err(InvalidReply::TooLong)
        );
        let long = [b"250-".as_slice(), &[b'x'; 4000], b"\r\n"].concat();
        assert_eq!(parse(&long.repeat(5)), Err(InvalidReply::TooLong));
    }

    #[test]
    fn enhanced_codes_count_only_where_their_class_fits() {
        let enhanced = |text: &str| {
            let reply = parse(format!("{text}\r\n").as_bytes()).unwrap().remove(0);
            reply.enhanced().map(|e| (e.class, e.subject, e.detail))
        };
        assert_eq!(enhanced("550 5.7.60 no"), Some((5, 7, 60)));
        assert_eq!(enhanced("535 5.7.139 no"), Some((5, 7, 139)));
        assert_eq!(enhanced("550 4.7.60 no"), None);
        assert_eq!(enhanced("550 5.7.6000 no"), None);
        assert_eq!(enhanced("550 5.7.1.2 no"), None);
        assert_eq!(enhanced("550 no"), None);
    }
}
