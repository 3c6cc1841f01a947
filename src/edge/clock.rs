//! The time and randomness of the platform.

use worker::{Date, Delay};

use crate::{
    app::ports::{Clock, Entropy, NoEntropy},
    time::UnixMillis,
};

/// workerd's clock. It stands still while we compute and moves on with every I/O
/// (<https://developers.cloudflare.com/workers/runtime-apis/performance/>), which is all that
/// deadlines need.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlatformClock;

impl Clock for PlatformClock {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(Date::now().as_millis())
    }

    async fn sleep_until(&self, at: UnixMillis) {
        Delay::from(at.since(self.now())).await;
    }
}

/// `crypto.getRandomValues`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlatformEntropy;

impl Entropy for PlatformEntropy {
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(octets).map_err(|_| NoEntropy)
    }
}
