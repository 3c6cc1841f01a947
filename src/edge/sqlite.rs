//! An Outbox's messages in its object's SQLite.
//!
//! | table | a row is | written |
//! |---|---|---|
//! | `message` | a message: its record, and when to look at it (`wake`: due time in milliseconds, 0 while leased, NULL once settled, below 0 while set aside) | at every transition |
//! | `content` | a piece of a message's content, or of what may become one (`content_table.rs`) | once |
//! | `staging` | content that is not a message's yet | once, by a large request; gone with its end |
//! | `event` | a line of a message's story | at every transition |
//! | `card` | a message as its caller wrote it (`card_table.rs`) | once, by the API |
//! | `idempotency` | a request that must not be done twice, and what it is answered (`card_table.rs`) | once, by the API; forgotten after a day |
//! | `meta` | one value: the mailbox's health, what its owner is told, the schema's version | when it changes |

use serde::{Serialize, de::DeserializeOwned};
use worker::{SqlStorageValue, State, Storage};

use super::{
    alarm,
    sql::{Row, exec, first_text},
    transaction::transaction,
};
use crate::{
    api::{Card, Fingerprint},
    app::{
        Standing,
        ports::{
            Change, ContentStore, Cursor, NewMessage, OutboxStore, Remembered, StandingStore,
            StoreFault,
        },
    },
    limits::CONTENT_CHUNK_OCTETS,
    mail::Place,
    outbox::{AlertLog, EmailId, Health, Job, State as JobState, StoryEvent, UnreadableJob},
    time::UnixMillis,
};

/// Each statement brings the schema from the version of its index to the next. Never changed,
/// only added to.
const MIGRATIONS: [&str; 4] = [
    "
    CREATE TABLE message (id TEXT PRIMARY KEY, wake INTEGER, record TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX message_wake ON message (wake) WHERE wake IS NOT NULL;
    CREATE TABLE content (id TEXT, piece INTEGER, octets BLOB NOT NULL, PRIMARY KEY (id, piece)) WITHOUT ROWID;
    CREATE TABLE event (id TEXT, number INTEGER, line TEXT NOT NULL, PRIMARY KEY (id, number)) WITHOUT ROWID;
",
    "
    CREATE TABLE card (id TEXT PRIMARY KEY, card TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE idempotency (scope TEXT PRIMARY KEY, at INTEGER NOT NULL, fingerprint TEXT NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX idempotency_at ON idempotency (at);
",
    "
    CREATE TABLE staging (id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
",
    // Made of what is in the card already, so that a Worker that knows nothing of it keeps it too.
    "
    CREATE INDEX card_key ON card (json_extract(card, '$.key'), id);
",
];

/// The version of the schema whose Workers can still use what this one leaves behind: what came since
/// is additions that they need not know. Records that they cannot read they set aside.
const OLDEST_READER: usize = 3;

/// The value of `wake` that marks a lease.
const LEASED: i64 = 0;

/// The store of one Outbox.
pub(super) struct SqliteStore {
    storage: Storage,
}

impl SqliteStore {
    /// Opens the store, bringing its schema up to date.
    pub(super) fn open(state: &State) -> Result<Self, StoreFault> {
        let store = Self {
            storage: state.storage(),
        };
        store.migrate()?;
        store.take_back()?;
        Ok(store)
    }

    fn migrate(&self) -> Result<(), StoreFault> {
        self.transaction(|| {
            self.exec(
                "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
                vec![],
            )?;
            let version: usize = self.meta("schema")?.unwrap_or(0);
            if version > MIGRATIONS.len() {
                // Written by a later version, as after a rollback. Whether this one may read it the
                // later one has said: reading it as ours all the same could lose mail.
                let readers: usize = self.meta("readers")?.unwrap_or(version);
                return (readers <= MIGRATIONS.len()).then_some(()).ok_or(StoreFault);
            }
            let missing = MIGRATIONS.get(version..).unwrap_or_default();
            for migration in missing {
                self.exec(migration, vec![])?;
            }
            if missing.is_empty() {
                Ok(())
            } else {
                self.set_meta("readers", &OLDEST_READER)?;
                self.set_meta("schema", &MIGRATIONS.len())
            }
        })
    }

    pub(super) fn exec(
        &self,
        query: &str,
        values: Vec<SqlStorageValue>,
    ) -> Result<Vec<Row>, StoreFault> {
        exec(&self.storage, query, values)
    }

    pub(super) fn transaction(
        &self,
        work: impl FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        transaction(&self.storage, work)
    }

    fn meta<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreFault> {
        let rows = self.exec("SELECT value FROM meta WHERE name = ?", vec![name.into()])?;
        let Some(value) = first_text(rows) else {
            return Ok(None);
        };
        serde_json::from_str(&value)
            .map(Some)
            .map_err(|_| StoreFault)
    }

    fn set_meta(&self, name: &str, value: &impl Serialize) -> Result<(), StoreFault> {
        self.put_meta(name, serde_json::to_string(value).map_err(|_| StoreFault)?)
    }

    fn put_meta(&self, name: &str, value: String) -> Result<(), StoreFault> {
        let values = vec![name.into(), value.into()];
        self.exec(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
            values,
        )
        .map(drop)
    }

    fn write_job(&self, job: &Job) -> Result<(), StoreFault> {
        let wake = match (job.state, job.due_at) {
            (JobState::Sending, _) => Some(LEASED),
            (_, due_at) => due_at.map(sql_time),
        };
        let values = vec![
            job.id.to_string().into(),
            wake.into(),
            job.to_stored().into(),
        ];
        let query = "INSERT OR REPLACE INTO message (id, wake, record) VALUES (?, ?, ?)";
        self.exec(query, values).map(drop)
    }

    fn write_event(&self, job: &Job, event: &StoryEvent) -> Result<(), StoreFault> {
        let line = serde_json::to_string(event).map_err(|_| StoreFault)?;
        let id = job.id.to_string();
        let query = "INSERT INTO event (id, number, line)
            VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM event WHERE id = ?1), ?2)";
        self.exec(query, vec![id.into(), line.into()]).map(drop)
    }

    fn write_new(&self, message: &NewMessage) -> Result<(), StoreFault> {
        let NewMessage { job, event, .. } = message;
        for (part, octets) in &message.content {
            for (piece, octets) in (0..).zip(octets.chunks(CONTENT_CHUNK_OCTETS)) {
                let place = Place { part: *part, piece };
                self.stage(job.id, place, octets.to_vec())?;
            }
        }
        let id = job.id.to_string();
        self.exec("DELETE FROM staging WHERE id = ?", vec![id.as_str().into()])?;
        if let Some(card) = &message.card {
            self.write_card(id, card)?;
        }
        self.write_job(job)?;
        self.write_event(job, event)
    }

    /// The messages of a statement that selects id and record. One that this version cannot read
    /// is set aside: it waits, untouched, for a version that can.
    fn jobs(&self, query: &str, values: Vec<SqlStorageValue>) -> Result<Vec<Job>, StoreFault> {
        let mut jobs = Vec::new();
        for row in self.exec(query, values)? {
            let Ok([SqlStorageValue::String(id), SqlStorageValue::String(record)]) =
                <[SqlStorageValue; 2]>::try_from(row)
            else {
                return Err(StoreFault);
            };
            match Job::from_stored(&record) {
                Ok(job) => jobs.push(job),
                Err(UnreadableJob) => self.set_aside(&id)?,
            }
        }
        Ok(jobs)
    }

    fn set_aside(&self, id: &str) -> Result<(), StoreFault> {
        worker::console_error!(r#"{{"event":"unreadable_message_set_aside"}}"#);
        let query = "UPDATE message SET wake = -1 - wake WHERE id = ? AND wake >= 0";
        self.exec(query, vec![id.into()]).map(drop)
    }

    /// Takes back what was set aside: another version of this Worker may be able to read it.
    fn take_back(&self) -> Result<(), StoreFault> {
        self.exec("UPDATE message SET wake = -1 - wake WHERE wake < 0", vec![])
            .map(drop)
    }
}

impl OutboxStore for SqliteStore {
    fn accept(
        &self,
        messages: &[NewMessage],
        request: Option<Remembered<'_>>,
        now: UnixMillis,
    ) -> Result<(), StoreFault> {
        self.transaction(|| {
            for message in messages {
                self.write_new(message)?;
            }
            if let Some(request) = request {
                self.write_request(request, now)?;
            }
            self.arm(now)
        })?;
        for NewMessage { job, event, .. } in messages {
            log(job, event);
        }
        Ok(())
    }

    fn remembered(
        &self,
        scope: &str,
        now: UnixMillis,
    ) -> Result<Option<(Fingerprint, String)>, StoreFault> {
        self.remembered_request(scope, now)
    }

    fn listed(
        &self,
        key: &str,
        from: Cursor,
        take: &mut dyn FnMut(&Job, &Card) -> bool,
    ) -> Result<(), StoreFault> {
        self.list_cards(key, from, take)
    }

    fn card(&self, id: EmailId) -> Result<Option<Card>, StoreFault> {
        self.read_card(id)
    }

    fn update(&self, job: &Job, event: &StoryEvent) -> Result<(), StoreFault> {
        self.transaction(|| {
            self.write_job(job)?;
            self.write_event(job, event)
        })?;
        log(job, event);
        Ok(())
    }

    fn commit(&self, change: &Change<'_>) -> Result<(), StoreFault> {
        self.transaction(|| {
            if let Some((job, event)) = change.job {
                self.write_job(job)?;
                self.write_event(job, event)?;
                for (place, octets) in change.content {
                    self.stage(job.id, *place, octets.clone())?;
                }
            }
            if let Some(at) = change.arm {
                self.arm(at)?;
            }
            if let Some(health) = change.health {
                self.set_health(health)?;
            }
            match change.alerts {
                Some(alerts) => self.put_meta("alerts", alerts.to_stored()),
                None => Ok(()),
            }
        })?;
        if let Some((job, event)) = change.job {
            log(job, event);
        }
        Ok(())
    }

    fn next_due(&self, now: UnixMillis) -> Result<Option<Job>, StoreFault> {
        let query =
            "SELECT id, record FROM message WHERE wake > 0 AND wake <= ? ORDER BY wake LIMIT 1";
        loop {
            // Nothing, or one that was set aside and is not found again.
            let found = self
                .jobs(query, vec![sql_time(now).into()])?
                .into_iter()
                .next();
            let none_left = || self.earliest_due().map(|at| at.is_none_or(|at| at > now));
            if found.is_some() || none_left()? {
                return Ok(found);
            }
        }
    }

    fn realign(&self, job: &Job) -> Result<(), StoreFault> {
        self.write_job(job)
    }

    fn earliest_due(&self) -> Result<Option<UnixMillis>, StoreFault> {
        let rows = self.exec("SELECT min(wake) FROM message WHERE wake > 0", vec![])?;
        match rows.into_iter().flatten().next() {
            Some(SqlStorageValue::Integer(millis)) => u64::try_from(millis)
                .map(|millis| Some(UnixMillis::new(millis)))
                .map_err(|_| StoreFault),
            _ => Ok(None),
        }
    }

    fn leased(&self) -> Result<Vec<Job>, StoreFault> {
        self.jobs(
            "SELECT id, record FROM message WHERE wake = ?",
            vec![LEASED.into()],
        )
    }

    fn story(&self, id: EmailId) -> Result<Option<(Job, Vec<StoryEvent>)>, StoreFault> {
        let id = id.to_string();
        let query = "SELECT id, record FROM message WHERE id = ?";
        let Some(job) = self
            .jobs(query, vec![id.as_str().into()])?
            .into_iter()
            .next()
        else {
            return Ok(None);
        };
        let rows = self.exec(
            "SELECT line FROM event WHERE id = ? ORDER BY number",
            vec![id.into()],
        )?;
        let events = rows.into_iter().flatten().map(|line| match line {
            SqlStorageValue::String(line) => serde_json::from_str(&line).map_err(|_| StoreFault),
            _ => Err(StoreFault),
        });
        Ok(Some((job, events.collect::<Result<_, _>>()?)))
    }

    fn health(&self) -> Result<Health, StoreFault> {
        // What a version of another time has noted and this one cannot read is no reason to stop.
        let query = "SELECT value FROM meta WHERE name = 'health'";
        let stored = first_text(self.exec(query, vec![])?);
        Ok(stored
            .and_then(|stored| serde_json::from_str(&stored).ok())
            .unwrap_or_default())
    }

    fn set_health(&self, health: &Health) -> Result<(), StoreFault> {
        self.set_meta("health", health)
    }

    fn alerts(&self) -> Result<AlertLog, StoreFault> {
        let query = "SELECT value FROM meta WHERE name = 'alerts'";
        let stored = first_text(self.exec(query, vec![])?);
        Ok(stored
            .map(|stored| AlertLog::from_stored(&stored))
            .unwrap_or_default())
    }

    fn waiting(&self) -> Result<u64, StoreFault> {
        let query = "SELECT count(*) FROM message WHERE wake IS NOT NULL";
        match self.exec(query, vec![])?.into_iter().flatten().next() {
            Some(SqlStorageValue::Integer(count)) => u64::try_from(count).map_err(|_| StoreFault),
            _ => Err(StoreFault),
        }
    }

    fn arm(&self, at: UnixMillis) -> Result<(), StoreFault> {
        alarm::arm(&self.storage, Some(at))
    }

    fn disarm(&self) -> Result<(), StoreFault> {
        alarm::arm(&self.storage, None)
    }
}

impl StandingStore for SqliteStore {
    fn standing(&self) -> Result<Standing, StoreFault> {
        let query = "SELECT value FROM meta WHERE name = 'standing'";
        let stored = first_text(self.exec(query, vec![])?);
        Ok(stored
            .map(|stored| Standing::from_stored(&stored))
            .unwrap_or_default())
    }

    fn set_standing(&self, standing: &Standing) -> Result<(), StoreFault> {
        self.put_meta("standing", standing.to_stored())
    }
}

/// A transition as a line of the log: nothing of the message but its identifier.
fn log(job: &Job, event: &StoryEvent) {
    let line = serde_json::json!({
        "event": event.state,
        "id": job.id,
        "source": job.source,
        "attempt": event.attempt,
        "cause": event.cause,
    });
    worker::console_log!("{line}");
}

pub(super) fn sql_time(at: UnixMillis) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}
