//! What concerns a message, what concerns its mailbox, and what there is time for.

use std::time::Duration;

use crate::support::{Move, Move::*, NOW};
use edgepost::{
    app::ports::Clock,
    limits::{FLIGHT_BEGIN_MAX, HAND_OVER_MAX},
    mail::{PartNumber, Place},
    outbox::{EmailId, Health, State},
    outcome::Cause,
};

use crate::world::*;

const OK: &str = "250 ok\r\n";
const HOUR: Duration = Duration::from_secs(3600);
const RATE: &str =
    "421 4.4.2 Message submission rate for this client has exceeded the configured limit\r\n";

fn last(world: &World, id: EmailId) -> (State, Option<Cause>) {
    let events = world.store.events.borrow();
    let last = events[&id].last().unwrap();
    (last.state, last.cause)
}

/// The opening of a server that takes groups, and content by DATA.
fn in_groups() -> Vec<Move> {
    let mut moves = opening();
    let ehlo = moves.len() - 3;
    moves[ehlo] = Say("250-mx\r\n250-PIPELINING\r\n250 AUTH XOAUTH2\r\n");
    moves
}

#[test]
fn what_a_server_has_against_one_message_holds_up_no_other() {
    let too_big = "552 5.3.4 too big\r\n";
    let early = vec![
        Hear,
        Say(OK),
        Hear,
        Say(OK),
        Hear,
        Interrupt(too_big),
        Close,
    ];
    // A server that wants content behind a refused MAIL, for somebody.
    let senseless = vec![
        Hear,
        Say("451 later\r\n"),
        Hear,
        Say(OK),
        Hear,
        Say("354 go\r\n"),
    ];
    for (first, becomes) in [
        (
            chain(&[fast_opening(), early]),
            (State::Failed, Cause::MessageTooLarge),
        ),
        (
            chain(&[in_groups(), senseless]),
            (State::Deferred, Cause::SenderRefused),
        ),
    ] {
        let world = World::new(vec![first, chain(&[opening(), mail(), bye()])]);
        let ids = [world.accept(), world.accept()];
        world.run_alarms(NOW);
        let mut ends = ids.map(|id| last(&world, id));
        ends.sort_by_key(|(state, _)| *state == State::Sent);
        let (state, cause) = becomes;
        assert_eq!(ends, [(state, Some(cause)), (State::Sent, None)]);
        assert_eq!(*world.store.health.borrow(), Health::Up);
        assert!(world.clock.now().since(NOW) < Duration::from_secs(5));
    }
}

#[test]
fn our_own_time_for_a_message_is_nothing_against_the_mailbox() {
    // Each reply comes in time, and all together too late.
    let slow = [Hear, Later(Duration::from_secs(50)), Say(OK)];
    let world = World::new(vec![chain(&[opening(), vec![slow.to_vec(); 7].concat()])]);
    let recipients: Vec<String> = (0..7).map(|n| format!("r{n}@shop.test")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let id = world.accept_to(&recipients);
    world.run();
    assert_eq!(last(&world, id), (State::Deferred, Some(Cause::TimedOut)));
    assert_eq!(world.clock.now().since(NOW), HAND_OVER_MAX);
    assert_eq!(*world.store.health.borrow(), Health::Up);
    // A server that answers nothing for a minute is another matter.
    let world = World::new(vec![chain(&[opening(), vec![Hear]])]);
    world.accept();
    world.run();
    assert!(matches!(*world.store.health.borrow(), Health::Down { .. }));
}

#[test]
fn a_large_message_is_not_begun_when_its_time_is_short() {
    let mut late = chain(&[fast_opening(), chunk(&[OK])]);
    let answer = late.pop().unwrap();
    let world = World::new(vec![
        chain(&[
            late,
            vec![Later(Duration::from_secs(200)), answer, Hear, Hear],
        ]),
        chain(&[fast_opening(), vec![Serve(1)]]),
    ]);
    let small = world.accept();
    world.clock.advance(Duration::from_secs(1));
    let large = world.accept();
    // 20 MiB, which may take 80 seconds.
    let line = [&[b'x'; 62][..], b"\r\n"].concat();
    let octets = line.repeat(20 * 1024 * 1024 / 64);
    let mut job = world.store.job(large);
    job.size = octets.len() as u64;
    world.store.jobs.borrow_mut().insert(large, job);
    let place = Place {
        part: PartNumber::FIRST,
        piece: 0,
    };
    let content = [(place, octets)].into_iter().collect();
    world.store.content.borrow_mut().insert(large, content);
    world.store.alarm.set(None);
    world.run();
    assert!(
        world.clock.now().since(NOW) < FLIGHT_BEGIN_MAX,
        "others would be begun"
    );
    assert_eq!(last(&world, small), (State::Sent, None));
    assert_eq!(world.store.job(large).attempts, 0);
    assert!(world.server.heard_on(0).ends_with("QUIT\r\n"));
    // Its own run begins at once.
    assert_eq!(world.store.alarm.get(), Some(world.clock.now()));
    world.run_alarms(world.clock.now());
    assert_eq!(last(&world, large), (State::Sent, None));
    assert_eq!(world.server.deliveries.borrow().len(), 1);
}

#[test]
fn s11_throttling_behind_the_content_is_a_doubt_and_holds_up_the_mailbox() {
    let mut throttled = chain(&[opening(), mail()]);
    throttled.pop();
    throttled.extend([Say(RATE), Close]);
    let world = World::new(vec![throttled]);
    let ids = [world.accept(), world.accept()];
    world.run_alarms(NOW);
    assert_eq!(world.server.connections.get(), 1, "the other one waits");
    let doubted = ids
        .into_iter()
        .find(|id| last(&world, *id).0 == State::InDoubt);
    let story = story(&world, doubted.expect("a doubt"));
    let told = story["events"].as_array().unwrap().last().unwrap();
    for told in [told, &story["health"]] {
        let found = (&told["cause"], &told["finding"]);
        assert_eq!(found, (&"throttled".into(), &"exchange_rate".into()));
    }
    let retry = world.store.job(doubted.unwrap()).due_at.unwrap();
    assert!(retry.since(NOW) >= Duration::from_secs(300));
}

#[test]
fn s17_a_good_bye_behind_an_acceptance_costs_nothing_unless_it_says_why() {
    let taken = "250 ok\r\n";
    for (with_the_answer, behind_it, up) in [
        ("250 ok\r\n421 4.3.0 that was the last\r\n", None, true),
        ("250 ok\r\n421 4.7.500 Server busy\r\n", None, false),
        (taken, Some(RATE), false),
    ] {
        let mut first = chain(&[opening(), mail()]);
        first.pop();
        first.push(Say(with_the_answer));
        first.extend(behind_it.map(Say));
        first.push(Close);
        let second = chain(&[opening(), mail(), bye()]);
        let world = World::new(vec![first, second]);
        let ids = [world.accept(), world.accept()];
        world.run_alarms(NOW);
        let sent = |id: &&EmailId| last(&world, **id).0 == State::Sent;
        let expected = if up { 2 } else { 1 };
        assert_eq!(
            ids.iter().filter(sent).count(),
            expected,
            "{with_the_answer}"
        );
        assert_eq!(
            *world.store.health.borrow() == Health::Up,
            up,
            "{with_the_answer}"
        );
    }
}

#[test]
fn a_late_refusal_asks_for_nothing_more() {
    let slow = |reply| [Hear, Later(Duration::from_secs(53)), Say(reply)];
    let world = World::new(vec![chain(&[
        opening(),
        [OK; 5].into_iter().flat_map(slow).collect(),
        vec![Hear, Say("354 go\r\n"), HearContent],
        vec![
            Later(Duration::from_secs(595)),
            Say("554 5.6.0 no\r\n"),
            Hear,
        ],
    ])]);
    let id = world.accept_to(&["a@x.test", "b@x.test", "c@x.test", "d@x.test"]);
    world.run();
    let expected = (State::Failed, Some(Cause::ContentRefused));
    assert_eq!(last(&world, id), expected);
    assert!(!world.server.heard().contains("RSET"));
    // The platform ends the handler after 15 minutes.
    let took = world.clock.now().since(NOW).as_secs();
    assert!((860..870).contains(&took), "{took} s");
}

#[test]
fn s11_the_second_try_has_the_same_octets_and_the_same_message_id() {
    let mut lost = chain(&[opening(), mail()]);
    *lost.last_mut().unwrap() = Close;
    let reset = {
        let mut moves = chain(&[fast_opening(), chunk(&[OK])]);
        *moves.last_mut().unwrap() = Close;
        moves
    };
    for (first, by_bdat) in [(lost, false), (reset, true)] {
        let again = if by_bdat {
            chain(&[fast_opening(), chunk(&[OK]), bye()])
        } else {
            chain(&[opening(), mail(), bye()])
        };
        let world = World::new(vec![first, again]);
        let id = world.accept();
        world.run_alarms(NOW);
        assert_eq!(last(&world, id), (State::InDoubt, Some(Cause::AnswerLost)));
        assert_eq!(world.server.connections.get(), 1);
        world.run_alarms(NOW.after(HOUR));
        assert_eq!(last(&world, id), (State::Sent, None));
        assert_eq!(world.server.connections.get(), 2);
        let said: Vec<String> = [0, 1].map(|n| world.server.heard_on(n)).into();
        let transaction = |text: &String| {
            let begins = text.find("MAIL FROM").unwrap();
            let whole = text[begins..].to_owned();
            whole.strip_suffix("QUIT\r\n").unwrap_or(&whole).to_owned()
        };
        assert_eq!(transaction(&said[0]), transaction(&said[1]));
        let message_id = world.store.job(id).message_id.to_string();
        assert!(
            said.iter()
                .all(|text| text.matches(&message_id).count() == 1)
        );
    }
}
