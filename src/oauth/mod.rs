//! OAuth 2.0 as a client (RFC 6749): whose tokens, how they are asked for, how long they are
//! good, and what an error means.

mod captured;
mod classify;
mod client;
mod client_credentials;
mod code;
mod credential;
mod granted;
mod provider;
mod refresh;
mod retry_after;
mod revocation;
mod seam;
mod token;

pub use classify::{FOUND_HERE, RULES, Rule, TokenFailure, Verdict, When, advice_of};
pub use client::ClientProof;
pub use client_credentials::ClientCredentialsGrant;
pub use code::CodeGrant;
pub use credential::Credential;
pub use granted::{Account, Granted};
pub use provider::{Cloud, Provider, Right};
pub use refresh::RefreshGrant;
pub use revocation::revocation;
pub use token::{CachedToken, Fingerprint};
