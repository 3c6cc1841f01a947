//! The JWT bearer grant (RFC 7523 §2.1): a signed assertion in place of somebody's consent. The
//! `oauth2` crate does not know it.

use std::future::Future;

use oauth2::{HttpRequest, HttpResponse};

use super::{Granted, Provider, TokenFailure, client::misconfigured, seam::Seam};
use crate::{secret::Secret, time::UnixMillis};

/// A signed assertion that says for whom its issuer acts.
#[derive(Debug)]
pub struct JwtBearerGrant<'a> {
    /// Who issues the token.
    pub provider: &'a Provider,
    /// The assertion.
    pub assertion: &'a Secret,
}

impl JwtBearerGrant<'_> {
    /// Asks the provider's token endpoint, by way of `http`, for an access token. It comes without
    /// a refresh token (RFC 7521 §4.1).
    ///
    /// # Errors
    /// Whatever keeps us from having one, classified.
    pub async fn request<F, Fut, E>(self, http: F, now: UnixMillis) -> Result<Granted, TokenFailure>
    where
        F: Fn(HttpRequest) -> Fut,
        Fut: Future<Output = Result<HttpResponse, E>>,
    {
        let request = self.to_request().ok_or_else(misconfigured)?;
        Seam::new(http, now).exchange(request).await
    }

    /// The scope stands in the assertion, signed.
    fn to_request(&self) -> Option<HttpRequest> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", self.assertion.expose())
            .finish();
        http::Request::post(self.provider.token_endpoint.as_ref()?.as_str())
            .header(
                http::header::CONTENT_TYPE,
                "application/x-www-form-urlencoded",
            )
            .header(http::header::ACCEPT, "application/json")
            .body(form.into_bytes())
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::ready, time::Duration};

    use futures_executor::block_on;

    use super::*;
    use crate::outcome::Cause;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    fn ask(status: u16, body: &str) -> Result<Granted, TokenFailure> {
        let provider = Provider::google();
        let assertion = Secret::new("head.claims.sig_-");
        let grant = JwtBearerGrant {
            provider: &provider,
            assertion: &assertion,
        };
        let http = |request: HttpRequest| {
            assert_eq!(request.method(), "POST");
            assert_eq!(request.uri(), "https://oauth2.googleapis.com/token");
            assert_eq!(
                request.headers()["content-type"],
                "application/x-www-form-urlencoded"
            );
            assert_eq!(
                String::from_utf8_lossy(request.body()),
                "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer\
                 &assertion=head.claims.sig_-"
            );
            let answer = http::Response::builder()
                .status(status)
                .body(body.as_bytes().to_vec())
                .unwrap();
            ready(Ok::<_, Infallible>(answer))
        };
        block_on(grant.request(http, NOW))
    }

    #[test]
    fn ok_a_token_with_its_end() {
        let body = r#"{"access_token":"ya29.a","expires_in":"3599","token_type":"Bearer"}"#;
        let granted = ask(200, body).unwrap();
        assert_eq!(granted.access.token.expose(), "ya29.a");
        let end = NOW.after(Duration::from_secs(3599));
        assert_eq!(granted.access.expires_at, end);
        assert!(granted.refresh_token.is_none() && granted.scope.is_none());
    }

    #[test]
    fn err_whatever_is_no_token_and_what_it_means() {
        use Cause::{TokenMisconfigured, TokenUnavailable};
        let cases = [
            (200, r#"{"access_token":"a"}"#, TokenUnavailable),
            (
                200,
                r#"{"access_token":"a","token_type":"mac"}"#,
                TokenUnavailable,
            ),
            (
                200,
                r#"{"access_token":"a b","token_type":"Bearer"}"#,
                TokenUnavailable,
            ),
            (200, r#"{"token_type":"Bearer"}"#, TokenUnavailable),
            (200, "<html>", TokenUnavailable),
            (
                302,
                r#"{"access_token":"a","token_type":"Bearer"}"#,
                TokenUnavailable,
            ),
            (500, "", TokenUnavailable),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
                TokenMisconfigured,
            ),
            (
                401,
                r#"{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}"#,
                TokenMisconfigured,
            ),
        ];
        for (status, body, cause) in cases {
            assert_eq!(
                ask(status, body).unwrap_err().failure.cause,
                cause,
                "{body}"
            );
        }
        let none = |_: HttpRequest| ready(Err::<HttpResponse, _>(std::fmt::Error));
        let provider = Provider::google();
        let grant = JwtBearerGrant {
            provider: &provider,
            assertion: &Secret::new("a"),
        };
        let failure = block_on(grant.request(none, NOW)).unwrap_err();
        assert!(failure.is_transient());
    }
}
