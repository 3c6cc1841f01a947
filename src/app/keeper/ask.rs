//! Asking the provider: which question there is by which right, and what is found before one is put.

use super::{
    super::{
        keeper_record::{Candidate, Record},
        ports::{
            CannotSign, Clock, Entropy, HttpClient, NoEntropy, TokenCache, TokenCustody, random,
        },
    },
    Keeper,
};
use crate::{
    oauth::{
        Assertion, AssertionKey, ClientAuthentication, ClientCredentialsGrant, ClientProof,
        CodeGrant, Granted, JwtBearerGrant, RefreshGrant, Revocation, Right, TokenFailure,
    },
    outcome::{Cause, Trouble},
    secret::Secret,
};

/// What an access token is asked for with.
pub(super) enum Grant<'a> {
    /// What a person has granted.
    Refresh(Secret),
    /// The application's own right.
    Application,
    /// The right of a service account, by its key.
    ServiceAccount(&'a AssertionKey),
}

impl<'k, S, H, C, K, E> Keeper<'k, S, H, C, K, E>
where
    S: TokenCustody,
    H: HttpClient,
    C: TokenCache,
    K: Clock,
    E: Entropy,
{
    /// What there is to ask with.
    pub(super) fn grant(&self, record: &Record) -> Result<Grant<'k>, TokenFailure> {
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
            Right::ServiceAccount => match self.client {
                ClientAuthentication::Key(key) => Ok(Grant::ServiceAccount(key)),
                // The configuration has no such mailbox.
                ClientAuthentication::None | ClientAuthentication::Secret(_) => Err(unusable_key()),
            },
        }
    }

    /// One request for an access token.
    pub(super) async fn ask(&self, grant: &Grant<'_>) -> Result<Granted, TokenFailure> {
        let provider = self.whole_provider().await?;
        let now = self.clock.now();
        let send = |request| self.http.send(request);
        let answer = match grant {
            Grant::Refresh(refresh_token) => {
                let grant = RefreshGrant {
                    provider: &provider,
                    client_id: self.client_id,
                    client_proof: self.proof().await?,
                    refresh_token,
                };
                grant.request(send, now).await
            }
            Grant::Application => {
                let grant = ClientCredentialsGrant {
                    provider: &provider,
                    client_id: self.client_id,
                    client_proof: self.proof().await?,
                };
                grant.request(send, now).await
            }
            Grant::ServiceAccount(key) => {
                let scope = self.provider.application_scope.as_deref();
                let assertion = Assertion::of_service_account(
                    key,
                    self.client_id,
                    self.subject.as_str(),
                    scope.unwrap_or_default(),
                    &self.provider.assertion_audience,
                    now,
                );
                let grant = JwtBearerGrant {
                    provider: &provider,
                    assertion: &self.signed(key, assertion).await?,
                };
                grant.request(send, now).await
            }
        };
        answer.inspect_err(|failure| self.doubt(failure))
    }

    /// How the client proves who it is, this time: no assertion is presented twice.
    async fn proof(&self) -> Result<ClientProof<'k>, TokenFailure> {
        let key = match self.client {
            ClientAuthentication::None => return Ok(ClientProof::None),
            ClientAuthentication::Secret(secret) => return Ok(ClientProof::Secret(secret)),
            ClientAuthentication::Key(key) => key,
        };
        let unique = random(self.entropy).map_err(|NoEntropy| TokenFailure::unavailable())?;
        let assertion = Assertion::of_client(
            key,
            self.client_id,
            &self.provider.assertion_audience,
            unique,
            self.clock.now(),
        );
        self.signed(key, assertion)
            .await
            .map(ClientProof::Assertion)
    }

    async fn signed(
        &self,
        key: &AssertionKey,
        assertion: Assertion,
    ) -> Result<Secret, TokenFailure> {
        let input = assertion.signing_input();
        match self.signer.sign(&key.key, key.algorithm, input).await {
            Ok(signature) => Ok(assertion.signed(&signature)),
            Err(CannotSign) => Err(unusable_key()),
        }
    }

    /// Exchanges a code for a grant.
    pub(super) async fn exchange(
        &self,
        code: &Secret,
        code_verifier: &Secret,
        redirect_uri: &str,
    ) -> Result<Granted, TokenFailure> {
        let provider = self.whole_provider().await?;
        let grant = CodeGrant {
            provider: &provider,
            client_id: self.client_id,
            client_proof: self.proof().await?,
            code,
            code_verifier,
            redirect_uri,
        };
        let now = self.clock.now();
        grant.request(|request| self.http.send(request), now).await
    }

    /// Gives a refresh token back, where the provider takes it; whether it did.
    pub(super) async fn revoke(&self, refresh_token: &Secret) -> bool {
        let Ok(provider) = self.whole_provider().await else {
            return false;
        };
        let Ok(client_proof) = self.proof().await else {
            return false;
        };
        let revocation = Revocation {
            provider: &provider,
            client_id: self.client_id,
            client_proof,
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
        if self.right != Right::Consent || granted.covers(&self.provider.smtp_scope) {
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

fn unusable_key() -> TokenFailure {
    let (cause, trouble) = (Cause::TokenMisconfigured, Trouble::Configuration);
    TokenFailure::found(cause, trouble, "token_key_unusable")
}

fn without_grant(finding: &'static str) -> TokenFailure {
    let (cause, trouble) = (Cause::ReauthorisationRequired, Trouble::Authentication);
    TokenFailure::found(cause, trouble, finding)
}

fn on_trial() -> TokenFailure {
    let (cause, trouble) = (Cause::TokenUnavailable, Trouble::Transient);
    TokenFailure::found(cause, trouble, "token_on_trial")
}
