//! The Outbox's decisions: what state a message is in, when it is tried again, and when a mailbox
//! is left alone. Pure: storage and time belong to the caller.

mod alert;
mod event;
mod health;
mod id;
mod job;
mod retry;

pub use alert::{Alert, AlertKind, AlertLog, Channel};
pub use event::StoryEvent;
pub use health::Health;
pub use id::{EmailId, InvalidId, OutboxTag};
pub use job::{Job, Recipient, Source, State, UnreadableJob};
pub use retry::backoff;
