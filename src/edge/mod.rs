//! The platform: entry points, Durable Objects, and the ports made of what workerd offers.
//!
//! The only folder that names `worker`, `wasm_bindgen` or `getrandom`. It decides nothing: a
//! condition that is about mail, tokens or policy belongs below.

#![expect(
    missing_debug_implementations,
    reason = "the platform's types have none"
)]

mod alarm;
mod body;
mod card_table;
mod clock;
mod content_table;
mod custody;
mod email;
mod env;
mod fetch;
mod keeper_do;
mod keeper_stub;
mod kv;
mod operator_stub;
mod outbox_do;
mod outbox_stub;
mod registry_do;
mod registry_stub;
mod served;
mod signer;
mod socket;
mod sql;
mod sqlite;
mod standing;
mod stub;
mod transaction;
mod upload_body;
mod wall;

use worker::{Context, Env, Request, Response, Result, event};

use clock::{PlatformClock, PlatformEntropy};

use crate::{
    access::BindingProps,
    app::{Door, Entry, Operator, OutboxUnavailable, Ticket, is_operators},
    limits::OPERATOR_BODY_OCTETS,
};

/// Every HTTP request to the Worker.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let config = env::config(&env);
    let mut head = body::head(&request);
    // Empty, and so nobody's, for every request from outside.
    let props = env::binding_props(&context);
    head.binding = props.as_deref().and_then(BindingProps::read);
    let outboxes = outbox_stub::OutboxStubs { env: &env };
    let wall = wall::PlatformWall { env: &env };
    if is_operators(&head.path) {
        let config = &*config;
        let stubs = operator_stub::OperatorStubs { env: &env, config };
        let operator = Operator {
            config,
            outboxes: &outboxes,
            mailboxes: &stubs,
            registry: &stubs,
            clock: &PlatformClock,
            entropy: &PlatformEntropy,
        };
        if let Some(refusal) = operator.refuse(&head, &wall).await {
            return body::to_response(refusal);
        }
        let whole = body::read(request, OPERATOR_BODY_OCTETS, &mut head).await;
        return body::to_response(operator.answer(&head, whole).await);
    }
    let door = Door {
        config: &config,
        outboxes: &outboxes,
    };
    if let Some(refusal) = door.refuse(&head, &wall).await {
        return body::to_response(refusal);
    }
    match door.entry(&head) {
        Entry::Read(limit) => {
            let whole = body::read(request, limit, &mut head).await;
            body::to_response(door.answer(&head, whole).await)
        }
        Entry::Upload { mailbox, .. } => {
            match outboxes.upload(mailbox, &request, props.as_deref()).await {
                Ok(answer) => Ok(answer),
                Err(OutboxUnavailable) => body::to_response(Ticket::unanswered()),
            }
        }
        Entry::Refused(answer) => body::to_response(answer),
    }
}
