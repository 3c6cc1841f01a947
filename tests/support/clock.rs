//! A clock that moves only when everybody waits for it, and numbers from a seed.

use super::*;

/// A clock that moves only when everybody waits for it: to the first point that anybody waits
/// for.
#[derive(Clone)]
pub struct VirtualClock {
    now: Rc<Cell<UnixMillis>>,
    sleepers: Rc<RefCell<BTreeMap<u64, UnixMillis>>>,
    next: Rc<Cell<u64>>,
    early_by: Rc<Cell<Duration>>,
}

impl VirtualClock {
    pub fn new() -> Self {
        Self {
            now: Rc::new(Cell::new(NOW)),
            sleepers: Rc::default(),
            next: Rc::default(),
            early_by: Rc::default(),
        }
    }

    /// From now on every sleep ends too early by so much.
    pub fn early_by(&self, by: Duration) {
        self.early_by.set(by);
    }

    pub fn advance(&self, by: Duration) {
        self.now.set(self.now.get().after(by));
    }

    pub fn now_since(&self, then: UnixMillis) -> Duration {
        self.now.get().since(then)
    }

    pub fn set(&self, to: UnixMillis) {
        self.now.set(to);
    }

    /// Runs `future` to its end, moving the clock whenever nothing else can happen.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.run_until(future, || false).expect("it ends")
    }

    /// Runs `future` to its end, or as far as `dies` does not say that here everything stops; then
    /// nothing of it goes on.
    pub fn run_until<T>(
        &self,
        future: impl Future<Output = T>,
        mut dies: impl FnMut() -> bool,
    ) -> Option<T> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..100_000 {
            // Often: one poll may make something ready for another part of the same future.
            for _ in 0..20 {
                if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                    return Some(done);
                }
                if dies() {
                    return None;
                }
            }
            let first = self.sleepers.borrow().values().min().copied();
            let first = first.expect("nothing can happen any more");
            self.now.set(first.max(self.now.get()));
        }
        panic!("the future does not end");
    }
}

/// Lets others run until it is so.
pub async fn until(condition: impl Fn() -> bool) {
    poll_fn(|_| {
        if condition() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

impl Clock for VirtualClock {
    fn now(&self) -> UnixMillis {
        self.now.get()
    }

    async fn sleep_until(&self, at: UnixMillis) {
        let early = u64::try_from(self.early_by.get().as_millis()).unwrap();
        let at = UnixMillis::new(at.as_millis() - early);
        let me = self.next.get();
        self.next.set(me + 1);
        let _awake = Awake {
            sleepers: &self.sleepers,
            me,
        };
        self.sleepers.borrow_mut().insert(me, at);
        poll_fn(|_| {
            if self.now.get() >= at {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

struct Awake<'a> {
    sleepers: &'a RefCell<BTreeMap<u64, UnixMillis>>,
    me: u64,
}

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.sleepers.borrow_mut().remove(&self.me);
    }
}

/// Numbers from a seed (SplitMix64), or none at all.
pub struct SeededEntropy {
    state: Cell<u64>,
    pub broken: Cell<bool>,
}

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self {
            state: Cell::new(seed),
            broken: Cell::new(false),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        if self.broken.get() {
            return Err(NoEntropy);
        }
        for octet in octets {
            let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.state.set(state);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *octet = (z ^ (z >> 31)).to_le_bytes()[0];
        }
        Ok(())
    }
}
