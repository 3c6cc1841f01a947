//! Where an object stands, whatever the configuration says: whether the Registry knows it, and what
//! its operator has switched off. An Outbox and a Keeper have one each, and it outlives every deploy.

use serde_json::{Value, json};

use super::{
    drain::resume,
    ports::{Clock, OutboxStore, StandingStore, StoreFault},
    recall::Recall,
};
use crate::time::UnixMillis;

/// The record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The Registry knows the object.
    pub entered: bool,
    /// Since when it is stopped.
    pub stopped: Option<UnixMillis>,
    /// Of an Outbox: its mailbox was disconnected, and not the credential that it shares.
    pub disconnected: bool,
}

impl Standing {
    const VERSION: u8 = 1;

    /// The form in which it is stored.
    pub fn to_stored(&self) -> String {
        let record = json!({
            "v": Self::VERSION,
            "entered": self.entered,
            "stopped": self.stopped.map(UnixMillis::as_millis),
            "disconnected": self.disconnected,
        });
        record.to_string()
    }

    /// Reads the stored form. Later versions add to it, and what they add is not needed to obey. Of a
    /// record that cannot be read at all nobody knows that it is not that of a STOP: it counts as one,
    /// until somebody starts the object.
    pub fn from_stored(stored: &str) -> Self {
        let record: Value = serde_json::from_str(stored).unwrap_or_default();
        let is = |name| record.get(name).and_then(Value::as_bool) == Some(true);
        let stopped = match record.get("stopped") {
            Some(Value::Null) => None,
            since => Some(since.and_then(Value::as_u64).unwrap_or_default()),
        };
        Self {
            entered: is("entered"),
            stopped: stopped.map(UnixMillis::new),
            disconnected: is("disconnected"),
        }
    }
}

/// What an operator tells an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Begin nothing, and leave every session. A Keeper gives no token and asks nobody for one.
    Stop,
    /// The end of that.
    Start,
    /// The mailbox is connected, or works again, for all that its operator knows.
    Resume,
    /// Leave every session and forget the token: the credential was disconnected.
    Forget,
    /// The same, and stay so: the mailbox was, and the credential was not.
    Disconnect,
}

impl Word {
    const ALL: [Self; 5] = [
        Self::Stop,
        Self::Start,
        Self::Resume,
        Self::Forget,
        Self::Disconnect,
    ];

    /// Reads it out of a path.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }

    /// As it stands in a path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Resume => "resume",
            Self::Forget => "forget",
            Self::Disconnect => "disconnect",
        }
    }
}

/// Whether an object is to do nothing: because the configuration says so, because it was told, or
/// because it cannot know that it was not.
pub fn is_stopped(store: &impl StandingStore, by_configuration: bool) -> bool {
    let stands = |standing: Standing| standing.stopped.is_none();
    by_configuration || !store.standing().is_ok_and(stands)
}

/// Notes what an object was told.
///
/// # Errors
/// When storage fails; then nothing has changed.
pub fn note(store: &impl StandingStore, word: Word, now: UnixMillis) -> Result<(), StoreFault> {
    let before = store.standing()?;
    let mut standing = before.clone();
    match word {
        Word::Stop => standing.stopped = standing.stopped.or(Some(now)),
        Word::Start => standing.stopped = None,
        Word::Resume => standing.disconnected = false,
        Word::Disconnect => standing.disconnected = true,
        Word::Forget => {}
    }
    if standing == before {
        Ok(())
    } else {
        store.set_standing(&standing)
    }
}

/// Has an Outbox do as it was told. Whoever calls this forgets the token in memory too.
///
/// # Errors
/// When storage fails. A session is left all the same.
pub fn obey(
    word: Word,
    store: &impl OutboxStore,
    recall: &Recall,
    clock: &impl Clock,
) -> Result<(), StoreFault> {
    if matches!(word, Word::Stop | Word::Forget | Word::Disconnect) {
        recall.sound();
    }
    note(store, word, clock.now())?;
    match word {
        Word::Stop => Ok(()),
        // What was found of the mailbox holds, so it is tried when it would have been.
        Word::Start => match super::drain::next_alarm(store, clock.now())? {
            Some(at) => store.arm(at),
            None => Ok(()),
        },
        Word::Resume | Word::Forget | Word::Disconnect => resume(store, clock),
    }
}
