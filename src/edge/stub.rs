//! Questions from one object to another: JSON over the platform's own `fetch`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;
use worker::{Headers, Method, Request, RequestInit, Response, Result, js_sys::Uint8Array};

/// A `POST` of `body` as JSON.
pub(super) fn post(url: &str, body: &impl Serialize) -> Result<Request> {
    let body = serde_json::to_string(body)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(JsValue::from_str(&body)));
    Request::new_with_init(url, &init)
}

/// A `POST` of octets.
pub(super) fn post_octets(url: &str, octets: &[u8]) -> Result<Request> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(Uint8Array::from(octets).into()));
    Request::new_with_init(url, &init)
}

/// The header that carries what is said of a body beside it.
const TICKET: &str = "edgepost-ticket";

/// A `POST` of the body of `request` as it comes, with `ticket`.
pub(super) fn forward(url: &str, ticket: &impl Serialize, request: &Request) -> Result<Request> {
    let headers = Headers::new();
    // Base64, because a header holds no more than ASCII.
    headers.set(TICKET, &STANDARD.encode(serde_json::to_vec(ticket)?))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_body(request.inner().body().map(Into::into));
    Request::new_with_init(url, &init)
}

/// What was said of a body by [`forward`].
pub(super) fn ticket<T: DeserializeOwned>(request: &Request) -> Result<T> {
    let text = request.headers().get(TICKET)?.unwrap_or_default();
    let json = STANDARD.decode(text);
    let json = json.map_err(|_| worker::Error::from("no ticket"))?;
    Ok(serde_json::from_slice(&json)?)
}

/// The JSON of an answer. Read as text and parsed here: the platform's own way through JavaScript
/// objects would put a second reader of every type into the module.
pub(super) async fn answered<T: DeserializeOwned>(answer: &mut Response) -> Result<T> {
    Ok(serde_json::from_str(&answer.text().await?)?)
}

/// The JSON of a question.
pub(super) async fn asked<T: DeserializeOwned>(question: &mut Request) -> Result<T> {
    Ok(serde_json::from_str(&question.text().await?)?)
}
