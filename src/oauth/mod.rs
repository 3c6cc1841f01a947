//! OAuth 2.0 as a client (RFC 6749): whose tokens, how they are asked for, how long they are
//! good, and what an error means.

mod classify;
mod credential;
mod provider;
mod refresh;
mod token;

pub use classify::{Captured, TokenFailure};
pub use credential::Credential;
pub use provider::Provider;
pub use refresh::{Granted, RefreshGrant};
pub use token::{CachedToken, Fingerprint};
