//! The sandbox from outside: octets on sockets, nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected should fail at once"
)]

mod authorization;
mod bearer;
mod chunks;
mod content;
mod cuts;
mod extensions;
mod faults;
mod faults_auth;
mod faults_time;
mod faults_tls;
mod garbage;
mod http;
mod implicit;
mod refresh;
mod signed;
mod smtp;
mod submission;
mod web;
mod web_faults;
