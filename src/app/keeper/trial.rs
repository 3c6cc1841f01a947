//! What the operator supplies: settings, and a refresh token that has to prove good.

use super::{
    super::{
        keeper_record::{Candidate, Record},
        ports::{Clock, Entropy, HttpClient, TokenCache, TokenCustody},
    },
    Broken, Keeper,
    ask::Grant,
};
use crate::{
    oauth::{Fingerprint, Granted, Right},
    outbox::Health,
};

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// Takes over a refresh token that was supplied and not seen before, and forgets failures
    /// that a changed setting may have mended.
    pub(super) fn adopt_settings(&self, record: &mut Record) -> Result<(), Broken> {
        let client = self.client.settings();
        let client = client.expose();
        let scope = &self.provider.smtp_scope;
        let settings = Fingerprint::of(&format!("{}\n{scope}\n{client}", self.client_id));
        let mut changed = false;
        if record.settings.as_ref() != Some(&settings) {
            // An application is connected by its settings, so others connect it again.
            if record.settings.is_some() && self.right != Right::Consent {
                record.disconnected = false;
            }
            record.settings = Some(settings);
            if let Some(candidate) = &mut record.candidate {
                candidate.refused = None;
            }
            changed = true;
        }
        if let Some(token) = self.bootstrap {
            let fingerprint = Fingerprint::of(token.expose());
            if !record.knows(&fingerprint) {
                let refresh = self.seal_refresh(token)?;
                if record.has_working_grant() {
                    let refused = None;
                    record.candidate = Some(Candidate { refresh, refused });
                } else {
                    record.refresh = Some(refresh);
                    record.access = None;
                    record.candidate = None;
                }
                record.disconnected = false;
                record.remember(fingerprint);
                changed = true;
            }
        }
        if changed {
            record.health = Health::Up;
            record.failure = None;
            self.store(record)?;
        }
        Ok(())
    }

    /// Puts a refresh token on trial to the test, where there is one. It takes the place of the
    /// one before only when the provider took it.
    pub(super) async fn try_candidate(
        &self,
        record: &mut Record,
    ) -> Result<Option<Granted>, Broken> {
        let now = self.clock.now();
        let Some(candidate) = &record.candidate else {
            return Ok(None);
        };
        if candidate.refused.is_some() || !record.health.allows(now) {
            return Ok(None);
        }
        let refresh = candidate.refresh.clone();
        let Some(token) = self.unsealed(Some(&refresh)) else {
            record.candidate = None;
            return Ok(None);
        };
        let asked = self.ask(&Grant::Refresh(token)).await;
        let tried = asked.and_then(|granted| self.suffices(&granted).map(|()| granted));
        let failure = match tried {
            Ok(granted) => {
                record.refresh = Some(refresh);
                record.candidate = None;
                return Ok(Some(granted));
            }
            Err(failure) => failure,
        };
        // After a passing fault it is tried again at the next refresh. The fault says nothing against
        // the grant that works, which must not wait on its account.
        if !failure.is_transient() {
            record.candidate = Some(Candidate {
                refresh,
                refused: Some(failure),
            });
            self.store(record)?;
        }
        Ok(None)
    }
}
