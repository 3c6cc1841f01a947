//! Storage that fails, providers that throttle, leases that nobody holds.

use std::time::Duration;

use crate::support::{Move::*, NOW, Writes};
use edgepost::{
    app::{
        Trigger,
        ports::{Clock, OutboxStore, StoreFault},
        wake_if_repaired,
    },
    outbox::{Health, State},
};
use futures_util::future::join;

use crate::world::*;

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
        .pop_last();
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
fn whoever_looks_at_a_mailbox_that_was_repaired_wakes_it() {
    let refused = {
        let mut part = opening();
        part.pop();
        chain(&[part, vec![Say("535 5.7.139 disabled\r\n"), Close]])
    };
    let mut world = World::new(vec![refused, chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    world.run();
    let probe = world.store.alarm.get();
    let look =
        |world: &World| wake_if_repaired(&world.store, &world.settings, &world.clock).unwrap();
    look(&world);
    assert_eq!(world.store.alarm.get(), probe, "nothing was repaired");
    world.settings = "repaired".to_owned();
    look(&world);
    assert_eq!(world.store.alarm.get(), Some(world.clock.now()));
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::Sent);
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
