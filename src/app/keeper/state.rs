//! How a credential stands, for its operator.

use serde::{Deserialize, Serialize};

use super::{
    super::ports::{Clock, Entropy, HttpClient, StoreFault, TokenCache, TokenCustody},
    Broken, Keeper,
};
use crate::{
    oauth::{Right, TokenFailure},
    outcome::Failure,
};

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialState {
    /// Whether there is a grant.
    pub connected: bool,
    /// What the provider said last, where a person has to act on it.
    pub failure: Option<Failure>,
    /// What has become of a refresh token that is to take its place.
    pub trial: Option<Trial>,
}

/// A refresh token on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// It has yet to prove good.
    Pending,
    /// It is no good, and the grant before it, if there is one, goes on.
    Refused(Failure),
}

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// How the credential stands. What was supplied anew is taken over, so that its trial begins.
    ///
    /// # Errors
    /// When storage fails.
    pub fn state(&self) -> Result<CredentialState, StoreFault> {
        self.state_now().map_err(|Broken| StoreFault)
    }

    fn state_now(&self) -> Result<CredentialState, Broken> {
        let mut record = self.load()?;
        // While somebody asks the provider, the record is theirs.
        if let Some(_flight) = self.flight.try_lock() {
            self.adopt_settings(&mut record)?;
        }
        let connected = match self.right {
            Right::Application | Right::ServiceAccount => !record.disconnected,
            Right::Consent => self.unsealed(record.refresh.as_ref()).is_some(),
        };
        let needs_person = |failure: &TokenFailure| !failure.is_transient();
        let failure = record.failure.filter(needs_person).map(|it| it.failure);
        let trial = record.candidate.map(|candidate| match candidate.refused {
            Some(refused) => Trial::Refused(refused.failure),
            None => Trial::Pending,
        });
        Ok(CredentialState {
            connected,
            failure,
            trial,
        })
    }
}
