//! How often each caller may ask.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// The length of a window. Resend counts by the second.
const WINDOW: Duration = Duration::from_secs(1);

/// Where a caller stands, as it is told in the `ratelimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests in a window.
    pub limit: u32,
    /// Requests that are left in this one.
    pub remaining: u32,
    /// Seconds until the next one.
    pub reset: u64,
}

/// Counts requests by caller, in the memory of one Outbox: each mailbox counts for itself, and a
/// restart forgets. That is exact enough to keep a loop of a caller's from filling the queue, and
/// costs no write.
#[derive(Debug, Default)]
pub struct Meter {
    windows: RefCell<BTreeMap<String, (UnixMillis, u32)>>,
}

impl Meter {
    /// Counts a request.
    ///
    /// # Errors
    /// When it is one too many; it is then not counted.
    pub fn count(&self, caller: &str, limit: u32, now: UnixMillis) -> Result<Rate, Rate> {
        let mut windows = self.windows.borrow_mut();
        // Callers are configured, so there are few; those of the past are dropped all the same.
        windows.retain(|_, (began, _)| now.since(*began) < WINDOW);
        let (began, asked) = windows.entry(caller.to_owned()).or_insert((now, 0));
        let left = WINDOW.saturating_sub(now.since(*began));
        let reset = left.as_millis().div_ceil(1000);
        let reset = u64::try_from(reset).unwrap_or(u64::MAX);
        if *asked >= limit {
            return Err(Rate {
                limit,
                remaining: 0,
                reset,
            });
        }
        *asked = asked.saturating_add(1);
        Ok(Rate {
            limit,
            remaining: limit.saturating_sub(*asked),
            reset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h13_one_too_many_is_refused_and_the_next_window_is_new() {
        let meter = Meter::default();
        let now = UnixMillis::new(1_000_000);
        for remaining in [2, 1, 0] {
            assert_eq!(meter.count("a", 3, now).unwrap().remaining, remaining);
        }
        assert_eq!(
            meter.count("a", 3, now),
            Err(Rate {
                limit: 3,
                remaining: 0,
                reset: 1
            })
        );
        // Others are not in the way, and a second later nobody is.
        assert!(meter.count("b", 3, now).is_ok());
        assert!(meter.count("a", 3, now.after(WINDOW)).is_ok());
    }
}
