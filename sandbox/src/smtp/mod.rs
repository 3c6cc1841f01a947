//! The submission server: ESMTP with STARTTLS or implicit TLS, XOAUTH2 and OAUTHBEARER, written by
//! hand so that it can misbehave to the octet.
//!
//! A connection is a [`connection::Connection`]: the octets ([`wire`] over [`tap`], which cuts them
//! where a script says), the script asked step by step ([`plan`]) and carried out ([`answer`],
//! [`garbage`], [`old_tls`]), and the state of the dialogue. Its commands are spread over [`session`]
//! (which one is next, and those that need no file of their own), [`upgrade`] and [`handshake`],
//! [`auth`], [`transaction`] and [`chunk`].

mod answer;
mod auth;
mod chunk;
mod command;
mod connection;
mod content;
mod end;
mod extensions;
mod garbage;
mod handshake;
mod meter;
mod old_tls;
mod parameters;
mod path;
mod plan;
pub(crate) mod port;
pub(crate) mod record;
mod sasl;
pub(crate) mod script;
mod session;
mod tap;
mod transaction;
mod upgrade;
mod wire;
