//! STOP: nothing is begun any more, what is under way ends without a doubt, and all of it goes on when
//! it may.

use std::time::Duration;

use crate::support::{Move::*, NOW, Writes};
use edgepost::{
    app::{
        Standing, Word, is_stopped, note, obey,
        ports::{Clock, Entropy, StandingStore, StoreFault},
    },
    limits::STOP_LOOK,
    outbox::{Health, State},
    outcome::Cause,
    time::UnixMillis,
};
use futures_util::future::join;

use crate::world::*;

/// The promise to whoever presses the button. What holds is more: nothing at all.
const PROMISED: Duration = Duration::from_secs(60);

fn tell(world: &World, word: Word) {
    obey(word, &world.store, &world.drain.recall, &world.clock).unwrap();
    world.memory.forget(word.grant());
}

/// Runs, and says this so much later.
fn run_and_tell(world: &World, after: Duration, word: Word) {
    let told = async {
        world
            .clock
            .sleep_until(world.clock.now().after(after))
            .await;
        tell(world, word);
    };
    world.clock.run(join(world.work(), told)).0.unwrap();
}

fn mails_after(world: &World, at: UnixMillis) -> usize {
    let lines = world.server.lines.borrow();
    lines
        .iter()
        .filter(|(when, line)| *when > at && line.starts_with("MAIL"))
        .count()
}

#[test]
fn what_is_stopped_begins_nothing_and_goes_on_when_it_is_started() {
    let mut world = World::new(vec![chain(&[opening(), mail(), mail(), bye()])]);
    tell(&world, Word::Stop);
    let ids = [world.accept(), world.accept()];
    // It is durable: the Worker dies, and days pass.
    world.restart();
    world.clock.advance(Duration::from_secs(3 * 24 * 3600));
    world.run();
    assert_eq!(world.server.connections.get(), 0);
    assert_eq!(world.source.asked.borrow().len(), 0);
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).state == State::Queued)
    );
    assert_eq!(world.store.alarm.get(), None, "nothing to wake for");
    assert!(!world.drain.is_stalled(&world.store, &world.clock).unwrap());
    tell(&world, Word::Start);
    world.run_alarms(world.clock.now());
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).state == State::Sent)
    );
}

#[test]
fn the_configurations_stop_does_the_same_and_is_looked_for_again() {
    let mut world = World::new(vec![chain(&[opening(), mail(), bye()])]);
    world.stop = true;
    let id = world.accept();
    world.run();
    assert_eq!(world.server.connections.get(), 0);
    // A deploy wakes nobody.
    assert_eq!(world.store.alarm.get(), Some(NOW.after(STOP_LOOK)));
    world.stop = false;
    world.run_alarms(NOW.after(STOP_LOOK));
    assert_eq!(world.store.job(id).state, State::Sent);
}

/// Wherever the server is when it falls silent, a session ends at once, and leaves no doubt.
#[test]
fn a_session_under_way_ends_wherever_it_is() {
    let whole = chain(&[opening(), mail()]);
    // A server that says 354 is sent the content to its last octet.
    let handed_over = whole.len() - 2;
    for silent_after in 0..handed_over {
        // A handshake is there or it is not; the script has no slow one.
        if matches!(whole[silent_after], Tls) {
            continue;
        }
        let part = whole[..silent_after].to_vec();
        let world = World::new(vec![part, chain(&[opening(), mail(), bye()])]);
        let id = world.accept();
        run_and_tell(&world, Duration::from_secs(10), Word::Stop);
        let took = world.clock.now().since(NOW);
        assert!(took <= Duration::from_secs(12), "{silent_after}: {took:?}");
        assert_eq!(
            world.server.open.get(),
            0,
            "{silent_after}: a socket is open"
        );
        let job = world.store.job(id);
        assert!(
            matches!(job.state, State::Queued | State::Deferred),
            "{silent_after}: {job:?}"
        );
        assert_eq!(
            *world.store.health.borrow(),
            Health::Up,
            "nothing is wrong with it"
        );
        if job.state == State::Deferred {
            assert_eq!(
                world.store.events.borrow()[&id].last().unwrap().cause,
                Some(Cause::Stopped)
            );
        }
        tell(&world, Word::Start);
        world.run_alarms(NOW.after(Duration::from_secs(3600)));
        assert_eq!(world.store.job(id).state, State::Sent, "{silent_after}");
    }
}

#[test]
fn d8_a_message_that_is_with_the_server_is_waited_for() {
    let answer = [
        Later(Duration::from_secs(300)),
        Say("250 2.0.0 queued as 1\r\n"),
    ];
    let mut slowly = mail();
    slowly.pop();
    slowly.extend(answer);
    let world = World::new(vec![chain(&[opening(), slowly, bye()])]);
    let ids = [world.accept(), world.accept()];
    run_and_tell(&world, Duration::from_secs(10), Word::Stop);
    let mut states = ids.map(|id| world.store.states(id).len());
    states.sort_unstable();
    assert_eq!(states, [1, 3], "one is sent, and one still queued");
    // It took leave of the server, and wrote no MAIL.
    assert!(world.server.heard().ends_with("\r\n.\r\nQUIT\r\n"));
    assert_eq!(mails_after(&world, NOW.after(Duration::from_secs(10))), 0);
}

#[test]
fn content_that_the_server_does_not_take_is_cut_and_not_in_doubt() {
    let mut choked = mail();
    choked.truncate(6);
    choked.push(Choke);
    let world = World::new(vec![chain(&[opening(), choked])]);
    let id = world.accept();
    run_and_tell(&world, Duration::from_secs(10), Word::Stop);
    assert!(world.clock.now().since(NOW) <= Duration::from_secs(12));
    assert_eq!(world.store.job(id).state, State::Deferred);
    assert_eq!(world.server.open.get(), 0);
}

/// A message may take several transactions: those that are left have a MAIL each. Whoever calls the
/// session back, none of them is written on it, and nobody of them is in doubt.
#[test]
fn s8_no_further_transaction_of_a_message_is_begun() {
    let one_at_a_time = [
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("452 4.5.3 too many recipients\r\n"),
        Hear,
        Say("354 go\r\n"),
        HearContent,
        Later(Duration::from_secs(60)),
        Say("250 2.0.0 queued as 1\r\n"),
    ];
    for (word, then) in [
        (Word::Stop, Word::Start),
        (Word::Disconnect, Word::Resume(0)),
        (Word::Forget(0), Word::Resume(0)),
    ] {
        let world = World::new(vec![
            chain(&[opening(), one_at_a_time.to_vec(), bye()]),
            chain(&[opening(), mail(), bye()]),
        ]);
        let id = world.accept_to(&["one@shop.test", "two@shop.test"]);
        run_and_tell(&world, Duration::from_secs(10), word);
        assert_eq!(mails_after(&world, NOW.after(Duration::from_secs(10))), 0);
        assert!(world.server.heard_on(0).ends_with("\r\n.\r\nQUIT\r\n"));
        let states: Vec<_> = world
            .store
            .job(id)
            .recipients
            .iter()
            .map(|to| to.state)
            .collect();
        assert_eq!(states, [State::Sent, State::Deferred], "{word:?}");
        let said = world.store.states(id);
        assert_eq!(said, [State::Queued, State::Sending, State::Deferred]);
        tell(&world, then);
        world.run_alarms(NOW.after(Duration::from_secs(3600)));
        assert_eq!(world.store.job(id).state, State::Sent, "{word:?}");
        let again = world.server.heard_on(1);
        assert!(again.contains("two@") && !again.contains("TO:<one@"));
    }
}

/// Sends in flight, a server that takes up to a minute and a half for each answer, and a STOP at any
/// moment, also in the middle of the runs that alarms begin afterwards.
#[test]
fn no_mail_later_than_promised_whatever_is_in_flight() {
    for seed in 0..150 {
        let entropy = crate::support::SeededEntropy::new(seed);
        let number = |below: u64| {
            let mut octets = [0; 8];
            entropy.fill(&mut octets).unwrap();
            u64::from_le_bytes(octets) % below
        };
        let part = || {
            let mut part = Vec::new();
            for next in chain(&[opening(), vec![mail(); 12].concat()]) {
                if matches!(next, Say(_)) && number(4) == 0 {
                    part.push(Later(Duration::from_millis(number(50_000))));
                }
                part.push(next);
            }
            part
        };
        let world = World::new((0..60).map(|_| part()).collect());
        let ids: Vec<_> = (0..10).map(|_| world.accept()).collect();
        run_and_tell(&world, Duration::from_millis(number(400_000)), Word::Stop);
        let stopped = world.store.standing().unwrap().stopped.unwrap();
        // New mail comes in, alarms go on, and the Worker may be another.
        let late = world.accept();
        world.run_alarms(stopped.after(Duration::from_secs(7200)));
        assert_eq!(
            mails_after(&world, stopped.after(PROMISED)),
            0,
            "seed {seed}"
        );
        assert_eq!(mails_after(&world, stopped), 0, "seed {seed}");
        let unsure = ids.iter().find(|id| {
            let state = world.store.job(**id).state;
            !matches!(state, State::Sent | State::Queued | State::Deferred)
        });
        assert_eq!(unsure, None, "seed {seed}");
        assert_eq!(world.store.job(late).state, State::Queued);

        tell(&world, Word::Start);
        world.run_alarms(world.clock.now().after(Duration::from_secs(24 * 3600)));
        for id in ids.iter().chain([&late]) {
            assert_eq!(world.store.job(*id).state, State::Sent, "seed {seed}");
        }
        let lines = world.server.lines.borrow();
        let delivered = lines
            .iter()
            .filter(|(_, text)| text.ends_with("\r\n.\r\n"))
            .count();
        assert_eq!(delivered, ids.len() + 1, "seed {seed}");
    }
}

#[test]
fn a_mailbox_that_was_disconnected_alone_leaves_its_session_and_asks_for_no_token() {
    let whole = chain(&[opening(), mail()]);
    let part = whole[..whole.len() - 3].to_vec();
    let world = World::new(vec![part, chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    run_and_tell(&world, Duration::from_secs(10), Word::Disconnect);
    assert_eq!(world.server.open.get(), 0);
    let asked = world.source.asked.borrow().len();
    world.run_alarms(NOW.after(Duration::from_secs(24 * 3600)));
    assert_eq!(world.source.asked.borrow().len(), asked);
    assert_eq!(world.store.job(id).state, State::Deferred);
    let health = world.store.health.borrow().clone();
    assert!(
        matches!(&health, Health::Down { cause: Cause::ReauthorisationRequired, finding: Some(finding), .. } if *finding == edgepost::outcome::Finding::named("token_disconnected")),
        "{health:?}"
    );
    tell(&world, Word::Resume(0));
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::Sent);
}

#[test]
fn a_session_with_the_old_token_is_left_and_the_next_one_has_another() {
    let world = World::new(vec![opening(), chain(&[opening(), mail(), bye()])]);
    let id = world.accept();
    // The source here does not number its grants.
    run_and_tell(&world, Duration::from_secs(10), Word::Forget(0));
    assert_eq!(world.server.open.get(), 0);
    world.run_alarms(NOW.after(Duration::from_secs(3600)));
    assert_eq!(world.store.job(id).state, State::Sent);
    assert_eq!(world.server.connections.get(), 2);
}

#[test]
fn a_stop_that_could_not_be_stored_is_not_answered_and_cuts_the_session_all_the_same() {
    let world = World::new(vec![opening()]);
    world.accept();
    let told = async {
        world
            .clock
            .sleep_until(NOW.after(Duration::from_secs(10)))
            .await;
        world.store.writes.set(Writes::Fail);
        let answer = obey(Word::Stop, &world.store, &world.drain.recall, &world.clock);
        assert_eq!(answer, Err(StoreFault));
    };
    let _ended = world.clock.run(join(world.work(), told));
    assert_eq!(world.server.open.get(), 0);
}

#[test]
fn what_cannot_know_whether_it_is_stopped_does_nothing() {
    let store = crate::support::MemoryStore::new();
    assert!(!is_stopped(&store, false) && is_stopped(&store, true));
    note(&store, Word::Stop, NOW).unwrap();
    // Told twice, it keeps the first time.
    note(&store, Word::Stop, NOW.after(PROMISED)).unwrap();
    assert_eq!(store.standing().unwrap().stopped, Some(NOW));
    assert!(is_stopped(&store, false));
    note(&store, Word::Start, NOW).unwrap();
    assert!(!is_stopped(&store, false));
    store.standing.replace(Some("{".to_owned()));
    assert!(is_stopped(&store, false));
}

/// Pins the stored form.
#[test]
fn the_standing_of_version_1_is_read_and_one_that_cannot_be_counts_as_stopped() {
    let stored = include_str!("../fixtures/standing-v1.json").trim();
    let standing = Standing::from_stored(stored);
    assert!(standing.entered && standing.disconnected);
    assert_eq!(standing.stopped, Some(NOW));
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&standing.to_stored()), json(stored));
    assert_eq!(
        Standing::from_stored(&Standing::default().to_stored()),
        Standing::default()
    );
    // What a later version adds is let pass.
    let later = r#"{"v":2,"entered":true,"stopped":null,"disconnected":false,"more":1}"#;
    assert_eq!(Standing::from_stored(later).stopped, None);
    assert!(Standing::from_stored("{").stopped.is_some());
}
