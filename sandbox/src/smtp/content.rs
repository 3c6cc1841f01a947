//! Content behind DATA: finds its end, takes out the transparency dots, and notes what the client
//! did wrong.
//!
//! Only CRLF, a dot and CRLF end the content. Servers that end it at anything looser can be made to
//! take one message for two; this one must show if a client would let that happen.

/// Longest line of content without its CRLF and its transparency dot, RFC 5321 §4.5.3.1.6.
const LINE_CAP: usize = 998;

/// Reads content octet by octet.
#[derive(Debug)]
pub(crate) struct ContentReader {
    state: State,
    line: usize,
    content: Vec<u8>,
    /// Octets beyond are counted as too many and forgotten.
    cap: usize,
    too_big: bool,
    violations: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    LineStart,
    InLine,
    /// A dot at the start of a line.
    Dot,
    /// That dot, and CR.
    DotCr,
    /// CR within or at the end of a line.
    Cr,
}

/// What was read.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) octets: Vec<u8>,
    pub(crate) too_big: bool,
    pub(crate) violations: Vec<&'static str>,
}

impl ContentReader {
    pub(crate) fn new(cap: usize) -> Self {
        let (content, violations) = (Vec::new(), Vec::new());
        Self {
            state: State::LineStart,
            line: 0,
            content,
            cap,
            too_big: false,
            violations,
        }
    }

    /// Takes octets; answers how many belonged to the content when they held its end.
    pub(crate) fn push(&mut self, octets: &[u8]) -> Option<usize> {
        for (index, octet) in octets.iter().enumerate() {
            if self.step(*octet) {
                return Some(index + 1);
            }
        }
        None
    }

    pub(crate) fn finish(self) -> Content {
        Content {
            octets: self.content,
            too_big: self.too_big,
            violations: self.violations,
        }
    }

    fn step(&mut self, octet: u8) -> bool {
        self.state = match (self.state, octet) {
            (State::LineStart, b'.') => State::Dot,
            (State::Dot, b'\r') => State::DotCr,
            (State::DotCr, b'\n') => return true,
            (State::DotCr, _) => {
                // The dot was one of transparency after all, and its CR a bare one.
                self.note("a line of content begins with a dot that is not doubled");
                self.after_cr(octet)
            }
            (State::Cr, _) => self.after_cr(octet),
            (State::Dot, b'.') => {
                self.keep(b'.');
                State::InLine
            }
            (State::Dot, _) => {
                self.note("a line of content begins with a dot that is not doubled");
                self.in_line(octet)
            }
            (State::LineStart | State::InLine, _) => self.in_line(octet),
        };
        false
    }

    fn in_line(&mut self, octet: u8) -> State {
        match octet {
            b'\r' => return State::Cr,
            b'\n' => self.note("bare LF in the content"),
            0 => self.note("NUL in the content"),
            _ => {}
        }
        self.keep(octet);
        State::InLine
    }

    fn after_cr(&mut self, octet: u8) -> State {
        if octet == b'\n' {
            if self.line > LINE_CAP {
                self.note("a line of content is longer than 998 octets");
            }
            self.keep(b'\r');
            self.keep(b'\n');
            self.line = 0;
            return State::LineStart;
        }
        self.note("bare CR in the content");
        self.keep(b'\r');
        self.in_line(octet)
    }

    fn keep(&mut self, octet: u8) {
        self.line += 1;
        if self.content.len() < self.cap {
            self.content.push(octet);
        } else {
            self.too_big = true;
        }
    }

    fn note(&mut self, violation: &'static str) {
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }
}

/// What content that came by BDAT does wrong. It has no transparency and no end mark, but its lines
/// are held to the same rules (RFC 3030 §3 lifts them only for BINARYMIME).
pub(crate) fn violations_of(octets: &[u8]) -> Vec<&'static str> {
    let mut reader = ContentReader::new(usize::MAX);
    for octet in octets {
        // A dot at the start of a line means nothing here.
        reader.state = match (reader.state, *octet) {
            (State::Cr, octet) => reader.after_cr(octet),
            (_, octet) => reader.in_line(octet),
        };
        reader.content.clear();
    }
    if matches!(reader.state, State::Cr) {
        reader.note("bare CR in the content");
    }
    if reader.line > LINE_CAP {
        reader.note("a line of content is longer than 998 octets");
    }
    reader.violations
}

/// What octets above 127 in the content need and were not given: SMTPUTF8 in its header, 8BITMIME
/// in its body.
pub(crate) fn undeclared(octets: &[u8], eight_bit: bool, utf8: bool) -> Option<&'static str> {
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n");
    let (header, body) = octets.split_at(end.unwrap_or(0));
    if !header.is_ascii() && !utf8 {
        return Some("octets above 127 in the header without SMTPUTF8");
    }
    (!body.is_ascii() && !eight_bit)
        .then_some("octets above 127 in the content without BODY=8BITMIME")
}

#[cfg(test)]
mod tests {
    use super::{Content, ContentReader, undeclared, violations_of};

    /// Feeds `wire` in two pieces, split at every place, and wants the same each time.
    fn read(wire: &[u8]) -> Option<Content> {
        let mut whole = None;
        for split in 0..=wire.len() {
            let mut reader = ContentReader::new(10_000);
            let (head, tail) = wire.split_at(split);
            let end = reader
                .push(head)
                .or_else(|| reader.push(tail).map(|end| split + end));
            let content = end.map(|end| {
                assert_eq!(end, wire.len(), "the end was found too early");
                reader.finish()
            });
            if let (Some(before), Some(now)) = (&whole, &content) {
                let before: &Content = before;
                assert_eq!(before.octets, now.octets);
                assert_eq!(before.violations, now.violations);
            }
            whole = content;
        }
        whole
    }

    #[test]
    fn takes_out_transparency_dots() {
        let content = read(b"a\r\n..b\r\n...\r\n\r\n.\r\n").unwrap();
        assert_eq!(content.octets, b"a\r\n.b\r\n..\r\n\r\n");
        assert!(content.violations.is_empty());
    }

    #[test]
    fn an_empty_content_ends_at_once() {
        assert_eq!(read(b".\r\n").unwrap().octets, b"");
    }

    #[test]
    fn only_crlf_dot_crlf_ends_it() {
        for wire in [
            "a\n.\r\n",
            "a\n.\n",
            "a\r.\r\n",
            "a\r\n.\n",
            "a\r\n.\r",
            "a\r\n.\r\r\n",
            "a\r.\r",
        ] {
            assert!(read(wire.as_bytes()).is_none(), "{wire:?}");
        }
    }

    #[test]
    fn notes_what_is_wrong() {
        let long = format!("{}\r\n.\r\n", "x".repeat(999));
        let cases: [(&str, &str); 5] = [
            ("a\nb\r\n.\r\n", "bare LF in the content"),
            ("a\rb\r\n.\r\n", "bare CR in the content"),
            ("a\0b\r\n.\r\n", "NUL in the content"),
            (
                ".b\r\n.\r\n",
                "a line of content begins with a dot that is not doubled",
            ),
            (&long, "a line of content is longer than 998 octets"),
        ];
        for (wire, violation) in cases {
            assert_eq!(read(wire.as_bytes()).unwrap().violations, [violation]);
        }
        assert_eq!(
            read(format!("{}\r\n.\r\n", "x".repeat(998)).as_bytes())
                .unwrap()
                .violations,
            [""; 0]
        );
    }

    #[test]
    fn keeps_no_more_than_its_cap() {
        let mut reader = ContentReader::new(3);
        assert_eq!(reader.push(b"abcd\r\n.\r\n"), Some(9));
        let content = reader.finish();
        assert_eq!(
            (content.octets.as_slice(), content.too_big),
            (b"abc".as_slice(), true)
        );
    }

    #[test]
    fn judges_chunked_content_without_transparency() {
        assert!(violations_of(b".\r\n..\r\n").is_empty());
        assert_eq!(violations_of(b"a\nb"), ["bare LF in the content"]);
        assert_eq!(violations_of(b"a\r"), ["bare CR in the content"]);
        assert_eq!(
            violations_of(&[b'x'; 999]),
            ["a line of content is longer than 998 octets"]
        );
    }

    #[test]
    fn octets_above_127_need_to_be_declared() {
        let header = "Subject: \u{fc}\r\n\r\nx".as_bytes();
        let body = "Subject: x\r\n\r\n\u{fc}".as_bytes();
        assert!(undeclared(header, false, true).is_none());
        assert!(undeclared(body, true, false).is_none());
        assert!(
            undeclared(header, true, false)
                .unwrap()
                .contains("SMTPUTF8")
        );
        assert!(undeclared(body, false, true).unwrap().contains("8BITMIME"));
    }
}
