//! What was said on recent connections.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::clock;
use crate::smtp::record::{ConnectionRecord, Ending, Speaker};
use crate::world::World;

/// How many connections the page shows.
const SHOWN: usize = 50;

#[derive(Template)]
#[template(path = "connections.html")]
struct ConnectionsPage {
    connections: Vec<Row>,
}

struct Row {
    record: ConnectionRecord,
    time: String,
    readable: String,
    /// In a few words.
    ending: &'static str,
    /// What was to go wrong, in words.
    faults: Vec<String>,
    lines: Vec<Line>,
}

struct Line {
    /// Milliseconds since the connection was opened.
    after: u64,
    class: &'static str,
    speaker: &'static str,
    text: String,
}

pub(super) async fn page(State(world): State<Arc<World>>) -> Response {
    let connections = world
        .connections
        .newest(SHOWN)
        .into_iter()
        .map(Row::of)
        .collect();
    super::show(&ConnectionsPage { connections })
}

impl Row {
    /// Whether the ending deserves a look.
    fn is_bad(&self) -> bool {
        !matches!(
            self.record.ending,
            None | Some(Ending::Quit | Ending::ClosedByClient)
        )
    }

    fn of(record: ConnectionRecord) -> Self {
        let line = |exchange: &crate::Exchange| {
            let (class, speaker) = match exchange.speaker {
                Speaker::Client => ("client", "client"),
                Speaker::Server => ("server", "server"),
                Speaker::Note => ("note", ""),
            };
            let after = exchange.at_ms.saturating_sub(record.started_ms);
            Line {
                after,
                class,
                speaker,
                text: exchange.text.clone(),
            }
        };
        Self {
            lines: record.dialogue.iter().map(line).collect(),
            faults: super::faults::words(&record.script),
            time: clock::rfc3339(record.started_ms),
            readable: clock::readable(record.started_ms),
            ending: match record.ending {
                None => "open",
                Some(Ending::Quit) => "ended with QUIT",
                Some(Ending::ClosedByClient) => "closed by the client",
                Some(Ending::ResetByClient) => "broken off by the client",
                Some(Ending::ClosedByServer) => "closed by the server",
                Some(Ending::ResetByServer) => "reset by the server",
                Some(Ending::TlsFailed) => "TLS failed",
                Some(Ending::TimedOut) => "client fell silent",
            },
            record,
        }
    }
}
