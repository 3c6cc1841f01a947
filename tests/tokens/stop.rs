//! A Keeper that is stopped does nothing by its alarm, and all of it afterwards.

use super::renewal::{HOUR, numbered};
use super::*;
use crate::support::MemoryStore;
use edgepost::app::{Word, obey_as_keeper};
use edgepost::limits::STOP_LOOK;

#[test]
fn s4_the_alarm_of_a_stopped_keeper_asks_nobody_and_rings_again() {
    let world = numbered(9);
    world.token(None).unwrap();
    world.stopped.set(true);
    // Past the renewal, and past the token's end.
    world.pass(HOUR * 3);
    assert_eq!(world.requests(), 1);
    assert!(world.alarm_in().unwrap() <= STOP_LOOK);
    world.stopped.set(false);
    world.pass(STOP_LOOK);
    assert!(world.requests() > 1);
}

#[test]
fn s4_a_trial_of_a_stopped_keeper_waits_until_it_is_started() {
    let mut world = World::new([(200, TWO), (200, ONE)]);
    world.token(None).unwrap();
    world.bootstrap = Some(Secret::new("second"));
    world.token(None).unwrap();
    let store = MemoryStore::new();
    world.stopped.set(true);
    world.ring();
    assert_eq!((world.requests(), world.server.connections.get()), (1, 0));
    assert_eq!(world.alarm_in(), Some(STOP_LOOK));
    // Whoever starts it does not wait for that.
    obey_as_keeper(Word::Start, &store, &world.custody, &world.clock).unwrap();
    assert_eq!(world.alarm_in(), Some(Duration::ZERO));
    world.stopped.set(false);
    world.server_says("235 ok\r\n");
    world.ring();
    assert_eq!((world.requests(), world.server.connections.get()), (2, 1));
    assert_eq!(world.token(None).unwrap(), "canary-one");
}
