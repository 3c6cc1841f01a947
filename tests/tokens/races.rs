//! Disconnecting while others are at work: nothing of the grant that was ended is used any more, from
//! wherever it comes.

use super::custody::finding;
use super::*;
use crate::support::until;

fn disconnect(world: &World) -> u32 {
    world.clock.run(world.keeper().disconnect()).unwrap().epoch
}

#[test]
fn what_is_shared_late_does_not_take_the_place_of_what_a_disconnect_has_written() {
    let world = World::new([(200, TWO)]);
    world.cache.slow.set(true);
    let keeper = world.keeper();
    let disconnect = async {
        // When the token is there and on its way into the cache.
        until(|| world.cache.begun.get() > 0).await;
        keeper.disconnect().await
    };
    let (token, ended) = world
        .clock
        .run(futures_util::future::join(world.ask(None), disconnect));
    token.unwrap();
    ended.unwrap();
    assert!(world.cache.values.borrow()[RECORD].is_empty());
}

#[test]
fn a_cache_that_is_a_minute_behind_brings_no_token_back() {
    let world = World::new([(200, TWO)]);
    let memory = TokenMemory::default();
    assert_eq!(look(&world, &memory, None), "canary-two");
    let stale = world.cache.values.borrow().clone();
    let epoch = disconnect(&world);
    memory.forget(epoch);
    world.cache.values.replace(stale);
    let tokens = tokens(&world, &memory);
    let found = world.clock.run(tokens.token(None, &world.clock));
    assert_eq!(finding(&found.unwrap_err()), "token_disconnected");
}

#[test]
fn a_run_that_has_asked_before_does_not_remember_the_token_afterwards() {
    let world = World::new([(200, TWO)]);
    let memory = TokenMemory::default();
    // It is answered, and the answer arrives when the Outbox has heard of the end.
    let late = Late {
        world: &world,
        memory: &memory,
    };
    let tokens = Tokens {
        memory: &memory,
        cache: &world.cache,
        source: &late,
        sealer: &world.sealer,
        record: RECORD,
    };
    let found = world.clock.run(tokens.token(None, &world.clock));
    assert_eq!(finding(&found.unwrap_err()), "token_disconnected");
}

struct Late<'a> {
    world: &'a World,
    memory: &'a TokenMemory,
}

impl TokenSource for Late<'_> {
    async fn token(&self, refused: Option<&Fingerprint>) -> Result<CachedToken, TokenFailure> {
        let answer = TokenSource::token(self.world, refused).await;
        let ended = self.world.keeper().disconnect().await.unwrap();
        self.memory.forget(ended.epoch);
        answer
    }
}

#[test]
fn every_new_grant_puts_an_end_to_the_tokens_of_the_one_before() {
    let mut world = World::new([(200, TWO), (200, "")]);
    let memory = TokenMemory::default();
    look(&world, &memory, None);
    let stale = world.cache.values.borrow().clone();
    memory.forget(disconnect(&world));
    world.bootstrap = Some(Secret::new("second"));
    world
        .provider
        .answers
        .replace([(200, ONE.to_owned())].into());
    world.cache.values.replace(stale);
    assert_eq!(look(&world, &memory, None), "canary-one");
}

#[test]
fn what_was_reported_as_not_done_is_not_done_later() {
    let world = World::new([(200, TWO)]);
    world.token(None).unwrap();
    world.custody.writes.set(Writes::Fail);
    assert!(world.clock.run(world.keeper().disconnect()).is_err());
    world.custody.writes.set(Writes::Work);
    assert_eq!(world.token(None).unwrap(), "canary-two");
    world.clock.advance(Duration::from_secs(4000));
    assert_eq!(world.token(None).unwrap(), "canary-two");
    assert_eq!(world.requests(), 2);
}
