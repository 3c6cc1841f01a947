//! The submission server: ESMTP with STARTTLS and XOAUTH2, written by hand so that it can
//! misbehave to the octet.
//!
//! A connection is a [`connection::Connection`]: the octets ([`wire`]), the script asked step by step
//! ([`plan`]) and the state of the dialogue. Its commands are spread over [`session`] (which one is
//! next, and those that need no file of their own), [`upgrade`] (STARTTLS), [`auth`] and
//! [`transaction`] (MAIL, RCPT, DATA, BDAT).

mod auth;
mod command;
mod connection;
mod content;
mod path;
mod plan;
pub(crate) mod port;
pub(crate) mod record;
pub(crate) mod script;
mod session;
mod transaction;
mod upgrade;
mod wire;
mod xoauth2;
