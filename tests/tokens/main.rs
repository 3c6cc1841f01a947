//! The Keeper and the way tokens take, on a virtual clock with faults.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod custody;
mod discovery;
mod figures;
mod keys;
mod lookup;
mod races;
mod refresh;
mod renewal;
mod stop;
mod trial;

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use edgepost::{
    app::{
        Keeper, KeeperAnswer, TokenMemory, Tokens,
        ports::{Clock, NotTold, Served, StoreFault, TokenSource},
    },
    config::{Config, MailboxConfig},
    limits::ACCESS_TOKEN_CHARS,
    mail::EmailAddress,
    oauth::{
        AssertionKey, CachedToken, ClientAuthentication, Fingerprint, Provider, Right, TokenFailure,
    },
    outcome::{Cause, Failure, Trouble},
    seal::{Purpose, RootKey, Sealer},
    secret::Secret,
};
use futures_util::{future::join_all, lock::Mutex};
use support::{
    MemoryCache, MemoryCustody, Move, NOW, NativeSigner, ScriptedProvider, ScriptedServer,
    SeededEntropy, VirtualClock, Writes,
};

const RECORD: &str = "token/v1/identity/resource";
const ONE: &str = r#"{"token_type":"Bearer","access_token":"canary-one","expires_in":3600}"#;
const TWO: &str = r#"{"token_type":"Bearer","access_token":"canary-two","expires_in":3600,"refresh_token":"rotated"}"#;
const GONE: &str = r#"{"error":"invalid_grant","error_description":"AADSTS700082: gone"}"#;

/// A Keeper's object: what survives a restart, and what does not.
struct World {
    clock: VirtualClock,
    custody: MemoryCustody,
    cache: MemoryCache,
    provider: ScriptedProvider,
    entropy: SeededEntropy,
    sealer: Sealer,
    flight: Mutex<()>,
    unsaved: RefCell<Option<String>>,
    /// How often an Outbox has asked the Keeper.
    questions: Cell<usize>,
    google: Provider,
    right: Right,
    client_id: String,
    client_secret: Secret,
    /// Where there is one, the client signs.
    key: Option<AssertionKey>,
    signer: NativeSigner,
    subject: EmailAddress,
    bootstrap: Option<Secret>,
    mailbox: MailboxConfig,
    server: ScriptedServer,
    /// What the mailbox's Outbox was told by the Keeper.
    told: RefCell<Vec<Failure>>,
    resumed: RefCell<Vec<u32>>,
    /// The Outbox does not answer.
    deaf: Cell<bool>,
    stopped: Cell<bool>,
}

/// A mail server that lets in whoever comes.
const LETTING_IN: [Move; 8] = [
    Move::Say("220 mx\r\n"),
    Move::Hear,
    Move::Say("250-mx\r\n250 AUTH XOAUTH2\r\n"),
    Move::Hear,
    Move::Say("235 ok\r\n"),
    Move::Hear,
    Move::Say("221 bye\r\n"),
    Move::Close,
];

impl World {
    fn new<const N: usize>(answers: [(u16, &str); N]) -> Self {
        let root_key = RootKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let vars = serde_json::json!({
            "MAILBOX_SALES": { "address": "sales@shop.test", "provider": "google", "client_id": "x" }
        });
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        let name = "sales".parse().unwrap();
        let clock = VirtualClock::new();
        Self {
            server: ScriptedServer::new(Vec::new(), &clock),
            clock,
            custody: MemoryCustody::new(),
            cache: MemoryCache::default(),
            provider: ScriptedProvider::new(answers),
            entropy: SeededEntropy::new(1),
            sealer: Sealer::new(&root_key, None, Purpose::Seal),
            flight: Mutex::new(()),
            unsaved: RefCell::default(),
            questions: Cell::default(),
            google: Provider::google(),
            right: Right::Consent,
            client_id: "client".to_owned(),
            client_secret: Secret::new("client-secret"),
            key: None,
            signer: NativeSigner::default(),
            subject: "shop@x.test".parse().unwrap(),
            bootstrap: Some(Secret::new("bootstrap")),
            mailbox: Config::parse(&vars).mailboxes.remove(&name).unwrap(),
            told: RefCell::default(),
            resumed: RefCell::default(),
            deaf: Cell::default(),
            stopped: Cell::default(),
        }
    }

    /// What the mail server says when it is asked next.
    fn server_says(&self, answer: &'static str) {
        let mut part = LETTING_IN.to_vec();
        part[4] = Move::Say(answer);
        self.server.parts.borrow_mut().push_back(part);
    }

    async fn wake(&self) -> Result<(), StoreFault> {
        let keeper = self.keeper();
        keeper
            .wake(&self.mailbox, &self.server, self, || self.stopped.get())
            .await
    }

    /// The alarm rings, now.
    fn ring(&self) {
        // It is used up by that.
        self.custody.alarm.set(None);
        self.clock.run(self.wake()).unwrap();
    }

    /// How long until the alarm rings.
    fn alarm_in(&self) -> Option<Duration> {
        let alarm = self.custody.alarm.get();
        alarm.map(|at| at.since(self.clock.now()))
    }

    async fn ask(&self, refused: Option<&str>) -> Result<String, TokenFailure> {
        self.answer(refused.map(Fingerprint::of).as_ref())
            .await
            .open(&self.sealer, RECORD)
            .map(|token| token.token.expose().to_owned())
    }

    async fn answer(&self, refused: Option<&Fingerprint>) -> KeeperAnswer {
        self.keeper().token(refused).await
    }

    fn keeper(
        &self,
    ) -> Keeper<'_, MemoryCustody, ScriptedProvider, MemoryCache, VirtualClock, SeededEntropy> {
        Keeper {
            custody: &self.custody,
            http: &self.provider,
            cache: &self.cache,
            clock: &self.clock,
            entropy: &self.entropy,
            sealer: &self.sealer,
            flight: &self.flight,
            unsaved: &self.unsaved,
            provider: &self.google,
            right: self.right,
            client_id: &self.client_id,
            client: self.client(),
            signer: &self.signer,
            subject: &self.subject,
            bootstrap: self.bootstrap.as_ref(),
            record: RECORD,
        }
    }

    fn client(&self) -> ClientAuthentication<'_> {
        match &self.key {
            Some(key) => ClientAuthentication::Key(key),
            None => ClientAuthentication::Secret(&self.client_secret),
        }
    }

    fn token(&self, refused: Option<&str>) -> Result<String, TokenFailure> {
        self.clock.run(self.ask(refused))
    }

    fn requests(&self) -> usize {
        self.provider.requests.borrow().len()
    }
}

impl Served for World {
    async fn tell(&self, failure: &Failure) -> Result<(), NotTold> {
        if self.deaf.get() {
            return Err(NotTold);
        }
        self.told.borrow_mut().push(failure.clone());
        Ok(())
    }

    async fn resume(&self, epoch: u32) -> Result<(), NotTold> {
        self.resumed.borrow_mut().push(epoch);
        Ok(())
    }
}

impl TokenSource for World {
    async fn token(&self, refused: Option<&Fingerprint>) -> Result<CachedToken, TokenFailure> {
        self.questions.set(self.questions.get() + 1);
        self.answer(refused).await.open(&self.sealer, RECORD)
    }
}

fn tokens<'a>(world: &'a World, memory: &'a TokenMemory) -> Tokens<'a, MemoryCache, World> {
    Tokens {
        memory,
        cache: &world.cache,
        source: world,
        sealer: &world.sealer,
        record: RECORD,
    }
}

/// How an Outbox looks for a token.
fn look(world: &World, memory: &TokenMemory, refused: Option<&str>) -> String {
    let refused = refused.map(Fingerprint::of);
    let tokens = tokens(world, memory);
    let token = world
        .clock
        .run(tokens.token(refused.as_ref(), &world.clock))
        .unwrap();
    token.token.expose().to_owned()
}
