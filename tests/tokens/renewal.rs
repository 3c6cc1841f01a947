//! What the Keeper does by its alarm: it renews what is used, looks once a day at what is not, and
//! leaves alone what only a person can bring back.

use super::*;

pub(super) const HOUR: Duration = Duration::from_secs(3600);
pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// When a token of an hour is renewed, and when it is no longer fresh.
const RENEWED: Duration = Duration::from_secs(3600 - 120 - 300);
const STALE: Duration = Duration::from_secs(3600 - 120);

impl World {
    /// Time passes, and the alarm rings whenever it is due.
    pub(super) fn pass(&self, time: Duration) {
        let end = self.clock.now().after(time);
        let mut rung = 0;
        while let Some(at) = self.custody.alarm.get().filter(|at| *at <= end) {
            rung += 1;
            assert!(rung < 1000, "it rings for ever");
            self.clock.set(at.max(self.clock.now()));
            self.ring();
        }
        self.clock.set(end);
    }

    /// An Outbox sends: it finds a token, and reports it when the message is on its way.
    pub(super) fn send(&self, memory: &TokenMemory) -> String {
        let used = look(self, memory, None);
        self.clock.run(tokens(self, memory).report(&self.clock));
        used
    }
}

/// Tokens that can be told apart, one for each request.
pub(super) fn numbered(count: usize) -> World {
    let world = World::new([]);
    world.provider.answers.replace(
        (0..count)
            .map(|number| {
                let body = format!(
                    r#"{{"token_type":"Bearer","access_token":"canary-{number}","expires_in":3600,"refresh_token":"rotated-{number}"}}"#
                );
                (200, body)
            })
            .collect(),
    );
    world
}

#[test]
fn a_token_in_use_is_renewed_before_anybody_misses_it() {
    let world = numbered(9);
    let memory = TokenMemory::default();
    assert_eq!(world.send(&memory), "canary-0");
    assert_eq!(world.alarm_in(), Some(RENEWED));
    world.pass(RENEWED);
    assert_eq!(world.requests(), 2);
    // The one in memory is good until it is about to end, and the next one is in the cache by then:
    // longer than the cache may show the old one.
    world.pass(STALE - RENEWED - MINUTE);
    assert_eq!(world.send(&memory), "canary-0");
    world.pass(MINUTE);
    assert_eq!(world.questions.get(), 1);
    assert_eq!(look(&world, &memory, None), "canary-1");
    // Nobody was asked for it: not the provider, and not the Keeper.
    assert_eq!((world.requests(), world.questions.get()), (2, 1));
    // That it is used is told when the message is on its way, and once.
    for _ in 0..3 {
        assert_eq!(world.send(&memory), "canary-1");
        assert_eq!(world.questions.get(), 2);
    }
    // Nor has another Outbox anything to tell: it finds the token without the mark.
    assert_eq!(world.send(&TokenMemory::default()), "canary-1");
    assert_eq!((world.requests(), world.questions.get()), (2, 2));
}

#[test]
fn a_mailbox_that_sends_once_an_hour_never_waits_for_the_provider() {
    let world = numbered(60);
    for minute in 0..60 * 24 {
        // Each time an Outbox that has just been started, and remembers nothing.
        if minute % 60 == 7 {
            let (asked, requests) = (world.questions.get(), world.requests());
            let memory = TokenMemory::default();
            look(&world, &memory, None);
            let first = minute == 7;
            assert_eq!(world.requests() - requests, usize::from(first), "{minute}");
            assert_eq!(
                world.questions.get() - asked,
                usize::from(first),
                "{minute}"
            );
            world
                .clock
                .run(tokens(&world, &memory).report(&world.clock));
        }
        world.pass(MINUTE);
    }
    // Once for each lifetime, less what it is renewed ahead.
    assert_eq!(world.requests(), 1 + 24 * 60 / 53);
    assert!(world.questions.get() <= 1 + world.requests());
}

#[test]
fn what_nobody_uses_is_renewed_for_two_lifetimes_and_then_looked_at_once_a_day() {
    let world = numbered(60);
    world.send(&TokenMemory::default());
    world.pass(HOUR * 3);
    assert_eq!(world.requests(), 3);
    for day in 1..=20 {
        world.pass(DAY);
        assert_eq!(world.requests(), 3 + day);
    }
    // Whoever comes then is not made to wait for long after a check, and is known to be there.
    world.pass(DAY - HOUR * 3 + RENEWED * 2);
    assert_eq!(world.requests(), 24);
    world.send(&TokenMemory::default());
    assert_eq!(world.requests(), 24);
    world.pass(HOUR);
    assert_eq!(world.requests(), 25, "in use again");
}

#[test]
fn k7_a_grant_that_has_ended_is_found_by_the_check_and_asked_about_no_more() {
    let world = World::new([(200, TWO), (200, TWO), (200, TWO), (400, GONE)]);
    world.send(&TokenMemory::default());
    world.pass(DAY + HOUR * 3);
    assert_eq!(world.requests(), 4);
    assert_eq!(world.custody.alarm.get(), None);
    // A late alarm changes nothing.
    world.pass(DAY * 30);
    world.ring();
    assert_eq!((world.requests(), world.custody.alarm.get()), (4, None));
    let failure = world.token(None).unwrap_err();
    assert_eq!(failure.failure.cause, Cause::ReauthorisationRequired);
}

#[test]
fn what_is_found_unasked_is_told_to_the_owner_once() {
    let world = World::new([(200, TWO), (200, TWO), (200, TWO), (400, GONE)]);
    world.send(&TokenMemory::default());
    world.deaf.set(true);
    world.pass(DAY + HOUR * 2);
    assert_eq!(world.requests(), 4);
    assert!(world.told.borrow().is_empty());
    // It is stored that they are to be told, and tried again until they are.
    world.unsaved.replace(None);
    world.deaf.set(false);
    world.pass(MINUTE * 15);
    assert_eq!(world.told.borrow().len(), 1);
    assert_eq!(world.told.borrow()[0].cause, Cause::ReauthorisationRequired);
    world.pass(DAY * 3);
    assert_eq!((world.told.borrow().len(), world.requests()), (1, 4));
    assert_eq!(world.custody.alarm.get(), None);
}

#[test]
fn what_whoever_asked_has_heard_and_what_passes_is_told_to_nobody() {
    let world = World::new([(200, TWO), (400, GONE)]);
    world.send(&TokenMemory::default());
    world.clock.advance(DAY);
    world.token(None).unwrap_err();
    world.ring();
    let weather = World::new([(200, TWO), (503, "oops")]);
    weather.send(&TokenMemory::default());
    weather.pass(HOUR * 12);
    assert!(weather.requests() > 3);
    for world in [world, weather] {
        assert!(world.told.borrow().is_empty());
    }
}

#[test]
fn what_was_to_be_told_is_not_when_the_mailbox_is_connected_again() {
    let mut world = World::new([(200, TWO), (400, GONE), (200, ONE)]);
    world.send(&TokenMemory::default());
    world.deaf.set(true);
    world.pass(HOUR);
    world.deaf.set(false);
    world.bootstrap = Some(Secret::new("fresh"));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    world.pass(HOUR * 12);
    assert!(world.told.borrow().is_empty());
}

#[test]
fn k8_a_client_secret_that_has_expired_is_looked_at_once_a_day() {
    let expired = r#"{"error":"invalid_client","error_codes":[7000222]}"#;
    let world = World::new([(200, TWO), (401, expired)]);
    world.send(&TokenMemory::default());
    world.pass(HOUR);
    for day in 0..5 {
        assert_eq!(world.requests(), 2 + day);
        world.pass(DAY);
    }
}

#[test]
fn what_is_disconnected_or_was_never_connected_is_not_asked_about() {
    let world = World::new([(200, TWO)]);
    world.send(&TokenMemory::default());
    world.clock.run(world.keeper().disconnect()).unwrap();
    assert_eq!(world.custody.alarm.get(), None);

    let mut never = World::new([(200, TWO)]);
    never.bootstrap = None;
    never.token(None).unwrap_err();
    never.ring();
    assert_eq!((never.requests(), never.custody.alarm.get()), (0, None));
}

#[test]
fn k9_bad_weather_puts_a_renewal_off_and_takes_nothing_away() {
    let world = World::new([(200, ONE), (503, "oops"), (503, "oops"), (200, TWO)]);
    let memory = TokenMemory::default();
    world.send(&memory);
    world.pass(RENEWED);
    assert_eq!(world.requests(), 2);
    let wait = world.alarm_in().unwrap();
    assert!(wait >= Duration::from_secs(5) && wait <= MINUTE, "{wait:?}");
    // The token that is there goes on meanwhile.
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(world.requests(), 2);
    world.pass(STALE - RENEWED);
    assert_eq!(world.requests(), 4);
    assert_eq!(world.send(&memory), "canary-two");
}

#[test]
fn k4_what_a_renewal_rotates_is_stored_before_it_is_shared() {
    let world = numbered(3);
    world.send(&TokenMemory::default());
    let stored = world.custody.has_access.clone();
    world.cache.stored_first.replace(Some(stored));
    world.custody.has_access.set(false);
    world.pass(RENEWED);
    assert!(world.cache.seen_stored.get());
    world.pass(RENEWED);
    let requests = world.provider.requests.borrow();
    assert!(requests[1].contains("refresh_token=rotated-0"));
    assert!(requests[2].contains("refresh_token=rotated-1"));
}

#[test]
fn k6_a_renewal_that_could_not_be_stored_is_stored_when_the_alarm_rings_again() {
    let world = numbered(3);
    world.send(&TokenMemory::default());
    let cached = world.cache.values.borrow()[RECORD].clone();
    world.clock.advance(RENEWED);
    world.custody.writes.set(Writes::Fail);
    assert!(world.clock.run(world.wake()).is_err());
    assert_eq!(world.cache.values.borrow()[RECORD], cached, "not shared");
    world.custody.writes.set(Writes::Work);
    world.clock.advance(MINUTE);
    world.ring();
    // Nothing was lost, and nobody asked again.
    assert_eq!(world.requests(), 2);
    assert_eq!(world.token(None).unwrap(), "canary-1");

    // Where the object dies in between, the provider says once that the old one is used up.
    let world = World::new([(200, TWO), (200, TWO), (400, GONE)]);
    world.send(&TokenMemory::default());
    world.clock.advance(RENEWED);
    world.custody.writes.set(Writes::Fail);
    assert!(world.clock.run(world.wake()).is_err());
    world.unsaved.replace(None);
    world.custody.writes.set(Writes::Work);
    world.ring();
    assert_eq!((world.requests(), world.custody.alarm.get()), (3, None));
    world.pass(DAY * 3);
    assert_eq!(world.requests(), 3);
}

#[test]
fn k5_a_renewal_and_twenty_who_ask_cost_one_request() {
    let world = numbered(3);
    world.send(&TokenMemory::default());
    world.clock.advance(STALE);
    let asking = join_all((0..20).map(|_| world.ask(None)));
    let both = futures_util::future::join(world.wake(), asking);
    let (woken, all) = world.clock.run(both);
    woken.unwrap();
    assert!(all.iter().all(|token| token.as_deref() == Ok("canary-1")));
    assert_eq!(world.requests(), 2);
}

#[test]
fn an_alarm_that_rings_early_or_twice_asks_nobody() {
    let world = numbered(3);
    world.send(&TokenMemory::default());
    for _ in 0..3 {
        world.ring();
        assert_eq!(world.alarm_in(), Some(RENEWED));
    }
    assert_eq!(world.requests(), 1);
}

#[test]
fn c4_a_token_of_a_minute_is_used_and_never_renewed_ahead() {
    for seconds in [0, 1, 60, 120, 239] {
        let short = format!(
            r#"{{"token_type":"Bearer","access_token":"canary-short","expires_in":{seconds}}}"#
        );
        let world = World::new([(200, short.as_str())]);
        assert_eq!(world.send(&TokenMemory::default()), "canary-short");
        world.pass(DAY * 2);
        assert_eq!(world.requests(), 3, "{seconds}");
    }
}

#[test]
fn c3_a_clock_that_jumps_costs_a_request_and_no_loop() {
    // Ahead: the token counts as ended before its time.
    let world = numbered(9);
    let memory = TokenMemory::default();
    world.send(&memory);
    world.clock.advance(HOUR);
    world.ring();
    assert_eq!(world.send(&memory), "canary-1");
    assert_eq!((world.requests(), world.alarm_in()), (2, Some(RENEWED)));

    // Back: what is used until a server refuses it is replaced once, and the alarm is late by as much.
    let world = numbered(9);
    let memory = TokenMemory::default();
    world.clock.advance(HOUR);
    world.send(&memory);
    world.clock.set(NOW);
    world.ring();
    assert_eq!(world.alarm_in(), Some(HOUR + RENEWED));
    assert_eq!(world.send(&memory), "canary-0");
    assert_eq!(look(&world, &memory, Some("canary-0")), "canary-1");
    assert_eq!(world.alarm_in(), Some(RENEWED));
    assert_eq!(world.requests(), 2);
}

#[test]
fn a_record_that_knew_no_times_is_looked_at_within_the_day() {
    let world = World::new([(200, ONE)]);
    let stored = include_str!("../fixtures/keeper-v2.json").trim_end();
    world.custody.record.replace(Some(stored.to_owned()));
    world.token(None).unwrap();
    assert_eq!(world.alarm_in(), Some(DAY));
    world.pass(DAY);
    assert_eq!(world.requests(), 1);
}

#[test]
fn what_no_longer_opens_makes_no_alarm_that_never_ends() {
    let mut world = numbered(3);
    world.send(&TokenMemory::default());
    let other = RootKey::parse("AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
    world.sealer = Sealer::new(&other, None, Purpose::Seal);
    world.pass(DAY);
    assert_eq!(world.requests(), 1);
    assert_eq!(world.alarm_in(), Some(RENEWED), "a day after it was found");
}
