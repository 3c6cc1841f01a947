//! How long to wait before trying again.

use std::time::Duration;

/// Exponential backoff with full jitter: a point drawn between `shortest` and a ceiling that
/// starts at `first`, doubles with each failure and stays at `longest`. Full jitter spreads those
/// who failed together better than any other kind
/// (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
///
/// `failures` counts from 1; `random` is any number.
pub fn backoff(
    failures: u32,
    first: Duration,
    longest: Duration,
    shortest: Duration,
    random: u64,
) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let ceiling = first.saturating_mul(1_u32 << doublings).min(longest);
    let span = millis(ceiling.saturating_sub(shortest));
    // Modulo leans towards the beginning by less than one part in a million here.
    let drawn = random
        .checked_rem(span.saturating_add(1))
        .unwrap_or_default();
    shortest.saturating_add(Duration::from_millis(drawn))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{RETRY_FIRST, RETRY_LONGEST, RETRY_SHORTEST};

    fn wait(failures: u32, random: u64) -> Duration {
        backoff(failures, RETRY_FIRST, RETRY_LONGEST, RETRY_SHORTEST, random)
    }

    #[test]
    fn the_ceiling_doubles_from_a_minute_to_four_hours() {
        let span = |failures: u32| {
            let ceiling = RETRY_FIRST
                .saturating_mul(1 << (failures - 1))
                .min(RETRY_LONGEST);
            u64::try_from((ceiling - RETRY_SHORTEST).as_millis()).unwrap()
        };
        for failures in 1..=12 {
            assert_eq!(wait(failures, 0), RETRY_SHORTEST);
            let ceiling = RETRY_FIRST
                .saturating_mul(1 << (failures - 1))
                .min(RETRY_LONGEST);
            assert_eq!(wait(failures, span(failures)), ceiling);
        }
        assert!(wait(u32::MAX, u64::MAX - 1) <= RETRY_LONGEST);
    }
}
