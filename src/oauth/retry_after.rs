//! `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.

use std::time::Duration;

use crate::time::UnixMillis;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How long to wait from `now`. What is neither, or is past, asks for nothing.
pub(super) fn parse(value: &str, now: UnixMillis) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = date(value)?.since(now);
    (wait > Duration::ZERO).then_some(wait)
}

/// An IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7). The two obsolete
/// forms are let be.
fn date(text: &str) -> Option<UnixMillis> {
    let (_, text) = text.split_once(", ")?;
    let mut parts = text.strip_suffix(" GMT")?.split([' ', ':']);
    let number = |digits: Option<&str>, most: u64| -> Option<u64> {
        digits?.parse().ok().filter(|number| *number <= most)
    };
    let day = number(parts.next(), 31)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = u64::try_from(month).ok()?.checked_add(1)?;
    let year = number(parts.next(), 9999)?;
    let hour = number(parts.next(), 23)?;
    let minute = number(parts.next(), 59)?;
    let second = number(parts.next(), 60)?;
    UnixMillis::from_civil([year, month, day, hour, minute, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k9_seconds_and_dates_are_honoured_and_junk_is_not() {
        // 1994-11-06T08:49:07Z.
        let now = UnixMillis::new(784_111_747_000);
        let cases = [
            ("30", Some(30)),
            (" 30 ", Some(30)),
            ("1000000000", Some(1_000_000_000)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Wed, 01 Mar 1995 08:49:07 GMT", Some(115 * 86_400)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", None),
            ("Thu, 01 Jan 0000 00:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("-5", None),
            ("soon", None),
            ("", None),
        ];
        for (value, seconds) in cases {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(parse(value, now), expected, "{value}");
        }
    }
}
