//! The Outbox on a virtual clock, with faults: storage that fails, servers that vanish, Workers
//! that die.

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

mod alerts;
mod delivery;
mod faults;
mod reach;
mod schedule;
mod split;
mod stop;
mod submission;
mod unasked;
mod world;
