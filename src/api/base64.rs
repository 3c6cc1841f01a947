//! Base64 as people have it: either alphabet, with or without padding, lines broken or not, in
//! pieces of any length.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// Decodes as the text comes.
#[derive(Debug, Default)]
pub(super) struct Base64Decoder {
    /// Characters of the standard alphabet that make no whole group of four yet.
    pending: Vec<u8>,
    alphabet: Alphabet,
    padding: usize,
}

/// Which of the two alphabets the text has shown to be in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    #[default]
    Either,
    Standard,
    UrlSafe,
}

/// The text is no base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotBase64;

impl Base64Decoder {
    /// Adds the octets of the next piece of text to `octets`.
    pub(super) fn push(&mut self, text: &[u8], octets: &mut Vec<u8>) -> Result<(), NotBase64> {
        self.pending.reserve(text.len());
        for &character in text {
            let character = match character {
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                b'=' => {
                    self.padding = self.padding.saturating_add(1);
                    continue;
                }
                b'+' | b'/' => self.of(Alphabet::Standard, character)?,
                b'-' => self.of(Alphabet::UrlSafe, b'+')?,
                b'_' => self.of(Alphabet::UrlSafe, b'/')?,
                other => other,
            };
            // Nothing comes after padding.
            if self.padding > 0 {
                return Err(NotBase64);
            }
            self.pending.push(character);
        }
        let whole = self.pending.len() & !3;
        let groups = self.pending.get(..whole).unwrap_or_default();
        STANDARD_NO_PAD
            .decode_vec(groups, octets)
            .map_err(|_| NotBase64)?;
        self.pending.drain(..whole);
        Ok(())
    }

    /// Adds what the last characters make.
    pub(super) fn end(self, octets: &mut Vec<u8>) -> Result<(), NotBase64> {
        let missing = self.pending.len().wrapping_neg() & 3;
        if self.padding > missing {
            return Err(NotBase64);
        }
        STANDARD_NO_PAD
            .decode_vec(self.pending, octets)
            .map_err(|_| NotBase64)
    }

    /// A character that only one of the alphabets has.
    fn of(&mut self, alphabet: Alphabet, character: u8) -> Result<u8, NotBase64> {
        if self.alphabet == Alphabet::Either {
            self.alphabet = alphabet;
        }
        if self.alphabet == alphabet {
            Ok(character)
        } else {
            Err(NotBase64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a14_all_that_people_call_base64_and_nothing_else() {
        let good: [(&str, &[u8]); 9] = [
            ("aGk=", b"hi"),
            ("aGk", b"hi"),
            ("aG\r\nk=\n", b"hi"),
            ("", b""),
            ("\n", b""),
            ("+/+/", &[0xfb, 0xff, 0xbf]),
            ("-_-_", &[0xfb, 0xff, 0xbf]),
            ("YQ==", b"a"),
            ("YQ=", b"a"),
        ];
        for (text, wanted) in good {
            for at in 0..=text.len() {
                let mut decoder = Base64Decoder::default();
                let mut octets = Vec::new();
                decoder.push(&text.as_bytes()[..at], &mut octets).unwrap();
                decoder.push(&text.as_bytes()[at..], &mut octets).unwrap();
                decoder.end(&mut octets).unwrap();
                assert_eq!(octets, wanted, "{text:?} split at {at}");
            }
        }
        for bad in [
            "a", "aGk=a", "====", "=", "aGk==", "+-aa", "a*==", "YR==", "ü", "data:,x",
        ] {
            let (mut decoder, mut octets) = (Base64Decoder::default(), Vec::new());
            let pushed = decoder.push(bad.as_bytes(), &mut octets);
            let decoded = pushed.and_then(|()| decoder.end(&mut octets));
            assert_eq!(decoded, Err(NotBase64), "{bad:?}");
        }
    }
}
