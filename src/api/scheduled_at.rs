//! `scheduled_at`: when a message is to be sent, as its caller says it.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{limits::SCHEDULE_AHEAD_MAX, time::UnixMillis};

/// A time that was asked for. Whether it is past, or too far ahead, is found out by whoever has a
/// clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ScheduledAt {
    /// At this moment.
    At(UnixMillis),
    /// So many minutes after the request.
    InMinutes(u32),
}

/// The text is no time that is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "it must be a time such as 2026-11-22T09:30:00Z, with an offset from UTC, or in so many \
     minutes, hours or days, such as `in 30 minutes`"
)]
pub struct NotUnderstood;

/// The time is further ahead than [`SCHEDULE_AHEAD_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is more than a year ahead (SCHEDULE_AHEAD_MAX)")]
pub struct TooFarAhead;

impl FromStr for ScheduledAt {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        let text = text.trim();
        match text.parse() {
            Ok(at) => Ok(Self::At(at)),
            Err(_) => minutes(text).map(Self::InMinutes).ok_or(NotUnderstood),
        }
    }
}

impl TryFrom<String> for ScheduledAt {
    type Error = NotUnderstood;

    fn try_from(text: String) -> Result<Self, NotUnderstood> {
        text.parse()
    }
}

impl From<ScheduledAt> for String {
    fn from(asked: ScheduledAt) -> Self {
        match asked {
            ScheduledAt::At(at) => at.to_string(),
            ScheduledAt::InMinutes(minutes) => format!("in {minutes} min"),
        }
    }
}

impl ScheduledAt {
    /// When that is, seen from `now`; nothing where it is now or past.
    ///
    /// # Errors
    /// When it is too far ahead.
    pub fn resolve(self, now: UnixMillis) -> Result<Option<UnixMillis>, TooFarAhead> {
        let at = match self {
            Self::At(at) => at,
            Self::InMinutes(minutes) => {
                now.after(Duration::from_secs(u64::from(minutes).saturating_mul(60)))
            }
        };
        if at.since(now) > SCHEDULE_AHEAD_MAX {
            return Err(TooFarAhead);
        }
        Ok((at > now).then_some(at))
    }
}

/// `in 1 min`, `In 2 hours`, `in 3 days`.
fn minutes(text: &str) -> Option<u32> {
    let mut words = text.split_ascii_whitespace();
    let word =
        |words: &mut std::str::SplitAsciiWhitespace<'_>| words.next().map(str::to_ascii_lowercase);
    if word(&mut words)? != "in" {
        return None;
    }
    let number = words.next()?;
    let plain = number.bytes().all(|b| b.is_ascii_digit());
    let number: u32 = plain.then(|| number.parse().ok())??;
    let unit = match word(&mut words)?.as_str() {
        "min" | "mins" | "minute" | "minutes" => 1,
        "hr" | "hrs" | "hour" | "hours" => 60,
        "day" | "days" => 24 * 60,
        _ => return None,
    };
    words.next().is_none().then(|| number.checked_mul(unit))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);

    fn read(text: &str) -> Option<Result<Option<String>, TooFarAhead>> {
        let asked: ScheduledAt = text.parse().ok()?;
        // What crosses to the Outbox is a text again.
        let written = String::from(asked);
        assert_eq!(written.parse(), Ok(asked), "{text}");
        Some(asked.resolve(NOW).map(|at| at.map(|at| at.to_string())))
    }

    #[test]
    fn c1_past_and_now_are_at_once() {
        for text in [
            "2026-11-22T09:30:00Z",
            "2026-11-22T09:29:59.999Z",
            "1969-01-01T00:00:00Z",
            "in 0 minutes",
        ] {
            assert_eq!(read(text), Some(Ok(None)), "{text}");
        }
    }

    #[test]
    fn c1_up_to_a_year_ahead() {
        for (text, at) in [
            ("2026-11-22T09:30:00.001Z", "2026-11-22T09:30:00.001Z"),
            (" 2027-11-22T09:30:00Z ", "2027-11-22T09:30:00.000Z"),
            ("2027-11-23T09:30:00Z", "2027-11-23T09:30:00.000Z"),
            ("in 1 min", "2026-11-22T09:31:00.000Z"),
            ("In 90 Minutes", "2026-11-22T11:00:00.000Z"),
            ("in  1  hour", "2026-11-22T10:30:00.000Z"),
            ("in 2 hrs", "2026-11-22T11:30:00.000Z"),
            ("in 366 days", "2027-11-23T09:30:00.000Z"),
        ] {
            assert_eq!(read(text), Some(Ok(Some(at.to_owned()))), "{text}");
        }
        for text in [
            "2027-11-23T09:30:00.001Z",
            "2027-11-24T09:30:00Z",
            "9999-12-31T23:59:59Z",
            "in 367 days",
        ] {
            assert_eq!(read(text), Some(Err(TooFarAhead)), "{text}");
        }
    }

    #[test]
    fn c1_every_other_word_is_refused() {
        for text in [
            "",
            "now",
            "tomorrow at 9am",
            "Friday at 3pm ET",
            "in",
            "in 1",
            "in min",
            "in a minute",
            "in -1 minutes",
            "in +1 minutes",
            "in 1.5 hours",
            "in 1 fortnight",
            "in 1 min please",
            "1 min",
            "in 4294967296 min",
            "in 4294967295 days",
            "2026-02-30T09:30:00Z",
            "2026-11-22T09:30:00",
            "2026-11-22T09:30:00+25:00",
            "2026-12-31T23:59:60Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
