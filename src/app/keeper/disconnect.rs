//! Ending a credential.

use serde::{Deserialize, Serialize};

use super::{
    super::{
        ports::{Clock, Entropy, HttpClient, StoreFault, TokenCache, TokenCustody},
        submit::by,
    },
    Broken, Keeper,
};
use crate::{
    limits::{CACHE_TIMEOUT, KV_TTL_MIN},
    secret::Secret,
};

/// What became of disconnecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnected {
    /// Whether the provider took back everything that was held. Where not, its owner can end it there.
    pub revoked: bool,
    /// Tokens of grants before this one are in force no more.
    pub epoch: u32,
}

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// Ends the credential: forgets its tokens, remembers that it was ended, and gives the refresh
    /// token back where the provider takes it. What was supplied so far does not connect it again,
    /// however often it is deployed.
    ///
    /// # Errors
    /// When it could not be stored; then nothing was given back.
    pub async fn disconnect(&self) -> Result<Disconnected, StoreFault> {
        let _flight = self.flight.lock().await;
        let (tokens, epoch) = self.forget().map_err(|Broken| StoreFault)?;
        let deadline = self.clock.now().after(CACHE_TIMEOUT);
        // What does not open counts as nothing cached.
        let put = self.cache.put(self.record, &[], KV_TTL_MIN.as_secs());
        by(self.clock, deadline, put).await;
        let mut revoked = !tokens.is_empty();
        for token in &tokens {
            // One that does not open cannot be given back.
            revoked &= match token {
                Some(token) => self.revoke(token).await,
                None => false,
            };
        }
        Ok(Disconnected { revoked, epoch })
    }

    /// Gives the refresh tokens that there were, the one in use and the one on trial.
    fn forget(&self) -> Result<(Vec<Option<Secret>>, u32), Broken> {
        let mut record = self.load()?;
        self.adopt_settings(&mut record)?;
        let candidate = record.candidate.as_ref().map(|one| &one.refresh);
        let held = [record.refresh.as_ref(), candidate];
        let tokens = held
            .into_iter()
            .flatten()
            .map(|it| self.unsealed(Some(it)))
            .collect();
        record.replace_grant(None);
        record.disconnected = true;
        self.store(&record)?;
        Ok((tokens, record.epoch))
    }
}
