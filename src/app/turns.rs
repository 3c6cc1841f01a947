//! Turns for what takes much memory: so many at a time in an isolate, whatever comes at once.

use std::{cell::Cell, rc::Rc, time::Duration};

use super::ports::Clock;
use crate::limits::{LARGE_BODIES, LARGE_BODY_WAIT};

/// How often somebody who waits looks again. Long against a look, short against a person.
const LOOK: Duration = Duration::from_millis(50);

/// The turns of one isolate.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    taken: Rc<Cell<u32>>,
}

impl Turns {
    /// Takes a turn, waiting [`LARGE_BODY_WAIT`] for one at most.
    pub async fn take(&self, clock: &impl Clock) -> Option<Turn> {
        let deadline = clock.now().after(LARGE_BODY_WAIT);
        loop {
            let taken = self.taken.get();
            if taken < LARGE_BODIES {
                self.taken.set(taken.saturating_add(1));
                return Some(Turn(Rc::clone(&self.taken)));
            }
            let now = clock.now();
            if now >= deadline {
                return None;
            }
            clock.sleep_until(now.after(LOOK)).await;
        }
    }
}

/// A turn, given back when this is dropped.
#[derive(Debug)]
pub struct Turn(Rc<Cell<u32>>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
