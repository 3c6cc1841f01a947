//! As much of DER (ITU-T X.690) as it takes to see what a key or a certificate is.

/// `INTEGER`.
pub(super) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(super) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(super) const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`.
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
/// `SEQUENCE`, and `SEQUENCE OF`.
pub(super) const SEQUENCE: u8 = 0x30;

/// The elements of some octets, one after the other. What is no DER is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element's tag and content.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            // Nothing here is longer than 16 MiB.
            long @ 0x81..=0x83 => {
                let (length, rest) = rest.split_at_checked(usize::from(long & 0x0f))?;
                let length = length
                    .iter()
                    .fold(0, |sum: usize, octet| (sum << 8) | usize::from(*octet));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The content of the next element if it is one of this kind.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|(found, _)| *found == tag)
            .map(|(_, content)| content)
    }

    /// The elements within the next one, which is a `SEQUENCE`.
    pub(super) fn enter(&mut self) -> Option<Self> {
        self.take(SEQUENCE).map(Self)
    }
}

/// The content of an `INTEGER` that is above zero, without the octet that says so.
pub(super) fn magnitude(integer: &[u8]) -> &[u8] {
    match integer {
        [0, rest @ ..] => rest,
        whole => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_in_all_their_lengths_and_never_beyond_the_end() {
        let mut short = Elements(&[0x02, 1, 5, 0x04, 0]);
        assert_eq!(short.take(INTEGER), Some(&[5][..]));
        assert_eq!(short.next(), Some((OCTET_STRING, &[][..])));
        assert_eq!(short.next(), None);

        let mut long = vec![SEQUENCE, 0x82, 1, 0];
        long.extend([7; 256]);
        assert_eq!(Elements(&long).take(SEQUENCE), Some(&[7; 256][..]));
        for cut in 0..long.len() {
            assert_eq!(Elements(&long[..cut]).next(), None, "{cut}");
        }
        // The indefinite length is no DER, and four octets of length are more than is read.
        for bad in [&[0x30, 0x80, 0, 0][..], &[0x30, 0x84, 0, 0, 0, 0]] {
            assert_eq!(Elements(bad).next(), None);
        }
    }
}
