//! JSON for programs: what is to happen.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::accounts::{AccountSettings, AccountSummary, Refuse, TokenFault};
use crate::smtp::port::SmtpPort;
use crate::smtp::script::{Script, Security};
use crate::sync::lock;
use crate::world::World;

#[derive(Deserialize)]
pub(super) struct NewAccount {
    address: String,
    #[serde(flatten)]
    settings: AccountSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenFaults {
    #[serde(default)]
    faults: Vec<TokenFault>,
    #[serde(default)]
    then: Option<TokenFault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewListener {
    #[serde(default)]
    security: Security,
    #[serde(default)]
    scripts: Vec<Script>,
    #[serde(default)]
    then: Script,
}

pub(super) async fn accounts(State(world): State<Arc<World>>) -> Json<Vec<AccountSummary>> {
    Json(world.accounts.summaries())
}

pub(super) async fn add_account(
    State(world): State<Arc<World>>,
    Json(account): Json<NewAccount>,
) -> StatusCode {
    world.accounts.add(&account.address, account.settings);
    StatusCode::CREATED
}

/// A refresh token without a browser.
pub(super) async fn grant(
    State(world): State<Arc<World>>,
    Path(address): Path<String>,
) -> Response {
    Json(json!({ "refresh_token": world.accounts.grant(&world.client.id, &address) }))
        .into_response()
}

pub(super) async fn revoke(
    State(world): State<Arc<World>>,
    Path(address): Path<String>,
) -> StatusCode {
    if_known(&world, &address, || world.accounts.revoke(&address))
}

pub(super) async fn expire(
    State(world): State<Arc<World>>,
    Path(address): Path<String>,
) -> StatusCode {
    if_known(&world, &address, || {
        world.accounts.expire_access_tokens(&address)
    })
}

pub(super) async fn refuse(
    State(world): State<Arc<World>>,
    Path(address): Path<String>,
    Json(refuse): Json<Refuse>,
) -> StatusCode {
    if_known(&world, &address, || world.accounts.refuse(&address, refuse))
}

pub(super) async fn token_faults(
    State(world): State<Arc<World>>,
    Path(address): Path<String>,
    Json(script): Json<TokenFaults>,
) -> StatusCode {
    if_known(&world, &address, || {
        world.accounts.script(&address, script.faults, script.then)
    })
}

fn if_known(world: &World, address: &str, act: impl FnOnce()) -> StatusCode {
    if !world.accounts.exists(address) {
        return StatusCode::NOT_FOUND;
    }
    act();
    StatusCode::NO_CONTENT
}

pub(super) async fn open_listener(
    State(world): State<Arc<World>>,
    Json(listener): Json<NewListener>,
) -> Response {
    let opened = SmtpPort::open(
        &world,
        &world.runtime,
        0,
        listener.security,
        listener.scripts,
        listener.then,
    );
    match opened {
        Ok(opened) => (StatusCode::CREATED, Json(json!({ "port": opened.port() }))).into_response(),
        Err(error) => failed(&error),
    }
}

/// All submission ports, with what is to go wrong on each.
pub(super) async fn listeners(State(world): State<Arc<World>>) -> Json<Vec<Value>> {
    let ports: Vec<SmtpPort> = lock(&world.ports).values().cloned().collect();
    let tell = |port: &SmtpPort| {
        let (scripts, then) = port.scripted();
        json!({ "port": port.port(), "security": port.security(), "scripts": scripts, "then": then })
    };
    Json(ports.iter().map(tell).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scripts {
    #[serde(default)]
    scripts: Vec<Script>,
    #[serde(default)]
    then: Script,
}

/// Replaces what is to go wrong with the connections to come.
pub(super) async fn script_listener(
    State(world): State<Arc<World>>,
    Path(port): Path<u16>,
    Json(new): Json<Scripts>,
) -> StatusCode {
    let listener = lock(&world.ports).get(&port).cloned();
    match listener {
        Some(listener) => {
            listener.script(new.scripts, new.then);
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    }
}

pub(super) async fn close_listener(
    State(world): State<Arc<World>>,
    Path(port): Path<u16>,
) -> Response {
    change(&world, port, SmtpPort::close).await
}

pub(super) async fn reopen_listener(
    State(world): State<Arc<World>>,
    Path(port): Path<u16>,
) -> Response {
    change(&world, port, SmtpPort::reopen).await
}

/// Closing waits for the listener's task, so it must not hold up the thread that runs it.
async fn change(world: &World, port: u16, act: fn(&SmtpPort) -> io::Result<()>) -> Response {
    let Some(listener) = lock(&world.ports).get(&port).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::task::spawn_blocking(move || act(&listener)).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(error)) => failed(&error),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn failed(error: &io::Error) -> Response {
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        Json(json!({ "error": error.to_string() })),
    )
        .into_response()
}
