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
    outbox::Health,
    secret::Secret,
};

/// What became of disconnecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnected {
    /// Whether the provider took the grant back. Where not, its owner can end it there.
    pub revoked: bool,
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
        let token = self.forget().map_err(|Broken| StoreFault)?;
        let deadline = self.clock.now().after(CACHE_TIMEOUT);
        // What does not open counts as nothing cached.
        let put = self.cache.put(self.record, &[], KV_TTL_MIN.as_secs());
        by(self.clock, deadline, put).await;
        let revoked = match token {
            Some(token) => self.revoke(&token).await,
            None => false,
        };
        Ok(Disconnected { revoked })
    }

    fn forget(&self) -> Result<Option<Secret>, Broken> {
        let mut record = self.load()?;
        self.adopt_settings(&mut record)?;
        let token = self.unsealed(record.refresh.as_ref());
        record.refresh = None;
        record.access = None;
        record.candidate = None;
        record.health = Health::Up;
        record.failure = None;
        record.disconnected = true;
        self.store(&record)?;
        Ok(token)
    }
}
