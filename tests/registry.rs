//! The Registry: tries to log in are counted, and a consent is taken out once.

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

use std::time::Duration;

use edgepost::{
    app::{
        Consent, Known, ObjectName, Registry, RegistryAnswer, RegistryQuestion, ports::StoreFault,
    },
    limits::{CONSENTS, LOGIN_TRIES, LOGIN_TRIES_PER_ADDRESS},
};
use support::{MemoryCustody, NOW, VirtualClock, Writes};

struct World {
    custody: MemoryCustody,
    clock: VirtualClock,
}

impl World {
    fn new() -> Self {
        Self {
            custody: MemoryCustody::new(),
            clock: VirtualClock::new(),
        }
    }

    fn try_ask(&self, question: &RegistryQuestion) -> Result<RegistryAnswer, StoreFault> {
        // Both cross to the object and back as JSON.
        let question = serde_json::to_string(question).unwrap();
        let registry = Registry {
            custody: &self.custody,
            clock: &self.clock,
        };
        let answer = registry.answer(serde_json::from_str(&question).unwrap())?;
        let answer = serde_json::to_string(&answer).unwrap();
        Ok(serde_json::from_str(&answer).unwrap())
    }

    fn ask(&self, question: &RegistryQuestion) -> RegistryAnswer {
        self.try_ask(question).unwrap()
    }

    fn login(&self, network: &str) -> RegistryAnswer {
        self.ask(&RegistryQuestion::Login(network.to_owned()))
    }

    fn keep(&self, state: &str, session: Option<&str>) {
        let question = RegistryQuestion::Keep(state.to_owned(), consent(session));
        assert_eq!(self.ask(&question), RegistryAnswer::Kept);
    }

    fn take(&self, state: &str, session: &str) -> RegistryAnswer {
        let question = RegistryQuestion::Take(state.to_owned(), session.to_owned());
        self.ask(&question)
    }
}

fn consent(session: Option<&str>) -> Consent {
    Consent {
        session: session.map(str::to_owned),
        mailbox: "sales".parse().unwrap(),
        provider: "p".to_owned(),
        verifier: "sealed".to_owned(),
        names_itself: false,
    }
}

#[test]
fn an_address_has_five_tries_a_minute() {
    let world = World::new();
    for _ in 0..LOGIN_TRIES_PER_ADDRESS {
        assert_eq!(world.login("192.0.2.7"), RegistryAnswer::Admitted);
    }
    assert_eq!(world.login("192.0.2.7"), RegistryAnswer::Limited(60));
    assert_eq!(world.login("192.0.2.8"), RegistryAnswer::Admitted);
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(world.login("192.0.2.7"), RegistryAnswer::Limited(1));
    world.clock.advance(Duration::from_secs(1));
    // What was refused was not counted.
    assert_eq!(world.login("192.0.2.7"), RegistryAnswer::Admitted);
}

#[test]
fn all_together_have_fifty_an_hour() {
    let world = World::new();
    for number in 0..LOGIN_TRIES {
        assert_eq!(
            world.login(&format!("192.0.2.{number}")),
            RegistryAnswer::Admitted
        );
    }
    assert_eq!(world.login("198.51.100.1"), RegistryAnswer::Limited(3600));
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.login("198.51.100.1"), RegistryAnswer::Admitted);
}

#[test]
fn nobody_is_let_in_while_storage_fails() {
    let world = World::new();
    world.custody.writes.set(Writes::Fail);
    let question = RegistryQuestion::Login("192.0.2.7".to_owned());
    assert_eq!(world.try_ask(&question), Err(StoreFault));
}

/// It must not keep the operator from signing in and stopping everything.
#[test]
fn a_record_that_cannot_be_read_gives_way_to_a_new_one_that_says_so() {
    let world = World::new();
    for broken in [
        "",
        "{",
        r#"{"v":0,"logins":[],"consents":[]}"#,
        r#"{"v":2}"#,
    ] {
        world.custody.record.replace(Some(broken.to_owned()));
        assert!(known(&world).lost.is_some(), "{broken}");
        assert_eq!(world.login("192.0.2.7"), RegistryAnswer::Admitted);
        world.ask(&RegistryQuestion::Enter(ObjectName::outbox("sales")));
        // It goes on saying so.
        let known = known(&world);
        assert_eq!(
            (known.lost, known.objects.len()),
            (Some(NOW), 1),
            "{broken}"
        );
    }
    // A later version adds to it.
    let later = r#"{"v":3,"logins":[],"consents":[],"objects":["outbox/sales"],"more":1}"#;
    world.custody.record.replace(Some(later.to_owned()));
    let known = known(&world);
    assert_eq!((known.lost, known.objects.len()), (None, 1));
}

fn known(world: &World) -> Known {
    match world.ask(&RegistryQuestion::Objects) {
        RegistryAnswer::Known(known) => known,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_is_known_once_however_often_it_enters() {
    let world = World::new();
    let enter = RegistryQuestion::Enter(ObjectName::outbox("sales"));
    for _ in 0..2 {
        assert_eq!(
            world.ask(&enter),
            RegistryAnswer::Entered { stopped: false }
        );
    }
    assert_eq!(known(&world).objects, [ObjectName::outbox("sales")]);
    world.ask(&RegistryQuestion::Stop);
    world.clock.advance(Duration::from_secs(5));
    world.ask(&RegistryQuestion::Stop);
    assert_eq!(known(&world).stopped, Some(NOW), "since it was first said");
    assert_eq!(world.ask(&enter), RegistryAnswer::Entered { stopped: true });
    world.ask(&RegistryQuestion::Start);
    assert_eq!(known(&world).stopped, None);
}

/// Pins the stored form.
#[test]
fn the_record_of_version_2_is_read() {
    let world = World::new();
    let record = include_str!("fixtures/registry-v2.json");
    world.custody.record.replace(Some(record.to_owned()));
    let known = known(&world);
    assert_eq!(
        known.objects,
        [ObjectName::outbox("sales"), ObjectName::keeper("grant/1")]
    );
    assert_eq!((known.stopped, known.lost), (Some(NOW), None));
    let session = |began| world.ask(&RegistryQuestion::Session(began));
    assert_eq!(session(NOW), RegistryAnswer::Unknown);
    assert_eq!(
        session(NOW.after(Duration::from_millis(1))),
        RegistryAnswer::Admitted
    );
    assert!(matches!(world.take("mine", "a"), RegistryAnswer::Taken(_)));
    let stored = world.custody.record.borrow().clone().unwrap();
    assert!(stored.starts_with(&record[..60]), "{stored}");
}

#[test]
fn o1_o9_a_state_is_used_once_by_its_session_within_ten_minutes() {
    let world = World::new();
    world.keep("mine", Some("a"));
    assert_eq!(world.take("none", "a"), RegistryAnswer::Unknown);
    assert_eq!(world.take("mine", "b"), RegistryAnswer::Unknown);
    // Another session's try has not used it up.
    assert_eq!(
        world.take("mine", "a"),
        RegistryAnswer::Taken(consent(Some("a")))
    );
    let stored = world.custody.record.borrow().clone().unwrap();
    assert!(!stored.contains("sealed"), "{stored}");
    assert_eq!(world.take("mine", "a"), RegistryAnswer::Used);

    world.keep("late", Some("a"));
    world.clock.advance(Duration::from_secs(599));
    world.keep("later", Some("a"));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.take("late", "a"), RegistryAnswer::Expired);
    assert!(matches!(world.take("later", "a"), RegistryAnswer::Taken(_)));
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.take("late", "a"), RegistryAnswer::Unknown);

    // One that a script began is for whoever is logged in.
    world.keep("script's", None);
    assert!(matches!(
        world.take("script's", "z"),
        RegistryAnswer::Taken(_)
    ));
}

#[test]
fn a_state_that_was_taken_is_not_given_again_although_the_write_seemed_to_fail() {
    let world = World::new();
    world.keep("mine", Some("a"));
    world.custody.writes.set(Writes::FailButPersist);
    let question = RegistryQuestion::Take("mine".to_owned(), "a".to_owned());
    assert_eq!(world.try_ask(&question), Err(StoreFault));
    world.custody.writes.set(Writes::Work);
    assert_eq!(world.take("mine", "a"), RegistryAnswer::Used);
}

#[test]
fn the_oldest_consents_make_room() {
    let world = World::new();
    for number in 0..=CONSENTS {
        world.keep(&number.to_string(), Some("a"));
    }
    assert_eq!(world.take("0", "a"), RegistryAnswer::Unknown);
    assert!(matches!(world.take("1", "a"), RegistryAnswer::Taken(_)));
}

/// Pins the stored form.
#[test]
fn the_record_of_version_1_is_read() {
    let world = World::new();
    let record = include_str!("fixtures/registry-v1.json");
    world.custody.record.replace(Some(record.to_owned()));
    assert_eq!(
        world.take("mine", "a"),
        RegistryAnswer::Taken(consent(Some("a")))
    );
    assert_eq!(world.take("used", "a"), RegistryAnswer::Used);
    for _ in 1..LOGIN_TRIES_PER_ADDRESS {
        assert_eq!(world.login("192.0.2.7"), RegistryAnswer::Admitted);
    }
    assert_eq!(world.login("192.0.2.7"), RegistryAnswer::Limited(60));
}
