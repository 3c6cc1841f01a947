//! Where an object stands, whatever the configuration says: whether the Registry knows it, and what
//! its operator has switched off. An Outbox and a Keeper have one each, and it outlives every deploy.

use serde_json::{Value, json};

use super::{
    drain::resume,
    ports::{Clock, OutboxStore, StandingStore, StoreFault, TokenCustody},
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
    /// The mailbox is connected, or works again, for all that its operator knows. No token of a grant
    /// before the one of this number is in force any more.
    Resume(u32),
    /// Leave every session: the credential was disconnected, and no token of a grant before the one of
    /// this number is in force any more.
    Forget(u32),
    /// The same, and stay so: the mailbox was, and the credential was not.
    Disconnect,
}

impl Word {
    /// Reads it out of a path.
    pub fn read(path: &str) -> Option<Self> {
        let path = path.trim_start_matches('/');
        Some(match path.split_once('/') {
            None => match path {
                "stop" => Self::Stop,
                "start" => Self::Start,
                "disconnect" => Self::Disconnect,
                _ => return None,
            },
            Some(("resume", grant)) => Self::Resume(grant.parse().ok()?),
            Some(("forget", grant)) => Self::Forget(grant.parse().ok()?),
            Some(_) => return None,
        })
    }

    /// As a path.
    pub fn path(self) -> String {
        match self {
            Self::Stop => "/stop".to_owned(),
            Self::Start => "/start".to_owned(),
            Self::Resume(grant) => format!("/resume/{grant}"),
            Self::Forget(grant) => format!("/forget/{grant}"),
            Self::Disconnect => "/disconnect".to_owned(),
        }
    }

    /// The number of the grant before which none is in force; of a word that says nothing of grants,
    /// the number before which there was none.
    pub fn grant(self) -> u32 {
        match self {
            Self::Resume(grant) | Self::Forget(grant) => grant,
            Self::Stop | Self::Start | Self::Disconnect => 0,
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
        Word::Resume(_) => standing.disconnected = false,
        Word::Disconnect => standing.disconnected = true,
        Word::Forget(_) => {}
    }
    if standing == before {
        Ok(())
    } else {
        store.set_standing(&standing)
    }
}

/// Has a Keeper do as it was told: to stop, or to start. What its alarm was to do is looked at as soon as
/// it starts.
///
/// # Errors
/// When storage fails.
pub fn obey_as_keeper(
    word: Word,
    store: &impl StandingStore,
    custody: &impl TokenCustody,
    clock: &impl Clock,
) -> Result<(), StoreFault> {
    note(store, word, clock.now())?;
    match word {
        Word::Start => custody.arm(Some(clock.now())),
        _ => Ok(()),
    }
}

/// Has an Outbox do as it was told. Whoever calls this forgets the token in memory too, and those
/// of grants before [`Word::grant`].
///
/// # Errors
/// When storage fails. A session is left all the same.
pub fn obey(
    word: Word,
    store: &impl OutboxStore,
    recall: &Recall,
    clock: &impl Clock,
) -> Result<(), StoreFault> {
    if matches!(word, Word::Stop | Word::Forget(_) | Word::Disconnect) {
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
        Word::Resume(_) | Word::Forget(_) | Word::Disconnect => resume(store, clock),
    }
}
