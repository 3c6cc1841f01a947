//! Replies that are none.

use super::script::Garbage;

/// What a web server says to a client that speaks another protocol.
const HTTP: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 50\r\n\
    Connection: close\r\n\r\n<html><body><h1>400 Bad Request</h1></body></html>";

/// How much of a reply without end is put together at a time.
const PORTION_LINES: usize = 200;

/// Most octets of one reply, so that no script takes all memory.
const OCTETS_CAP: usize = 64 * 1024 * 1024;

/// What is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spoiled {
    /// This, and nothing behind it.
    Octets(Vec<u8>),
    /// This, again and again.
    Endless(Vec<u8>),
}

/// Spoils the reply `text`, which comes without its last CRLF.
pub(crate) fn spoil(garbage: &Garbage, text: &str) -> Spoiled {
    let code = text.get(..3).unwrap_or("250");
    let whole = format!("{text}\r\n");
    Spoiled::Octets(match garbage {
        Garbage::Binary => (0..=u8::MAX).collect(),
        Garbage::Http => HTTP.as_bytes().to_vec(),
        Garbage::LongLine(octets) => vec![b'x'; capped(*octets)],
        Garbage::Endless => {
            let line = format!("{code}-and so on\r\n");
            return Spoiled::Endless(line.repeat(PORTION_LINES).into_bytes());
        }
        Garbage::ManyLines(lines) => {
            let line = format!("{code}-X-LINE\r\n");
            let lines = usize::try_from(*lines).unwrap_or(usize::MAX);
            let mut octets = line.repeat(lines.min(OCTETS_CAP / line.len())).into_bytes();
            octets.extend_from_slice(whole.as_bytes());
            octets
        }
        Garbage::MixedCodes => format!("{code}-a\r\n550 b\r\n").into_bytes(),
        Garbage::LfOnly => whole.replace("\r\n", "\n").into_bytes(),
        Garbage::LowerCase => whole.to_ascii_lowercase().into_bytes(),
        Garbage::NoText => format!("{code}\r\n").into_bytes(),
        Garbage::Tabs => whole.replace(' ', "\t").into_bytes(),
        Garbage::EmptyLineFirst => format!("\r\n{whole}").into_bytes(),
        Garbage::Octets(octets) => octets.clone(),
    })
}

fn capped(octets: u64) -> usize {
    usize::try_from(octets)
        .unwrap_or(OCTETS_CAP)
        .min(OCTETS_CAP)
}

#[cfg(test)]
mod tests {
    use super::{Garbage, Spoiled, spoil};

    #[test]
    fn spoils_the_reply_it_is_given() {
        let cases = [
            (Garbage::MixedCodes, "250-a\r\n550 b\r\n"),
            (Garbage::LfOnly, "250-ONE\n250 TWO three\n"),
            (Garbage::LowerCase, "250-one\r\n250 two three\r\n"),
            (Garbage::NoText, "250\r\n"),
            (Garbage::Tabs, "250-ONE\r\n250\tTWO\tthree\r\n"),
            (Garbage::EmptyLineFirst, "\r\n250-ONE\r\n250 TWO three\r\n"),
            (
                Garbage::ManyLines(2),
                "250-X-LINE\r\n250-X-LINE\r\n250-ONE\r\n250 TWO three\r\n",
            ),
            (Garbage::LongLine(4), "xxxx"),
        ];
        for (garbage, expected) in cases {
            assert_eq!(
                spoil(&garbage, "250-ONE\r\n250 TWO three"),
                Spoiled::Octets(expected.as_bytes().to_vec()),
                "{garbage:?}"
            );
        }
        assert_eq!(
            spoil(&Garbage::Binary, "220 x"),
            Spoiled::Octets((0..=255).collect())
        );
    }

    #[test]
    fn no_script_takes_all_memory() {
        for garbage in [Garbage::LongLine(u64::MAX), Garbage::ManyLines(u32::MAX)] {
            let Spoiled::Octets(octets) = spoil(&garbage, "250 x") else {
                panic!("{garbage:?} ends");
            };
            assert!(octets.len() <= super::OCTETS_CAP + 16);
        }
    }
}
