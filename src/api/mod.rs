//! The JSON API: Resend's wire contract for what is supported of it, and problem details elsewhere.
//! <https://resend.com/docs/api-reference/emails/send-email>

mod base64;
mod batch;
mod body;
mod card;
mod error;
mod idempotency;
mod problem;
mod reader;
mod reschedule;
mod scheduled_at;
mod send;

pub use batch::{BatchRequest, BatchValidation};
pub use body::{Body, BodyError, FileSink, Held, NotKept};
pub use card::{Card, Tag};
pub use error::ApiError;
pub use idempotency::{Fingerprint, IdempotencyKey};
pub use problem::Problem;
pub use reschedule::RescheduleRequest;
pub use scheduled_at::{NotUnderstood, ScheduledAt, TooFarAhead};
pub use send::SendRequest;
