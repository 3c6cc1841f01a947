//! Questions from one object to another: JSON over the platform's own `fetch`.

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;
use worker::{Method, Request, RequestInit, Response, Result};

/// A `POST` of `body` as JSON.
pub(super) fn post(url: &str, body: &impl Serialize) -> Result<Request> {
    let body = serde_json::to_string(body)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(JsValue::from_str(&body)));
    Request::new_with_init(url, &init)
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
