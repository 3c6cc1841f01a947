//! What the owner is told, and how often.

use std::time::Duration;

use crate::support::{Move::*, NOW, Writes, until};
use edgepost::{
    app::{
        learn,
        ports::{Clock, OutboxStore},
    },
    oauth::TokenFailure,
    outbox::{AlertKind, AlertLog, Channel, State},
    outcome::{Cause, Trouble},
    time::UnixMillis,
};

use futures_util::future::join;

use crate::world::*;

const HOUR: Duration = Duration::from_secs(3600);

fn dead_grant() -> TokenFailure {
    TokenFailure::new(Cause::ReauthorisationRequired, Trouble::Authentication)
}

fn kinds(world: &World) -> Vec<AlertKind> {
    let told = world.alerts.told.borrow();
    told.iter().map(|(_, _, alert, _)| alert.kind).collect()
}

fn later(by: Duration) -> UnixMillis {
    NOW.after(by)
}

/// A mail that its server refuses for good.
fn refused() -> Vec<crate::support::Move> {
    vec![
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("550 5.1.1 no such user\r\n"),
        Hear,
        Say("250 ok\r\n"),
    ]
}

#[test]
fn k7_a_mailbox_that_needs_a_person_is_told_of_once_and_once_when_it_works() {
    let mut world = World::new(vec![]);
    world.source.failure = Some(dead_grant());
    let ids = [world.accept(), world.accept()];
    world.run_alarms(later(24 * HOUR));
    assert!(world.source.asked.borrow().len() > 3, "it was probed often");
    {
        let told = world.alerts.told.borrow();
        let [(at, Channel::Url, alert, waiting)] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(
            (*at, alert.kind, *waiting),
            (NOW, AlertKind::MailboxDown, 2)
        );
        assert_eq!(alert.cause, Some(Cause::ReauthorisationRequired));
        assert_eq!((alert.since, alert.ids.len()), (NOW, 1));
        assert!(ids.contains(&alert.ids[0]), "the one that found out");
    }
    world.source.failure = None;
    let healthy = chain(&[opening(), mail(), mail(), bye()]);
    world.server.parts.borrow_mut().push_back(healthy);
    world.run_alarms(later(48 * HOUR));
    assert_eq!(
        kinds(&world),
        [AlertKind::MailboxDown, AlertKind::MailboxUp]
    );
    assert_eq!(world.store.alarm.get(), None);
}

#[test]
fn trouble_that_comes_again_is_told_of_again() {
    let mut world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    world.source.failure = Some(dead_grant());
    world.accept();
    world.run_alarms(NOW);
    world.source.failure = None;
    world.run_alarms(later(HOUR));
    world.source.failure = Some(dead_grant());
    world.memory.forget(0);
    world.cache.values.borrow_mut().clear();
    world.accept();
    world.run_alarms(later(2 * HOUR));
    let expected = [
        AlertKind::MailboxDown,
        AlertKind::MailboxUp,
        AlertKind::MailboxDown,
    ];
    assert_eq!(kinds(&world), expected);
}

#[test]
fn other_settings_that_do_not_help_are_news() {
    let mut world = World::new(vec![]);
    world.source.failure = Some(dead_grant());
    world.accept();
    world.run_alarms(NOW);
    world.settings = "as repaired".to_owned();
    world.run();
    assert_eq!(kinds(&world).len(), 2);
    let told = world.alerts.told.borrow();
    assert_eq!(
        told[1].2.since, told[0].2.since,
        "it never worked in between"
    );
}

#[test]
fn a_blocked_mailbox_that_lets_us_in_is_not_called_well() {
    let blocked = || {
        let refusal = vec![
            Hear,
            Say("550 5.1.8 Access denied, bad outbound sender\r\n"),
        ];
        chain(&[opening(), refusal, bye()])
    };
    let world = World::new(vec![blocked(), blocked(), blocked()]);
    world.accept();
    world.run_alarms(later(9 * HOUR));
    assert_eq!(world.server.connections.get(), 3);
    assert_eq!(kinds(&world), [AlertKind::MailboxDown]);
}

#[test]
fn weather_is_told_of_when_it_lasts() {
    // Nobody listens at the mail server's port.
    let world = World::new(vec![]);
    world.accept();
    world.run_alarms(later(3 * HOUR));
    assert_eq!(kinds(&world), []);
    world.run_alarms(later(48 * HOUR));
    assert_eq!(kinds(&world), [AlertKind::MailboxDown]);
    let told = world.alerts.told.borrow();
    assert_eq!(told[0].2.cause, Some(Cause::ConnectFailed));
}

#[test]
fn messages_that_fail_are_told_of_together_and_once_an_hour_at_most() {
    let session = |mails: usize| chain(&[opening(), vec![refused(); mails].concat(), bye()]);
    let world = World::new(vec![session(3), session(1), session(1)]);
    let first = [world.accept(), world.accept(), world.accept()];
    world.run_alarms(NOW);
    for minutes in [1, 20] {
        world.clock.set(later(Duration::from_secs(60 * minutes)));
        let id = world.accept();
        world.run_alarms(world.clock.now());
        assert_eq!(world.store.job(id).state, State::Failed);
    }
    assert_eq!(kinds(&world), [AlertKind::MessagesFailed]);
    assert_eq!(world.store.alarm.get(), Some(later(HOUR)));
    world.run_alarms(later(5 * HOUR));
    let told = world.alerts.told.borrow();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].2.failed, told[0].2.ids.len()), (3, 3));
    assert!(first.iter().all(|id| told[0].2.ids.contains(id)));
    assert_eq!(
        (told[1].0, told[1].2.failed, told[1].2.ids.len()),
        (later(HOUR), 2, 2)
    );
    assert_eq!(world.store.alarm.get(), None);
}

#[test]
fn a_doubt_is_told_of_when_it_is_final() {
    let lost = || {
        let mut moves = chain(&[opening(), mail()]);
        *moves.last_mut().unwrap() = Close;
        moves
    };
    let world = World::new(vec![lost(), lost()]);
    let id = world.accept();
    world.run_alarms(NOW);
    assert_eq!(world.store.job(id).state, State::InDoubt);
    assert_eq!(kinds(&world), [], "it is tried once more");
    world.run_alarms(later(HOUR));
    let told = world.alerts.told.borrow();
    let (_, _, alert, waiting) = &told[0];
    assert_eq!((told.len(), alert.kind), (1, AlertKind::MessagesFailed));
    assert_eq!((alert.failed, alert.in_doubt, *waiting), (0, 1, 0));
}

#[test]
fn a_channel_that_fails_is_tried_again_and_the_other_is_not_told_twice() {
    let mut world = World::new(vec![]);
    world.alerts.channels = vec![Channel::Url, Channel::SendEmail];
    world.alerts.broken.replace(vec![Channel::Url]);
    world.source.failure = Some(dead_grant());
    world.accept();
    world.run_alarms(NOW);
    let by = |world: &World| -> Vec<Channel> {
        world
            .alerts
            .told
            .borrow()
            .iter()
            .map(|told| told.1)
            .collect()
    };
    assert_eq!(by(&world), [Channel::SendEmail]);
    let retry = world.store.alarm.get().unwrap();
    assert!(
        retry.since(NOW) <= Duration::from_secs(120),
        "before the next probe"
    );
    world.run_alarms(later(HOUR));
    assert!(
        (4..12).contains(&world.alerts.tries.get()),
        "{}",
        world.alerts.tries.get()
    );
    world.alerts.broken.take();
    world.run_alarms(later(4 * HOUR));
    assert_eq!(by(&world), [Channel::SendEmail, Channel::Url]);
}

#[test]
fn a_channel_that_never_takes_anything_is_given_up() {
    let world = World::new(vec![chain(&[opening(), refused(), bye()])]);
    world.alerts.broken.replace(vec![Channel::Url]);
    world.accept();
    world.run_alarms(later(10 * 24 * HOUR));
    assert!(
        (40..200).contains(&world.alerts.tries.get()),
        "{}",
        world.alerts.tries.get()
    );
    assert_eq!(world.store.alarm.get(), None);
    assert_eq!(world.store.alerts().unwrap().due_at(), None);
}

#[test]
fn a_channel_that_hangs_holds_up_no_mail() {
    let mut world = World::new(vec![chain(&[opening(), refused(), mail(), bye()])]);
    world.alerts.channels = vec![Channel::Url, Channel::SendEmail];
    world.alerts.hanging.replace(vec![Channel::Url]);
    let ids = [world.accept(), world.accept()];
    world.run_alarms(NOW);
    let mut states = ids.map(|id| world.store.job(id).state);
    states.sort_by_key(|state| *state == State::Failed);
    assert_eq!(states, [State::Sent, State::Failed]);
    assert!(world.clock.now().since(NOW) <= Duration::from_secs(16));
    assert_eq!(kinds(&world), [AlertKind::MessagesFailed]);
}

#[test]
fn d8_storage_that_fails_makes_no_flood() {
    let mut world = World::new(vec![]);
    world.source.failure = Some(dead_grant());
    world.accept();
    // What was found out is stored, the try is, and what came of it is not.
    world.store.writes.set(Writes::FailAfter(2));
    for _ in 0..20 {
        let _failed = world.clock.run(world.work());
    }
    assert_eq!(kinds(&world).len(), 1);
    // It may come twice, and not more.
    world.store.writes.set(Writes::Work);
    world.store.alarm.set(Some(world.clock.now()));
    world.run_alarms(later(24 * HOUR));
    assert_eq!(kinds(&world), [AlertKind::MailboxDown; 2]);
}

#[test]
fn d1_a_worker_that_dies_before_it_tells_leaves_the_alert_to_the_next() {
    let mut world = World::new(vec![]);
    world.source.failure = Some(dead_grant());
    world.accept();
    // The mailbox's health and the alert are stored together; nothing comes after.
    world.store.writes.set(Writes::FailAfter(1));
    let _failed = world.clock.run(world.work());
    assert_eq!(kinds(&world), []);
    world.store.writes.set(Writes::Work);
    world.restart();
    world.store.alarm.set(Some(world.clock.now()));
    world.run_alarms(world.clock.now());
    assert_eq!(kinds(&world), [AlertKind::MailboxDown]);
}

#[test]
fn without_a_channel_nothing_is_kept_and_a_channel_that_comes_is_told_what_is_so() {
    let mut world = World::new(vec![chain(&[opening(), refused(), bye()])]);
    world.alerts.channels.clear();
    world.accept();
    world.run_alarms(NOW);
    assert_eq!(world.store.alerts().unwrap(), AlertLog::default());
    world.source.failure = Some(dead_grant());
    world.memory.forget(0);
    world.cache.values.borrow_mut().clear();
    world.accept();
    world.run_alarms(later(HOUR));
    world.alerts.channels = vec![Channel::Url];
    world.run_alarms(later(24 * HOUR));
    assert_eq!(kinds(&world), [AlertKind::MailboxDown]);
    assert_eq!(world.alerts.told.borrow()[0].2.since, NOW);
}

/// An alarm that was lost would else keep an alert back until the next message.
#[test]
fn an_alert_whose_alarm_was_lost_is_noticed() {
    let mut world = World::new(vec![]);
    world.source.failure = Some(dead_grant());
    world.alerts.broken.borrow_mut().push(Channel::Url);
    world.accept();
    world.run();
    assert!(world.alerts.told.borrow().is_empty());
    let stalled = |world: &World| world.drain.is_stalled(&world.store, &world.clock).unwrap();
    world.store.alarm.set(None);
    assert!(!stalled(&world));
    let due_at = world.store.alerts().unwrap().due_at().unwrap();
    world.clock.set(due_at.after(Duration::from_secs(61)));
    assert!(stalled(&world));
    world.alerts.broken.borrow_mut().clear();
    world.run();
    assert_eq!(kinds(&world), [AlertKind::MailboxDown]);
    assert!(!stalled(&world));
}

#[test]
fn what_the_keeper_finds_is_told_although_no_message_has_met_it() {
    let mut world = World::new(vec![]);
    let failure = dead_grant().failure;
    let hear = |world: &World| {
        learn(
            &world.store,
            &world.drain,
            &world.alerts,
            &world.clock,
            &failure,
        )
    };
    // Without a channel nobody is, and another Outbox may have one.
    let channels = std::mem::take(&mut world.alerts.channels);
    assert_eq!(hear(&world), Ok(false));
    world.alerts.channels = channels;
    assert_eq!(hear(&world), Ok(true));
    assert_eq!(world.store.alarm.get(), Some(NOW));
    world.run_alarms(NOW);
    assert_eq!(kinds(&world), [AlertKind::MailboxDown]);
    assert!(world.alerts.told.borrow()[0].2.ids.is_empty());
    // Once, whoever finds it again.
    hear(&world).unwrap();
    world.source.failure = Some(dead_grant());
    world.accept();
    world.run_alarms(later(HOUR));
    assert_eq!(kinds(&world).len(), 1);
}

#[test]
fn what_the_keeper_finds_during_a_run_is_heard_after_it() {
    let mut world = World::new(vec![]);
    world.source.failure = Some(dead_grant());
    world.alerts.hanging.borrow_mut().push(Channel::Url);
    world.accept();
    let failure = dead_grant().failure;
    let learning = async {
        until(|| world.alerts.tries.get() > 0).await;
        learn(
            &world.store,
            &world.drain,
            &world.alerts,
            &world.clock,
            &failure,
        )
    };
    let (worked, learned) = world.clock.run(join(world.work(), learning));
    worked.unwrap();
    assert!(learned.is_err());
}
