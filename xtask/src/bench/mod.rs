//! `cargo xtask bench`: how fast, how much, how large, measured in workerd on this machine. Figures to
//! compare within one run, never a test; but for counts, which are the same everywhere.

pub mod api;
mod load;
mod rig;
mod table;
pub mod tokens;

pub use rig::{MAILBOX, Rig, message};

use crate::{Result, build, tools};

/// Runs a bench.
///
/// # Errors
/// If there is none of that name, or something does not run.
pub fn run(name: &str, json: bool) -> Result<()> {
    tools::ensure()?;
    build::ensure_built()?;
    match name {
        "api" => api::run(json),
        "tokens" => tokens::run(json),
        other => Err(format!("no bench {other:?}; there are: api, tokens").into()),
    }
}
