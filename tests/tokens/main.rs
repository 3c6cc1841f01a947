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
mod figures;
mod lookup;
mod races;
mod renewal;
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
    oauth::{CachedToken, Fingerprint, Provider, Right, TokenFailure},
    outcome::{Cause, Failure, Trouble},
    seal::{Purpose, RootKey, Sealer},
    secret::Secret,
};
use futures_util::{future::join_all, lock::Mutex};
use support::{
    MemoryCache, MemoryCustody, Move, NOW, ScriptedProvider, ScriptedServer, SeededEntropy,
    VirtualClock, Writes,
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
    client_secret: Secret,
    bootstrap: Option<Secret>,
    mailbox: MailboxConfig,
    server: ScriptedServer,
    /// What the mailbox's Outbox was told by the Keeper.
    told: RefCell<Vec<Failure>>,
    resumed: RefCell<Vec<u32>>,
    /// The Outbox does not answer.
    deaf: Cell<bool>,
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
        Self {
            clock: VirtualClock::new(),
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
            client_secret: Secret::new("client-secret"),
            bootstrap: Some(Secret::new("bootstrap")),
            mailbox: Config::parse(&vars).mailboxes.remove(&name).unwrap(),
            server: ScriptedServer::new(Vec::new()),
            told: RefCell::default(),
            resumed: RefCell::default(),
            deaf: Cell::default(),
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
        keeper.wake(&self.mailbox, &self.server, self).await
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
            client_id: "client",
            client_secret: Some(&self.client_secret),
            bootstrap: self.bootstrap.as_ref(),
            record: RECORD,
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

#[test]
fn a_token_is_kept_until_it_is_about_to_expire() {
    let world = World::new([(200, ONE), (200, TWO)]);
    assert_eq!(world.token(None).unwrap(), "canary-one");
    world.clock.advance(Duration::from_secs(3479));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.token(None).unwrap(), "canary-two");
    assert_eq!(world.requests(), 2);
}

#[test]
fn k5_twenty_at_once_cost_one_refresh() {
    let world = World::new([(200, ONE)]);
    let all = world.clock.run(join_all((0..20).map(|_| world.ask(None))));
    assert!(all.iter().all(|token| token.as_deref() == Ok("canary-one")));
    assert_eq!(world.requests(), 1);
}

#[test]
fn twenty_who_were_refused_the_same_token_cost_one_refresh() {
    let world = World::new([(200, ONE), (200, TWO)]);
    world.token(None).unwrap();
    let all = world
        .clock
        .run(join_all((0..20).map(|_| world.ask(Some("canary-one")))));
    assert!(all.iter().all(|token| token.as_deref() == Ok("canary-two")));
    assert_eq!(world.requests(), 2);
    // One who comes late with the old name gets the new token and asks nobody.
    assert_eq!(world.token(Some("canary-one")).unwrap(), "canary-two");
    assert_eq!(world.requests(), 2);
}

#[test]
fn k4_a_rotated_refresh_token_is_stored_before_the_access_token_is_given_out() {
    let world = World::new([(200, TWO), (200, ONE)]);
    world
        .cache
        .stored_first
        .replace(Some(world.custody.has_access.clone()));
    world.token(None).unwrap();
    // What is shared was stored first: the cache is written when the record is there already.
    assert!(world.cache.seen_stored.get(), "shared before it was stored");
    world.clock.advance(Duration::from_secs(4000));
    world.token(None).unwrap();
    let requests = world.provider.requests.borrow();
    assert!(requests[0].contains("refresh_token=bootstrap"));
    assert!(requests[1].contains("refresh_token=rotated"));
}

#[test]
fn a_rotated_refresh_token_whose_write_failed_is_stored_before_the_next_request() {
    let world = World::new([(200, TWO), (200, ONE)]);
    // The bootstrap is stored; what the provider gives is not.
    world.custody.writes.set(Writes::FailAfter(1));
    world.token(None).unwrap_err();
    world.custody.writes.set(Writes::Work);
    // The access token that came with it is good, and nobody has to be asked again.
    assert_eq!(world.token(None).unwrap(), "canary-two");
    assert_eq!(world.requests(), 1);
    assert!(world.unsaved.borrow().is_none());
}

#[test]
fn a_rollback_to_an_older_secret_puts_no_used_token_to_use() {
    let mut world = World::new([(200, TWO)]);
    for secret in ["first", "second", "first", "second", "first"] {
        world.bootstrap = Some(Secret::new(secret));
        world.token(None).unwrap();
        world.server_says("235 ok\r\n");
        world.ring();
        world.clock.advance(Duration::from_secs(4000));
    }
    let requests = world.provider.requests.borrow();
    let presented = |token: &str| {
        requests
            .iter()
            .filter(|body| body.contains(&format!("refresh_token={token}")))
            .count()
    };
    assert_eq!(
        (
            presented("first"),
            presented("second"),
            presented("rotated")
        ),
        (1, 1, 4)
    );
}

#[test]
fn a_token_that_could_not_be_stored_is_not_given_out() {
    let world = World::new([(200, TWO)]);
    world.custody.writes.set(Writes::Fail);
    let failure = world.token(None).unwrap_err();
    assert_eq!(failure.failure.cause, Cause::TokenUnavailable);
    assert!(world.cache.values.borrow().is_empty());
}

#[test]
fn a_supplied_refresh_token_is_used_once_and_a_new_one_takes_its_place() {
    let mut world = World::new([(200, TWO)]);
    world.token(None).unwrap();
    // A restart with the same secret: the rotated token goes on.
    world.clock.advance(Duration::from_secs(4000));
    world.token(None).unwrap();
    // The operator supplies another.
    world.bootstrap = Some(Secret::new("second"));
    world.token(None).unwrap();
    world.server_says("235 ok\r\n");
    world.ring();
    let requests = world.provider.requests.borrow();
    let presented: Vec<_> = requests
        .iter()
        .map(|body| {
            body.split('&')
                .find(|pair| pair.starts_with("refresh_token"))
                .unwrap()
        })
        .collect();
    assert_eq!(
        presented,
        [
            "refresh_token=bootstrap",
            "refresh_token=rotated",
            "refresh_token=second"
        ]
    );
}

#[test]
fn k7_a_dead_grant_is_asked_about_once_per_backoff_and_at_once_after_a_new_one() {
    let mut world = World::new([(400, GONE), (400, GONE), (200, ONE)]);
    for minutes in 0..10 {
        let failure = world.token(None).unwrap_err();
        assert_eq!(failure.failure.cause, Cause::ReauthorisationRequired);
        assert_eq!(failure.trouble(), Trouble::Authentication);
        // Whoever honours this comes back when there is something new to learn.
        let held = Duration::from_secs(60 * (15 - minutes));
        assert_eq!(failure.failure.retry_after, Some(held));
        world.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(world.requests(), 1);
    world.clock.advance(Duration::from_secs(15 * 60));
    world.token(None).unwrap_err();
    assert_eq!(world.requests(), 2);
    world.bootstrap = Some(Secret::new("fresh"));
    assert_eq!(world.token(None).unwrap(), "canary-one");
}

#[test]
fn bad_weather_at_the_provider_is_not_a_dead_grant() {
    for answer in [
        (500, "oops"),
        (429, "Too Many Requests"),
        (200, "<html>"),
        (0, ""),
    ] {
        let world = World::new([answer, (200, ONE)]);
        let failure = world.token(None).unwrap_err();
        assert_eq!(failure.failure.cause, Cause::TokenUnavailable);
        assert_eq!(failure.trouble(), Trouble::Transient);
        world.clock.advance(Duration::from_secs(61));
        assert_eq!(world.token(None).unwrap(), "canary-one");
    }
}

#[test]
fn without_a_grant_nobody_is_asked() {
    let mut world = World::new([(200, ONE)]);
    world.bootstrap = None;
    let failure = world.token(None).unwrap_err();
    assert_eq!(failure.failure.cause, Cause::ReauthorisationRequired);
    assert_eq!(world.requests(), 0);
}

#[test]
fn a_record_of_a_later_version_is_left_alone() {
    let world = World::new([(200, ONE)]);
    let later = r#"{"v":4,"refresh":null,"access":null,"settings":null,"failure":null}"#;
    world.custody.record.replace(Some(later.to_owned()));
    world.token(None).unwrap_err();
    assert_eq!(world.custody.record.borrow().as_deref(), Some(later));
    assert_eq!(world.requests(), 0);
}

/// Pins the form of the Keeper's record: a grant that cannot be read again is a grant that is lost.
#[test]
fn a_record_of_the_first_version_can_be_read() {
    let world = World::new([(200, ONE)]);
    let stored = include_str!("../fixtures/keeper-v1.json").trim_end();
    world.custody.record.replace(Some(stored.to_owned()));
    // Its access token is good until it ends, and its rotated refresh token is the one presented.
    assert_eq!(world.token(None).unwrap(), "canary-two");
    assert_eq!(world.requests(), 0);
    world.clock.advance(Duration::from_secs(4000));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert!(world.provider.requests.borrow()[0].contains("refresh_token=rotated"));
}

#[test]
#[ignore = "writes the record into keeper.json, for the fixture of a new version"]
fn write_the_record() {
    let world = World::new([(200, TWO)]);
    world.token(None).unwrap();
    let record = world.custody.record.borrow().clone().unwrap();
    std::fs::write("keeper.json", record).unwrap();
}

#[test]
fn l1_nothing_stored_or_cached_or_answered_shows_a_token() {
    let world = World::new([(200, TWO)]);
    let answer = world.clock.run(world.answer(None));
    let stored = world.custody.record.borrow().clone().unwrap();
    let cached = world.cache.values.borrow()[RECORD].clone();
    let answer = serde_json::to_string(&answer).unwrap();
    for text in [
        stored,
        String::from_utf8_lossy(&cached).into_owned(),
        answer,
    ] {
        for canary in ["canary", "rotated", "bootstrap", "client-secret"] {
            // `bootstraps` is also the name of a field of the record.
            let text = text.replace("\"bootstraps\":", "");
            assert!(!text.contains(canary), "{canary} in {text}");
        }
    }
    assert_eq!(*world.cache.ttls.borrow(), [3480]);
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
