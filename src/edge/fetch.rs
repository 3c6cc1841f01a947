//! HTTP requests of ours, through `fetch`.

use std::pin::pin;

use futures_util::{
    StreamExt,
    future::{Either, select},
};
use wasm_bindgen::JsValue;
use worker::{
    AbortController, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
    js_sys::Uint8Array,
};

use crate::{
    app::ports::{HttpClient, HttpFault},
    limits::{TOKEN_REQUEST_TIMEOUT, TOKEN_RESPONSE_OCTETS},
};

/// `fetch` with a deadline and a cap, following no redirect: a credential goes to the address it
/// was meant for and nowhere else.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlatformHttp;

impl HttpClient for PlatformHttp {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, HttpFault> {
        in_time(request, true).await
    }

    async fn status(&self, request: http::Request<Vec<u8>>) -> Result<u16, HttpFault> {
        let answer = in_time(request, false).await?;
        Ok(answer.status().as_u16())
    }
}

/// Whatever came of it, nothing of the exchange goes on.
async fn in_time(
    request: http::Request<Vec<u8>>,
    with_body: bool,
) -> Result<http::Response<Vec<u8>>, HttpFault> {
    let abort = AbortController::default();
    let signal = abort.signal();
    let exchange = pin!(exchange(request, &signal, with_body));
    let result = match select(exchange, pin!(Delay::from(TOKEN_REQUEST_TIMEOUT))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(HttpFault::TimedOut),
    };
    abort.abort();
    result
}

async fn exchange(
    request: http::Request<Vec<u8>>,
    signal: &worker::AbortSignal,
    with_body: bool,
) -> Result<http::Response<Vec<u8>>, HttpFault> {
    let request = to_platform(&request).map_err(|_| HttpFault::Connection)?;
    let mut answer = Fetch::Request(request)
        .send_with_signal(signal)
        .await
        .map_err(|_| HttpFault::Connection)?;
    let mut builder = http::Response::builder().status(answer.status_code());
    for (name, value) in answer.headers().entries() {
        builder = builder.header(name, value);
    }
    let mut body = Vec::new();
    // An answer without a body has no stream.
    if let (true, Ok(mut stream)) = (with_body, answer.stream()) {
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| HttpFault::Connection)?;
            if body.len().saturating_add(piece.len()) > TOKEN_RESPONSE_OCTETS {
                return Err(HttpFault::TooLong);
            }
            body.extend_from_slice(&piece);
        }
    }
    builder.body(body).map_err(|_| HttpFault::Connection)
}

fn to_platform(request: &http::Request<Vec<u8>>) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(|_| worker::Error::from("header"))?;
        headers.set(name.as_str(), value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::from(request.method().to_string()))
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual);
    if !request.body().is_empty() {
        init.with_body(Some(JsValue::from(Uint8Array::from(
            request.body().as_slice(),
        ))));
    }
    Request::new_with_init(&request.uri().to_string(), &init)
}
