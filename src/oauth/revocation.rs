//! Giving a token back (RFC 7009).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::{ClientProof, Provider, SecretIn};
use crate::secret::Secret;

/// A refresh token and what has to be presented with it to end it.
#[derive(Debug)]
pub struct Revocation<'a> {
    /// Who issued it.
    pub provider: &'a Provider,
    /// To whom.
    pub client_id: &'a str,
    /// The client's proof.
    pub client_proof: ClientProof<'a>,
    /// The refresh token.
    pub refresh_token: &'a Secret,
}

impl Revocation<'_> {
    /// The request that ends the token and all that came of it, where the provider has a place for
    /// that. The client proves itself there as at the token endpoint (RFC 7009 §2.1).
    pub fn request(&self) -> Option<http::Request<Vec<u8>>> {
        let endpoint = self.provider.revocation_endpoint.as_ref()?;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", self.refresh_token.expose())
            .append_pair("token_type_hint", "refresh_token");
        let mut request = http::Request::post(endpoint.as_str())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        match (&self.client_proof, self.provider.secret_in) {
            _ if !self.provider.revocation_asks_who => {}
            (ClientProof::Secret(secret), SecretIn::Header) => {
                request = request.header(AUTHORIZATION, basic(self.client_id, secret).expose());
            }
            (ClientProof::Secret(secret), SecretIn::Body) => {
                form.append_pair("client_id", self.client_id)
                    .append_pair("client_secret", secret.expose());
            }
            (ClientProof::None | ClientProof::Assertion(_), _) => {
                form.append_pair("client_id", self.client_id)
                    .extend_pairs(self.client_proof.parameters());
            }
        }
        request.body(form.finish().into_bytes()).ok()
    }
}

/// Both encoded before they are joined (RFC 6749 §2.3.1).
fn basic(client_id: &str, secret: &Secret) -> Secret {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(provider: &Provider, secret: Option<&Secret>) -> (String, Option<String>) {
        let revocation = Revocation {
            provider,
            client_id: "client id",
            client_proof: secret.into(),
            refresh_token: &Secret::new("1//r"),
        };
        let request = revocation.request().unwrap();
        let header = request.headers().get(AUTHORIZATION);
        let header = header.map(|value| value.to_str().unwrap().to_owned());
        (String::from_utf8(request.into_body()).unwrap(), header)
    }

    #[test]
    fn the_client_proves_itself_as_the_provider_wants_it() {
        let secret = Secret::new("s:cret");
        let token = "token=1%2F%2Fr&token_type_hint=refresh_token";
        // Google has published this request without a client.
        let google = sent(&Provider::google(), Some(&secret));
        assert_eq!(google, (token.to_owned(), None));
        let custom = |secret_in| Provider {
            revocation_endpoint: Some("https://id.test/revoke".to_owned()),
            secret_in,
            ..Provider::custom("s", "mx.test", 465, crate::tls::TlsMode::Implicit)
        };
        let body = sent(&custom(SecretIn::Body), Some(&secret));
        let expected = format!("{token}&client_id=client+id&client_secret=s%3Acret");
        assert_eq!(body, (expected, None));
        let header = sent(&custom(SecretIn::Header), Some(&secret));
        let basic = format!("Basic {}", STANDARD.encode("client+id:s%3Acret"));
        assert_eq!(header, (token.to_owned(), Some(basic)));
        let public = sent(&custom(SecretIn::Header), None);
        assert_eq!(public, (format!("{token}&client_id=client+id"), None));
        let revocation = Revocation {
            provider: &custom(SecretIn::Header),
            client_id: "client id",
            client_proof: ClientProof::Assertion(Secret::new("a.b.c")),
            refresh_token: &Secret::new("1//r"),
        };
        let request = revocation.request().unwrap();
        assert_eq!(request.headers().get(AUTHORIZATION), None);
        let body = String::from_utf8(request.into_body()).unwrap();
        assert!(
            body.ends_with("%3Ajwt-bearer&client_assertion=a.b.c"),
            "{body}"
        );
    }

    #[test]
    fn where_there_is_no_place_for_it_there_is_no_request() {
        let revocation = Revocation {
            provider: &Provider::microsoft("x.test"),
            client_id: "client",
            client_proof: ClientProof::None,
            refresh_token: &Secret::new("r"),
        };
        assert!(revocation.request().is_none());
    }
}
