//! What an Outbox remembers of the requests that come to it, in memory only.

use std::{cell::RefCell, rc::Rc};

use super::meter::Meter;

/// Who has asked how often, and which requests are being read just now.
#[derive(Debug, Default)]
pub struct Reception {
    /// Counts requests by caller.
    pub meter: Meter,
    under_way: Rc<RefCell<Vec<String>>>,
}

impl Reception {
    /// Notes that the request of this idempotency scope is being read, unless one is already.
    pub fn begin(&self, scope: &str) -> Option<UnderWay> {
        if self.is_under_way(scope) {
            return None;
        }
        self.under_way.borrow_mut().push(scope.to_owned());
        Some(UnderWay {
            all: Rc::clone(&self.under_way),
            scope: scope.to_owned(),
        })
    }

    /// Whether a request of this idempotency scope is being read.
    pub fn is_under_way(&self, scope: &str) -> bool {
        self.under_way.borrow().iter().any(|other| other == scope)
    }
}

/// A request that is being read; not any more when this is dropped.
#[derive(Debug)]
pub struct UnderWay {
    all: Rc<RefCell<Vec<String>>>,
    scope: String,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.all.borrow_mut().retain(|scope| *scope != self.scope);
    }
}
