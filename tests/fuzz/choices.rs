//! Octets read as choices: the random ones of a test, or those of a fuzzer that learns.

#![allow(unreachable_pub, reason = "other harnesses call it")]

/// What is left of the octets. When they are used up, every choice is the first.
#[derive(Debug)]
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    /// A number below `end`, which is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.octet()) % end
    }

    fn octet(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A text of words from `alphabet`, with now and then a character of any kind: random octets
    /// alone never get past the first check.
    pub fn text(&mut self, alphabet: &[&str], most: usize) -> String {
        let mut text = String::new();
        for _ in 0..self.below(most + 1) {
            if self.below(12) == 11 {
                let code = u32::from_be_bytes([0, self.octet(), self.octet(), self.octet()]);
                text.push(char::from_u32(code % 0x11_0000).unwrap_or('\u{fffd}'));
            } else {
                text.push_str(alphabet[self.below(alphabet.len())]);
            }
        }
        text
    }
}
