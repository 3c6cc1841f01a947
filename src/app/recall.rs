//! Calling back whoever is in a session: what it was begun with does not hold any more.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    task::{Poll, Waker},
};

/// Calls back. One for each Outbox, in memory: a session does not outlive it.
#[derive(Debug, Default)]
pub struct Recall {
    count: Cell<u64>,
    /// Of the one run that there is.
    waiting: RefCell<Option<Waker>>,
}

impl Recall {
    /// Calls back everybody who is out now.
    pub fn sound(&self) {
        self.count.set(self.count.get().wrapping_add(1));
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    /// A leave that holds until the next call.
    pub fn leave(&self) -> Leave<'_> {
        Leave {
            recall: self,
            count: self.count.get(),
        }
    }
}

/// Holds until it is called back.
#[derive(Debug, Clone, Copy)]
pub struct Leave<'a> {
    recall: &'a Recall,
    count: u64,
}

impl Leave<'_> {
    /// Whether it was called back.
    pub fn is_over(&self) -> bool {
        self.recall.count.get() != self.count
    }

    /// Ends when it is.
    pub fn over(&self) -> impl Future<Output = ()> {
        poll_fn(|context| {
            if self.is_over() {
                return Poll::Ready(());
            }
            self.recall.waiting.replace(Some(context.waker().clone()));
            Poll::Pending
        })
    }
}
