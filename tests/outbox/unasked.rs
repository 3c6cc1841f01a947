//! What comes before it is expected: the driver listens before it speaks, and while it does.

use std::time::Duration;

use crate::support::{Move, Move::*, NOW};
use edgepost::{
    app::{ContentReader, ports::Clock},
    outbox::{Health, State},
    outcome::Cause,
    tls::TlsMode,
};

use crate::world::*;

const HOUR: Duration = Duration::from_secs(3600);
const OK: &str = "250 ok\r\n";

#[test]
fn s13_a_reply_that_nobody_asked_for_is_heard_before_bdat_and_before_content() {
    let envelope = vec![Hear, Say(OK), Hear, Say(OK)];
    for (what, behind) in [
        ("before BDAT", vec![Say("250 stray\r\n"), Hear]),
        (
            "before content",
            vec![Hear, Say("250 stray\r\n"), HearContent],
        ),
    ] {
        let world = World::new(vec![chain(&[fast_opening(), envelope.clone(), behind])]);
        let id = world.accept();
        world.run();
        let job = world.store.job(id);
        assert_eq!(job.state, State::Deferred, "{what}");
        let heard = world.server.heard();
        assert_eq!(heard.contains("BDAT"), what == "before content", "{heard}");
        assert!(!heard.contains("canary"), "{what}: {heard}");
    }
}

#[test]
fn d8_a_server_that_is_gone_before_the_last_octets_leaves_no_doubt() {
    let envelope = vec![Hear, Say(OK), Hear, Say(OK), Hear];
    for (gone, cause) in [
        (vec![Close], Cause::ConnectionLost),
        (
            vec![Say("421 4.3.0 closing\r\n"), Close],
            Cause::ContentRefused,
        ),
    ] {
        let mut world = World::new(vec![
            chain(&[fast_opening(), envelope.clone(), gone]),
            chain(&[fast_opening(), vec![Serve(1)]]),
        ]);
        // All of it in one piece, so that the first octets are the last.
        world.store.piece = 100_000;
        let id = world.accept();
        world.run();
        let last = world.store.events.borrow()[&id].last().cloned().unwrap();
        assert_eq!((last.state, last.cause), (State::Deferred, Some(cause)));
        world.run_alarms(world.clock.now().after(HOUR));
        assert_eq!(world.store.job(id).state, State::Sent);
        assert_eq!(world.server.deliveries.borrow().len(), 1);
    }
}

#[test]
fn d8_a_server_that_is_gone_behind_the_last_octets_leaves_one() {
    let envelope = vec![Hear, Say(OK), Hear, Say(OK), HearBdat, Close];
    let mut world = World::new(vec![chain(&[fast_opening(), envelope])]);
    world.store.piece = 100_000;
    let id = world.accept();
    world.run();
    assert_eq!(world.store.job(id).state, State::InDoubt);
}

/// The opening up to the server's consent to TLS, which comes before our STARTTLS counts as written.
fn early_consent() -> Vec<Move> {
    let mut moves = opening()[..5].to_vec();
    moves.insert(3, Slowly(3));
    moves
}

#[test]
fn t5_no_read_in_the_clear_outlives_a_starttls_that_is_answered_before_it_is_settled() {
    // The twin stops the test when a read is under way where TLS begins.
    let over_tls = opening()[5..].to_vec();
    let world = World::new(vec![chain(&[early_consent(), over_tls, mail(), bye()])]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::Sent);
}

#[test]
fn t5_octets_in_the_clear_behind_such_an_answer_mean_nothing() {
    let injected = "250-mx\r\n250 AUTH XOAUTH2\r\n";
    for behind in [
        vec![Say(injected), Tls, Hear, Say("235 ok\r\n"), Hear],
        vec![Tls, Say(injected), Hear, Hear],
    ] {
        let world = World::new(vec![chain(&[early_consent(), behind])]);
        let id = world.accept();
        world.run();
        assert_eq!(world.store.job(id).state, State::Deferred);
        let heard = world.server.heard();
        assert!(
            !heard.contains("AUTH") && !heard.contains("MAIL"),
            "{heard}"
        );
    }
}

#[test]
fn a_timer_that_is_early_drops_no_write() {
    // Looked at more often than the clock stands still.
    let slow = vec![Slowly(50)];
    let world = World::new(vec![chain(&[opening(), slow, mail(), bye()])]);
    world.clock.early_by(Duration::from_millis(1));
    let id = world.accept();
    world.run();
    assert_eq!(world.store.job(id).state, State::Sent);
    assert!(world.clock.now().since(NOW) > Duration::from_secs(59));
}

#[test]
fn s9_the_last_words_of_a_server_that_breaks_off_are_heard_to_their_end() {
    let world = World::new(vec![chain(&[
        fast_opening(),
        vec![Hear, Say(OK), Hear, Say(OK), Hear, Break],
        vec![
            Say("552-5.3.4 too"),
            Say(" big\r\n55"),
            Say("2 5.3.4 really\r\n"),
            Close,
        ],
    ])]);
    let id = world.accept();
    world.run();
    let last = world.store.events.borrow()[&id].last().cloned().unwrap();
    let expected = (State::Failed, Some(Cause::MessageTooLarge));
    assert_eq!((last.state, last.cause), expected);
}

#[test]
fn t9_a_handshake_that_stalls_while_connecting_is_told_by_its_phase() {
    for (tls, finding) in [
        (TlsMode::Implicit, Some("no_connection_over_tls")),
        (TlsMode::StartTls, None),
    ] {
        let mut world = World::new(vec![]);
        world.server.never_connects.set(true);
        world.mailbox.provider.smtp_tls = tls;
        let id = world.accept();
        world.run();
        let story = story(&world, id);
        assert_eq!(story["health"]["cause"], "timed_out");
        assert_eq!(story["health"]["finding"].as_str(), finding);
    }
}

#[test]
fn s18_no_way_to_the_server_is_soft_and_is_not_tried_in_a_circle() {
    // Connecting fails at once: there is no route, or the port is closed to us.
    let world = World::new(vec![]);
    let ids = [world.accept(), world.accept()];
    let began = world.clock.now();
    world.run_alarms(began);
    assert_eq!(world.server.connections.get(), 1, "one try for all");
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).due_at == Some(began))
    );
    let Health::Down { cause, until, .. } = world.store.health.borrow().clone() else {
        panic!("the mailbox is up");
    };
    assert_eq!(cause, Cause::ConnectFailed);
    assert!(until > began && world.store.alarm.get() == Some(until));
    let told = ids.map(|id| story(&world, id)["health"]["detail"].to_string());
    assert!(
        told.iter().all(|detail| detail.contains("no connection")),
        "{told:?}"
    );
    // A way is found.
    let healthy = chain(&[opening(), mail(), mail(), bye()]);
    world.server.parts.borrow_mut().push_back(healthy);
    world.run_alarms(began.after(HOUR));
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).state == State::Sent)
    );
}

#[test]
fn d8_a_write_that_fails_before_the_last_octet_of_a_chunk_leaves_no_doubt() {
    let envelope = vec![Hear, Say(OK), Hear, Say(OK), Hear];
    let ok = "250 ok\r\n";
    for (behind, state) in [
        (vec![Break, Close], State::Deferred),
        (vec![Slowly(0), Break, Close], State::InDoubt),
        // It cannot be of what has not arrived.
        (vec![Slowly(0), Break, Say(ok), Close], State::InDoubt),
        (
            vec![Slowly(0), Break, Say("552 no\r\n"), Close],
            State::Failed,
        ),
        // It can, and is believed when the write is settled.
        (vec![Slowly(0), Slowly(3), Say(ok), Close], State::Sent),
    ] {
        let what = format!("{behind:?}");
        let mut world = World::new(vec![chain(&[fast_opening(), envelope.clone(), behind])]);
        world.store.piece = 100_000;
        let id = world.accept();
        world.run();
        let last = world.store.events.borrow()[&id].last().cloned().unwrap();
        assert_eq!(last.state, state, "{what}");
    }
}

#[test]
fn s7_a_server_that_takes_one_message_a_connection_gets_one_a_connection_in_one_run() {
    let one = || chain(&[fast_opening(), chunk(&["250 ok\r\n"]), vec![Close]]);
    let world = World::new(vec![one(), one(), one()]);
    let ids = [world.accept(), world.accept(), world.accept()];
    world.run();
    for id in ids {
        let states = world.store.states(id);
        assert_eq!(states, [State::Queued, State::Sending, State::Sent]);
    }
    assert_eq!(*world.store.health.borrow(), Health::Up);
    assert_eq!(world.server.connections.get(), 3);
}

#[test]
fn s7_a_good_bye_between_two_messages_that_says_why_holds_up_the_next_untried() {
    let why =
        "421 4.4.2 Message submission rate for this client has exceeded the configured limit\r\n";
    let part = vec![Say(why), Close];
    let world = World::new(vec![chain(&[fast_opening(), chunk(&["250 ok\r\n"]), part])]);
    let ids = [world.accept(), world.accept()];
    world.run();
    // Both are due at once, so either may be the first.
    let mut ends = ids
        .map(|id| world.store.job(id))
        .map(|job| (job.attempts, job.state));
    ends.sort_by_key(|(attempts, _)| *attempts);
    assert_eq!(ends, [(0, State::Deferred), (1, State::Sent)]);
    assert_ne!(*world.store.health.borrow(), Health::Up);
    assert_eq!(world.server.connections.get(), 1);
}

#[test]
fn s8_a_server_that_refuses_a_message_and_closes_at_rset_holds_up_no_other() {
    let refuses = vec![
        Hear,
        Say("550 5.7.1 no\r\n"),
        Hear,
        Say("503 no\r\n"),
        Hear,
        Close,
    ];
    let world = World::new(vec![
        chain(&[fast_opening(), refuses]),
        chain(&[fast_opening(), chunk(&["250 ok\r\n"]), bye()]),
    ]);
    let ids = [world.accept(), world.accept()];
    world.run();
    assert_eq!(*world.store.health.borrow(), Health::Up);
    world.run_alarms(world.clock.now());
    let states = ids.map(|id| world.store.job(id).state);
    assert!(
        states.contains(&State::Failed) && states.contains(&State::Sent),
        "{states:?}"
    );
}

#[test]
fn s10_content_longer_than_bdat_announces_is_not_cut_off() {
    let world = World::new(vec![chain(&[
        fast_opening(),
        chunk(&["250 ok\r\n"]),
        bye(),
    ])]);
    let id = world.accept();
    // The record is wrong by as much as the last piece has.
    let mut job = world.store.job(id);
    let mut reader = ContentReader::new(&world.store, &job);
    let mut pieces = Vec::new();
    while let Some(piece) = reader.read().unwrap() {
        pieces.push(piece.len() as u64);
    }
    job.size -= pieces.last().unwrap();
    world.store.jobs.borrow_mut().insert(id, job);
    world.run();
    let last = world.store.events.borrow()[&id].last().cloned().unwrap();
    let expected = (State::Deferred, Some(Cause::ContentUnreadable));
    assert_eq!((last.state, last.cause), expected);
}
