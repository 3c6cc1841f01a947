//! Requests in, answers out.

use futures_util::StreamExt;
use worker::{Headers, Request, Response, ResponseBuilder, Result};

use crate::app;

/// A request without its body.
pub(super) fn head(request: &Request) -> app::Request {
    app::Request {
        method: request.method().to_string(),
        path: request.path(),
        query: query(request),
        headers: request.headers().entries().collect(),
        body: Vec::new(),
        binding: None,
    }
}

fn query(request: &Request) -> String {
    let url = request.url().ok();
    url.as_ref()
        .and_then(|url| url.query())
        .unwrap_or_default()
        .to_owned()
}

/// Reads at most `limit` octets of body into `head`; tells whether that was all of it. The body is
/// not touched when its declared length is over the limit already.
pub(super) async fn read(mut request: Request, limit: usize, head: &mut app::Request) -> bool {
    let declared = request.headers().get("content-length").ok().flatten();
    let declared = declared.and_then(|length| length.parse::<u64>().ok());
    let too_long = declared.is_some_and(|length| length > u64::try_from(limit).unwrap_or(u64::MAX));
    if too_long || limit == 0 {
        return !too_long;
    }
    // A request without a body has no stream.
    let Ok(mut stream) = request.stream() else {
        return true;
    };
    while let Some(piece) = stream.next().await {
        let Ok(piece) = piece else {
            return false;
        };
        if head.body.len().saturating_add(piece.len()) > limit {
            return false;
        }
        head.body.extend_from_slice(&piece);
    }
    true
}

/// The platform's form of an answer.
pub(super) fn to_response(answer: app::Response) -> Result<Response> {
    let headers = Headers::new();
    for (name, value) in &answer.headers {
        headers.append(name, value)?;
    }
    let builder = ResponseBuilder::new()
        .with_status(answer.status)
        .with_headers(headers);
    // 204 and 304 are answers without a body, and the platform refuses even an empty one.
    if answer.body.is_empty() {
        Ok(builder.empty())
    } else {
        Ok(builder.fixed(answer.body.into_bytes()))
    }
}
