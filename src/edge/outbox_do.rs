//! The Outbox object: one for each sending mailbox.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
};

use serde::Serialize;
use worker::{DurableObject, Env, Method, Request, Response, Result, State, durable_object};

use super::{
    body,
    clock::{PlatformClock, PlatformEntropy},
    email::PlatformEmail,
    env,
    fetch::PlatformHttp,
    keeper_stub::KeeperStub,
    kv::KvCache,
    outbox_stub::OutboxStubs,
    registry_stub::RegistryStub,
    socket::PlatformConnector,
    sqlite::SqliteStore,
    stub,
    upload_body::UploadBody,
};
use crate::{
    app::{
        Accept, AlertChannels, Door, Drain, Email, Entry, MailboxState, ObjectName,
        Outbox as OutboxCase, OutboxQuestion, Reception, Story, Ticket, TokenMemory, Tokens,
        Trigger, Turns, Upload, Word, begin_staging, enter, learn, obey,
        ports::{Clock, ContentStore, StoreFault},
        wake_if_repaired,
    },
    config::{MailboxConfig, Name},
    limits::STORE_RETRY,
    mail::Place,
    oauth::Credential,
    outcome::Failure,
    seal::{Purpose, Sealer},
};

thread_local! {
    /// The turns of this isolate, which all its objects share.
    static TURNS: Turns = Turns::default();
}

/// The messages of one mailbox. Its name is the mailbox's.
#[durable_object(alarm)]
pub struct Outbox {
    inner: Rc<Inner>,
}

struct Inner {
    env: Env,
    mailbox: Option<Name>,
    state: State,
    /// Opened when it is first needed, and again if that failed.
    store: OnceCell<SqliteStore>,
    drain: Drain,
    reception: Reception,
    token: TokenMemory,
    /// The Registry knows this object, and that is stored.
    entered: Cell<bool>,
}

impl DurableObject for Outbox {
    fn new(state: State, env: Env) -> Self {
        let inner = Inner {
            env,
            mailbox: state.id().name().and_then(|name| name.parse().ok()),
            state,
            store: OnceCell::new(),
            drain: Drain::default(),
            reception: Reception::default(),
            token: TokenMemory::default(),
            entered: Cell::new(false),
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let path = request.path();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method(), segments.as_slice()) {
            (Method::Post, ["accept"] | ["accept", "scheduled"]) => {
                let accept: Accept = stub::asked(&mut request).await?;
                self.inner.enter().await;
                let answer = self.inner.accept(accept);
                self.start_if_stalled();
                answer
            }
            (Method::Post, ["ask"]) => {
                let question: OutboxQuestion = stub::asked(&mut request).await?;
                // It may be the first that this Outbox hears of: a batch.
                self.inner.enter().await;
                let answer = self.inner.ask(question);
                self.start_if_stalled();
                answer
            }
            (Method::Post, ["emails"]) => {
                self.inner.enter().await;
                let answer = self.inner.upload(&request).await;
                self.start_if_stalled();
                answer
            }
            (Method::Post, ["stage", id, place]) => {
                let octets = request.bytes().await?;
                self.inner.stage(id, place, octets)
            }
            (Method::Get, ["state"]) => self.inner.mailbox_state(),
            (Method::Post, ["learn"]) => {
                let failure = stub::asked(&mut request).await?;
                self.inner.learn(&failure)
            }
            (Method::Post, _) => self.inner.obey(&path),
            (Method::Get, ["story", id]) => self.inner.story(id),
            (Method::Get, ["email", id]) => self.inner.email(id),
            _ => Response::error("not found", 404),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        if self.inner.run(Trigger::Alarm).await.is_err() {
            // Storage cannot be used. An error would make the platform call again a few times, and
            // then never; a panic would end this object's alarms.
            self.inner.state.storage().set_alarm(STORE_RETRY).await?;
        }
        Response::ok("")
    }
}

impl Outbox {
    /// Alarms are kept by the platform, but an object's alarms can die with a handler that never
    /// ended. A message must not wait for ever on that account.
    fn start_if_stalled(&self) {
        if self.inner.is_stalled() {
            let inner = Rc::clone(&self.inner);
            self.inner.state.wait_until(async move {
                if inner.run(Trigger::Request).await.is_err() {
                    worker::console_error!(r#"{{"event":"drain_failed"}}"#);
                }
            });
        }
    }
}

impl Inner {
    fn store(&self) -> std::result::Result<&SqliteStore, StoreFault> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = SqliteStore::open(&self.state)?;
        Ok(self.store.get_or_init(|| store))
    }

    fn accept(&self, accept: Accept) -> Result<Response> {
        let kept = self.store().map_err(Into::into);
        match kept.and_then(|store| {
            accept.count_and_keep(&self.reception, store, &PlatformClock, &PlatformEntropy)
        }) {
            Ok(answered) => Response::from_json(&answered),
            Err(_) => Response::error("not accepted", 503),
        }
    }

    fn ask(&self, question: OutboxQuestion) -> Result<Response> {
        let store = self.store().map_err(Into::into);
        match store.and_then(|store| {
            question.answer(&self.reception, store, &PlatformClock, &PlatformEntropy)
        }) {
            Ok(answer) => Response::from_json(&answer),
            Err(_) => Response::error("not answered", 503),
        }
    }

    /// Takes a request that is too large to be held, and answers its caller.
    async fn upload(&self, request: &Request) -> Result<Response> {
        let head = stub::forwarded(request)?;
        let config = env::config(&self.env);
        let outboxes = &OutboxStubs { env: &self.env };
        let config = config.as_ref();
        let ticket = match (Door { config, outboxes }).entry(&head) {
            Entry::Upload { ticket, .. } => ticket,
            Entry::Refused(answer) => return body::to_response(answer),
            // Only during a deploy, when this is another version than the one that handed it on.
            Entry::Read(_) => return body::to_response(Ticket::unanswered()),
        };
        let (Some(mailbox), Ok(store), Ok(mut body)) =
            (&self.mailbox, self.store(), UploadBody::of(request))
        else {
            return body::to_response(Ticket::unanswered());
        };
        let upload = Upload {
            config,
            mailbox,
            store,
            clock: &PlatformClock,
            entropy: &PlatformEntropy,
            reception: &self.reception,
            drain: &self.drain,
            turns: &TURNS.with(Turns::clone),
            outboxes,
        };
        body::to_response(upload.take(&ticket, &mut body).await)
    }

    /// Keeps a piece of a message that is being carried over from another Outbox.
    fn stage(&self, id: &str, place: &str, octets: Vec<u8>) -> Result<Response> {
        let place = place.parse().ok().and_then(Place::from_number);
        let (Ok(id), Some(place)) = (id.parse(), place) else {
            return Response::error("not found", 404);
        };
        let kept = self.store().and_then(|store| {
            // Once is enough: the row is there with the first piece.
            if place.piece == 0 {
                begin_staging(store, &self.drain, id, PlatformClock.now())?;
            }
            store.stage(id, place, octets)
        });
        match kept {
            Ok(()) => Response::ok(""),
            Err(StoreFault) => Response::error("storage", 503),
        }
    }

    /// How the mailbox is. Whoever asks is often there because its settings were repaired.
    fn mailbox_state(&self) -> Result<Response> {
        let config = env::config(&self.env);
        let mailbox = self.mailbox.as_ref();
        let settings = mailbox
            .and_then(|name| config.mailboxes.get(name))
            .map(|mailbox| config.settings_of(mailbox));
        found(self.store().and_then(|store| {
            if let (Some(settings), false) = (settings, self.drain.is_running()) {
                wake_if_repaired(store, &settings, &PlatformClock)?;
            }
            MailboxState::read(store).map(Some)
        }))
    }

    /// Has the Registry know this object before it is used for the first time.
    async fn enter(&self) {
        let (Some(name), Ok(store), false) = (&self.mailbox, self.store(), self.entered.get())
        else {
            return;
        };
        let name = ObjectName::outbox(name.as_str());
        let registry = RegistryStub { env: &self.env };
        let entered = enter(name, store, &registry, &PlatformClock).await;
        self.entered.set(entered.unwrap_or(false));
    }

    /// Does as it is told, and forgets the token that was in use.
    fn obey(&self, path: &str) -> Result<Response> {
        let Some(word) = Word::read(path) else {
            return Response::error("not found", 404);
        };
        self.token.forget(word.grant());
        done(
            self.store()
                .and_then(|store| obey(word, store, &self.drain.recall, &PlatformClock)),
        )
    }

    /// Hears what the Keeper has found out.
    fn learn(&self, failure: &Failure) -> Result<Response> {
        let config = env::config(&self.env);
        let Some(name) = &self.mailbox else {
            return Response::error("not found", 404);
        };
        let outboxes = OutboxStubs { env: &self.env };
        let email = PlatformEmail { env: &self.env };
        let alerts = AlertChannels::of(&config, name, &PlatformHttp, &outboxes, &email);
        let learned = self
            .store()
            .and_then(|store| learn(store, &self.drain, &alerts, &PlatformClock, failure));
        match learned {
            Ok(false) => Ok(Response::empty()?.with_status(204)),
            learned => done(learned.map(drop)),
        }
    }

    fn story(&self, id: &str) -> Result<Response> {
        let (Some(mailbox), Ok(id)) = (&self.mailbox, id.parse()) else {
            return Response::error("not found", 404);
        };
        found(
            self.store()
                .and_then(|store| Story::read(store, mailbox, id)),
        )
    }

    fn email(&self, id: &str) -> Result<Response> {
        let Ok(id) = id.parse() else {
            return Response::error("not found", 404);
        };
        found(self.store().and_then(|store| Email::read(store, id)))
    }

    fn is_stalled(&self) -> bool {
        // Only the store and the clock are asked; the rest of an Outbox is not needed for it.
        self.store()
            .and_then(|store| self.drain.is_stalled(store, &PlatformClock))
            .unwrap_or(false)
    }

    async fn run(&self, trigger: Trigger) -> std::result::Result<(), StoreFault> {
        // Those of before that anybody kept count.
        self.enter().await;
        let store = self.store()?;
        let config = env::config(&self.env);
        let mailbox = self
            .mailbox
            .as_ref()
            .and_then(|name| config.mailboxes.get(name));
        let Some(name) = &self.mailbox else {
            return Err(StoreFault);
        };
        let sealer = config.root_key.as_ref().map(|root_key| {
            Sealer::new(root_key, config.previous_root_key.as_ref(), Purpose::Seal)
        });
        let credential = mailbox.map(MailboxConfig::credential);
        let record = credential
            .as_ref()
            .map(Credential::cache_record)
            .unwrap_or_default();
        let keeper = credential
            .as_ref()
            .map(Credential::keeper_name)
            .unwrap_or_default();
        let settings = mailbox
            .map(|mailbox| config.settings_of(mailbox))
            .unwrap_or_default();
        let cache = KvCache { env: &self.env };
        let source = sealer.as_ref().map(|sealer| KeeperStub {
            env: &self.env,
            mailbox: name,
            keeper: &keeper,
            sealer,
            record: &record,
        });
        let tokens = sealer
            .as_ref()
            .zip(source.as_ref())
            .map(|(sealer, source)| Tokens {
                memory: &self.token,
                cache: &cache,
                source,
                sealer,
                record: &record,
            });
        let outboxes = OutboxStubs { env: &self.env };
        let email = PlatformEmail { env: &self.env };
        let alerts = AlertChannels::of(&config, name, &PlatformHttp, &outboxes, &email);
        let outbox = OutboxCase {
            store,
            connector: &PlatformConnector,
            clock: &PlatformClock,
            entropy: &PlatformEntropy,
            account: mailbox.zip(tokens),
            settings: &settings,
            stop: config.stop.is_some(),
            alerts: &alerts,
            drain: &self.drain,
        };
        outbox.run(trigger).await
    }
}

/// That it was done, as an answer.
fn done(what: std::result::Result<(), StoreFault>) -> Result<Response> {
    match what {
        Ok(()) => Response::ok(""),
        Err(StoreFault) => Response::error("storage", 503),
    }
}

/// What was found, as an answer.
fn found<T: Serialize>(what: std::result::Result<Option<T>, StoreFault>) -> Result<Response> {
    match what {
        Ok(Some(what)) => Response::from_json(&what),
        Ok(None) => Response::error("not found", 404),
        Err(StoreFault) => Response::error("storage", 503),
    }
}
