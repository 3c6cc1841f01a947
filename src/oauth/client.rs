//! The client as the token endpoint gets to know it (RFC 6749 §2.3).

use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, TokenUrl, basic::BasicClient,
};

use super::{AssertionKey, Provider, SecretIn, TokenFailure};
use crate::{
    outcome::{Cause, Trouble},
    secret::Secret,
};

/// With what a client can prove who it is.
#[derive(Debug, Clone, Copy)]
pub enum ClientAuthentication<'a> {
    /// With nothing: a public client.
    None,
    /// With what it and the provider know.
    Secret(&'a Secret),
    /// With a signature.
    Key(&'a AssertionKey),
}

impl ClientAuthentication<'_> {
    /// What is another when the setting is another.
    pub fn settings(self) -> Secret {
        match self {
            Self::None => Secret::new(""),
            Self::Secret(secret) => secret.clone(),
            Self::Key(key) => Secret::new(key.settings()),
        }
    }
}

/// How a client proves who it is, in one request.
#[derive(Debug)]
pub enum ClientProof<'a> {
    /// Not at all.
    None,
    /// By `client_secret`.
    Secret(&'a Secret),
    /// By `client_assertion` (RFC 7523 §2.2), signed for this request.
    Assertion(Secret),
}

impl ClientProof<'_> {
    /// The parameters that the `oauth2` crate does not know of (RFC 7521 §4.2).
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let assertion = match self {
            Self::Assertion(assertion) => Some([
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
                ),
                ("client_assertion", assertion.expose().to_owned()),
            ]),
            Self::None | Self::Secret(_) => None,
        };
        assertion.into_iter().flatten()
    }
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
    proof: &ClientProof<'_>,
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
        // The client's identifier goes along: RFC 7521 §4.2 lets it, Microsoft wants it.
        ClientProof::None | ClientProof::Assertion(_) => client,
    })
}

/// What cannot even be asked for.
pub(super) fn misconfigured() -> TokenFailure {
    TokenFailure::new(Cause::TokenMisconfigured, Trouble::Configuration)
}
