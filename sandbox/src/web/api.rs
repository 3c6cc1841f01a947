//! JSON for programs: what is there.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::mail::Letter;
use super::not_found;
use crate::http::Parameters;
use crate::inbox::{AuthFacts, Delivered, Envelope, TlsFacts};
use crate::smtp::record::ConnectionRecord;
use crate::world::World;

/// Most connections in one answer.
const MOST_CONNECTIONS: usize = 500;

/// A message without its octets.
#[derive(Serialize)]
pub(super) struct Summary {
    id: u64,
    at_ms: u64,
    port: u16,
    connection: u64,
    envelope: Envelope,
    tls: Option<TlsFacts>,
    auth: Option<AuthFacts>,
    octets: usize,
    subject: String,
    from: String,
    to: String,
}

/// A message with all that can be read in it.
#[derive(Serialize)]
struct Full {
    #[serde(flatten)]
    summary: Summary,
    letter: Letter,
}

fn summary(message: &Delivered, letter: &Letter) -> Summary {
    Summary {
        id: message.id,
        at_ms: message.at_ms,
        port: message.port,
        connection: message.connection,
        envelope: message.envelope.clone(),
        tls: message.tls.clone(),
        auth: message.auth.clone(),
        octets: message.raw.len(),
        subject: letter.subject.clone(),
        from: letter.from.clone(),
        to: letter.to.clone(),
    }
}

/// Rises with every change of the inbox.
pub(super) async fn revision(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({ "revision": world.inbox.revision() }))
}

/// Newest first.
pub(super) async fn messages(State(world): State<Arc<World>>) -> Json<Vec<Summary>> {
    let mut all = world
        .inbox
        .map(|message| summary(message, &Letter::read(message)));
    all.reverse();
    Json(all)
}

pub(super) async fn message(State(world): State<Arc<World>>, Path(id): Path<u64>) -> Response {
    let Some(message) = world.inbox.get(id) else {
        return not_found();
    };
    let letter = Letter::read(&message);
    Json(Full {
        summary: summary(&message, &letter),
        letter,
    })
    .into_response()
}

pub(super) async fn raw(State(world): State<Arc<World>>, Path(id): Path<u64>) -> Response {
    let Some(message) = world.inbox.get(id) else {
        return not_found();
    };
    let headers = [
        (header::CONTENT_TYPE, "message/rfc822".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"message-{id}.eml\""),
        ),
    ];
    (headers, message.raw).into_response()
}

pub(super) async fn clear(State(world): State<Arc<World>>) -> StatusCode {
    world.inbox.clear();
    StatusCode::NO_CONTENT
}

/// `?port=` narrows it to one port. Newest first.
pub(super) async fn connections(
    State(world): State<Arc<World>>,
    RawQuery(query): RawQuery,
) -> Json<Vec<ConnectionRecord>> {
    let query = Parameters::parse(query.unwrap_or_default().as_bytes());
    Json(match query.get("port").and_then(|port| port.parse().ok()) {
        Some(port) => world
            .connections
            .of(port)
            .into_iter()
            .rev()
            .take(MOST_CONNECTIONS)
            .collect(),
        None => world.connections.newest(MOST_CONNECTIONS),
    })
}
