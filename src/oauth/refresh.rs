//! The refresh token grant (RFC 6749 §6), through the `oauth2` crate.

use std::future::Future;

use oauth2::{HttpRequest, HttpResponse, RefreshToken, Scope};

use super::{ClientProof, Granted, Provider, TokenFailure, client::token_client, seam::Seam};
use crate::{secret::Secret, time::UnixMillis};

/// A refresh token and what has to be presented with it.
#[derive(Debug)]
pub struct RefreshGrant<'a> {
    /// Who issued it.
    pub provider: &'a Provider,
    /// To whom.
    pub client_id: &'a str,
    /// The client's proof.
    pub client_proof: ClientProof<'a>,
    /// The refresh token.
    pub refresh_token: &'a Secret,
}

impl RefreshGrant<'_> {
    /// Asks the provider's token endpoint, by way of `http`, for an access token.
    ///
    /// # Errors
    /// Whatever keeps us from having one, classified.
    pub async fn request<F, Fut, E>(self, http: F, now: UnixMillis) -> Result<Granted, TokenFailure>
    where
        F: Fn(HttpRequest) -> Fut,
        Fut: Future<Output = Result<HttpResponse, E>>,
        E: std::error::Error + 'static,
    {
        let client = token_client(self.provider, self.client_id, &self.client_proof)?;
        let refresh_token = RefreshToken::new(self.refresh_token.expose().to_owned());
        let seam = Seam::new(http, now);
        let mut request = client
            .exchange_refresh_token(&refresh_token)
            .add_scope(Scope::new(self.provider.smtp_scope.clone()));
        for (name, value) in self.client_proof.parameters() {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&seam).await;
        seam.granted(answer)
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
        let (client_secret, refresh_token) = (Secret::new("s&cret"), Secret::new("1//refresh"));
        let grant = RefreshGrant {
            provider: &provider,
            client_id: "client",
            client_proof: Some(&client_secret).into(),
            refresh_token: &refresh_token,
        };
        let http = |request: HttpRequest| {
            assert_eq!(request.uri(), "https://oauth2.googleapis.com/token");
            assert_eq!(request.headers().get("authorization"), None);
            assert_eq!(
                String::from_utf8_lossy(request.body()),
                "grant_type=refresh_token&refresh_token=1%2F%2Frefresh\
                 &scope=https%3A%2F%2Fmail.google.com%2F&client_id=client&client_secret=s%26cret"
            );
            let answer = http::Response::builder()
                .status(status)
                .header("content-type", "application/json; charset=utf-8")
                .header("retry-after", "7200")
                .body(body.as_bytes().to_vec())
                .unwrap();
            ready(Ok::<_, Infallible>(answer))
        };
        block_on(grant.request(http, NOW))
    }

    #[test]
    fn ok_a_token_with_its_end_and_the_rotated_refresh_token() {
        let body = r#"{"token_type":"bearer","access_token":"a","expires_in":3599,
                       "refresh_token":"1//next","scope":"x"}"#;
        let granted = ask(200, body).unwrap();
        assert_eq!(
            granted.access.expires_at,
            NOW.after(Duration::from_secs(3599))
        );
        assert_eq!(granted.refresh_token.unwrap().expose(), "1//next");
    }

    #[test]
    fn errors_tell_the_grant_from_the_client_and_both_from_bad_weather() {
        use Cause::{ReauthorisationRequired, TokenMisconfigured, TokenUnavailable};
        let cases = [
            (
                400,
                r#"{"error":"invalid_grant","error_description":"AADSTS700082: x"}"#,
                ReauthorisationRequired,
                "invalid_grant AADSTS700082",
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"AADSTS50196: loop"}"#,
                TokenUnavailable,
                "invalid_grant AADSTS50196",
            ),
            (
                400,
                r#"{"error":"interaction_required"}"#,
                ReauthorisationRequired,
                "interaction_required",
            ),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                TokenMisconfigured,
                "invalid_client",
            ),
            (
                400,
                r#"{"error":"temporarily_unavailable"}"#,
                TokenUnavailable,
                "temporarily_unavailable",
            ),
            (
                503,
                r#"{"error":"invalid_grant"}"#,
                TokenUnavailable,
                "invalid_grant",
            ),
            (429, "Too Many Requests", TokenUnavailable, "HTTP 429"),
            (200, "<html>", TokenUnavailable, "HTTP 200"),
            (200, "", TokenUnavailable, "HTTP 200"),
            (302, "", TokenUnavailable, "HTTP 302"),
        ];
        for (status, body, cause, words) in cases {
            let failure = ask(status, body).unwrap_err().failure;
            assert_eq!(failure.cause, cause, "{body}");
            assert_eq!(failure.answer.unwrap().as_str(), words);
            // An hour at most, whatever the provider asks.
            assert_eq!(failure.retry_after, Some(Duration::from_secs(3600)));
        }
    }

    #[test]
    fn err_tokens_of_another_type_or_that_no_wire_can_carry() {
        for body in [
            r#"{"token_type":"mac","access_token":"a"}"#,
            r#"{"token_type":"bearer","access_token":""}"#,
            r#"{"token_type":"bearer","access_token":"a\u0001b"}"#,
            r#"{"token_type":"bearer"}"#,
        ] {
            assert_eq!(
                ask(200, body).unwrap_err().failure.cause,
                Cause::TokenUnavailable
            );
        }
    }
}
