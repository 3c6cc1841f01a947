//! Giving a token back (RFC 7009).

use super::Provider;
use crate::secret::Secret;

/// The request that ends a refresh token and all that came of it, where the provider has a place
/// for that.
pub fn revocation(provider: &Provider, token: &Secret) -> Option<http::Request<Vec<u8>>> {
    let endpoint = provider.revocation_endpoint.as_ref()?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token.expose())
        .append_pair("token_type_hint", "refresh_token")
        .finish();
    http::Request::post(endpoint.as_str())
        .header(
            http::header::CONTENT_TYPE,
            "application/x-www-form-urlencoded",
        )
        .body(form.into_bytes())
        .ok()
}
