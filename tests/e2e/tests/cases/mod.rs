//! All cases, by topic.

mod api;
mod api_fields;
mod api_http;
mod api_smuggling;
mod api_text;
mod crash;
mod form;
mod leak;
mod lost;
mod operator;
mod outcome;
mod refused;
mod smuggling;
mod tls;
mod token;

use edgepost_e2e::Case;
use serde_json::{Map, Value};

/// Those of the one Worker that serves nearly all.
pub fn main() -> Vec<Case> {
    let topics = [
        form::cases(),
        smuggling::cases(),
        operator::cases(),
        tls::cases(),
        refused::cases(),
        lost::cases(),
        token::cases(),
        api::cases(),
        api_fields::cases(),
        api_smuggling::cases(),
        api_text::cases(),
        api_http::cases(),
    ];
    topics.into_iter().flatten().collect()
}

/// Those that would disturb the others.
pub fn second() -> Vec<Case> {
    crash::cases()
}

/// What is in the second Worker's configuration beside its cases' mailboxes.
pub fn second_vars() -> Map<String, Value> {
    crash::faulty_vars()
}

/// What is looked for when everything else has ended, in each world.
pub fn leaks() -> Vec<leak::Check> {
    leak::checks()
}
