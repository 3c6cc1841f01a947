//! Times as people and programs write them.

use std::str::FromStr;

use thiserror::Error;

use super::{MILLIS_PER_DAY, UnixMillis};

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// 9999-12-31T23:59:59.999Z.
const LAST: u64 = 253_402_300_799_999;

/// The text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a time is written as 2026-11-22T09:30:00Z, with an offset from UTC")]
pub struct NotATime;

impl UnixMillis {
    /// RFC 5322 §3.3, in UTC: `Sun, 22 Nov 2026 09:30:00 +0000`. Always as long, so that a date can
    /// be put in the place of another.
    pub fn to_rfc_5322(self) -> String {
        // 1970-01-01 was a Thursday.
        let days = (self.0 / MILLIS_PER_DAY).saturating_add(4);
        let name = |names: &[&'static str], index: u64| {
            let index = usize::try_from(index).ok();
            index.and_then(|index| names.get(index).copied())
        };
        let ((year, month, day), (hour, minute, second)) = self.civil();
        format!(
            "{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} +0000",
            name(&WEEKDAYS, days % 7).unwrap_or_default(),
            name(&MONTHS, month.saturating_sub(1)).unwrap_or_default(),
        )
    }
}

/// RFC 3339 with any offset, and what is near to it in ISO 8601 and in what we write ourselves: a
/// space for the `T`, no seconds, an offset of `+hh` or `+hhmm`. No leap second, and no local time,
/// which nobody here could know. What is before 1970 is as past as that.
impl FromStr for UnixMillis {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let mut rest = Rest(text.as_bytes());
        Ok(Self(rest.time().ok_or(NotATime)?))
    }
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn time(&mut self) -> Option<u64> {
        let (year, _) = (self.digits(4)?, self.one_of(b"-")?);
        let (month, _) = (self.digits(2)?, self.one_of(b"-")?);
        let (day, _) = (self.digits(2)?, self.one_of(b"Tt ")?);
        if !(1..=12).contains(&month) || !(1..=days_of(month, year)).contains(&day) {
            return None;
        }
        let (hour, _) = (self.up_to(23)?, self.one_of(b":")?);
        let minute = self.up_to(59)?;
        let (mut second, mut millis) = (0, 0);
        if self.one_of(b":").is_some() {
            second = self.up_to(59)?;
            if self.one_of(b".").is_some() {
                millis = self.fraction()?;
            }
        }
        let offset = self.offset()?;
        if !self.0.is_empty() {
            return None;
        }
        let minutes = days_from_civil(year, month, day)
            .checked_mul(24 * 60)?
            .checked_add(hour.checked_mul(60)?.checked_add(minute)?)?
            .checked_sub(offset)?;
        let millis = minutes
            .checked_mul(60)?
            .checked_add(second)?
            .checked_mul(1000)?
            .checked_add(millis)?;
        // What could not be written again, in four digits of a year, is no time either.
        let millis = u64::try_from(millis).unwrap_or_default();
        (millis <= LAST).then_some(millis)
    }

    /// Minutes that the clock shown is ahead of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0),
        };
        let hours = self.up_to(23)?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            self.one_of(b":");
            self.up_to(59)?
        };
        hours
            .checked_mul(60)?
            .checked_add(minutes)?
            .checked_mul(sign)
    }

    /// The thousandths of a fraction of one to nine digits.
    fn fraction(&mut self) -> Option<i64> {
        let (mut millis, mut digits) = (0_i64, 0_u32);
        while let Some(digit) = self.digit() {
            digits = digits.checked_add(1)?;
            if digits <= 3 {
                millis = millis.checked_mul(10)?.checked_add(digit)?;
            }
        }
        let missing = 3_u32.saturating_sub(digits);
        (1..=9)
            .contains(&digits)
            .then(|| millis.checked_mul(10_i64.checked_pow(missing)?))?
    }

    fn up_to(&mut self, most: i64) -> Option<i64> {
        self.digits(2).filter(|number| *number <= most)
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut number = 0_i64;
        for _ in 0..count {
            number = number.checked_mul(10)?.checked_add(self.digit()?)?;
        }
        Some(number)
    }

    fn digit(&mut self) -> Option<i64> {
        let digit = self.one_of(b"0123456789")?;
        Some(i64::from(digit.checked_sub(b'0')?))
    }

    fn one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        if !allowed.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(*first)
    }
}

fn days_of(month: i64, year: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A date of the Gregorian calendar, year 0 to 9999, as days since the epoch: Howard Hinnant's
/// `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last of one.
    let january_or_february = month <= 2;
    let year = year.saturating_sub(i64::from(january_or_february));
    let shifted_month = if january_or_february {
        month.saturating_add(9)
    } else {
        month.saturating_sub(3)
    };
    let day_of_year = shifted_month
        .saturating_mul(153)
        .saturating_add(2)
        .saturating_div(5)
        .saturating_add(day)
        .saturating_sub(1);
    year.saturating_mul(365)
        .saturating_add(year.div_euclid(4))
        .saturating_sub(year.div_euclid(100))
        .saturating_add(year.div_euclid(400))
        .saturating_add(day_of_year)
        .saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let read = text.parse::<UnixMillis>().ok();
        read.map(|at| at.to_string())
    }

    #[test]
    fn c1_one_moment_in_every_way_to_write_it() {
        for text in [
            "2026-11-22T09:30:00Z",
            "2026-11-22t09:30:00.000z",
            "2026-11-22 09:30:00+00",
            "2026-11-22 09:30:00.000000+00",
            "2026-11-22T09:30Z",
            "2026-11-22T10:30:00+01:00",
            "2026-11-22T10:30:00+0100",
            "2026-11-22T00:00:00-09:30",
            "2026-11-23T09:29:00+23:59",
            "2026-11-22T09:30:00-00:00",
        ] {
            assert_eq!(
                read(text).as_deref(),
                Some("2026-11-22T09:30:00.000Z"),
                "{text}"
            );
        }
        let fractions = [
            ("1", "100"),
            ("12", "120"),
            ("123", "123"),
            ("123999999", "123"),
        ];
        for (written, millis) in fractions {
            let text = format!("2026-11-22T09:30:00.{written}Z");
            let expected = format!("2026-11-22T09:30:00.{millis}Z");
            assert_eq!(read(&text), Some(expected));
        }
    }

    #[test]
    fn c1_dates_that_there_are_and_dates_that_there_are_not() {
        for date in ["2024-02-29", "2000-02-29", "2026-01-31", "9999-12-31"] {
            let text = format!("{date}T00:00:00Z");
            assert_eq!(read(&text), Some(format!("{date}T00:00:00.000Z")));
        }
        for date in [
            "2026-02-30",
            "2026-02-29",
            "2100-02-29",
            "2026-04-31",
            "2026-00-10",
            "2026-13-01",
            "2026-01-00",
            "2026-1-1",
            "20261122",
            "+2026-11-22",
            "12026-11-22",
        ] {
            assert_eq!(read(&format!("{date}T00:00:00Z")), None, "{date}");
        }
        for past in ["1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z"] {
            assert_eq!(read(past).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        }
    }

    #[test]
    fn c1_what_is_no_time() {
        for time in [
            "09:30:00",
            "09:30:00+25:00",
            "09:30:00+01:60",
            "09:30:00+1",
            "09:30:00+",
            "09:30:00+01:",
            "09:30:60Z",
            "09:60:00Z",
            "24:00:00Z",
            "09Z",
            "09:30:00.Z",
            "09:30:00.1234567890Z",
            "09:30:00,5Z",
            "09:30:00 Z",
            "09:30:00Z ",
            "09:30:00ZZ",
            "09:30:00UTC",
            "٠٩:30:00Z",
        ] {
            assert_eq!(read(&format!("2026-11-22T{time}")), None, "{time}");
        }
        assert_eq!(read("9999-12-31T23:59:59.999-00:01"), None);
        for text in ["", "2026-11-22", "2026-11-22Z", "1795339800", "tomorrow"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        // Days of all months, leap years and centuries among them.
        for day in (0..60_000).step_by(13) {
            let at = UnixMillis::new(day * MILLIS_PER_DAY + 45_296_789);
            assert_eq!(at.to_string().parse(), Ok(at));
        }
    }

    #[test]
    fn dates_of_mail_have_one_length() {
        for (millis, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (1_795_339_800_000, "Sun, 22 Nov 2026 09:30:00 +0000"),
            (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 +0000"),
        ] {
            assert_eq!(UnixMillis::new(millis).to_rfc_5322(), text);
        }
    }
}
