//! Transparency (RFC 5321 §4.5.2): content that cannot end itself.

/// Doubles the dot at the start of every line, whatever pieces the content comes in, and makes
/// every line end a CRLF.
///
/// Line ends are normalised before dots are doubled, because a server that takes a bare CR or LF
/// for a line end would otherwise see a line that begins with a single dot: SMTP smuggling
/// (CVE-2023-51764 and its kin).
#[derive(Debug)]
pub struct DotStuffer {
    at_line_start: bool,
    after_cr: bool,
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self {
            at_line_start: true,
            after_cr: false,
        }
    }
}

impl DotStuffer {
    /// The next piece of content as it goes onto the wire.
    pub fn stuff(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut wire = Vec::with_capacity(piece.len().saturating_add(16));
        for &octet in piece {
            match octet {
                b'\n' if self.after_cr => {
                    // The CRLF was written when its CR was met.
                    self.after_cr = false;
                }
                b'\r' | b'\n' => {
                    wire.extend_from_slice(b"\r\n");
                    self.after_cr = octet == b'\r';
                    self.at_line_start = true;
                }
                _ => {
                    if self.at_line_start && octet == b'.' {
                        wire.push(b'.');
                    }
                    wire.push(octet);
                    self.after_cr = false;
                    self.at_line_start = false;
                }
            }
        }
        wire
    }

    /// What ends the content: a line end if it is in the middle of a line, then the lone dot.
    pub fn end(self) -> &'static [u8] {
        if self.at_line_start {
            b".\r\n"
        } else {
            b"\r\n.\r\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(content: &[u8], split: usize) -> Vec<u8> {
        let mut stuffer = DotStuffer::default();
        let (head, tail) = content.split_at(split);
        let mut wire = stuffer.stuff(head);
        wire.extend(stuffer.stuff(tail));
        wire.extend_from_slice(stuffer.end());
        wire
    }

    /// What a server makes of it: exactly one end of content, at the end, and the same lines.
    fn check(content: &[u8]) {
        for split in 0..=content.len() {
            let wire = wire(content, split);
            let text = String::from_utf8(wire).unwrap();
            assert!(
                !text.replace("\r\n", "").contains(['\r', '\n']),
                "{content:?}"
            );
            let lines: Vec<_> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            let (end, lines) = lines.split_last().unwrap();
            assert_eq!(*end, ".");
            assert!(!lines.contains(&"."), "{content:?} ends early");
            let unstuffed: Vec<_> = lines
                .iter()
                .map(|line| line.strip_prefix('.').unwrap_or(line))
                .collect();
            let original = String::from_utf8_lossy(content)
                .replace("\r\n", "\n")
                .replace('\r', "\n");
            let original = original.strip_suffix('\n').unwrap_or(&original);
            let expected: Vec<_> = original.split('\n').collect();
            if !content.is_empty() {
                assert_eq!(unstuffed, expected, "{content:?} split at {split}");
            }
        }
    }

    #[test]
    fn s1_no_sequence_of_the_smuggling_catalogue_ends_the_content() {
        for content in [
            &b""[..],
            b"a",
            b"a\r\n",
            b".",
            b"..",
            b".\r\n",
            b"\n.\n",
            b"\n.\r\n",
            b"\r.\r",
            b"\r.\r\n",
            b"\r\n.\n",
            b"\r\n.\r",
            b"\r\n.\r\n",
            b"\r\n\r\n.\r\n",
            b"\r\r\n.\r\r\n",
            b"a\r\n.\r\nMAIL FROM:<e@x.test>\r\n",
            b"x\n.\nRSET\rQUIT\n\r.",
        ] {
            check(content);
        }
    }

    #[test]
    fn content_that_ends_in_a_line_end_gets_no_other() {
        assert_eq!(wire(b"a\r\n", 1), b"a\r\n.\r\n");
        assert_eq!(wire(b"a", 0), b"a\r\n.\r\n");
        assert_eq!(wire(b".a", 0), b"..a\r\n.\r\n");
        assert_eq!(wire(b"a\r", 2), b"a\r\n.\r\n");
    }
}
