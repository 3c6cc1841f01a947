//! What the end-to-end cases stand on: one sandbox, one Worker, and for each case a mailbox, a form
//! and a submission port of its own, so that all can run side by side.

pub mod api;
pub mod case;
pub mod chromium;
mod corner;
pub mod given;
pub mod json_suite;
pub mod leaks;
pub mod letter;
pub mod mail;
pub mod neighbours;
pub mod oidc;
pub mod python;
pub mod raw;
pub mod signing;
pub mod site;
pub mod story;
pub mod world;

pub use api::Key;
pub use case::{Case, Port, Server, Setup};
pub use given::{Audience, Given};
pub use letter::{Letter, Part};
pub use signing::{By, Pair, Signing};
pub use site::Site;
pub use world::{Around, World};
