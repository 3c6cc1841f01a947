//! Questions from one object to another: JSON over the platform's own `fetch`.

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;
use worker::{
    Method, Request, RequestInit, Response, Result,
    js_sys::{Uint8Array, decode_uri_component, encode_uri_component},
};

use super::body;
use crate::{access::BindingProps, app};

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

/// The header that says how long a body is, where the request itself cannot: the platform writes its
/// own `content-length`.
const LENGTH: &str = "edgepost-length";
/// The header that says what the platform says of the caller.
const BINDING: &str = "edgepost-binding";

/// The same request with its body as it comes, for an object of ours. `props` is what the platform
/// says of the caller, as JSON.
pub(super) fn forward(url: &str, request: &Request, props: Option<&str>) -> Result<Request> {
    let headers = request.headers().clone();
    // Whatever came from outside under these names is not ours.
    headers.delete(BINDING)?;
    headers.delete(LENGTH)?;
    if let Some(length) = request.headers().get("content-length")? {
        headers.set(LENGTH, &length)?;
    }
    if let Some(props) = props {
        // A header holds ASCII, and an alias may be in any script.
        headers.set(BINDING, &String::from(encode_uri_component(props)))?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_body(request.inner().body().map(Into::into));
    Request::new_with_init(url, &init)
}

/// The head of a request that was forwarded, as it was before.
pub(super) fn forwarded(request: &Request) -> Result<app::Request> {
    let mut head = body::head(request);
    head.headers.retain(|(name, _)| name != "content-length");
    if let Some(length) = request.headers().get(LENGTH)? {
        head.headers.push(("content-length".to_owned(), length));
    }
    if let Some(props) = request.headers().get(BINDING)? {
        let props = decode_uri_component(&props).map(String::from);
        head.binding = props.ok().and_then(|props| BindingProps::read(&props));
    }
    Ok(head)
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
