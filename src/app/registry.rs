//! The Registry: one small object for what no mailbox owns, which is who tries to log in, which
//! consents are under way, which objects there are to be stopped, and which sessions are over.

use serde::{Deserialize, Serialize};

use super::{
    object::ObjectName,
    ports::{Clock, StoreFault, TokenCustody},
};
use crate::{
    config::Name,
    limits::{
        CONSENT_MAX, CONSENT_REMEMBERED, CONSENTS, LOGIN_ADDRESS_WINDOW, LOGIN_TRIES,
        LOGIN_TRIES_PER_ADDRESS, LOGIN_WINDOW, REGISTRY_OBJECTS,
    },
    time::UnixMillis,
};

/// What the Registry is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryQuestion {
    /// May somebody from this network try to log in? The try is counted.
    Login(String),
    /// Keep a consent that begins, under the digest of its `state`.
    Keep(String, Consent),
    /// Take the consent with this digest out, if it is that of this session.
    Take(String, String),
    /// Know this object from now on.
    Enter(ObjectName),
    /// What objects are there?
    Objects,
    /// Everything is to stand still, and what is entered from now on too.
    Stop,
    /// The end of that.
    Start,
    /// Is a session that began then still one?
    Session(UnixMillis),
    /// End all sessions that there are.
    SignOut,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryAnswer {
    /// They may.
    Admitted,
    /// They may not, for so many seconds.
    Limited(u64),
    /// It is kept.
    Kept,
    /// The consent. It is not there any more.
    Taken(Consent),
    /// It has been taken out before.
    Used,
    /// It took too long.
    Expired,
    /// There is none, or it is another session's; or the session is over.
    Unknown,
    /// The object is known.
    Entered {
        /// Everything is to stand still.
        stopped: bool,
    },
    /// There are too many objects; it is not known.
    Full,
    /// What is known.
    Known(Known),
}

/// What the Registry knows of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The objects that were ever used.
    pub objects: Vec<ObjectName>,
    /// Since when everything is to stand still.
    pub stopped: Option<UnixMillis>,
    /// Since when its record is a new one, because the one before could not be read: objects that left
    /// the configuration before that are not known any more.
    pub lost: Option<UnixMillis>,
}

/// A consent that a person is being asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The session that began it; none where a script did, and then any session may end it.
    pub session: Option<String>,
    /// The mailbox to be connected.
    pub mailbox: Name,
    /// A fingerprint of the provider that is asked, so that its code is given to no other.
    pub provider: String,
    /// The PKCE verifier (RFC 7636 §4.1), sealed, in base64.
    pub verifier: String,
    /// Whether the answer has to name its issuer (RFC 9207 §2.4), as was known when it was asked for.
    #[serde(default)]
    pub names_itself: bool,
}

/// The record. Small: its caps are [`LOGIN_TRIES`], [`CONSENTS`] and [`REGISTRY_OBJECTS`].
#[derive(Default, Serialize, Deserialize)]
struct Record {
    v: u8,
    logins: Vec<Try>,
    consents: Vec<Kept>,
    #[serde(default)]
    objects: Vec<ObjectName>,
    #[serde(default)]
    stopped: Option<UnixMillis>,
    #[serde(default)]
    signed_out: Option<UnixMillis>,
    #[serde(default)]
    lost: Option<UnixMillis>,
}

/// 1 knew no objects, no STOP and no end of all sessions.
const RECORD_VERSION: u8 = 2;

#[derive(Serialize, Deserialize)]
struct Try {
    at: UnixMillis,
    network: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    at: UnixMillis,
    /// Gone as soon as it is taken out; what remains is that it was there.
    consent: Option<Consent>,
}

/// The Registry, and its ports. It keeps one record, as a Keeper does.
#[derive(Debug)]
pub struct Registry<'a, S, K> {
    /// Its record.
    pub custody: &'a S,
    /// The time.
    pub clock: &'a K,
}

impl<S: TokenCustody, K: Clock> Registry<'_, S, K> {
    /// Answers a question. Nothing is awaited, so no two of them can be in each other's way, and
    /// whatever is to be stored is before the answer leaves.
    ///
    /// # Errors
    /// When storage fails; nobody is let in then.
    pub fn answer(&self, question: RegistryQuestion) -> Result<RegistryAnswer, StoreFault> {
        let now = self.clock.now();
        let mut record = self.load(now)?;
        record.forget(now);
        let answer = match question {
            RegistryQuestion::Login(network) => record.login(network, now),
            RegistryQuestion::Keep(state, consent) => record.keep(state, consent, now),
            RegistryQuestion::Take(state, session) => record.take(&state, &session, now),
            RegistryQuestion::Enter(name) => record.enter(name),
            RegistryQuestion::Objects => return Ok(record.known()),
            RegistryQuestion::Stop => {
                record.stopped = record.stopped.or(Some(now));
                record.known()
            }
            RegistryQuestion::Start => {
                record.stopped = None;
                record.known()
            }
            RegistryQuestion::Session(began) if record.signed_out >= Some(began) => {
                RegistryAnswer::Unknown
            }
            RegistryQuestion::Session(_) => return Ok(RegistryAnswer::Admitted),
            RegistryQuestion::SignOut => {
                record.signed_out = Some(now);
                RegistryAnswer::Kept
            }
        };
        let unchanged = matches!(
            answer,
            RegistryAnswer::Limited(_)
                | RegistryAnswer::Used
                | RegistryAnswer::Expired
                | RegistryAnswer::Unknown
                | RegistryAnswer::Full
        );
        if !unchanged {
            let record = serde_json::to_string(&record).map_err(|_| StoreFault)?;
            self.custody.store(&record)?;
        }
        Ok(answer)
    }

    /// The record. One that cannot be read must not keep the operator from stopping everything, so a
    /// new one takes its place. Later versions add to it, and are read all the same.
    fn load(&self, now: UnixMillis) -> Result<Record, StoreFault> {
        let new = Record {
            v: RECORD_VERSION,
            ..Record::default()
        };
        let Some(stored) = self.custody.load()? else {
            return Ok(new);
        };
        let read = serde_json::from_str::<Record>(&stored);
        Ok(match read {
            Ok(record) if record.v >= 1 => Record {
                v: record.v.max(RECORD_VERSION),
                ..record
            },
            _ => Record {
                lost: Some(now),
                ..new
            },
        })
    }
}

impl Record {
    fn forget(&mut self, now: UnixMillis) {
        self.logins
            .retain(|tried| now.since(tried.at) < LOGIN_WINDOW);
        self.consents
            .retain(|kept| now.since(kept.at) < CONSENT_REMEMBERED);
    }

    /// A try that is one too many is not counted: whoever goes on trying would else be kept out for
    /// ever, and everybody with them.
    fn login(&mut self, network: String, now: UnixMillis) -> RegistryAnswer {
        let from_there = self
            .logins
            .iter()
            .filter(|tried| tried.network == network && now.since(tried.at) < LOGIN_ADDRESS_WINDOW)
            .map(|tried| tried.at);
        let (from_there, all): (Vec<_>, Vec<_>) = (
            from_there.collect(),
            self.logins.iter().map(|tried| tried.at).collect(),
        );
        let full = [
            (from_there, LOGIN_TRIES_PER_ADDRESS, LOGIN_ADDRESS_WINDOW),
            (all, LOGIN_TRIES, LOGIN_WINDOW),
        ]
        .into_iter()
        .filter(|(tries, limit, _)| tries.len() >= *limit)
        .filter_map(|(tries, _, window)| Some(tries.into_iter().min()?.after(window)))
        .max();
        if let Some(free) = full {
            return RegistryAnswer::Limited(free.since(now).as_secs().max(1));
        }
        self.logins.push(Try { at: now, network });
        RegistryAnswer::Admitted
    }

    fn enter(&mut self, name: ObjectName) -> RegistryAnswer {
        if !self.objects.contains(&name) {
            if self.objects.len() >= REGISTRY_OBJECTS {
                return RegistryAnswer::Full;
            }
            self.objects.push(name);
        }
        RegistryAnswer::Entered {
            stopped: self.stopped.is_some(),
        }
    }

    fn known(&self) -> RegistryAnswer {
        RegistryAnswer::Known(Known {
            objects: self.objects.clone(),
            stopped: self.stopped,
            lost: self.lost,
        })
    }

    fn keep(&mut self, state: String, consent: Consent, now: UnixMillis) -> RegistryAnswer {
        let superfluous = self
            .consents
            .len()
            .saturating_sub(CONSENTS.saturating_sub(1));
        self.consents.drain(..superfluous);
        self.consents.push(Kept {
            state,
            at: now,
            consent: Some(consent),
        });
        RegistryAnswer::Kept
    }

    fn take(&mut self, state: &str, session: &str, now: UnixMillis) -> RegistryAnswer {
        // Digests of random octets: how long the search takes tells nothing of the octets.
        let Some(kept) = self.consents.iter_mut().find(|kept| kept.state == state) else {
            return RegistryAnswer::Unknown;
        };
        match &kept.consent {
            None => RegistryAnswer::Used,
            Some(consent)
                if consent
                    .session
                    .as_ref()
                    .is_some_and(|bound| bound != session) =>
            {
                RegistryAnswer::Unknown
            }
            Some(_) if now.since(kept.at) >= CONSENT_MAX => RegistryAnswer::Expired,
            Some(_) => match kept.consent.take() {
                Some(consent) => RegistryAnswer::Taken(consent),
                None => RegistryAnswer::Used,
            },
        }
    }
}
