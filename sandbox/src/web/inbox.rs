//! The list of messages.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Redirect, Response};

use super::mail::Letter;
use crate::clock;
use crate::inbox::Delivered;
use crate::sync::lock;
use crate::world::World;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    rows: Vec<Row>,
    revision: u64,
    smtp_port: u16,
    has_site: bool,
}

struct Row {
    id: u64,
    initial: String,
    /// One of eight colours, the same for the same sender.
    tint: u32,
    from: String,
    to: String,
    subject: String,
    snippet: String,
    attachments: usize,
    time: String,
    readable: String,
}

pub(super) async fn page(State(world): State<Arc<World>>) -> Response {
    let revision = world.inbox.revision();
    let mut rows = world.inbox.map(Row::of);
    rows.reverse();
    let has_site = lock(&world.site).is_some();
    super::show(&InboxPage {
        rows,
        revision,
        smtp_port: world.smtp_port(),
        has_site,
    })
}

pub(super) async fn clear(State(world): State<Arc<World>>) -> Redirect {
    world.inbox.clear();
    Redirect::to("/")
}

impl Row {
    fn of(message: &Delivered) -> Self {
        let letter = Letter::read(message);
        let to = message
            .envelope
            .rcpt_to
            .iter()
            .map(|recipient| recipient.address.as_str())
            .collect::<Vec<_>>();
        let letters = letter.from_name.chars().find(|c| c.is_alphanumeric());
        Self {
            id: message.id,
            initial: letters.map_or_else(|| "?".to_owned(), |c| c.to_uppercase().to_string()),
            tint: letter.from_name.bytes().fold(0_u32, |sum, octet| {
                sum.wrapping_mul(31).wrapping_add(octet.into())
            }) % 8,
            snippet: letter.snippet(),
            from: letter.from_name,
            to: to.join(", "),
            subject: letter.subject,
            attachments: letter.attachments.len(),
            time: clock::rfc3339(message.at_ms),
            readable: clock::readable(message.at_ms),
        }
    }
}
