//! The JSON API: Resend's wire contract for what is supported of it, and problem details elsewhere.
//! <https://resend.com/docs/api-reference/emails/send-email>

mod base64;
mod card;
mod error;
mod idempotency;
mod large;
mod problem;
mod reader;
mod send;

pub use card::{Card, Tag};
pub use error::ApiError;
pub use idempotency::{Fingerprint, IdempotencyKey};
pub use large::{FileSink, LargeBody, LargeError, NotKept};
pub use problem::Problem;
pub use send::SendRequest;
