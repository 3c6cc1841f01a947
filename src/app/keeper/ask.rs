//! Asking the provider: which question there is by which right, and what is found before one is put.

use super::{
    super::{
        keeper_record::Record,
        ports::{Clock, Entropy, HttpClient, TokenCache, TokenCustody},
    },
    ConnectQuestion, Keeper,
};
use crate::{
    oauth::{
        ClientCredentialsGrant, CodeGrant, Granted, RefreshGrant, Revocation, Right, TokenFailure,
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
        if record.disconnected {
            return Err(without_grant("token_disconnected"));
        }
        match self.right {
            Right::Consent => self
                .unsealed(record.refresh.as_ref())
                .map(Grant::Refresh)
                .ok_or_else(|| without_grant("token_not_connected")),
            Right::Application => Ok(Grant::Application),
        }
    }

    /// One request for an access token.
    pub(super) async fn ask(&self, grant: &Grant) -> Result<Granted, TokenFailure> {
        let provider = self.whole_provider().await?;
        let now = self.clock.now();
        let send = |request| self.http.send(request);
        let answer = match grant {
            Grant::Refresh(refresh_token) => {
                let grant = RefreshGrant {
                    provider: &provider,
                    client_id: self.client_id,
                    client_proof: self.client_secret.into(),
                    refresh_token,
                };
                grant.request(send, now).await
            }
            Grant::Application => {
                let grant = ClientCredentialsGrant {
                    provider: &provider,
                    client_id: self.client_id,
                    client_proof: self.client_secret.into(),
                };
                grant.request(send, now).await
            }
        };
        answer.inspect_err(|failure| self.doubt(failure))
    }

    /// Exchanges a code for a grant.
    pub(super) async fn exchange(
        &self,
        question: &ConnectQuestion,
        code_verifier: &Secret,
    ) -> Result<Granted, TokenFailure> {
        let provider = self.whole_provider().await?;
        let grant = CodeGrant {
            provider: &provider,
            client_id: self.client_id,
            client_proof: self.client_secret.into(),
            code: &Secret::new(question.code.as_str()),
            code_verifier,
            redirect_uri: &question.redirect_uri,
        };
        let now = self.clock.now();
        grant.request(|request| self.http.send(request), now).await
    }

    /// Gives a refresh token back, where the provider takes it; whether it did.
    pub(super) async fn revoke(&self, refresh_token: &Secret) -> bool {
        let Ok(provider) = self.whole_provider().await else {
            return false;
        };
        let revocation = Revocation {
            provider: &provider,
            client_id: self.client_id,
            client_proof: self.client_secret.into(),
            refresh_token,
        };
        let Some(request) = revocation.request() else {
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
