//! A message for more recipients than a server takes at a time: transactions of one attempt, each durable
//! before the next.

use std::time::Duration;

use crate::support::{Move::*, Writes};
use edgepost::{
    app::ports::{Clock, OutboxStore},
    outbox::{EmailId, Health, State},
    outcome::Cause,
};

use crate::world::*;

const THREE: [&str; 3] = ["a@shop.test", "b@shop.test", "c@shop.test"];

/// Servers that take one recipient in a transaction, as many connections as there may be.
fn one_at_a_time() -> World {
    World::new(vec![chain(&[fast_opening(), vec![Serve(1)]]); 8])
}

fn states(world: &World, id: EmailId) -> Vec<State> {
    let job = world.store.job(id);
    job.recipients.iter().map(|to| to.state).collect()
}

/// How often each of the three was delivered to.
fn deliveries(world: &World) -> [usize; 3] {
    let deliveries = world.server.deliveries.borrow();
    THREE.map(|who| {
        let path = format!("TO:<{who}>");
        deliveries
            .iter()
            .flatten()
            .filter(|to| **to == path)
            .count()
    })
}

#[test]
fn s8_what_became_of_one_transaction_is_stored_before_the_next() {
    let world = one_at_a_time();
    let id = world.accept_to(&THREE);
    let mut seen = Vec::new();
    let watch = || {
        let now = (deliveries(&world), states(&world, id));
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        false
    };
    world.clock.run_until(world.work(), watch).unwrap().unwrap();
    use State::{Queued, Sending, Sent};
    let expected = [
        ([0, 0, 0], vec![Queued, Queued, Queued]),
        ([0, 0, 0], vec![Sending, Sending, Sending]),
        ([1, 0, 0], vec![Sending, Sending, Sending]),
        ([1, 0, 0], vec![Sent, Sending, Sending]),
        ([1, 1, 0], vec![Sent, Sending, Sending]),
        ([1, 1, 0], vec![Sent, Sent, Sending]),
        ([1, 1, 1], vec![Sent, Sent, Sending]),
        ([1, 1, 1], vec![Sent, Sent, Sent]),
    ];
    // What goes on within one turn is not seen.
    let mut rest = expected.iter();
    assert!(
        seen.iter().all(|one| rest.any(|other| other == one)),
        "{seen:?}"
    );
    assert_eq!((deliveries(&world), states(&world, id)), expected[7]);
    let job = world.store.job(id);
    assert_eq!((job.attempts, world.server.connections.get()), (1, 1));
    let said = world.store.states(id);
    assert_eq!(said, [Queued, Sending, Sending, Sending, Sent]);
}

#[test]
fn d2_a_worker_that_dies_anywhere_between_transactions_gives_nobody_two() {
    let mut doubled = 0;
    let mut died_within = 0;
    for turn in 0.. {
        assert!(turn < 10_000, "it never ends");
        let mut world = one_at_a_time();
        let id = world.accept_to(&THREE);
        let mut left = turn;
        let dies = || {
            left -= 1;
            left <= 0
        };
        if world.clock.run_until(world.work(), dies).is_some() {
            break;
        }
        let (had, knew) = (deliveries(&world), states(&world, id));
        died_within += usize::from(knew.contains(&State::Sent) && knew.contains(&State::Sending));
        world.restart();
        // The platform calls an alarm that has not ended again.
        world.store.alarm.set(Some(world.clock.now()));
        world.run_alarms(world.clock.now().after(Duration::from_secs(3600)));
        assert_eq!(states(&world, id), [State::Sent; 3], "turn {turn}");
        for (number, times) in deliveries(&world).into_iter().enumerate() {
            // Only the one whose answer was on its way may have it twice.
            let on_its_way = had[number] == 1 && knew[number] == State::Sending;
            let most = if on_its_way { 2 } else { 1 };
            assert!(
                (1..=most).contains(&times),
                "turn {turn}: {times}, {knew:?}"
            );
            doubled += usize::from(times == 2);
        }
        let on_their_way = (0..3).filter(|n| had[*n] == 1 && knew[*n] == State::Sending);
        assert!(on_their_way.count() <= 1, "turn {turn}");
    }
    assert!(died_within > 0, "it never died between two");
    assert!(doubled > 0, "it never died before an answer");
}

#[test]
fn d8_a_part_that_could_not_be_stored_is_known_and_the_rest_waits() {
    let world = one_at_a_time();
    let id = world.accept_to(&THREE);
    // The lease is written, and nothing after it.
    world.store.writes.set(Writes::FailAfter(1));
    let _failed = world.clock.run(world.work());
    assert_eq!(deliveries(&world), [1, 0, 0], "nothing goes on");
    assert_eq!(states(&world, id), [State::Sending; 3]);
    world.store.writes.set(Writes::Work);
    world.store.alarm.set(Some(world.clock.now()));
    world.run_alarms(world.clock.now().after(Duration::from_secs(3600)));
    assert_eq!(states(&world, id), [State::Sent; 3]);
    assert_eq!(deliveries(&world), [1, 1, 1]);
    assert!(!world.store.states(id).contains(&State::InDoubt));
}

#[test]
fn a_refusal_in_an_earlier_transaction_is_told_in_the_story() {
    let many = "452 4.5.3 too many recipients\r\n";
    let world = World::new(vec![chain(&[
        fast_opening(),
        chunk(&["250 ok\r\n", "550 5.1.1 nobody\r\n", many]),
        chunk(&["250 ok\r\n"]),
        bye(),
    ])]);
    let id = world.accept_to(&THREE);
    world.run_alarms(world.clock.now());
    let expected = [State::Sent, State::Failed, State::Sent];
    assert_eq!(states(&world, id), expected);
    let events = world.store.events.borrow();
    let causes: Vec<_> = events[&id].iter().map(|event| event.cause).collect();
    assert_eq!(causes, [None, None, Some(Cause::RecipientsRefused), None]);
}

/// A server of Exchange's that has blocked the mailbox, and says so at the second recipient.
const BLOCKED: &str = "550 5.2.254 too many recipients\r\n";

#[test]
fn a_mailbox_in_trouble_is_not_asked_for_the_rest() {
    let many = "452 4.5.3 too many recipients\r\n";
    let ok = "250 ok\r\n";
    let first = chunk(&[ok, many, many]);
    let second = vec![Hear, Say(ok), Hear, Say(ok), Hear, Say(BLOCKED), Hear];
    let world = World::new(vec![chain(&[fast_opening(), first, second])]);
    let id = world.accept_to(&THREE);
    world.run();
    let expected = [State::Sent, State::Deferred, State::Deferred];
    assert_eq!(states(&world, id), expected);
    assert!(matches!(world.store.health().unwrap(), Health::Down { .. }));
    assert_eq!(world.server.heard().matches("MAIL FROM").count(), 2);
    assert_eq!(world.server.heard().matches("BDAT").count(), 1);
}

#[test]
fn a_mailbox_in_trouble_leaves_nobody_over() {
    let many = "452 4.5.3 too many recipients\r\n";
    let ok = "250 ok\r\n";
    let envelope = [ok, ok, BLOCKED, many].map(|reply| [Hear, Say(reply)]);
    let world = World::new(vec![chain(&[
        fast_opening(),
        envelope.concat(),
        vec![Hear],
    ])]);
    let id = world.accept_to(&THREE);
    world.run();
    assert_eq!(states(&world, id), [State::Deferred; 3]);
    assert!(matches!(world.store.health().unwrap(), Health::Down { .. }));
    let heard = world.server.heard();
    assert_eq!(heard.matches("MAIL FROM").count(), 1);
    assert!(!heard.contains("BDAT"), "{heard}");
}
