//! What was said on a connection, for assertions and for whoever reads a failure.

use std::cell::RefCell;
use std::fmt;

/// How much of a line is shown.
const SHOWN_CHARS: usize = 120;

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    Client,
    Server,
}

/// All octets but those of the TLS handshake, in order.
#[derive(Debug, Default)]
pub(crate) struct Dialogue(RefCell<Vec<(Speaker, Vec<u8>)>>);

impl Dialogue {
    pub(crate) fn note(&self, speaker: Speaker, octets: &[u8]) {
        let mut said = self.0.borrow_mut();
        match said.last_mut() {
            Some((last, before)) if *last == speaker => before.extend_from_slice(octets),
            _ => said.push((speaker, octets.to_vec())),
        }
    }

    /// Whether the client began a line, or what it said after the server, with these words.
    pub(crate) fn client_said(&self, words: &str) -> bool {
        let said = self.0.borrow();
        let ours = said.iter().filter(|(who, _)| *who == Speaker::Client);
        let mut lines = ours.flat_map(|(_, octets)| octets.split(|octet| *octet == b'\n'));
        lines.any(|line| line.starts_with(words.as_bytes()))
    }

    /// Whether the client began lines with all these words before the server said anything more.
    pub(crate) fn client_said_at_once(&self, words: &[&str]) -> bool {
        let said = self.0.borrow();
        let mut ours = said.iter().filter(|(who, _)| *who == Speaker::Client);
        ours.any(|(_, octets)| {
            let begun = |word: &&str| {
                let mut lines = octets.split(|octet| *octet == b'\n');
                lines.any(|line| line.starts_with(word.as_bytes()))
            };
            words.iter().all(begun)
        })
    }

    /// Prints what was said, where somebody asked for it or a case has failed.
    pub(crate) fn show(&self) {
        if std::thread::panicking() || std::env::var_os("INTEROP_DIALOGUE").is_some() {
            eprintln!("{self}");
        }
    }
}

/// In the form of `tests/transcripts`.
impl fmt::Display for Dialogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (who, octets) in self.0.borrow().iter() {
            let mark = if *who == Speaker::Client { "C" } else { "S" };
            let text = String::from_utf8_lossy(octets);
            for line in text.strip_suffix("\r\n").unwrap_or(&text).split("\r\n") {
                let shown: String = line.escape_debug().take(SHOWN_CHARS).collect();
                writeln!(f, "{mark}: {shown}")?;
            }
        }
        Ok(())
    }
}
