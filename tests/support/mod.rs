//! The ports in memory: a virtual clock, a store that can fail, a scripted mail server.

#![allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "each test uses some of it"
)]

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use edgepost::{
    api::{Card, Fingerprint},
    app::ApiRequest,
    app::ports::{
        Clock, Connection, ConnectionFault, Connector, Entropy, HttpClient, HttpFault, NoEntropy,
        OutboxStore, StoreFault, TokenCache, TokenCustody,
    },
    limits::IDEMPOTENCY_WINDOW,
    outbox::{EmailId, Health, Job, State, StoryEvent},
    time::UnixMillis,
};

/// 2026-11-22T09:30:00Z.
pub const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);

/// A clock that moves only when everybody waits for it: to the first point that anybody waits
/// for.
#[derive(Clone)]
pub struct VirtualClock {
    now: Rc<Cell<UnixMillis>>,
    sleepers: Rc<RefCell<BTreeMap<u64, UnixMillis>>>,
    next: Rc<Cell<u64>>,
}

impl VirtualClock {
    pub fn new() -> Self {
        Self {
            now: Rc::new(Cell::new(NOW)),
            sleepers: Rc::default(),
            next: Rc::default(),
        }
    }

    pub fn advance(&self, by: Duration) {
        self.now.set(self.now.get().after(by));
    }

    pub fn set(&self, to: UnixMillis) {
        self.now.set(to);
    }

    /// Runs `future` to its end, moving the clock whenever nothing else can happen.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..100_000 {
            // Often: one poll may make something ready for another part of the same future.
            for _ in 0..20 {
                if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
                    return done;
                }
            }
            let first = self.sleepers.borrow().values().min().copied();
            let first = first.expect("nothing can happen any more");
            self.now.set(first.max(self.now.get()));
        }
        panic!("the future does not end");
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> UnixMillis {
        self.now.get()
    }

    async fn sleep_until(&self, at: UnixMillis) {
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

/// What a store's next writes do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    Work,
    Fail,
    /// So many work, then they fail.
    FailAfter(u32),
    /// The caller is told that it failed, and it did not.
    FailButPersist,
}

/// An Outbox in memory. It outlives the "Worker" that uses it, as a real one does.
pub struct MemoryStore {
    pub jobs: RefCell<BTreeMap<EmailId, Job>>,
    pub content: RefCell<BTreeMap<EmailId, Vec<u8>>>,
    pub events: RefCell<BTreeMap<EmailId, Vec<StoryEvent>>>,
    pub cards: RefCell<BTreeMap<EmailId, Card>>,
    pub memory: RefCell<BTreeMap<String, (Fingerprint, EmailId, UnixMillis)>>,
    pub health: RefCell<Health>,
    pub alarm: Cell<Option<UnixMillis>>,
    pub writes: Cell<Writes>,
    /// Pieces that content is given out in.
    pub piece: usize,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self {
            jobs: RefCell::default(),
            content: RefCell::default(),
            events: RefCell::default(),
            cards: RefCell::default(),
            memory: RefCell::default(),
            health: RefCell::default(),
            alarm: Cell::new(None),
            writes: Cell::new(Writes::Work),
            piece: 100,
        }
    }

    fn write(&self, work: impl FnOnce()) -> Result<(), StoreFault> {
        let writes = match self.writes.get() {
            Writes::FailAfter(0) => Writes::Fail,
            Writes::FailAfter(left) => {
                self.writes.set(Writes::FailAfter(left - 1));
                Writes::Work
            }
            other => other,
        };
        if writes != Writes::Fail {
            work();
        }
        if writes == Writes::Work {
            Ok(())
        } else {
            Err(StoreFault)
        }
    }

    fn put(&self, job: &Job, event: &StoryEvent) {
        self.jobs.borrow_mut().insert(job.id, job.clone());
        self.events
            .borrow_mut()
            .entry(job.id)
            .or_default()
            .push(event.clone());
    }

    pub fn states(&self, id: EmailId) -> Vec<State> {
        self.events.borrow()[&id]
            .iter()
            .map(|event| event.state)
            .collect()
    }

    pub fn job(&self, id: EmailId) -> Job {
        self.jobs.borrow()[&id].clone()
    }
}

impl OutboxStore for MemoryStore {
    fn accept(
        &self,
        job: &Job,
        content: &[u8],
        event: &StoryEvent,
        request: Option<&ApiRequest>,
    ) -> Result<(), StoreFault> {
        self.write(|| {
            if let Some(request) = request {
                self.cards.borrow_mut().insert(job.id, request.card.clone());
                if let Some(idempotency) = &request.idempotency {
                    let remembered = (idempotency.fingerprint.clone(), job.id, job.created_at);
                    self.memory
                        .borrow_mut()
                        .insert(idempotency.scope.clone(), remembered);
                }
            }
            self.put(job, event);
            self.content.borrow_mut().insert(job.id, content.to_vec());
            self.alarm.set(Some(job.created_at));
        })
    }

    fn remembered(
        &self,
        scope: &str,
        now: UnixMillis,
    ) -> Result<Option<(Fingerprint, EmailId)>, StoreFault> {
        let memory = self.memory.borrow();
        let fresh = memory
            .get(scope)
            .filter(|(_, _, at)| now.since(*at) < IDEMPOTENCY_WINDOW);
        Ok(fresh.map(|(fingerprint, id, _)| (fingerprint.clone(), *id)))
    }

    fn card(&self, id: EmailId) -> Result<Option<Card>, StoreFault> {
        Ok(self.cards.borrow().get(&id).cloned())
    }

    fn update(&self, job: &Job, event: &StoryEvent) -> Result<(), StoreFault> {
        self.write(|| self.put(job, event))
    }

    fn update_with_health(
        &self,
        job: &Job,
        event: &StoryEvent,
        health: &Health,
    ) -> Result<(), StoreFault> {
        self.write(|| {
            self.put(job, event);
            self.health.replace(health.clone());
        })
    }

    fn next_due(&self, now: UnixMillis) -> Result<Option<Job>, StoreFault> {
        let jobs = self.jobs.borrow();
        let due = jobs
            .values()
            .filter(|job| job.due_at.is_some_and(|at| at <= now));
        Ok(due.min_by_key(|job| job.due_at).cloned())
    }

    fn earliest_due(&self) -> Result<Option<UnixMillis>, StoreFault> {
        Ok(self
            .jobs
            .borrow()
            .values()
            .filter_map(|job| job.due_at)
            .min())
    }

    fn realign(&self, job: &Job) -> Result<(), StoreFault> {
        self.write(|| {
            self.jobs.borrow_mut().insert(job.id, job.clone());
        })
    }

    fn leased(&self) -> Result<Vec<Job>, StoreFault> {
        let jobs = self.jobs.borrow();
        Ok(jobs
            .values()
            .filter(|job| job.state == State::Sending)
            .cloned()
            .collect())
    }

    fn story(&self, id: EmailId) -> Result<Option<(Job, Vec<StoryEvent>)>, StoreFault> {
        let jobs = self.jobs.borrow();
        Ok(jobs
            .get(&id)
            .map(|job| (job.clone(), self.events.borrow()[&id].clone())))
    }

    fn content(&self, id: EmailId, index: u32) -> Result<Option<Vec<u8>>, StoreFault> {
        let content = self.content.borrow();
        let mut pieces = content[&id].chunks(self.piece);
        Ok(pieces
            .nth(usize::try_from(index).unwrap())
            .map(<[u8]>::to_vec))
    }

    fn health(&self) -> Result<Health, StoreFault> {
        Ok(self.health.borrow().clone())
    }

    fn set_health(&self, health: &Health) -> Result<(), StoreFault> {
        self.write(|| {
            self.health.replace(health.clone());
        })
    }

    fn arm(&self, at: UnixMillis) -> Result<(), StoreFault> {
        self.write(|| self.alarm.set(Some(at)))
    }

    fn disarm(&self) -> Result<(), StoreFault> {
        self.write(|| self.alarm.set(None))
    }
}

/// What a scripted server does next.
#[derive(Clone, Debug)]
pub enum Move {
    /// Says this, whenever the client waits.
    Say(&'static str),
    /// Waits for a whole line, and does not care what it says.
    Hear,
    /// Waits for the end of content.
    HearContent,
    /// The handshake that the client starts now succeeds.
    Tls,
    /// Closes.
    Close,
}

/// A server that speaks its part, a new part for each connection.
pub struct ScriptedServer {
    pub parts: RefCell<VecDeque<Vec<Move>>>,
    pub connections: Cell<usize>,
    pub heard: Rc<RefCell<Vec<u8>>>,
    pub open: Rc<Cell<usize>>,
    pub most_open: Cell<usize>,
}

impl ScriptedServer {
    pub fn new(parts: Vec<Vec<Move>>) -> Self {
        Self {
            parts: RefCell::new(parts.into()),
            connections: Cell::new(0),
            heard: Rc::default(),
            open: Rc::default(),
            most_open: Cell::new(0),
        }
    }

    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.borrow()).into_owned()
    }
}

impl Connector for ScriptedServer {
    type Connection = ScriptedConnection;

    async fn connect(&self, _: &str, _: u16) -> Result<ScriptedConnection, ConnectionFault> {
        self.connections.set(self.connections.get() + 1);
        // The round trip that connecting takes: others may run meanwhile.
        let mut waited = false;
        poll_fn(|_| {
            if std::mem::replace(&mut waited, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let part = self.parts.borrow_mut().pop_front().ok_or(ConnectionFault)?;
        self.open.set(self.open.get() + 1);
        self.most_open
            .set(self.most_open.get().max(self.open.get()));
        Ok(ScriptedConnection {
            part: RefCell::new(part.into()),
            unread: RefCell::default(),
            heard: Rc::clone(&self.heard),
            open: Rc::clone(&self.open),
        })
    }
}

pub struct ScriptedConnection {
    part: RefCell<VecDeque<Move>>,
    unread: RefCell<Vec<u8>>,
    heard: Rc<RefCell<Vec<u8>>>,
    open: Rc<Cell<usize>>,
}

impl Drop for ScriptedConnection {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

impl ScriptedConnection {
    /// Hears what was written, as far as the part goes.
    fn listen(&self) {
        let mut unread = self.unread.borrow_mut();
        let mut part = self.part.borrow_mut();
        loop {
            let end = match part.front() {
                Some(Move::Hear) => unread
                    .windows(2)
                    .position(|two| two == b"\r\n")
                    .map(|at| at + 2),
                Some(Move::HearContent) if unread.starts_with(b".\r\n") => Some(3),
                Some(Move::HearContent) => unread
                    .windows(5)
                    .position(|five| five == b"\r\n.\r\n")
                    .map(|at| at + 5),
                _ => None,
            };
            let Some(end) = end else { return };
            self.heard.borrow_mut().extend(unread.drain(..end));
            part.pop_front();
        }
    }
}

impl Connection for ScriptedConnection {
    async fn read(&self) -> Result<Option<Vec<u8>>, ConnectionFault> {
        poll_fn(|_| {
            self.listen();
            let mut part = self.part.borrow_mut();
            match part.front().cloned() {
                Some(Move::Say(text)) => {
                    part.pop_front();
                    Poll::Ready(Ok(Some(text.as_bytes().to_vec())))
                }
                Some(Move::Close) => Poll::Ready(Ok(None)),
                _ => Poll::Pending,
            }
        })
        .await
    }

    async fn write(&self, octets: Vec<u8>) -> Result<(), ConnectionFault> {
        if matches!(self.part.borrow().front(), Some(Move::Close)) {
            return Err(ConnectionFault);
        }
        self.unread.borrow_mut().extend(octets);
        self.listen();
        Ok(())
    }

    async fn start_tls(&self) -> Result<(), ConnectionFault> {
        match self.part.borrow_mut().pop_front() {
            Some(Move::Tls) => Ok(()),
            _ => Err(ConnectionFault),
        }
    }

    async fn close(&self) {}
}

/// A cache that remembers, forgets or lies.
#[derive(Default)]
pub struct MemoryCache {
    pub values: RefCell<BTreeMap<String, Vec<u8>>>,
    pub ttls: RefCell<Vec<u64>>,
    /// Looks, at each write, whether what should be stored before it is.
    pub stored_first: RefCell<Option<Rc<Cell<bool>>>>,
    pub seen_stored: Cell<bool>,
    pub broken: Cell<bool>,
}

impl TokenCache for MemoryCache {
    async fn get(&self, record: &str) -> Option<Vec<u8>> {
        self.values
            .borrow()
            .get(record)
            .filter(|_| !self.broken.get())
            .cloned()
    }

    async fn put(&self, record: &str, value: &[u8], ttl_seconds: u64) {
        let stored = self
            .stored_first
            .borrow()
            .as_ref()
            .is_some_and(|stored| stored.get());
        self.seen_stored.set(stored);
        if !self.broken.get() {
            self.values
                .borrow_mut()
                .insert(record.to_owned(), value.to_vec());
            self.ttls.borrow_mut().push(ttl_seconds);
        }
    }
}

/// A Keeper's record in memory.
pub struct MemoryCustody {
    pub record: RefCell<Option<String>>,
    /// Whether a record with an access token is stored.
    pub has_access: Rc<Cell<bool>>,
    pub writes: Cell<Writes>,
}

impl MemoryCustody {
    pub fn new() -> Self {
        Self {
            record: RefCell::default(),
            has_access: Rc::default(),
            writes: Cell::new(Writes::Work),
        }
    }
}

impl TokenCustody for MemoryCustody {
    fn load(&self) -> Result<Option<String>, StoreFault> {
        Ok(self.record.borrow().clone())
    }

    fn store(&self, record: &str) -> Result<(), StoreFault> {
        let writes = match self.writes.get() {
            Writes::FailAfter(0) => Writes::Fail,
            Writes::FailAfter(left) => {
                self.writes.set(Writes::FailAfter(left - 1));
                Writes::Work
            }
            other => other,
        };
        if writes != Writes::Fail {
            self.has_access.set(!record.contains("\"access\":null"));
            self.record.replace(Some(record.to_owned()));
        }
        if writes == Writes::Work {
            Ok(())
        } else {
            Err(StoreFault)
        }
    }
}

/// A token endpoint that gives the answers it was told, the last one for ever.
pub struct ScriptedProvider {
    pub answers: RefCell<VecDeque<(u16, String)>>,
    pub requests: RefCell<Vec<String>>,
}

impl ScriptedProvider {
    pub fn new<const N: usize>(answers: [(u16, &str); N]) -> Self {
        let answers = answers
            .map(|(status, body)| (status, body.to_owned()))
            .into();
        Self {
            answers: RefCell::new(answers),
            requests: RefCell::default(),
        }
    }
}

impl HttpClient for ScriptedProvider {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, HttpFault> {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.requests.borrow_mut().push(body);
        // The round trip: others may run meanwhile.
        let mut waited = false;
        poll_fn(|_| {
            if std::mem::replace(&mut waited, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let mut answers = self.answers.borrow_mut();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        };
        let (status, body) = answer.ok_or(HttpFault::Connection)?;
        if status == 0 {
            return Err(HttpFault::TimedOut);
        }
        let answer = http::Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(body.into_bytes());
        answer.map_err(|_| HttpFault::Connection)
    }
}
