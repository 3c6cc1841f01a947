//! What `cargo xtask` is made of, as a library: the end-to-end tests use the Worker rig of the demo.
//!
//! In scope: the tools a build needs, the build and its size, running the Worker on this machine,
//! the demonstration, the order of the test suites and hostile input. Out of scope: everything the Worker decides;
//! the check of a configuration is the Worker's own module, called from here.

pub mod bench;
pub mod browser;
pub mod build;
pub mod bundle;
pub mod check;
pub mod demo;
pub mod fuzz;
pub mod http;
pub mod key;
pub mod paths;
pub mod ports;
pub mod process;
mod strip;
pub mod suites;
pub mod tools;
pub mod worker;
pub mod workerd;

/// An error is a sentence for the person at the terminal.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What every command answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Puts what was being done in front of an error.
pub trait Context<T> {
    /// `what` as in "cannot read wrangler.toml".
    ///
    /// # Errors
    /// The error it was called on, with `what` in front.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", what()).into())
    }
}
