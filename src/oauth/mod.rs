//! OAuth 2.0 as a client (RFC 6749): whose tokens, how they are asked for, how long they are
//! good, and what an error means.

mod captured;
mod classify;
mod client;
mod client_credentials;
mod code;
mod credential;
mod discovery;
mod granted;
mod provider;
mod published;
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
pub use discovery::{Issuer, Metadata, NotAnIssuer, metadata_addresses};
pub use granted::{Account, Granted};
pub use provider::{Cloud, Provider, Right, SecretIn};
pub use published::Published;
pub use refresh::RefreshGrant;
pub use revocation::Revocation;
pub use token::{CachedToken, Fingerprint};
