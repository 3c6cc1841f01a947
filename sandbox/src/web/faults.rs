//! What is to go wrong with the connections to come, chosen by a person.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::fault_form;
use crate::http::Parameters;
use crate::smtp::port::SmtpPort;
use crate::smtp::script::{Flow, Script, Security, Step};
use crate::sync::lock;
use crate::world::World;

/// Most connections that can be scripted at a time.
const MOST: u32 = 1_000;

#[derive(Template)]
#[template(path = "faults.html")]
struct FaultsPage {
    ports: Vec<PortRow>,
    steps: Vec<(String, &'static str)>,
    flows: Vec<(String, &'static str)>,
    keywords: &'static [&'static str],
    problem: Option<String>,
    most: u32,
}

struct PortRow {
    number: u16,
    security: &'static str,
    /// Connections that have a script of their own, those with the same one together.
    next: Vec<Run>,
    /// What goes wrong with all connections after them.
    then: Vec<String>,
}

struct Run {
    count: usize,
    faults: Vec<String>,
}

impl PortRow {
    fn of(port: &SmtpPort) -> Self {
        let (scripts, then) = port.scripted();
        Self {
            number: port.port(),
            security: match port.security() {
                Security::StartTls => "STARTTLS",
                Security::Implicit => "implicit TLS",
            },
            next: scripts
                .chunk_by(|one, other| one == other)
                .map(|run| Run {
                    count: run.len(),
                    faults: run.first().map(words).unwrap_or_default(),
                })
                .collect(),
            then: words(&then),
        }
    }

    fn is_good(&self) -> bool {
        self.next.is_empty() && self.then.is_empty()
    }
}

/// The faults of a script in words.
pub(super) fn words(script: &Script) -> Vec<String> {
    script.faults.iter().map(ToString::to_string).collect()
}

/// A word's name in JSON, which is its name in the form.
fn name_of(word: impl serde::Serialize) -> String {
    serde_json::to_value(word)
        .ok()
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

fn draw(world: &World, problem: Option<String>) -> Response {
    let mut ports: Vec<SmtpPort> = lock(&world.ports).values().cloned().collect();
    // The one most people mean comes first.
    ports.sort_by_key(|port| port.port() != world.smtp_port());
    let flows = [
        Flow::Client,
        Flow::Server,
        Flow::Content,
        Flow::ClientTcp,
        Flow::ServerTcp,
        Flow::ClientTls,
        Flow::ServerTls,
    ];
    super::show(&FaultsPage {
        ports: ports.iter().map(PortRow::of).collect(),
        steps: Step::ALL.map(|step| (name_of(step), step.words())).to_vec(),
        flows: flows.map(|flow| (name_of(flow), flow.words())).to_vec(),
        keywords: &fault_form::KEYWORDS,
        problem,
        most: MOST,
    })
}

pub(super) async fn page(State(world): State<Arc<World>>) -> Response {
    draw(&world, None)
}

/// Scripts connections of one port as the form says.
pub(super) async fn change(State(world): State<Arc<World>>, body: Bytes) -> Response {
    match apply(&world, &Parameters::parse(&body)) {
        Ok(()) => Redirect::to("/faults").into_response(),
        Err(problem) => {
            let mut response = draw(&world, Some(problem));
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            response
        }
    }
}

/// Puts one port, or all of them, in good order.
pub(super) async fn clear(State(world): State<Arc<World>>, body: Bytes) -> Redirect {
    let parameters = Parameters::parse(&body);
    let only: Option<u16> = parameters.get("port").and_then(|port| port.parse().ok());
    for (number, port) in lock(&world.ports).iter() {
        if only.is_none_or(|only| only == *number) {
            port.script(Vec::new(), Script::none());
        }
    }
    Redirect::to("/faults")
}

fn apply(world: &World, parameters: &Parameters) -> Result<(), String> {
    let port = parameters
        .get("port")
        .and_then(|port| port.parse().ok())
        .and_then(|port: u16| lock(&world.ports).get(&port).cloned())
        .ok_or("Choose a port of this sandbox.")?;
    let script = fault_form::script(parameters)?;
    if parameters.get("reach") == Some("all") {
        let (scripts, _) = port.scripted();
        port.script(scripts, script);
        return Ok(());
    }
    let count: u32 = parameters
        .get("count")
        .unwrap_or("1")
        .parse()
        .ok()
        .filter(|count| (1..=MOST).contains(count))
        .ok_or_else(|| format!("The number of connections is from 1 to {MOST}."))?;
    for _ in 0..count {
        port.script_one_more(script.clone());
    }
    Ok(())
}
