//! The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), its last step.

use std::future::Future;

use oauth2::{AuthorizationCode, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl};

use super::{
    ClientProof, Granted, Provider, TokenFailure,
    client::{misconfigured, token_client},
    seam::Seam,
};
use crate::{secret::Secret, time::UnixMillis};

/// A code that a browser brought back, and what has to be presented with it.
#[derive(Debug)]
pub struct CodeGrant<'a> {
    /// Who issued it.
    pub provider: &'a Provider,
    /// To whom.
    pub client_id: &'a str,
    /// The client's proof.
    pub client_proof: ClientProof<'a>,
    /// The code.
    pub code: &'a Secret,
    /// What the challenge in the authorization request was made from.
    pub code_verifier: &'a Secret,
    /// The address that was named there, to the letter.
    pub redirect_uri: &'a str,
}

impl CodeGrant<'_> {
    /// Exchanges the code for tokens, by way of `http`.
    ///
    /// # Errors
    /// Whatever keeps us from having them, classified.
    pub async fn request<F, Fut, E>(self, http: F, now: UnixMillis) -> Result<Granted, TokenFailure>
    where
        F: Fn(HttpRequest) -> Fut,
        Fut: Future<Output = Result<HttpResponse, E>>,
        E: std::error::Error + 'static,
    {
        let client = token_client(self.provider, self.client_id, &self.client_proof)?;
        let redirect =
            RedirectUrl::new(self.redirect_uri.to_owned()).map_err(|_| misconfigured())?;
        let client = client.set_redirect_uri(redirect);
        let seam = Seam::new(http, now);
        let mut request = client
            .exchange_code(AuthorizationCode::new(self.code.expose().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(
                self.code_verifier.expose().to_owned(),
            ));
        for (name, value) in self.client_proof.parameters() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&seam).await;
        seam.granted(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::ready};

    use futures_executor::block_on;

    use super::*;
    use crate::outcome::Cause;

    fn exchange(status: u16, body: &str) -> Result<Granted, TokenFailure> {
        let provider = Provider::google();
        let secret = Secret::new("secret");
        let grant = CodeGrant {
            provider: &provider,
            client_id: "client",
            client_proof: Some(&secret).into(),
            code: &Secret::new("4/code"),
            code_verifier: &Secret::new("verifier"),
            redirect_uri: "https://mail.shop.test/callback",
        };
        let http = |request: HttpRequest| {
            assert_eq!(
                String::from_utf8_lossy(request.body()),
                "grant_type=authorization_code&code=4%2Fcode&code_verifier=verifier\
                 &client_id=client&client_secret=secret\
                 &redirect_uri=https%3A%2F%2Fmail.shop.test%2Fcallback"
            );
            // What a browser would add makes a provider take us for one.
            assert_eq!(request.headers().get("origin"), None);
            let answer = http::Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(body.as_bytes().to_vec())
                .unwrap();
            ready(Ok::<_, Infallible>(answer))
        };
        block_on(grant.request(http, UnixMillis::new(1_000_000)))
    }

    #[test]
    fn ok_tokens_with_what_was_granted_and_to_whom() {
        // {"email":"shop@x.test","preferred_username":"shop"}
        let claims = "eyJlbWFpbCI6InNob3BAeC50ZXN0IiwicHJlZmVycmVkX3VzZXJuYW1lIjoic2hvcCJ9";
        let body = format!(
            r#"{{"token_type":"Bearer","access_token":"a","expires_in":3599,"refresh_token":"r",
                "scope":"https://mail.google.com/ openid","id_token":"e30.{claims}.sig"}}"#
        );
        let granted = exchange(200, &body).unwrap();
        assert_eq!(granted.refresh_token.unwrap().expose(), "r");
        assert_eq!(granted.scope.unwrap(), "https://mail.google.com/ openid");
        let account = granted.account.unwrap();
        assert_eq!(account.email.as_deref(), Some("shop@x.test"));
        assert_eq!(account.preferred_username.as_deref(), Some("shop"));
    }

    #[test]
    fn an_id_token_that_is_none_is_left_aside() {
        for token in ["", "x", "a.b.c", "a.bm8.c"] {
            let body =
                format!(r#"{{"token_type":"Bearer","access_token":"a","id_token":"{token}"}}"#);
            assert!(exchange(200, &body).unwrap().account.is_none(), "{token}");
        }
    }

    #[test]
    fn err_a_code_that_was_used_before() {
        let failure = exchange(400, r#"{"error":"invalid_grant"}"#).unwrap_err();
        assert_eq!(failure.failure.cause, Cause::ReauthorisationRequired);
    }
}
