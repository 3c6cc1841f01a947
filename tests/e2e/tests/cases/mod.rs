//! All cases, by topic.

mod api;
mod api_fields;
mod api_http;
mod api_json;
mod api_later;
mod api_smuggling;
mod api_text;
mod auth;
mod binding;
mod connect;
mod crash;
mod form;
mod handshake;
mod injection;
mod leak;
mod leak_controls;
mod lost;
mod offers;
mod operator;
mod outcome;
mod recipients;
mod refused;
mod replies;
mod smuggling;
mod tls;
mod token;
mod unreachable;
mod wall;

use edgepost_e2e::{Around, Case};

/// Those of the one Worker that serves nearly all.
pub fn main() -> Vec<Case> {
    let topics = [
        form::cases(),
        smuggling::cases(),
        operator::cases(),
        connect::cases(),
        tls::cases(),
        handshake::cases(),
        replies::cases(),
        auth::cases(),
        offers::cases(),
        refused::cases(),
        recipients::cases(),
        injection::cases(),
        lost::cases(),
        unreachable::cases(),
        token::cases(),
        api::cases(),
        api_fields::cases(),
        api_smuggling::cases(),
        api_text::cases(),
        api_http::cases(),
        api_json::cases(),
        api_later::cases(),
    ];
    topics.into_iter().flatten().collect()
}

/// Those that would disturb the others.
pub fn second() -> Vec<Case> {
    crash::cases()
}

/// What is in the second Worker's configuration beside its cases' mailboxes.
pub fn around_second() -> Around {
    Around {
        vars: crash::faulty_vars(),
        ..Around::default()
    }
}

/// Those of a Worker that others of its account call, with a wall that is soon reached.
pub fn bound() -> Vec<Case> {
    let mut cases = binding::cases();
    cases.extend(wall::cases());
    cases
}

/// Its callers.
pub fn around_bound(world: &str) -> xtask::Result<Around> {
    Ok(Around {
        neighbours: binding::neighbours(world)?,
        wall: Some(wall::LIMIT),
        ..Around::default()
    })
}

/// What is looked at when everything else has ended.
pub fn leaks() -> Vec<leak::Check> {
    leak::checks()
}
