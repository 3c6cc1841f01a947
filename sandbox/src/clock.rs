//! Wall-clock time as the records carry it.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::macros::format_description;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

/// `2026-11-22T08:15:30Z`, for the `datetime` attribute; pages turn it into the reader's own time.
pub(crate) fn rfc3339(ms: u64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    moment(ms).format(format).unwrap_or_default()
}

/// `22 Nov 2026, 08:15 UTC`, for people whose browser runs no script.
pub(crate) fn readable(ms: u64) -> String {
    let format =
        format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");
    moment(ms).format(format).unwrap_or_default()
}

fn moment(ms: u64) -> OffsetDateTime {
    i64::try_from(ms / 1_000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
