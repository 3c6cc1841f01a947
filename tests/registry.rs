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
    app::{Consent, Registry, RegistryAnswer, RegistryQuestion, ports::StoreFault},
    limits::{CONSENTS, LOGIN_TRIES, LOGIN_TRIES_PER_ADDRESS},
};
use support::{MemoryCustody, VirtualClock, Writes};

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
    world
        .custody
        .record
        .replace(Some(r#"{"v":2,"logins":[],"consents":[]}"#.to_owned()));
    let question = RegistryQuestion::Take("s".to_owned(), "a".to_owned());
    assert_eq!(world.try_ask(&question), Err(StoreFault));
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
