//! What no content may hold, whichever way it is sent.

use crate::limits::TEXT_LINE_OCTETS;

/// Content that is never sent. What exactly it holds is not said: it is somebody's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfit;

/// Looks at content as it goes by, in whatever pieces.
///
/// We write messages ourselves and none is unfit. This is the last look before the wire: a NUL, an
/// endless line or a stray line end is what servers read differently from one another, and behind
/// `BDAT` nothing corrects it any more.
#[derive(Debug)]
pub(super) struct Fitness {
    /// Octets since the last line end.
    line: usize,
    after_cr: bool,
    /// Every line end is a CRLF; nobody will make it one.
    strict: bool,
    eight_bit: bool,
}

impl Fitness {
    /// For content that goes through [`DotStuffer`](super::DotStuffer), which makes every line end
    /// a CRLF.
    pub(super) fn for_data(eight_bit: bool) -> Self {
        Self {
            line: 0,
            after_cr: false,
            strict: false,
            eight_bit,
        }
    }

    /// For content that goes onto the wire as it is (RFC 3030 §2: lines still end in CRLF).
    pub(super) fn for_bdat(eight_bit: bool) -> Self {
        Self {
            strict: true,
            ..Self::for_data(eight_bit)
        }
    }

    /// Looks at the next piece.
    pub(super) fn check(&mut self, piece: &[u8]) -> Result<(), Unfit> {
        for &octet in piece {
            let stray = match octet {
                b'\n' => !self.after_cr,
                _ => self.after_cr,
            };
            if stray && self.strict {
                return Err(Unfit);
            }
            match octet {
                0 => return Err(Unfit),
                0x80.. if !self.eight_bit => return Err(Unfit),
                b'\r' | b'\n' => self.line = 0,
                _ => self.line = self.line.saturating_add(1),
            }
            if self.line > TEXT_LINE_OCTETS {
                return Err(Unfit);
            }
            self.after_cr = octet == b'\r';
        }
        Ok(())
    }

    /// Whether the content may end here.
    pub(super) fn end(&self) -> Result<(), Unfit> {
        if self.strict && self.after_cr {
            Err(Unfit)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(mut fitness: Fitness, content: &[u8]) -> bool {
        let whole = content.chunks(1).all(|octet| fitness.check(octet).is_ok());
        whole && fitness.end().is_ok()
    }

    fn data(content: &[u8]) -> bool {
        fit(Fitness::for_data(false), content)
    }

    fn bdat(content: &[u8]) -> bool {
        fit(Fitness::for_bdat(false), content)
    }

    #[test]
    fn s2_neither_way_takes_nul_long_lines_or_undeclared_octets() {
        let longest = [&[b'x'; 998][..], b"\r\n", &[b'x'; 998]].concat();
        let too_long = [b'x'; 999];
        for fits in [data, bdat] {
            assert!(fits(b""));
            assert!(fits(b"a\r\n.\r\nMAIL FROM:<e@x.test>\r\n"));
            assert!(fits(&longest));
            assert!(!fits(&too_long));
            assert!(!fits(b"a\0b"));
            assert!(!fits("ü".as_bytes()));
        }
        assert!(fit(Fitness::for_bdat(true), "ü".as_bytes()));
    }

    #[test]
    fn s2_stray_line_ends_are_corrected_for_data_and_refused_for_bdat() {
        for stray in [
            &b"a\nb"[..],
            b"a\rb",
            b"a\r",
            b"\n",
            b"a\r\r\nb",
            b"a\n\r\nb",
        ] {
            assert!(data(stray), "{stray:?}");
            assert!(!bdat(stray), "{stray:?}");
        }
    }
}
