//! The platform: entry points, Durable Objects, and the ports made of what workerd offers.
//!
//! The only folder that names `worker`, `wasm_bindgen` or `getrandom`. It decides nothing: a
//! condition that is about mail, tokens or policy belongs below.

#![expect(
    missing_debug_implementations,
    reason = "the platform's types have none"
)]

mod body;
mod clock;
mod env;
mod fetch;
mod keeper_do;
mod keeper_stub;
mod kv;
mod outbox_do;
mod outbox_stub;
mod socket;
mod sql;
mod sqlite;
mod stub;
mod transaction;
mod wall;

use worker::{Context, Env, Request, Response, Result, event};

use crate::app::Door;

/// Every HTTP request to the Worker.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let config = env::config(&env);
    let path = request.path();
    let limit = Door::<outbox_stub::OutboxStubs<'_>>::body_limit(&path);
    let (mut request, body_whole) = body::read_request(request, limit).await;
    // Empty, and so nobody's, for every request from outside.
    request.binding = env::binding_props(&context);
    let outboxes = outbox_stub::OutboxStubs { env: &env };
    let door = Door {
        config: &config,
        outboxes: &outboxes,
    };
    let wall = wall::PlatformWall { env: &env };
    if let Some(refusal) = door.refuse(&request, &wall).await {
        return body::to_response(refusal);
    }
    body::to_response(door.answer(&request, body_whole).await)
}
