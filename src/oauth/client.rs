//! The client as the token endpoint gets to know it (RFC 6749 §2.3).

use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, TokenUrl, basic::BasicClient,
};

use super::{Provider, SecretIn, TokenFailure};
use crate::{
    outcome::{Cause, Trouble},
    secret::Secret,
};

/// How a client proves who it is.
#[derive(Debug, Clone, Copy)]
pub enum ClientProof<'a> {
    /// Not at all: a public client.
    None,
    /// By `client_secret`.
    Secret(&'a Secret),
}

impl<'a> From<Option<&'a Secret>> for ClientProof<'a> {
    fn from(secret: Option<&'a Secret>) -> Self {
        secret.map_or(Self::None, Self::Secret)
    }
}

pub(super) type TokenClient =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The client of one provider's token endpoint.
pub(super) fn token_client(
    provider: &Provider,
    client_id: &str,
    proof: ClientProof<'_>,
) -> Result<TokenClient, TokenFailure> {
    let token_url = provider.token_endpoint.clone().ok_or_else(misconfigured)?;
    let token_url = TokenUrl::new(token_url).map_err(|_| misconfigured())?;
    let auth_type = match provider.secret_in {
        SecretIn::Body => AuthType::RequestBody,
        SecretIn::Header => AuthType::BasicAuth,
    };
    let client = BasicClient::new(ClientId::new(client_id.to_owned()))
        .set_token_uri(token_url)
        .set_auth_type(auth_type);
    Ok(match proof {
        ClientProof::Secret(secret) => {
            client.set_client_secret(ClientSecret::new(secret.expose().to_owned()))
        }
        ClientProof::None => client,
    })
}

/// What cannot even be asked for.
pub(super) fn misconfigured() -> TokenFailure {
    TokenFailure::new(Cause::TokenMisconfigured, Trouble::Configuration)
}
