//! The use cases: asynchronous, generic over small ports, and without a word of the platform. The
//! edge implements the ports and calls these; tests implement them in memory, with faults.

mod alert_channels;
mod alerts;
mod api_request;
mod batch;
mod content;
mod door;
mod drain;
mod email;
mod emails;
mod http;
mod intake;
mod keeper;
mod keeper_record;
mod listing;
mod meter;
mod object;
mod operator;
pub mod ports;
mod question;
mod recall;
mod reception;
mod registry;
mod standing;
mod steering;
mod story;
mod submit;
mod tokens;
mod turns;
mod upload;
mod wall;

pub use alert_channels::AlertChannels;
pub use alerts::learn;
pub use api_request::{ApiRequest, Idempotency};
pub use batch::{Batch, BatchAccepted};
pub use content::ContentReader;
pub use door::{Door, Entry, OutboxUnavailable, Outboxes};
pub use drain::{Drain, Outbox, Trigger, wake_if_repaired};
pub use email::Email;
pub use http::{Request, Response};
pub use intake::{Accept, Accepted, Answered, InvalidAccept};
pub use keeper::{
    ConnectAnswer, ConnectQuestion, CredentialState, Disconnected, Keeper, KeeperAnswer,
    KeeperRequest, MetadataAnswer, Trial,
};
pub use listing::{Listing, Page};
pub use meter::{Meter, Rate};
pub use object::{ObjectName, enter};
pub use operator::{MailboxState, Mailboxes, Operator, Registrar, Unreachable, is_operators};
pub use question::{OutboxAnswer, OutboxQuestion};
pub use recall::{Leave, Recall};
pub use reception::Reception;
pub use registry::{Consent, Known, Registry, RegistryAnswer, RegistryQuestion};
pub use standing::{Standing, Word, is_stopped, note, obey, obey_as_keeper};
pub use steering::{Steer, Steered};
pub use story::Story;
pub use submit::{Link, Opening};
pub use tokens::{TokenMemory, Tokens};
pub use turns::Turns;
pub use upload::{Ticket, Upload, begin_staging};
