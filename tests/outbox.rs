//! The Outbox on a virtual clock, with faults: storage that fails, servers that vanish, Workers
//! that die.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::{cell::RefCell, time::Duration};

use edgepost::{
    app::{
        Accept, Accepted, Drain, Outbox, Tokens, Trigger,
        ports::{Clock, OutboxStore, StoreFault, TokenSource},
    },
    config::{Config, MailboxConfig},
    mail::{BodyText, Draft, EmailAddress, HeaderText, Mailbox},
    oauth::{CachedToken, Fingerprint, TokenFailure},
    outbox::{EmailId, Health, Source, State},
    outcome::{Cause, Trouble},
    seal::{Purpose, RootKey, Sealer},
    secret::AccessToken,
    time::UnixMillis,
};
use futures_util::future::join;
use support::{
    MemoryCache, MemoryStore, Move, Move::*, NOW, ScriptedServer, SeededEntropy, VirtualClock,
    Writes,
};

const ROOT_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// A Keeper that gives `token-1`, and the next one for each that was refused.
struct CountingSource {
    asked: RefCell<Vec<Option<Fingerprint>>>,
    failure: Option<TokenFailure>,
    clock: VirtualClock,
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
struct World {
    clock: VirtualClock,
    store: MemoryStore,
    server: ScriptedServer,
    entropy: SeededEntropy,
    cache: MemoryCache,
    source: CountingSource,
    sealer: Sealer,
    mailbox: MailboxConfig,
    memory: RefCell<Option<CachedToken>>,
    drain: Drain,
    settings: String,
}

impl World {
    fn new(parts: Vec<Vec<Move>>) -> Self {
        let clock = VirtualClock::new();
        let source = CountingSource {
            asked: RefCell::default(),
            failure: None,
            clock: clock.clone(),
        };
        let vars = serde_json::json!({
            "MAILBOX_SALES": { "address": "sales@shop.test", "provider": "google", "client_id": "x" }
        });
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        let name = "sales".parse().unwrap();
        Self {
            store: MemoryStore::new(),
            server: ScriptedServer::new(parts),
            entropy: SeededEntropy::new(7),
            cache: MemoryCache::default(),
            source,
            sealer: Sealer::new(&RootKey::parse(ROOT_KEY).unwrap(), None, Purpose::Seal),
            mailbox: Config::parse(&vars).mailboxes.remove(&name).unwrap(),
            memory: RefCell::default(),
            drain: Drain::default(),
            settings: "as deployed".to_owned(),
            clock,
        }
    }

    fn accept(&self) -> EmailId {
        self.try_accept().unwrap()
    }

    fn try_accept(&self) -> Result<EmailId, edgepost::app::InvalidAccept> {
        let address = |text: &str| Mailbox::from(text.parse::<EmailAddress>().unwrap());
        let body = ".canary body\nof several pieces\n".repeat(9);
        let draft = Draft {
            sender: address("sales@shop.test").address,
            from: address("sales@shop.test"),
            to: vec![address("owner@shop.test")],
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
            request: None,
        };
        accept
            .keep(&self.store, &self.clock, &self.entropy)
            .map(|accepted| match accepted {
                Accepted::Id(id) => id,
                other => panic!("{other:?}"),
            })
    }

    async fn work(&self) -> Result<(), StoreFault> {
        self.work_for(Trigger::Alarm).await
    }

    async fn work_for(&self, trigger: Trigger) -> Result<(), StoreFault> {
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
            drain: &self.drain,
        };
        outbox.run(trigger).await
    }

    fn run(&self) {
        self.clock.run(self.work()).unwrap();
    }

    /// Runs as the platform would, alarm by alarm, until nothing is armed or `until` is reached.
    fn run_alarms(&self, until: UnixMillis) {
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
    fn restart(&mut self) {
        self.drain = Drain::default();
        self.memory.replace(None);
    }
}

/// Everything up to the server's consent to a transaction.
fn opening() -> Vec<Move> {
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

fn mail() -> Vec<Move> {
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

fn bye() -> Vec<Move> {
    vec![Hear, Say("221 bye\r\n"), Close]
}

fn chain(parts: &[Vec<Move>]) -> Vec<Move> {
    parts.concat()
}

#[test]
fn a_message_is_sent_and_its_story_is_whole() {
    let world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    assert_eq!(world.store.alarm.get(), Some(world.clock.now()));
    world.run_alarms(world.clock.now());
    assert_eq!(
        world.store.states(id),
        [State::Queued, State::Sending, State::Sent]
    );
    let heard = world.server.heard();
    assert!(heard.contains("RCPT TO:<owner@shop.test>\r\n"));
    assert!(
        heard.contains("\r\n..canary body\r\nof several pieces\r\n"),
        "{heard}"
    );
    assert!(heard.ends_with("\r\n.\r\nQUIT\r\n"));
    assert_eq!(world.store.alarm.get(), None);
}

#[test]
fn several_messages_go_over_one_connection_in_order() {
    let world = World::new(vec![chain(&[opening(), mail(), mail(), mail(), bye()])]);
    let ids = [world.accept(), world.accept(), world.accept()];
    world.run_alarms(world.clock.now());
    for id in ids {
        assert_eq!(world.store.job(id).state, State::Sent);
    }
    assert_eq!(world.server.connections.get(), 1);
}

#[test]
fn d3_two_alarms_at_once_make_one_attempt() {
    let world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    let (first, second) = world.clock.run(join(world.work(), world.work()));
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert_eq!(world.store.job(id).attempts, 1);
    assert_eq!(world.server.most_open.get(), 1);
}

#[test]
fn d8_nothing_is_thanked_for_that_was_not_stored() {
    let world = World::new(vec![]);
    world.store.writes.set(Writes::Fail);
    assert!(world.try_accept().is_err());
    assert!(world.store.jobs.borrow().is_empty());
    world.store.writes.set(Writes::Work);
    world.entropy.broken.set(true);
    assert!(world.try_accept().is_err());
    assert!(world.store.jobs.borrow().is_empty());
}

#[test]
fn d1_a_worker_that_dies_before_it_connects_loses_and_doubles_nothing() {
    let mut world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    world.restart();
    world.run_alarms(world.clock.now());
    assert_eq!(
        world.store.states(id),
        [State::Queued, State::Sending, State::Sent]
    );
}

#[test]
fn d2_a_worker_that_dies_after_the_lease_leaves_a_doubt_that_is_retried_once() {
    let mut world = World::new(vec![
        chain(&[opening(), mail(), bye()]),
        chain(&[opening(), mail(), bye()]),
    ]);
    let id = world.accept();
    // The lease is stored; whatever comes after it is lost with the Worker.
    let mut job = world.store.job(id);
    let event = job.lease(world.clock.now()).unwrap();
    world.store.jobs.borrow_mut().insert(id, job);
    world
        .store
        .events
        .borrow_mut()
        .get_mut(&id)
        .unwrap()
        .push(event);
    world.restart();
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::InDoubt);
    assert_eq!(world.server.connections.get(), 0);
    let retry = world.store.alarm.get().unwrap();
    assert!(retry.since(world.clock.now()) >= Duration::from_secs(300));
    let message_id = world.store.job(id).message_id;
    world.run_alarms(retry);
    assert_eq!(world.store.job(id).state, State::Sent);
    assert!(world.server.heard().contains(&message_id.to_string()));
}

#[test]
fn s6_a_refused_token_is_refreshed_once_and_the_second_refusal_waits() {
    let refusal = || {
        let mut part = opening();
        part.pop();
        chain(&[
            part,
            vec![Say("334 e30=\r\n"), Hear, Say("535 5.7.3 no\r\n"), Close],
        ])
    };
    let world = World::new(vec![refusal(), chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::Sent);
    assert_eq!(world.source.asked.borrow().len(), 2);

    let world = World::new(vec![refusal(), refusal()]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    let job = world.store.job(id);
    assert_eq!((job.state, job.attempts), (State::Deferred, 0));
    assert_eq!(world.server.connections.get(), 2);
    let Health::Down { cause, until, .. } = world.store.health.borrow().clone() else {
        panic!("the mailbox is up");
    };
    assert_eq!(cause, Cause::AuthRefused);
    assert_eq!(until.since(world.clock.now()), Duration::from_secs(15 * 60));
    assert_eq!(world.store.alarm.get(), Some(until));
}

#[test]
fn a_mailbox_that_is_down_keeps_everything_and_heals_by_itself() {
    // Refused connections, then a server.
    let world = World::new(vec![]);
    let ids: Vec<_> = (0..5).map(|_| world.accept()).collect();
    world.run_alarms(world.clock.now());
    assert_eq!(
        world.server.connections.get(),
        1,
        "one probe, not one for each message"
    );
    let deferred = ids
        .iter()
        .filter(|id| world.store.job(**id).state == State::Deferred);
    assert_eq!(deferred.count(), 1);
    let day = world.clock.now().after(Duration::from_secs(24 * 3600));
    world.run_alarms(day);
    let probes = world.server.connections.get();
    assert!((8..30).contains(&probes), "{probes} probes in a day");
    let healthy = chain(&[opening(), mail(), mail(), mail(), mail(), mail(), bye()]);
    world.server.parts.borrow_mut().push_back(healthy);
    world.run_alarms(day.after(Duration::from_secs(4 * 3600)));
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).state == State::Sent)
    );
    assert_eq!(*world.store.health.borrow(), Health::Up);
}

#[test]
fn k7_without_a_token_everything_waits() {
    let mut world = World::new(vec![]);
    let dead = TokenFailure::new(Cause::ReauthorisationRequired, Trouble::Authentication);
    world.source.failure = Some(dead);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.server.connections.get(), 0);
    let events = world.store.events.borrow()[&id].clone();
    assert_eq!(
        events.last().unwrap().cause,
        Some(Cause::ReauthorisationRequired)
    );
    let wait = world.store.alarm.get().unwrap().since(world.clock.now());
    assert_eq!(wait, Duration::from_secs(15 * 60));
}

#[test]
fn a_connection_lost_behind_the_content_is_a_doubt_and_before_it_is_not() {
    let mut lost_after = chain(&[opening(), mail()]);
    *lost_after.last_mut().unwrap() = Close;
    let world = World::new(vec![lost_after]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::InDoubt);

    let lost_before = chain(&[opening(), vec![Hear, Say("250 ok\r\n"), Close]]);
    let world = World::new(vec![lost_before]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::Deferred);
}

#[test]
fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let silent_after_content = {
        let mut part = chain(&[opening(), mail()]);
        part.pop();
        part
    };
    let world = World::new(vec![silent_after_content]);
    let id = world.accept();
    let began = world.clock.now();
    world.run_alarms(began);
    // RFC 5321 §4.5.3.2.6.
    assert!(world.clock.now().since(began) >= Duration::from_secs(600));
    assert_eq!(world.store.job(id).state, State::InDoubt);

    let world = World::new(vec![vec![]]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::Deferred);
}

#[test]
fn a_store_that_fails_at_the_lease_sends_nothing() {
    let world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    world.store.writes.set(Writes::Fail);
    // Not even the alarm can be armed, so the platform is told, and calls again.
    assert_eq!(world.clock.run(world.work()), Err(StoreFault));
    assert!(!world.server.heard().contains("MAIL FROM"));
    assert_eq!(world.store.job(id).state, State::Queued);
}

#[test]
fn a_store_that_fails_but_persists_never_doubles_a_message() {
    let mut world = World::new(vec![
        chain(&[opening(), mail(), bye()]),
        chain(&[opening(), mail(), bye()]),
    ]);
    let id = world.accept();
    let mut job = world.store.job(id);
    let event = job.lease(world.clock.now()).unwrap();
    world.store.writes.set(Writes::FailButPersist);
    assert!(world.store.update(&job, &event).is_err());
    // The lease is there though we were told it is not: the platform resets the object.
    world.store.writes.set(Writes::Work);
    world.restart();
    world.run();
    assert_eq!(world.store.job(id).state, State::InDoubt);
    assert!(!world.server.heard().contains("MAIL FROM"));
}

#[test]
fn an_acceptance_that_could_not_be_stored_is_stored_later_and_not_sent_again() {
    let world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    // The lease is written; the end of the attempt is not.
    world.store.writes.set(Writes::FailAfter(1));
    let _failed = world.clock.run(world.work());
    assert_eq!(world.store.job(id).state, State::Sending);
    world.store.writes.set(Writes::Work);
    assert!(world.drain.is_stalled(&world.store, &world.clock).unwrap());
    world.run();
    assert_eq!(
        world.store.states(id),
        [State::Queued, State::Sending, State::Sent]
    );
    assert_eq!(world.server.connections.get(), 1);
}

#[test]
fn a_lease_without_a_holder_is_noticed_and_settled() {
    let mut world = World::new(vec![]);
    let id = world.accept();
    let mut job = world.store.job(id);
    let event = job.lease(world.clock.now()).unwrap();
    world.store.update(&job, &event).unwrap();
    world.store.alarm.set(None);
    world.restart();
    assert!(world.drain.is_stalled(&world.store, &world.clock).unwrap());
    world.run();
    assert_eq!(world.store.job(id).state, State::InDoubt);
    assert!(world.store.alarm.get().is_some());
}

#[test]
fn a_run_that_a_request_began_has_an_alarm_behind_it_and_one_by_alarm_keeps_its_own() {
    for (trigger, armed) in [(Trigger::Request, true), (Trigger::Alarm, false)] {
        let world = World::new(vec![vec![Say("220 mx\r\n")]]);
        world.accept();
        // The platform keeps it until the handler has ended, and is not seen here.
        world.store.alarm.set(None);
        let seen = std::cell::Cell::new(None);
        let look = async { seen.set(world.store.alarm.get()) };
        world
            .clock
            .run(join(world.work_for(trigger), look))
            .0
            .unwrap();
        assert_eq!(seen.get().is_some(), armed, "{trigger:?}");
    }
}

#[test]
fn an_alarm_that_finds_a_run_under_way_leaves_another_one() {
    let world = World::new(vec![vec![Say("220 mx\r\n")]]);
    world.accept();
    world.store.alarm.set(None);
    let seen = std::cell::Cell::new(None);
    let second = async {
        world.work().await.unwrap();
        seen.set(world.store.alarm.get());
    };
    world.clock.run(join(world.work(), second)).0.unwrap();
    assert_eq!(seen.get().unwrap().since(NOW), Duration::from_secs(60));
}

#[test]
fn a_provider_that_throttles_is_left_alone_by_all_messages() {
    let throttled = chain(&[
        opening(),
        vec![Hear, Say("421 4.4.2 rate exceeded\r\n"), Close],
    ]);
    let world = World::new(vec![throttled.clone(), throttled.clone(), throttled]);
    for _ in 0..20 {
        world.accept();
    }
    world.run();
    assert_eq!(world.server.connections.get(), 1);
    assert!(matches!(*world.store.health.borrow(), Health::Down { .. }));
}

#[test]
fn a_blocked_mailbox_keeps_everything() {
    let blocked = || {
        chain(&[
            opening(),
            vec![
                Hear,
                Say("550 5.1.8 Access denied, bad outbound sender\r\n"),
            ],
            bye(),
        ])
    };
    let world = World::new(vec![blocked(), blocked()]);
    let ids = [world.accept(), world.accept(), world.accept()];
    world.run();
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).state != State::Failed)
    );
    let until = world.store.health.borrow().down_until().unwrap();
    assert_eq!(
        until.since(world.clock.now()),
        Duration::from_secs(4 * 3600)
    );
    assert_eq!(world.server.connections.get(), 1);
}

#[test]
fn a_slow_server_is_given_up_as_a_whole() {
    // Each answer comes within its own time; together they would take the handler's.
    let world = World::new(vec![vec![Say("220 mx\r\n"), Hear]]);
    let id = world.accept();
    let began = world.clock.now();
    world.run();
    assert!(world.clock.now().since(began) <= Duration::from_secs(121));
    assert_eq!(world.store.job(id).state, State::Deferred);
}

#[test]
fn content_that_is_not_whole_is_never_sent() {
    let world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    world
        .store
        .content
        .borrow_mut()
        .get_mut(&id)
        .unwrap()
        .truncate(10);
    world.run();
    assert_eq!(world.store.job(id).state, State::Deferred);
    assert!(!world.server.heard().contains("\r\n.\r\n"));
}

#[test]
fn a_repair_of_the_settings_is_worth_a_try_at_once() {
    let refused = {
        let mut part = opening();
        part.pop();
        chain(&[part, vec![Say("535 5.7.139 disabled\r\n"), Close]])
    };
    let mut world = World::new(vec![refused, chain(&[opening(), mail(), mail(), bye()])]);
    let first = world.accept();
    world.run();
    assert_eq!(world.store.job(first).state, State::Deferred);
    // Nothing has changed: the next message waits with the first.
    world.accept();
    world.run();
    assert_eq!(world.server.connections.get(), 1);
    world.settings = "repaired".to_owned();
    world.restart();
    world.run();
    assert_eq!(world.store.job(first).state, State::Sent);
}

#[test]
fn a_message_whose_alarm_was_lost_is_noticed() {
    let world = World::new(vec![]);
    world.accept();
    let stalled = || world.drain.is_stalled(&world.store, &world.clock).unwrap();
    assert!(!stalled());
    world.clock.advance(Duration::from_secs(61));
    assert!(stalled());
    world.run();
    // Now the mailbox is down, and waiting is what it should do.
    assert!(!stalled());
}

#[test]
fn l1_no_story_holds_the_message() {
    let world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    let events = serde_json::to_string(&world.store.events.borrow()[&id]).unwrap();
    let job = world.store.job(id);
    for text in [
        events,
        job.to_stored(),
        format!("{job:?} {:?}", world.mailbox),
    ] {
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains("token-1"), "{text}");
    }
}
