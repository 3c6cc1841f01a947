//! edgepost sends mail from the edge through the mailbox its owner already has.
//!
//! `ARCHITECTURE.md` is the map. Everything here but the `edge` module is free of the platform: it
//! reads no clock, draws no random numbers and opens no connection of its own.

#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::needless_pass_by_value,
        clippy::string_slice,
        reason = "a test may panic"
    )
)]

pub mod access;
pub mod api;
pub mod app;
pub mod config;
pub mod forms;
pub mod limits;
pub mod mail;
pub mod oauth;
pub mod outbox;
pub mod outcome;
pub mod pages;
pub mod seal;
pub mod secret;
pub mod smtp;
pub mod time;
pub mod tls;

#[cfg(feature = "edge")]
mod edge;
