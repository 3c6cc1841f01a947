//! Messages that wait for their time, and what may still be done with them.

use std::time::Duration;

use crate::support::{Move, Move::*, NOW, Writes};
use edgepost::{
    app::{
        Steered,
        ports::{Clock, OutboxStore},
    },
    outbox::{EmailId, State},
    time::UnixMillis,
};
use futures_util::future::join;

use crate::world::*;

const TO_ONE: &[&str] = &["owner@shop.test"];
const TO_TWO: &[&str] = &["a@x.test", "b@x.test"];

fn minutes(minutes: u64) -> UnixMillis {
    NOW.after(Duration::from_secs(minutes * 60))
}

fn days(days: u64) -> UnixMillis {
    minutes(days * 24 * 60)
}

/// Connections that each take one message.
fn each_on_its_own(messages: usize) -> Vec<Vec<Move>> {
    vec![chain(&[opening(), mail(), bye()]); messages]
}

fn date_of(world: &World, id: EmailId) -> String {
    let content = String::from_utf8(world.store.sent(id)).unwrap();
    let line = content.lines().find_map(|line| line.strip_prefix("Date: "));
    line.unwrap().to_owned()
}

#[test]
fn c1_a_message_waits_for_its_time_and_is_dated_by_it() {
    let world = World::new(each_on_its_own(1));
    let id = world.accept_at("2026-11-23T10:30:00+01:00", TO_ONE);
    assert_eq!(date_of(&world, id), "Mon, 23 Nov 2026 09:30:00 +0000");
    world.run_alarms(UnixMillis::new(days(1).as_millis() - 1));
    assert_eq!(world.store.job(id).state, State::Scheduled);
    assert_eq!(world.server.connections.get(), 0);
    assert_eq!(world.store.alarm.get(), Some(days(1)));
    world.run_alarms(days(1));
    let states = [State::Scheduled, State::Sending, State::Sent];
    assert_eq!(world.store.states(id), states);
    assert_eq!(world.store.job(id).scheduled_at, Some(days(1)));
    assert_eq!(world.store.alarm.get(), None);
}

#[test]
fn c1_what_is_past_is_sent_at_once() {
    let world = World::new(each_on_its_own(1));
    let id = world.accept_at("2026-11-22T09:30:00Z", TO_ONE);
    assert_eq!(date_of(&world, id), "Sun, 22 Nov 2026 09:30:00 +0000");
    world.run_alarms(NOW);
    let states = [State::Queued, State::Sending, State::Sent];
    assert_eq!(world.store.states(id), states);
    assert_eq!(world.store.job(id).scheduled_at, None);
}

#[test]
fn c5_one_alarm_is_enough_for_any_number_and_each_goes_at_its_time() {
    let world = World::new(each_on_its_own(21));
    // In no order, and one that is not scheduled among them.
    let times: Vec<u64> = (0..20).map(|n| 1 + (n * 7) % 20).collect();
    let mut ids = Vec::new();
    for (n, time) in times.iter().enumerate() {
        ids.push(world.accept_at(&format!("in {time} min"), TO_ONE));
        if n == 10 {
            world.accept();
        }
    }
    world.run_alarms(NOW);
    assert_eq!(world.server.connections.get(), 1);
    for passed in 1..=20 {
        assert_eq!(world.store.alarm.get(), Some(minutes(passed)));
        world.run_alarms(minutes(passed));
        for (id, time) in ids.iter().zip(&times) {
            let is = world.store.job(*id).state;
            let expected = if *time <= passed {
                State::Sent
            } else {
                State::Scheduled
            };
            assert_eq!(is, expected, "after {passed}, due after {time}");
        }
    }
    assert_eq!(world.store.alarm.get(), None);
}

#[test]
fn c5_an_alarm_that_was_lost_for_hours_delivers_everything_oldest_first_and_once() {
    let world = World::new(vec![chain(&[opening(), mail(), mail(), bye()])]);
    let second = world.accept_at("in 2 min", TO_ONE);
    let first = world.accept_at("in 1 min", &["a@x.test"]);
    world.store.alarm.set(None);
    world.clock.set(minutes(120));
    assert!(world.drain.is_stalled(&world.store, &world.clock).unwrap());
    world.run();
    world.run();
    for id in [first, second] {
        assert_eq!(world.store.job(id).state, State::Sent);
    }
    let heard = world.server.heard();
    let place = |address| heard.find(address).unwrap();
    assert!(place("a@x.test") < place("owner@shop.test"));
    assert_eq!(heard.matches("MAIL FROM").count(), 2);
}

#[test]
fn c2_a_message_is_rescheduled_to_later_to_earlier_and_to_now() {
    let world = World::new(each_on_its_own(3));
    let [later, earlier, at_once] =
        [(); 3].map(|()| world.accept_at("2026-11-24T09:30:00Z", TO_ONE));
    let to = |id, to| assert_eq!(world.steer(id, Some(to)).unwrap(), Steered::Done);
    to(later, "2026-12-02T09:30:00Z");
    to(earlier, "in 1 day");
    to(at_once, "2026-11-22T08:00:00Z");
    assert_eq!(date_of(&world, later), "Wed, 02 Dec 2026 09:30:00 +0000");
    assert_eq!(date_of(&world, at_once), "Sun, 22 Nov 2026 09:30:00 +0000");
    for (at, sent) in [
        (NOW, vec![at_once]),
        (days(1), vec![at_once, earlier]),
        (days(9), vec![at_once, earlier]),
        (days(10), vec![at_once, earlier, later]),
    ] {
        world.run_alarms(at);
        let jobs = world.store.jobs.borrow();
        let is: Vec<_> = jobs
            .values()
            .filter(|job| job.state == State::Sent)
            .collect();
        assert_eq!(is.len(), sent.len());
        assert!(is.iter().all(|job| sent.contains(&job.id)));
    }
    let events = world.store.events.borrow();
    let story: Vec<_> = events[&later]
        .iter()
        .map(|event| (event.state, event.scheduled_at))
        .collect();
    let expected = [
        (State::Scheduled, Some(days(2))),
        (State::Scheduled, Some(days(10))),
        (State::Sending, None),
        (State::Sent, None),
    ];
    assert_eq!(story, expected);
}

#[test]
fn c2_what_is_canceled_is_never_sent() {
    let world = World::new(each_on_its_own(1));
    let [before, at, after] = [(); 3].map(|()| world.accept_at("in 1 hour", TO_ONE));
    assert_eq!(world.steer(before, None).unwrap(), Steered::Done);
    world.run_alarms(minutes(59));
    // The alarm is about to go off; the mailbox was down when it did.
    world.clock.set(minutes(60));
    assert_eq!(world.steer(at, None).unwrap(), Steered::Done);
    world.clock.set(minutes(61));
    assert_eq!(world.steer(after, None).unwrap(), Steered::Done);
    // Twice is once, and what is canceled stays so.
    assert_eq!(world.steer(after, None).unwrap(), Steered::Done);
    let again = world.steer(after, Some("in 1 min")).unwrap();
    assert_eq!(again, Steered::TooLate(State::Canceled));
    world.run_alarms(days(400));
    for id in [before, at, after] {
        let states = [State::Scheduled, State::Canceled];
        assert_eq!(world.store.states(id), states);
    }
    assert_eq!(world.server.connections.get(), 0);
    assert_eq!(world.store.waiting().unwrap(), 0);
}

#[test]
fn c2_a_message_can_be_canceled_while_we_connect_for_it() {
    // A server that is silent, so that finding out takes a minute; and one that works.
    for (part, cancel_at) in [(vec![], 30), (chain(&[opening(), mail(), bye()]), 0)] {
        let world = World::new(vec![part]);
        let id = world.accept_at("in 1 min", TO_ONE);
        world.store.alarm.set(None);
        world.clock.set(minutes(1));
        let cancel = async {
            if cancel_at > 0 {
                world
                    .clock
                    .sleep_until(minutes(1).after(Duration::from_secs(cancel_at)))
                    .await;
            }
            world.steer(id, None).unwrap()
        };
        let (run, canceled) = world.clock.run(join(world.work(), cancel));
        run.unwrap();
        assert_eq!(canceled, Steered::Done);
        world.run_alarms(days(2));
        assert_eq!(
            world.store.states(id),
            [State::Scheduled, State::Canceled],
            "{cancel_at}"
        );
        assert!(!world.server.heard().contains("MAIL FROM"));
    }
}

#[test]
fn c2_a_message_that_is_being_sent_can_neither_be_canceled_nor_rescheduled() {
    let mut part = chain(&[opening(), mail()]);
    // The last answer does not come by itself.
    part.pop();
    let world = World::new(vec![part]);
    let id = world.accept_at("in 1 min", TO_ONE);
    world.store.alarm.set(None);
    world.clock.set(minutes(1));
    let steer = async {
        let meanwhile = minutes(1).after(Duration::from_secs(30));
        world.clock.sleep_until(meanwhile).await;
        let cancel = world.steer(id, None).unwrap();
        (cancel, world.steer(id, Some("in 1 hour")).unwrap())
    };
    let (_, steered) = world.clock.run(join(world.work(), steer));
    let too_late = Steered::TooLate(State::Sending);
    assert_eq!(steered, (too_late, too_late));
    // Its answer was lost: somebody may have it.
    assert_eq!(world.store.job(id).state, State::InDoubt);
    for to in [None, Some("in 1 hour")] {
        let steered = world.steer(id, to).unwrap();
        assert_eq!(steered, Steered::TooLate(State::InDoubt));
    }
}

#[test]
fn c2_a_lease_that_nobody_holds_is_no_reason_to_cancel() {
    let mut world = World::new(vec![]);
    let id = world.accept_at("in 1 min", TO_ONE);
    world.clock.set(minutes(1));
    let mut job = world.store.job(id);
    let event = job.lease(world.clock.now()).unwrap();
    world.store.update(&job, &event).unwrap();
    world.restart();
    let too_late = Steered::TooLate(State::Sending);
    assert_eq!(world.steer(id, None).unwrap(), too_late);
    world.run();
    let too_late = Steered::TooLate(State::InDoubt);
    assert_eq!(world.steer(id, None).unwrap(), too_late);
}

#[test]
fn c2_a_message_that_one_recipient_has_cannot_be_canceled_for_the_other() {
    let half = vec![
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("450 4.2.2 mailbox full\r\n"),
        Hear,
        Say("354 go\r\n"),
        HearContent,
        Say("250 2.0.0 queued as 1\r\n"),
    ];
    let world = World::new(vec![chain(&[opening(), half, bye()])]);
    let id = world.accept_at("in 1 min", TO_TWO);
    world.run_alarms(minutes(1));
    assert_eq!(world.store.job(id).state, State::Deferred);
    for to in [None, Some("in 1 hour")] {
        let steered = world.steer(id, to).unwrap();
        assert_eq!(steered, Steered::TooLate(State::Deferred));
    }
}

#[test]
fn c2_a_message_that_was_deferred_for_everybody_can_be_called_back() {
    let refused = || {
        let answers = [Hear, Say("450 4.7.1 later\r\n")];
        chain(&[opening(), answers.to_vec(), bye()])
    };
    let world = World::new(vec![refused(), refused()]);
    let ids = [(); 2].map(|()| world.accept_at("in 1 min", TO_TWO));
    world.run_alarms(minutes(1));
    let deferred = ids.map(|id| world.store.job(id));
    let deferred = deferred.iter().find(|job| job.state == State::Deferred);
    let id = deferred.unwrap().id;
    assert_eq!(world.steer(id, Some("in 1 day")).unwrap(), Steered::Done);
    assert_eq!(world.store.job(id).state, State::Scheduled);
    assert_eq!(world.steer(id, None).unwrap(), Steered::Done);
    assert_eq!(world.store.job(id).due_at, None);
}

#[test]
fn c2_the_end_of_an_attempt_that_was_stored_after_all_does_not_undo_a_cancellation() {
    // MAIL is never answered, so nobody has the message.
    let world = World::new(vec![
        chain(&[opening(), vec![Hear]]),
        chain(&[opening(), mail(), bye()]),
    ]);
    let id = world.accept_at("in 1 min", TO_ONE);
    world.store.alarm.set(None);
    world.clock.set(minutes(1));
    // Of the run only the last write fails, and persists all the same: the end of the attempt.
    let fail_the_end = async {
        world
            .clock
            .sleep_until(minutes(1).after(Duration::from_secs(30)))
            .await;
        assert_eq!(world.store.job(id).state, State::Sending);
        world.store.writes.set(Writes::FailButPersist);
    };
    let _failed = world.clock.run(join(world.work(), fail_the_end));
    world.store.writes.set(Writes::Work);
    assert_eq!(world.store.job(id).state, State::Deferred);
    assert_eq!(world.steer(id, None).unwrap(), Steered::Done);
    world.run();
    world.run_alarms(days(2));
    assert_eq!(world.store.job(id).state, State::Canceled);
    assert!(!world.server.heard().contains("RCPT TO"));
}

#[test]
fn c2_storage_that_fails_changes_nothing() {
    let world = World::new(each_on_its_own(1));
    let id = world.accept_at("in 1 hour", TO_ONE);
    let kept = (world.store.job(id), date_of(&world, id));
    world.store.writes.set(Writes::Fail);
    assert!(world.steer(id, None).is_err());
    assert!(world.steer(id, Some("in 2 hours")).is_err());
    world.store.writes.set(Writes::Work);
    assert_eq!((world.store.job(id), date_of(&world, id)), kept);
    world.run_alarms(minutes(60));
    assert_eq!(world.store.job(id).state, State::Sent);
}

#[test]
fn c2_a_mailbox_that_is_down_holds_what_is_due_and_it_can_still_be_canceled() {
    let world = World::new(vec![vec![Close], chain(&[opening(), mail(), bye()])]);
    let ids = [(); 2].map(|()| world.accept_at("in 1 hour", TO_ONE));
    world.run_alarms(minutes(60));
    let states = ids.map(|id| world.store.job(id).state);
    assert!(states.contains(&State::Deferred) && states.contains(&State::Scheduled));
    assert_eq!(world.steer(ids[0], None).unwrap(), Steered::Done);
    world.run_alarms(days(2));
    assert_eq!(world.store.job(ids[0]).state, State::Canceled);
    assert_eq!(world.store.job(ids[1]).state, State::Sent);
}
