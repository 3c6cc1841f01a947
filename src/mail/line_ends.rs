//! Line ends made CRLF, whatever pieces the text comes in.

/// Makes every CR, LF and CRLF a CRLF, and ends the last line.
#[derive(Debug, Default)]
pub struct LineEnds {
    after_cr: bool,
    /// Behind a line end. Nothing at all is a line without an end, too.
    at_line_start: bool,
}

impl LineEnds {
    /// The next piece.
    pub fn write(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut lines = Vec::with_capacity(piece.len().saturating_add(16));
        for &octet in piece {
            match octet {
                // Its CRLF was written when the CR was met.
                b'\n' if self.after_cr => self.after_cr = false,
                b'\r' | b'\n' => {
                    lines.extend_from_slice(b"\r\n");
                    self.after_cr = octet == b'\r';
                    self.at_line_start = true;
                }
                _ => {
                    lines.push(octet);
                    self.after_cr = false;
                    self.at_line_start = false;
                }
            }
        }
        lines
    }

    /// What ends the text.
    pub fn end(self) -> &'static [u8] {
        if self.at_line_start { b"" } else { b"\r\n" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_is_crlf_wherever_the_text_is_split() {
        let text = b"a\r\nb\rc\n\r\r\nd\n\ne\r";
        let wanted = b"a\r\nb\r\nc\r\n\r\n\r\nd\r\n\r\ne\r\n";
        for at in 0..=text.len() {
            let mut line_ends = LineEnds::default();
            let mut all = line_ends.write(&text[..at]);
            all.extend(line_ends.write(&text[at..]));
            all.extend(line_ends.end());
            assert_eq!(all, wanted, "split at {at}");
        }
        assert_eq!(LineEnds::default().end(), b"\r\n");
    }
}
