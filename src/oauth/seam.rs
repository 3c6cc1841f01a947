//! Between the `oauth2` crate and HTTP: what the crate drops of an answer is caught here, and what
//! it is needlessly strict about is put right.

use std::{cell::RefCell, future::Future, pin::Pin};

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse, basic::BasicTokenResponse};
use serde_json::{Map, Value};

use super::{Granted, TokenFailure, captured::Captured};
use crate::time::UnixMillis;

/// An HTTP client that remembers the last answer.
pub(super) struct Seam<F> {
    http: F,
    now: UnixMillis,
    captured: RefCell<Captured>,
}

impl<F> Seam<F> {
    pub(super) fn new(http: F, now: UnixMillis) -> Self {
        Self {
            http,
            now,
            captured: RefCell::default(),
        }
    }

    /// What came of the request.
    pub(super) fn granted<E>(
        self,
        answer: Result<BasicTokenResponse, E>,
    ) -> Result<Granted, TokenFailure> {
        let captured = self.captured.into_inner();
        match answer {
            Ok(answer) => Granted::of(&answer, captured, self.now),
            // Everything that is known of it was captured.
            Err(_) => Err(TokenFailure::of(&captured)),
        }
    }
}

impl<F, Fut, E> Seam<F>
where
    F: Fn(HttpRequest) -> Fut,
    Fut: Future<Output = Result<HttpResponse, E>>,
{
    /// Sends a request for a grant that the crate does not know of.
    pub(super) async fn exchange(self, request: HttpRequest) -> Result<Granted, TokenFailure> {
        let Ok(answer) = (self.http)(request).await else {
            return Err(TokenFailure::of(&Captured::default()));
        };
        match capture(&answer, self.now) {
            (captured, Some(fields)) if answer.status() == http::StatusCode::OK => {
                Granted::of_fields(&fields, captured, self.now)
            }
            (captured, _) => Err(TokenFailure::of(&captured)),
        }
    }
}

impl<'c, F, Fut, E> AsyncHttpClient<'c> for Seam<F>
where
    F: Fn(HttpRequest) -> Fut + 'c,
    Fut: Future<Output = Result<HttpResponse, E>> + 'c,
    E: std::error::Error + 'static,
{
    type Error = E;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, E>> + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = (self.http)(request).await?;
            let (captured, fields) = capture(&answer, self.now);
            self.captured.replace(captured);
            if let Some(fields) = fields {
                *answer.body_mut() = Value::Object(fields).to_string().into_bytes();
            }
            Ok(answer)
        })
    }
}

/// Notes what we need of the answer, and its fields as a strict reader takes them, where it has any.
fn capture(answer: &HttpResponse, now: UnixMillis) -> (Captured, Option<Map<String, Value>>) {
    let retry_after = answer
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let mut captured = Captured::of_head(answer.status().as_u16(), retry_after, now);
    let body: Option<Value> = std::str::from_utf8(answer.body())
        .ok()
        .and_then(|text| serde_json::from_str(text).ok());
    let Some(Value::Object(mut fields)) = body else {
        return (captured, None);
    };
    captured.read(&fields);
    if let Some(lifetime) = fields.remove("expires_in")
        && let Some(seconds) = seconds(&lifetime)
    {
        fields.insert("expires_in".to_owned(), seconds.into());
    }
    (captured, Some(fields))
}

/// A lifetime as providers have been seen to write it: a number, or a number in quotes. What was
/// over before it began is none; what is no number counts as not said.
fn seconds(lifetime: &Value) -> Option<u64> {
    match lifetime {
        Value::String(digits) => digits.trim().parse().ok(),
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64()?;
            // Saturates, and what is below zero becomes zero.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "saturating is what is meant"
            )]
            Some(number as u64)
        }),
        _ => None,
    }
}
