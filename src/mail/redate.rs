//! Another `Date` for a message that is kept as it is sent: all that changes of it when it is
//! rescheduled.

use crate::time::UnixMillis;

const FIELD: &[u8] = b"\r\nDate: ";
const END: &[u8] = b"\r\n\r\n";

/// What came of looking for the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redated {
    /// It is replaced.
    Done,
    /// The header goes on behind these octets.
    GoesOn,
    /// There is none of the length that we write, and nothing was changed.
    Without,
}

/// Puts `date` in the place of the date in the header that `octets` begin with.
pub fn redate(octets: &mut [u8], date: UnixMillis) -> Redated {
    let date = date.to_rfc_5322();
    let header = position(octets, END);
    let Some(field) = position(octets, FIELD) else {
        return header.map_or(Redated::GoesOn, |_| Redated::Without);
    };
    if header.is_some_and(|end| end < field) {
        return Redated::Without;
    }
    let begin = field.saturating_add(FIELD.len());
    let end = begin.saturating_add(date.len());
    let (Some(place), Some(next)) = (octets.get(begin..end), octets.get(end)) else {
        return Redated::GoesOn;
    };
    if place.contains(&b'\r') || *next != b'\r' {
        return Redated::Without;
    }
    if let Some(place) = octets.get_mut(begin..end) {
        place.copy_from_slice(date.as_bytes());
    }
    Redated::Done
}

fn position(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut places = octets.windows(wanted.len());
    places.position(|octets| octets == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redated(message: &str) -> (Redated, String) {
        let mut octets = message.as_bytes().to_vec();
        let done = redate(&mut octets, UnixMillis::new(951_782_400_000));
        (done, String::from_utf8(octets).unwrap())
    }

    #[test]
    fn the_date_and_nothing_else_is_replaced() {
        let letter = |date: &str| {
            format!(
                "From: a@b.test\r\nSubject: Date: x\r\n\r\n Date: y\r\nDate: {date}\r\nX: y\r\n\r\n\r\n\
                 Date: Sun, 22 Nov 2026 09:30:00 +0000\r\n"
            )
            .replacen("\r\n\r\n Date", "\r\n Date", 1)
        };
        let (done, text) = redated(&letter("Sun, 22 Nov 2026 09:30:00 +0000"));
        assert_eq!(done, Redated::Done);
        assert_eq!(text, letter("Tue, 29 Feb 2000 00:00:00 +0000"));
    }

    #[test]
    fn what_has_no_such_date_is_left_alone() {
        for (message, expected) in [
            (
                "From: a@b.test\r\n\r\n\r\nDate: Sun, 22 Nov 2026 09:30:00 +0000\r\n",
                Redated::Without,
            ),
            (
                "From: a@b.test\r\nDate: Sun, 2 Nov 2026 09:30:00 +0000\r\n\r\n",
                Redated::Without,
            ),
            (
                "From: a@b.test\r\nDate: Sun, 22 Nov 2026 09:30:00 +0000 (x)\r\n\r\n",
                Redated::Without,
            ),
            ("From: a@b.test\r\nDate: Sun, 22 Nov", Redated::GoesOn),
            (
                "From: a@b.test\r\nDate: Sun, 22 Nov 2026 09:30:00 +0000",
                Redated::GoesOn,
            ),
            ("From: a@b.test\r\n", Redated::GoesOn),
            ("", Redated::GoesOn),
        ] {
            assert_eq!(redated(message), (expected, message.to_owned()));
        }
    }
}
