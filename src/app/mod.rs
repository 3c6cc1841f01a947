//! The use cases: asynchronous, generic over small ports, and without a word of the platform. The
//! edge implements the ports and calls these; tests implement them in memory, with faults.

mod alert_channels;
mod alerts;
mod api_request;
mod content;
mod door;
mod drain;
mod email;
mod emails;
mod http;
mod intake;
mod keeper;
mod keeper_record;
mod meter;
mod operator;
pub mod ports;
mod reception;
mod registry;
mod story;
mod submit;
mod tokens;
mod turns;
mod upload;
mod wall;

pub use alert_channels::AlertChannels;
pub use alerts::learn;
pub use api_request::{ApiRequest, Idempotency};
pub use content::ContentReader;
pub use door::{Door, Entry, OutboxUnavailable, Outboxes};
pub use drain::{Drain, Outbox, Trigger, resume};
pub use email::Email;
pub use http::{Request, Response};
pub use intake::{Accept, Accepted, Answered, InvalidAccept};
pub use keeper::{
    ConnectAnswer, ConnectQuestion, Disconnected, Keeper, KeeperAnswer, KeeperRequest, Standing,
    Trial,
};
pub use meter::{Meter, Rate};
pub use operator::{Mailboxes, Operator, Registrar, Unreachable, is_operators};
pub use reception::Reception;
pub use registry::{Consent, Registry, RegistryAnswer, RegistryQuestion};
pub use story::Story;
pub use submit::{Link, Opening};
pub use tokens::{TokenMemory, Tokens};
pub use turns::Turns;
pub use upload::{Ticket, Upload, begin_staging};
