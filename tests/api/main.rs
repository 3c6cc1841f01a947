//! The API from the door to the row, in memory: keys, idempotency, whose message is whose.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod body;
mod large;
mod list;
mod routes;
mod schedule;
mod world;
