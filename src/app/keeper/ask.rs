//! Asking the provider: which question there is by which right, and what is found before one is put.

use super::{
    super::{
        keeper_record::{Candidate, Record},
        ports::{Clock, Entropy, HttpClient, TokenCache, TokenCustody},
    },
    Keeper,
};
use crate::{
    oauth::{
        ClientCredentialsGrant, CodeGrant, Granted, RefreshGrant, Right, TokenFailure, revocation,
    },
    outcome::{Cause, Trouble},
    secret::Secret,
};

/// What an access token is asked for with.
pub(super) enum Grant {
    /// What a person has granted.
    Refresh(Secret),
    /// The application's own right.
    Application,
}

impl<S, H, C, K, E> Keeper<'_, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// What there is to ask with.
    pub(super) fn grant(&self, record: &Record) -> Result<Grant, TokenFailure> {
        let candidate = record.candidate.as_ref();
        let none = match candidate.and_then(Candidate::due_at) {
            Some(_) => on_trial(),
            None if record.disconnected => without_grant("token_disconnected"),
            None => without_grant("token_not_connected"),
        };
        match self.right {
            _ if record.disconnected => Err(none),
            Right::Consent => self
                .unsealed(record.refresh.as_ref())
                .map(Grant::Refresh)
                .ok_or(none),
            Right::Application => Ok(Grant::Application),
        }
    }

    /// One request for an access token.
    pub(super) async fn ask(&self, grant: &Grant) -> Result<Granted, TokenFailure> {
        let now = self.clock.now();
        let send = |request| self.http.send(request);
        match grant {
            Grant::Refresh(refresh_token) => {
                let grant = RefreshGrant {
                    provider: self.provider,
                    client_id: self.client_id,
                    client_proof: self.client_secret.into(),
                    refresh_token,
                };
                grant.request(send, now).await
            }
            Grant::Application => {
                let grant = ClientCredentialsGrant {
                    provider: self.provider,
                    client_id: self.client_id,
                    client_proof: self.client_secret.into(),
                };
                grant.request(send, now).await
            }
        }
    }

    /// Exchanges a code for a grant.
    pub(super) async fn exchange(
        &self,
        code: &Secret,
        code_verifier: &Secret,
        redirect_uri: &str,
    ) -> Result<Granted, TokenFailure> {
        let grant = CodeGrant {
            provider: self.provider,
            client_id: self.client_id,
            client_proof: self.client_secret.into(),
            code,
            code_verifier,
            redirect_uri,
        };
        let now = self.clock.now();
        grant.request(|request| self.http.send(request), now).await
    }

    /// Gives a refresh token back, where the provider takes it; whether it did.
    pub(super) async fn revoke(&self, refresh_token: &Secret) -> bool {
        let Some(request) = revocation(self.provider, refresh_token) else {
            return false;
        };
        let answer = self.http.send(request).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Whether what was granted lets it send mail. Where it does not, the mail server would refuse
    /// the token and not say why.
    pub(super) fn suffices(&self, granted: &Granted) -> Result<(), TokenFailure> {
        if self.right == Right::Application || granted.covers(&self.provider.smtp_scope) {
            return Ok(());
        }
        let (cause, trouble) = (Cause::TokenMisconfigured, Trouble::Configuration);
        Err(TokenFailure::found(
            cause,
            trouble,
            "token_scope_too_narrow",
        ))
    }
}

fn without_grant(finding: &'static str) -> TokenFailure {
    let (cause, trouble) = (Cause::ReauthorisationRequired, Trouble::Authentication);
    TokenFailure::found(cause, trouble, finding)
}

fn on_trial() -> TokenFailure {
    let (cause, trouble) = (Cause::TokenUnavailable, Trouble::Transient);
    TokenFailure::found(cause, trouble, "token_on_trial")
}
