//! An access token for a mailbox: from memory, else from the cache, else from its Keeper.

use std::cell::{Cell, RefCell};

use super::{
    ports::{Clock, TokenCache, TokenSource},
    submit::by,
};
use crate::{
    limits::{CACHE_TIMEOUT, KEEPER_TIMEOUT},
    oauth::{CachedToken, Fingerprint, TokenFailure},
    seal::Sealer,
};

/// What an Outbox remembers of tokens, and loses when it is restarted.
#[derive(Debug, Default)]
pub struct TokenMemory {
    /// The token it used last.
    token: RefCell<Option<CachedToken>>,
    /// The grant that is in force: no token of one before is used any more, wherever it comes from.
    epoch: Cell<u32>,
}

impl TokenMemory {
    /// Forgets the token. Those of grants before this one have been taken back: the cache may still
    /// show them, and somebody may be on the way here with one.
    pub fn forget(&self, epoch: u32) {
        self.token.replace(None);
        self.epoch.set(self.epoch.get().max(epoch));
    }

    /// Whether there is no token. While a connection is open, this means that the one it was opened
    /// with has been taken back.
    pub(super) fn is_empty(&self) -> bool {
        self.token.borrow().is_none()
    }

    fn keep(&self, token: &CachedToken) {
        self.token.replace(Some(token.clone()));
    }
}

/// Where tokens are looked for, in this order.
#[derive(Debug)]
pub struct Tokens<'a, C, S> {
    /// The token this object used last.
    pub memory: &'a TokenMemory,
    /// Workers KV: sealed, eventually consistent, never trusted further than it opens.
    pub cache: &'a C,
    /// The Keeper.
    pub source: &'a S,
    /// Opens what the cache holds.
    pub sealer: &'a Sealer,
    /// The name under which it is cached and sealed.
    pub record: &'a str,
}

impl<C: TokenCache, S: TokenSource> Tokens<'_, C, S> {
    /// A token that is fresh and is not the one named as `refused`. Naming one passes by the
    /// cache, which may still hold it, and lets the Keeper decide whether it has a newer one
    /// already: many who were refused cost one refresh.
    ///
    /// # Errors
    /// When the Keeper has none.
    pub async fn token(
        &self,
        refused: Option<&Fingerprint>,
        clock: &impl Clock,
    ) -> Result<CachedToken, TokenFailure> {
        let known = self.memory.token.borrow().clone();
        if let Some(known) = known.filter(|token| self.usable(token, refused, clock)) {
            return Ok(known);
        }
        if refused.is_none()
            && let Some(cached) = self.cached(clock).await
            && self.usable(&cached, None, clock)
        {
            self.memory.keep(&cached);
            return Ok(cached);
        }
        let mut token = self.asked(refused, clock).await?;
        if !self.in_force(&token) {
            // It was taken back while it was on its way.
            token = self.asked(refused, clock).await?;
        }
        if !self.in_force(&token) {
            return Err(TokenFailure::unavailable());
        }
        self.memory.keep(&token);
        Ok(token)
    }

    /// Takes a token that was asked for ahead to its Keeper, which otherwise would not know that it is
    /// used, and keeps the one that comes back. When the mail work is done: nobody waits for it.
    pub async fn report(&self, clock: &impl Clock) {
        let known = self.memory.token.borrow().clone();
        if !known.is_some_and(|known| known.unused && known.is_fresh(clock.now())) {
            return;
        }
        let deadline = clock.now().after(CACHE_TIMEOUT);
        // Where it is not heard, it is told again after the next message.
        if let Some(Ok(token)) = by(clock, deadline, self.source.token(None)).await
            && self.usable(&token, None, clock)
        {
            self.memory.keep(&token);
        }
    }

    async fn asked(
        &self,
        refused: Option<&Fingerprint>,
        clock: &impl Clock,
    ) -> Result<CachedToken, TokenFailure> {
        let deadline = clock.now().after(KEEPER_TIMEOUT);
        let asked = by(clock, deadline, self.source.token(refused)).await;
        asked.unwrap_or_else(|| Err(TokenFailure::unavailable()))
    }

    /// Anything that does not open, or opens as something else, counts as nothing cached: it
    /// costs a question to the Keeper.
    async fn cached(&self, clock: &impl Clock) -> Option<CachedToken> {
        let deadline = clock.now().after(CACHE_TIMEOUT);
        let sealed = by(clock, deadline, self.cache.get(self.record)).await??;
        CachedToken::from_stored(&self.sealer.open(self.record, &sealed).ok()?)
    }

    fn in_force(&self, token: &CachedToken) -> bool {
        token.epoch >= self.memory.epoch.get()
    }

    fn usable(
        &self,
        token: &CachedToken,
        refused: Option<&Fingerprint>,
        clock: &impl Clock,
    ) -> bool {
        let named =
            refused.is_some_and(|refused| *refused == Fingerprint::of(token.token.expose()));
        token.is_fresh(clock.now()) && self.in_force(token) && !named
    }
}
