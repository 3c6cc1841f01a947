//! Requests side by side, each timed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::http::{Answer, Client};

/// What so many requests came to.
pub(super) struct Load {
    /// All of them together.
    pub(super) took: Duration,
    /// Each, shortest first.
    pub(super) each: Vec<Duration>,
}

impl Load {
    /// `total` requests, `side_by_side` at a time, each over a connection that is kept.
    pub(super) fn run(
        total: usize,
        side_by_side: usize,
        request: impl Fn(&Client) -> Result<Answer> + Sync,
    ) -> Result<Self> {
        let next = AtomicUsize::new(0);
        let began = Instant::now();
        let each = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..side_by_side)
                .map(|_| {
                    scope.spawn(|| -> Result<Vec<Duration>> {
                        let client = Client::new(None)?;
                        let mut times = Vec::new();
                        while next.fetch_add(1, Ordering::Relaxed) < total {
                            let began = Instant::now();
                            let answer = request(&client)?;
                            times.push(began.elapsed());
                            if answer.status != 200 {
                                return Err(format!("{}: {}", answer.status, answer.body).into());
                            }
                        }
                        Ok(times)
                    })
                })
                .collect();
            let times = workers.into_iter().map(|worker| match worker.join() {
                Ok(times) => times,
                Err(_) => Err("a client panicked".into()),
            });
            times.collect::<Result<Vec<_>>>()
        })?;
        let took = began.elapsed();
        let mut each: Vec<Duration> = each.into_iter().flatten().collect();
        each.sort_unstable();
        Ok(Self { took, each })
    }

    /// Requests in a second.
    pub(super) fn rate(&self) -> f64 {
        self.each.len() as f64 / self.took.as_secs_f64()
    }

    /// The time that so many in a hundred stay below, in milliseconds.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        let at = (self.each.len() * percent / 100).min(self.each.len().saturating_sub(1));
        self.each.get(at).map_or(0.0, Duration::as_secs_f64) * 1000.0
    }
}
