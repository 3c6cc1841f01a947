//! The client credentials grant (RFC 6749 §4.4): an application that acts for itself.

use std::future::Future;

use oauth2::{HttpRequest, HttpResponse, Scope};

use super::{
    ClientProof, Granted, Provider, TokenFailure,
    client::{misconfigured, token_client},
    seam::Seam,
};
use crate::time::UnixMillis;

/// An application and its proof.
#[derive(Debug)]
pub struct ClientCredentialsGrant<'a> {
    /// Who issues the token.
    pub provider: &'a Provider,
    /// To whom.
    pub client_id: &'a str,
    /// The client's proof.
    pub client_proof: ClientProof<'a>,
}

impl ClientCredentialsGrant<'_> {
    /// Asks the provider's token endpoint, by way of `http`, for an access token. It comes without
    /// a refresh token (RFC 6749 §4.4.3).
    ///
    /// # Errors
    /// Whatever keeps us from having one, classified.
    pub async fn request<F, Fut, E>(self, http: F, now: UnixMillis) -> Result<Granted, TokenFailure>
    where
        F: Fn(HttpRequest) -> Fut,
        Fut: Future<Output = Result<HttpResponse, E>>,
        E: std::error::Error + 'static,
    {
        let scope = self.provider.application_scope.clone();
        let scope = scope.ok_or_else(misconfigured)?;
        let client = token_client(self.provider, self.client_id, &self.client_proof)?;
        let seam = Seam::new(http, now);
        let mut request = client
            .exchange_client_credentials()
            .add_scope(Scope::new(scope));
        for (name, value) in self.client_proof.parameters() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&seam).await;
        seam.granted(answer)
    }
}
