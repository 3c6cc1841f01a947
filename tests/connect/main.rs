//! The operator's door: signing in, connecting a mailbox, and what a stranger gets of either.

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

mod board;
mod callback;
mod custom;
mod login;
mod messages;
mod ports;
mod stop;
mod trial;
mod world;
