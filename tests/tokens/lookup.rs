//! Where an Outbox finds a token: in memory, in the cache, at the Keeper.

use super::*;

#[test]
fn memory_comes_first_then_the_cache_then_the_keeper() {
    let world = World::new([(200, ONE), (200, TWO)]);
    let (first, second) = (TokenMemory::default(), TokenMemory::default());
    assert_eq!(look(&world, &first, None), "canary-one");
    // Another Outbox of the same credential finds it in the cache, even if the Keeper were gone.
    world.custody.record.replace(None);
    assert_eq!(look(&world, &second, None), "canary-one");
    // And from memory, even if the cache were gone.
    world.cache.values.borrow_mut().clear();
    assert_eq!(look(&world, &second, None), "canary-one");
    assert_eq!(world.requests(), 1);
}

#[test]
fn d5_a_cache_that_fails_lies_or_is_stale_costs_a_question_and_nothing_else() {
    let world = World::new([(200, ONE), (200, TWO)]);
    look(&world, &TokenMemory::default(), None);
    let good = world.cache.values.borrow()[RECORD].clone();

    let mut garbled = good.clone();
    garbled[20] ^= 1;
    let elsewhere = world
        .sealer
        .seal("token/v1/other/resource", b"{}", [0; 12])
        .unwrap();
    let other_form = world.sealer.seal(RECORD, br#"{"v":9}"#, [1; 12]).unwrap();
    for value in [vec![], b"garbage".to_vec(), garbled, elsewhere, other_form] {
        world
            .cache
            .values
            .borrow_mut()
            .insert(RECORD.to_owned(), value);
        assert_eq!(look(&world, &TokenMemory::default(), None), "canary-one");
    }
    world.cache.broken.set(true);
    assert_eq!(look(&world, &TokenMemory::default(), None), "canary-one");
    assert_eq!(world.requests(), 1);

    // Stale: an old token is served after it has expired.
    world.cache.broken.set(false);
    world
        .cache
        .values
        .borrow_mut()
        .insert(RECORD.to_owned(), good);
    world.clock.set(NOW.after(Duration::from_secs(3600)));
    assert_eq!(look(&world, &TokenMemory::default(), None), "canary-two");
    assert!(world.clock.now() >= NOW);
}

#[test]
fn d6_a_token_that_ends_during_the_send_costs_one_refresh_and_is_not_taken_from_the_cache_again() {
    let world = World::new([(200, ONE), (200, TWO)]);
    let memory = TokenMemory::default();
    assert_eq!(look(&world, &memory, None), "canary-one");
    assert_eq!(look(&world, &memory, Some("canary-one")), "canary-two");
    assert_eq!(look(&world, &memory, None), "canary-two");
    assert_eq!(world.requests(), 2);
}
