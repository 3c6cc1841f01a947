//! Points in time. The core never reads a clock: every `now` is an argument of this type.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

mod text;

pub use text::NotATime;

const MILLIS_PER_DAY: u64 = 86_400_000;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The point `millis` milliseconds after the epoch.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// `self` moved ahead by `by`; stays at the last representable point instead of wrapping.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(by))
    }

    /// `self` moved back by `by`; stays at the epoch instead of wrapping.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(by))
    }

    /// How long after `earlier` this point lies; zero when it does not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl UnixMillis {
    /// The date and the hours, minutes and seconds of the day, in UTC.
    fn civil(self) -> ((u64, u64, u64), (u64, u64, u64)) {
        let seconds = self.0 % MILLIS_PER_DAY / 1000;
        let of_day = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        (civil_from_days(self.0 / MILLIS_PER_DAY), of_day)
    }
}

/// RFC 3339, UTC, with milliseconds: `2026-11-22T09:30:00.000Z`.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second)) = self.civil();
        let millis = self.0 % 1000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

/// Days since the epoch as a date of the Gregorian calendar: Howard Hinnant's `civil_from_days`
/// for days from the epoch on. Twelve lines here instead of 20 KB of a date library.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let leap_days = (day_of_era / 1460).saturating_add(day_of_era / 146_096);
    let year_of_era = day_of_era
        .saturating_add(day_of_era / 36_524)
        .saturating_sub(leap_days)
        / 365;
    let start_of_year = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era / 4)
        .saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(start_of_year);
    let shifted_month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let before_month = shifted_month.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(before_month).saturating_add(1);
    let month = if shifted_month < 10 {
        shifted_month.saturating_add(3)
    } else {
        shifted_month.saturating_sub(9)
    };
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    (
        if month <= 2 {
            year.saturating_add(1)
        } else {
            year
        },
        month,
        day,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_rfc_3339_in_utc() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_798_761_599_999, "2026-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (millis, text) in cases {
            assert_eq!(UnixMillis::new(millis).to_string(), text);
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let last = UnixMillis::new(u64::MAX);
        assert_eq!(last.after(Duration::from_secs(1)), last);
        assert_eq!(UnixMillis::new(5).since(UnixMillis::new(9)), Duration::ZERO);
    }
}
