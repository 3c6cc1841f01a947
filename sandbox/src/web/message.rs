//! One message.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};

use super::mail::{self, Letter, size};
use super::not_found;
use crate::clock;
use crate::http::Parameters;
use crate::inbox::Delivered;
use crate::world::World;

/// Most of the source that is shown; the rest is there to be downloaded.
const SOURCE_SHOWN: usize = 512 * 1024;

/// What a stranger's HTML may do: show itself. `sandbox` without a word gives it an origin of its own
/// and no scripts, forms or windows, in the frame and also when it is opened by itself.
const MAIL_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    id: u64,
    letter: Letter,
    message: Delivered,
    view: View,
    recipients: String,
    time: String,
    readable: String,
    size: String,
    source: String,
    source_cut: bool,
}

#[derive(Template)]
#[template(path = "missing.html")]
struct MissingPage;

#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Text,
    Html,
    Source,
    Details,
}

impl View {
    fn is(self, name: &str) -> bool {
        name == match self {
            Self::Text => "text",
            Self::Html => "html",
            Self::Source => "source",
            Self::Details => "details",
        }
    }
}

pub(super) async fn page(
    State(world): State<Arc<World>>,
    Path(id): Path<u64>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(message) = world.inbox.get(id) else {
        return (StatusCode::NOT_FOUND, super::show(&MissingPage)).into_response();
    };
    let letter = Letter::read(&message);
    let view = match Parameters::parse(query.unwrap_or_default().as_bytes()).get("view") {
        Some("html") if letter.html.is_some() => View::Html,
        Some("source") => View::Source,
        Some("details") => View::Details,
        Some("text") => View::Text,
        _ if letter.html.is_some() => View::Html,
        _ => View::Text,
    };
    let recipients: Vec<&str> = message
        .envelope
        .rcpt_to
        .iter()
        .map(|one| one.address.as_str())
        .collect();
    let shown = message.raw.get(..SOURCE_SHOWN).unwrap_or(&message.raw);
    let source = if view == View::Source {
        String::from_utf8_lossy(shown).into_owned()
    } else {
        String::new()
    };
    super::show(&MessagePage {
        id,
        view,
        recipients: recipients.join(", "),
        time: clock::rfc3339(message.at_ms),
        readable: clock::readable(message.at_ms),
        size: size(message.raw.len()),
        source,
        source_cut: message.raw.len() > SOURCE_SHOWN,
        letter,
        message,
    })
}

/// The HTML part by itself, for the frame.
pub(super) async fn html(State(world): State<Arc<World>>, Path(id): Path<u64>) -> Response {
    let Some(html) = world
        .inbox
        .get(id)
        .and_then(|message| Letter::read(&message).html)
    else {
        return not_found();
    };
    (
        [(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(MAIL_POLICY),
        )],
        Html(html),
    )
        .into_response()
}

/// One attachment, always as a download: its type is what a stranger says it is.
pub(super) async fn attachment(
    State(world): State<Arc<World>>,
    Path((id, index)): Path<(u64, usize)>,
) -> Response {
    let found = world
        .inbox
        .get(id)
        .and_then(|message| mail::attachment(&message, index));
    let Some((attachment, octets)) = found else {
        return not_found();
    };
    let kind = HeaderValue::from_static("application/octet-stream");
    let disposition = HeaderValue::from_str(&disposition(&attachment.name))
        .unwrap_or(HeaderValue::from_static("attachment"));
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        octets,
    )
        .into_response()
}

/// RFC 6266 with the name in RFC 8187's form, which any name fits into.
fn disposition(name: &str) -> String {
    use std::fmt::Write as _;
    let mut value = "attachment; filename*=UTF-8''".to_owned();
    for octet in name.bytes() {
        if octet.is_ascii_alphanumeric() || b".-_".contains(&octet) {
            value.push(char::from(octet));
        } else {
            let _ = write!(value, "%{octet:02X}");
        }
    }
    value
}
