//! What becomes of messages.

use std::time::Duration;

use crate::support::{Move::*, NOW, Writes, until};
use edgepost::{
    app::ports::{Clock, ContentStore},
    limits::STAGING_MAX,
    mail::{PartNumber, Place},
    oauth::TokenFailure,
    outbox::{EmailId, Health, OutboxTag, State},
    outcome::{Cause, Trouble},
};
use futures_util::future::join;

use crate::world::*;

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
fn what_was_kept_for_a_message_that_never_came_is_dropped_after_an_hour() {
    let world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    let abandoned = EmailId::new(NOW, 9, OutboxTag::of("sales"));
    world.store.begin_staging(abandoned, NOW).unwrap();
    let place = Place {
        part: PartNumber::REQUEST,
        piece: 0,
    };
    world.store.stage(abandoned, place, vec![1]).unwrap();
    world.run_alarms(NOW);
    assert_eq!(world.store.job(id).state, State::Sent);
    assert!(world.store.content.borrow().contains_key(&abandoned));
    assert_eq!(world.store.alarm.get(), Some(NOW.after(STAGING_MAX)));
    world.run_alarms(NOW.after(STAGING_MAX));
    assert!(world.store.staging.borrow().is_empty());
    let content = world.store.content.borrow();
    assert!(content.contains_key(&id) && !content.contains_key(&abandoned));
    assert_eq!(world.store.alarm.get(), None);
}

#[test]
fn a_connection_is_not_used_any_more_when_its_token_was_taken_back() {
    let mut first = mail();
    first.insert(first.len() - 1, Yield);
    let world = World::new(vec![chain(&[opening(), first, mail(), bye()])]);
    let ids = [world.accept(), world.accept()];
    let disconnect = async {
        until(|| world.server.heard().contains("RCPT TO")).await;
        world.memory.forget(1);
    };
    let (worked, ()) = world.clock.run(join(world.work(), disconnect));
    worked.unwrap();
    let states = ids.map(|id| world.store.job(id).state);
    // Either may have come first.
    assert!(
        matches!(
            states,
            [State::Sent, State::Deferred] | [State::Deferred, State::Sent]
        ),
        "{states:?}"
    );
    assert_eq!(world.server.connections.get(), 1);
}
