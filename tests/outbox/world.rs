//! An Outbox and what is around it.

#![allow(
    unreachable_pub,
    missing_debug_implementations,
    missing_docs,
    reason = "a test"
)]

use std::{cell::RefCell, time::Duration};

use crate::support::{
    MemoryAlerts, MemoryCache, MemoryStore, Move, Move::*, ScriptedServer, SeededEntropy,
    VirtualClock,
};
use edgepost::{
    app::{
        Accept, Accepted, ApiRequest, Drain, InvalidAccept, Outbox, OutboxAnswer, OutboxQuestion,
        Reception, Steer, Steered, Story, TokenMemory, Tokens, Trigger,
        ports::{Clock, StoreFault, TokenSource},
    },
    config::{Config, MailboxConfig},
    mail::{BodyText, Draft, EmailAddress, HeaderText, Mailbox},
    oauth::{CachedToken, Fingerprint, TokenFailure},
    outbox::{EmailId, Source},
    seal::{Purpose, RootKey, Sealer},
    secret::AccessToken,
    time::UnixMillis,
};

pub const ROOT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Whoever sends through the API.
const CALLER: &str = "key/shop";

/// A Keeper that gives `token-1`, and the next one for each that was refused.
pub struct CountingSource {
    pub asked: RefCell<Vec<Option<Fingerprint>>>,
    pub failure: Option<TokenFailure>,
    pub clock: VirtualClock,
}

impl TokenSource for CountingSource {
    async fn token(&self, refused: Option<&Fingerprint>) -> Result<CachedToken, TokenFailure> {
        self.asked.borrow_mut().push(refused.cloned());
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let refusals = self.asked.borrow().iter().flatten().count();
        let token = AccessToken::new(&format!("token-{}", refusals + 1)).unwrap();
        Ok(CachedToken::issued(
            token,
            Some(Duration::from_secs(3600)),
            self.clock.now(),
        ))
    }
}

/// An Outbox, what is around it, and what it forgets when its Worker dies.
pub struct World {
    pub clock: VirtualClock,
    pub store: MemoryStore,
    pub server: ScriptedServer,
    pub entropy: SeededEntropy,
    pub cache: MemoryCache,
    pub source: CountingSource,
    pub sealer: Sealer,
    pub mailbox: MailboxConfig,
    pub memory: TokenMemory,
    pub drain: Drain,
    pub alerts: MemoryAlerts,
    pub settings: String,
    pub stop: bool,
}

impl World {
    pub fn new(parts: Vec<Vec<Move>>) -> Self {
        let clock = VirtualClock::new();
        let source = CountingSource {
            asked: RefCell::default(),
            failure: None,
            clock: clock.clone(),
        };
        let vars = serde_json::json!({
            "MAILBOX_SALES": { "address": "sales@shop.test", "provider": "microsoft", "tenant": "shop.test", "client_id": "x" }
        });
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        let name = "sales".parse().unwrap();
        Self {
            store: MemoryStore::new(),
            server: ScriptedServer::new(parts, &clock),
            entropy: SeededEntropy::new(7),
            cache: MemoryCache::default(),
            source,
            sealer: Sealer::new(&RootKey::parse(ROOT_KEY).unwrap(), None, Purpose::Seal),
            mailbox: Config::parse(&vars).mailboxes.remove(&name).unwrap(),
            memory: TokenMemory::default(),
            drain: Drain::default(),
            alerts: MemoryAlerts::new(&clock),
            settings: "as deployed".to_owned(),
            stop: false,
            clock,
        }
    }

    pub fn accept(&self) -> EmailId {
        self.try_accept().unwrap()
    }

    pub fn try_accept(&self) -> Result<EmailId, InvalidAccept> {
        self.try_accept_to(&["owner@shop.test"])
    }

    pub fn accept_to(&self, recipients: &[&str]) -> EmailId {
        self.try_accept_to(recipients).unwrap()
    }

    /// Takes a message of the API's, to be sent at a time of its caller's.
    pub fn accept_at(&self, at: &str, recipients: &[&str]) -> EmailId {
        let card = serde_json::from_value(serde_json::json!({
            "v": 1, "key": CALLER, "from": "sales@shop.test", "to": recipients, "cc": [], "bcc": [],
            "reply_to": [], "subject": "Hello", "tags": [],
        }));
        let request = ApiRequest {
            card: card.unwrap(),
            rate_limit: 10,
            idempotency: None,
            scheduled_at: Some(at.parse().unwrap()),
        };
        self.try_accept_as(Some(request), recipients).unwrap()
    }

    /// Asks for a message to be sent at another time, or not at all.
    pub fn steer(&self, id: EmailId, to: Option<&str>) -> Result<Steered, InvalidAccept> {
        let question = OutboxQuestion::Steer(Steer {
            id,
            key: CALLER.to_owned(),
            rate_limit: 1_000,
            to: to.map(|to| to.parse().unwrap()),
        });
        let reception = Reception::default();
        let answer = question.answer(&reception, &self.store, &self.clock, &self.entropy)?;
        match answer {
            OutboxAnswer::Steered(steered, _) => Ok(steered),
            other => panic!("{other:?}"),
        }
    }

    fn try_accept_to(&self, recipients: &[&str]) -> Result<EmailId, InvalidAccept> {
        self.try_accept_as(None, recipients)
    }

    fn try_accept_as(
        &self,
        request: Option<ApiRequest>,
        recipients: &[&str],
    ) -> Result<EmailId, InvalidAccept> {
        let address = |text: &str| Mailbox::from(text.parse::<EmailAddress>().unwrap());
        let body = ".canary body\nof several pieces\n".repeat(9);
        let draft = Draft {
            sender: address("sales@shop.test").address,
            from: address("sales@shop.test"),
            to: recipients.iter().copied().map(address).collect(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: Vec::new(),
            subject: HeaderText::try_from("Hello").unwrap(),
            text: Some(BodyText::try_from(body).unwrap()),
            html: None,
            headers: Vec::new(),
            attachments: Vec::new(),
            auto_generated: true,
        };
        let mailbox = "sales".parse().unwrap();
        let source = Source("form/contact".into());
        let accept = Accept {
            mailbox,
            source,
            draft,
            request,
            staged: None,
        };
        accept
            .keep(&self.store, &self.clock, &self.entropy)
            .map(|accepted| match accepted {
                Accepted::Id(id) => id,
                other => panic!("{other:?}"),
            })
    }

    pub async fn work(&self) -> Result<(), StoreFault> {
        self.work_for(Trigger::Alarm).await
    }

    pub async fn work_for(&self, trigger: Trigger) -> Result<(), StoreFault> {
        let tokens = Tokens {
            memory: &self.memory,
            cache: &self.cache,
            source: &self.source,
            sealer: &self.sealer,
            record: "token/v1/a/b",
        };
        let outbox = Outbox {
            store: &self.store,
            connector: &self.server,
            clock: &self.clock,
            entropy: &self.entropy,
            account: Some((&self.mailbox, tokens)),
            settings: &self.settings,
            stop: self.stop,
            alerts: &self.alerts,
            drain: &self.drain,
        };
        outbox.run(trigger).await
    }

    pub fn run(&self) {
        self.clock.run(self.work()).unwrap();
    }

    /// Runs as the platform would, alarm by alarm, until nothing is armed or `until` is reached.
    pub fn run_alarms(&self, until: UnixMillis) {
        for _ in 0..10_000 {
            let Some(at) = self.store.alarm.take() else {
                return;
            };
            if at > until {
                self.store.alarm.set(Some(at));
                return;
            }
            self.clock.set(at.max(self.clock.now()));
            self.run();
        }
        panic!("the alarm spins");
    }

    /// The Worker dies and another takes its place: memory is lost, storage is not.
    pub fn restart(&mut self) {
        self.drain = Drain::default();
        self.memory = TokenMemory::default();
    }
}

/// Everything up to the server's consent to a transaction.
pub fn opening() -> Vec<Move> {
    vec![
        Say("220 mx\r\n"),
        Hear,
        Say("250-mx\r\n250 STARTTLS\r\n"),
        Hear,
        Say("220 go\r\n"),
        Tls,
        Hear,
        Say("250-mx\r\n250 AUTH XOAUTH2\r\n"),
        Hear,
        Say("235 ok\r\n"),
    ]
}

pub fn mail() -> Vec<Move> {
    let before = [
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("354 go\r\n"),
    ];
    let after = [HearContent, Say("250 2.0.0 queued as 1\r\n")];
    before.into_iter().chain(after).collect()
}

/// The opening of a server that takes groups and chunks.
pub fn fast_opening() -> Vec<Move> {
    let mut moves = opening();
    let ehlo = moves.len() - 3;
    moves[ehlo] = Say("250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 AUTH XOAUTH2\r\n");
    moves
}

pub fn bye() -> Vec<Move> {
    vec![Hear, Say("221 bye\r\n"), Close]
}

pub fn chain(parts: &[Vec<Move>]) -> Vec<Move> {
    parts.concat()
}

/// A transaction by BDAT for recipients answered so.
pub fn chunk(rcpts: &[&'static str]) -> Vec<Move> {
    let mut moves = vec![Hear, Say("250 ok\r\n")];
    for rcpt in rcpts {
        moves.extend([Hear, Say(rcpt)]);
    }
    moves.extend([HearBdat, Say("250 2.0.0 queued\r\n")]);
    moves
}

/// What the operator reads of a message.
pub fn story(world: &World, id: EmailId) -> serde_json::Value {
    let story = Story::read(&world.store, &"sales".parse().unwrap(), id);
    serde_json::to_value(story.unwrap().unwrap()).unwrap()
}
