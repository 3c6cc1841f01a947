//! An access token for a mailbox: from memory, else from the cache, else from its Keeper.

use std::cell::RefCell;

use super::{
    ports::{Clock, TokenCache, TokenSource},
    submit::by,
};
use crate::{
    limits::{CACHE_TIMEOUT, KEEPER_TIMEOUT},
    oauth::{CachedToken, Fingerprint, TokenFailure},
    seal::Sealer,
};

/// Where tokens are looked for, in this order.
#[derive(Debug)]
pub struct Tokens<'a, C, S> {
    /// The token this object used last.
    pub memory: &'a RefCell<Option<CachedToken>>,
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
        let known = self.memory.borrow().clone();
        if let Some(known) = known.filter(|token| usable(token, refused, clock)) {
            return Ok(known);
        }
        if refused.is_none()
            && let Some(cached) = self.cached(clock).await
            && usable(&cached, None, clock)
        {
            self.memory.replace(Some(cached.clone()));
            return Ok(cached);
        }
        let deadline = clock.now().after(KEEPER_TIMEOUT);
        let asked = by(clock, deadline, self.source.token(refused)).await;
        let token = asked.unwrap_or_else(|| Err(TokenFailure::unavailable()))?;
        self.memory.replace(Some(token.clone()));
        Ok(token)
    }

    /// Anything that does not open, or opens as something else, counts as nothing cached: it
    /// costs a question to the Keeper.
    async fn cached(&self, clock: &impl Clock) -> Option<CachedToken> {
        let deadline = clock.now().after(CACHE_TIMEOUT);
        let sealed = by(clock, deadline, self.cache.get(self.record)).await??;
        CachedToken::from_stored(&self.sealer.open(self.record, &sealed).ok()?)
    }
}

fn usable(token: &CachedToken, refused: Option<&Fingerprint>, clock: &impl Clock) -> bool {
    let named = refused.is_some_and(|refused| *refused == Fingerprint::of(token.token.expose()));
    token.is_fresh(clock.now()) && !named
}
