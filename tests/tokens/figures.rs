//! Counts for `cargo xtask bench tokens` that take days, on a virtual clock.

use super::renewal::{DAY, HOUR, MINUTE, numbered};
use super::*;

#[test]
#[expect(clippy::print_stdout, reason = "what the bench reads")]
fn a_day_of_idling_and_the_moment_of_expiry() {
    let world = numbered(99);
    world.send(&TokenMemory::default());
    world.pass(DAY);
    let before = world.requests();
    world.pass(DAY);
    let idle_day = world.requests() - before;

    // A mail an hour from an Outbox that holds on to its token, and one that was just started.
    let mut waiting = 0;
    for kept in [true, false] {
        let world = numbered(99);
        let mut memory = TokenMemory::default();
        world.send(&memory);
        for _ in 0..24 {
            world.pass(HOUR - MINUTE);
            let before = (world.requests(), world.questions.get());
            if !kept {
                memory = TokenMemory::default();
            }
            look(&world, &memory, None);
            if (world.requests(), world.questions.get()) != before {
                waiting += 1;
            }
            world.send(&memory);
        }
    }
    println!(r#"figures {{"idle_day":{idle_day},"hourly_sends_waiting":{waiting}}}"#);
    assert_eq!((idle_day, waiting), (1, 0));
}
