//! Turns for what takes memory: so many at a time in an isolate, whatever comes at once.

use std::{cell::RefCell, rc::Rc, time::Duration};

use super::ports::Clock;
use crate::{
    limits::{LARGE_BODIES, LARGE_BODY_OCTETS, LARGE_BODY_WAIT, MEDIUM_BODIES, TURN_MAX},
    time::UnixMillis,
};

/// How often somebody who waits looks again. Long against a look, short against a person.
const LOOK: Duration = Duration::from_millis(50);

/// The turns of one isolate.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    large: Taken,
    medium: Taken,
}

/// When each turn was taken. An object of the isolate may be reset in the middle of a request, which
/// then never gives its turn back.
type Taken = Rc<RefCell<Vec<UnixMillis>>>;

impl Turns {
    /// Takes a turn for a body of so many octets, if it says how many, waiting [`LARGE_BODY_WAIT`]
    /// for one at most.
    pub async fn take(&self, octets: Option<u64>, clock: &impl Clock) -> Option<Turn> {
        let large = octets.is_none_or(|octets| octets > LARGE_BODY_OCTETS);
        let (taken, most) = if large {
            (&self.large, LARGE_BODIES)
        } else {
            (&self.medium, MEDIUM_BODIES)
        };
        let deadline = clock.now().after(LARGE_BODY_WAIT);
        loop {
            let now = clock.now();
            if let Some(turn) = Turn::take(taken, most, now) {
                return Some(turn);
            }
            if now >= deadline {
                return None;
            }
            clock.sleep_until(now.after(LOOK)).await;
        }
    }
}

/// A turn, given back when this is dropped.
#[derive(Debug)]
pub struct Turn {
    taken: Taken,
    since: UnixMillis,
}

impl Turn {
    fn take(taken: &Taken, most: u32, now: UnixMillis) -> Option<Self> {
        let mut since = taken.borrow_mut();
        since.retain(|at| now.since(*at) < TURN_MAX);
        if u32::try_from(since.len()).is_ok_and(|taken| taken >= most) {
            return None;
        }
        since.push(now);
        Some(Self {
            taken: Rc::clone(taken),
            since: now,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.taken.borrow_mut();
        // Those taken at the same time are alike.
        if let Some(at) = taken.iter().position(|at| *at == self.since) {
            taken.swap_remove(at);
        }
    }
}
