//! OAuth 2.0 as a client (RFC 6749): whose tokens, how they are asked for, how long they are
//! good, and what an error means.

mod assertion;
mod captured;
mod certificate;
mod classify;
mod client;
mod client_credentials;
mod code;
mod credential;
mod der;
mod discovery;
mod granted;
mod jwt_bearer;
mod pem;
mod provider;
mod published;
mod refresh;
mod retry_after;
mod revocation;
mod seam;
mod service_account;
mod signing_key;
mod token;

pub use assertion::{Assertion, AssertionKey, SigningAlgorithm};
pub use certificate::{Certificate, UnfitCertificate};
pub use classify::{FOUND_HERE, RULES, Rule, TokenFailure, Verdict, When, advice_of};
pub use client::{ClientAuthentication, ClientProof};
pub use client_credentials::ClientCredentialsGrant;
pub use code::CodeGrant;
pub use credential::Credential;
pub use discovery::{Issuer, Metadata, NotAnIssuer, metadata_addresses};
pub use granted::{Account, Granted};
pub use jwt_bearer::JwtBearerGrant;
pub use provider::{Cloud, ProofKind, Provider, Right, SecretIn};
pub use published::Published;
pub use refresh::RefreshGrant;
pub use revocation::Revocation;
pub use service_account::{ServiceAccount, UnfitAccount};
pub use signing_key::{SigningKey, UnfitKey};
pub use token::{CachedToken, Fingerprint};
