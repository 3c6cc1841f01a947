//! An Outbox in memory, which can fail.

use super::*;

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
