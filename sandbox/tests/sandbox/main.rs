//! The sandbox from outside: octets on sockets, nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should fail at once"
)]

mod authorization;
mod content;
mod faults;
mod faults_tls;
mod http;
mod refresh;
mod smtp;
mod submission;
mod web;
