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
    pub content: RefCell<BTreeMap<EmailId, BTreeMap<Place, Vec<u8>>>>,
    pub staging: RefCell<BTreeMap<EmailId, UnixMillis>>,
    pub events: RefCell<BTreeMap<EmailId, Vec<StoryEvent>>>,
    pub cards: RefCell<BTreeMap<EmailId, Card>>,
    pub memory: RefCell<BTreeMap<String, (Fingerprint, String, UnixMillis)>>,
    pub health: RefCell<Health>,
    pub alerts: RefCell<AlertLog>,
    pub alarm: Cell<Option<UnixMillis>>,
    pub writes: Cell<Writes>,
    /// Pieces that content is given out in.
    pub piece: usize,
    /// Lists cannot be read.
    pub unreadable: Cell<bool>,
    /// Messages that lists have looked at.
    pub rows_read: Cell<usize>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self {
            jobs: RefCell::default(),
            content: RefCell::default(),
            staging: RefCell::default(),
            events: RefCell::default(),
            cards: RefCell::default(),
            memory: RefCell::default(),
            health: RefCell::default(),
            alerts: RefCell::default(),
            alarm: Cell::new(None),
            writes: Cell::new(Writes::Work),
            piece: 100,
            unreadable: Cell::new(false),
            rows_read: Cell::new(0),
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

    /// A message's content as it is sent.
    pub fn sent(&self, id: EmailId) -> Vec<u8> {
        let job = self.job(id);
        let mut reader = ContentReader::new(self, &job);
        let mut octets = Vec::new();
        while let Some(piece) = reader.read().unwrap() {
            octets.extend(piece);
        }
        assert_eq!(octets.len() as u64, job.size);
        octets
    }

    pub fn job(&self, id: EmailId) -> Job {
        self.jobs.borrow()[&id].clone()
    }
}

impl ContentStore for MemoryStore {
    fn begin_staging(&self, id: EmailId, at: UnixMillis) -> Result<(), StoreFault> {
        self.write(|| {
            self.staging.borrow_mut().entry(id).or_insert(at);
        })
    }

    fn stage(&self, id: EmailId, place: Place, octets: Vec<u8>) -> Result<(), StoreFault> {
        self.write(|| {
            let mut content = self.content.borrow_mut();
            content.entry(id).or_default().insert(place, octets);
        })
    }

    fn piece(&self, id: EmailId, place: Place) -> Result<Option<Vec<u8>>, StoreFault> {
        let content = self.content.borrow();
        Ok(content.get(&id).and_then(|all| all.get(&place)).cloned())
    }

    fn drop_part(&self, id: EmailId, part: PartNumber) -> Result<(), StoreFault> {
        self.write(|| {
            if let Some(content) = self.content.borrow_mut().get_mut(&id) {
                content.retain(|place, _| place.part != part);
            }
        })
    }

    fn discard(&self, id: EmailId) -> Result<(), StoreFault> {
        self.write(|| {
            assert!(!self.jobs.borrow().contains_key(&id), "a message's content");
            self.content.borrow_mut().remove(&id);
            self.staging.borrow_mut().remove(&id);
        })
    }

    fn oldest_staging(&self) -> Result<Option<(EmailId, UnixMillis)>, StoreFault> {
        let staging = self.staging.borrow();
        let oldest = staging.iter().min_by_key(|(_, at)| **at);
        Ok(oldest.map(|(id, at)| (*id, *at)))
    }
}

impl OutboxStore for MemoryStore {
    fn accept(
        &self,
        messages: &[NewMessage],
        request: Option<Remembered<'_>>,
        now: UnixMillis,
    ) -> Result<(), StoreFault> {
        self.write(|| {
            for message in messages {
                let id = message.job.id;
                if let Some(card) = &message.card {
                    self.cards.borrow_mut().insert(id, card.clone());
                }
                self.put(&message.job, &message.event);
                self.staging.borrow_mut().remove(&id);
                let mut all = self.content.borrow_mut();
                let kept = all.entry(id).or_default();
                for (part, octets) in &message.content {
                    for (piece, octets) in (0..).zip(octets.chunks(self.piece)) {
                        kept.insert(Place { part: *part, piece }, octets.to_vec());
                    }
                }
            }
            if let Some(Remembered { request, answer }) = request {
                let remembered = (request.fingerprint.clone(), answer.to_owned(), now);
                let mut memory = self.memory.borrow_mut();
                memory.insert(request.scope.clone(), remembered);
            }
            self.alarm.set(Some(now));
        })
    }

    fn remembered(
        &self,
        scope: &str,
        now: UnixMillis,
    ) -> Result<Option<(Fingerprint, String)>, StoreFault> {
        let memory = self.memory.borrow();
        let fresh = memory
            .get(scope)
            .filter(|(_, _, at)| now.since(*at) < IDEMPOTENCY_WINDOW);
        Ok(fresh.map(|(fingerprint, answer, _)| (fingerprint.clone(), answer.clone())))
    }

    fn listed(
        &self,
        key: &str,
        from: Cursor,
        take: &mut dyn FnMut(&Job, &Card) -> bool,
    ) -> Result<(), StoreFault> {
        if self.unreadable.get() {
            return Err(StoreFault);
        }
        let cards = self.cards.borrow();
        let own = cards.iter().filter(|(_, card)| card.key == key);
        let own: Vec<_> = match from {
            Cursor::Newest => own.rev().collect(),
            Cursor::OlderThan(end) => own.filter(|(id, _)| **id < end).rev().collect(),
            Cursor::NewerThan(end) => own.filter(|(id, _)| **id > end).collect(),
        };
        for (id, card) in own {
            self.rows_read.set(self.rows_read.get() + 1);
            let card = Card {
                html: None,
                text: None,
                ..card.clone()
            };
            if !take(&self.jobs.borrow()[id], &card) {
                break;
            }
        }
        Ok(())
    }

    fn card(&self, id: EmailId) -> Result<Option<Card>, StoreFault> {
        Ok(self.cards.borrow().get(&id).cloned())
    }

    fn update(&self, job: &Job, event: &StoryEvent) -> Result<(), StoreFault> {
        self.write(|| self.put(job, event))
    }

    fn commit(&self, change: &Change<'_>) -> Result<(), StoreFault> {
        self.write(|| {
            if let Some((job, event)) = change.job {
                self.put(job, event);
                let mut all = self.content.borrow_mut();
                let kept = all.entry(job.id).or_default();
                for (place, octets) in change.content {
                    kept.insert(*place, octets.clone());
                }
            }
            if let Some(at) = change.arm {
                self.alarm.set(Some(at));
            }
            if let Some(health) = change.health {
                self.health.replace(health.clone());
            }
            if let Some(alerts) = change.alerts {
                // As it would be read back.
                let stored = alerts.to_stored();
                self.alerts.replace(AlertLog::from_stored(&stored));
            }
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

    fn health(&self) -> Result<Health, StoreFault> {
        Ok(self.health.borrow().clone())
    }

    fn set_health(&self, health: &Health) -> Result<(), StoreFault> {
        self.write(|| {
            self.health.replace(health.clone());
        })
    }

    fn alerts(&self) -> Result<AlertLog, StoreFault> {
        Ok(self.alerts.borrow().clone())
    }

    fn waiting(&self) -> Result<u64, StoreFault> {
        let jobs = self.jobs.borrow();
        let waits = |job: &&Job| job.due_at.is_some() || job.state == State::Sending;
        Ok(jobs.values().filter(waits).count() as u64)
    }

    fn arm(&self, at: UnixMillis) -> Result<(), StoreFault> {
        self.write(|| self.alarm.set(Some(at)))
    }

    fn disarm(&self) -> Result<(), StoreFault> {
        self.write(|| self.alarm.set(None))
    }
}
