//! The ports in memory: a virtual clock, a store that can fail, a scripted mail server.

#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "each test uses some of it"
)]

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use edgepost::{
    api::{Card, Fingerprint},
    app::ports::{
        Alerts, BodyFault, BodySource, Change, Clock, Connection, ConnectionFault, Connector,
        ContentStore, Cursor, EmailService, Entropy, HttpClient, HttpFault, NewMessage, NoEntropy,
        NotTold, OutboxStore, Remembered, StandingStore, StoreFault, TokenCache, TokenCustody,
    },
    app::{ContentReader, Standing},
    limits::IDEMPOTENCY_WINDOW,
    mail::{EmailAddress, PartNumber, Place},
    outbox::{Alert, AlertLog, Channel, EmailId, Health, Job, State, StoryEvent},
    time::UnixMillis,
    tls::TlsMode,
};

mod alerts;
mod clock;
mod server;
mod service;
mod signer;
mod store;
mod tokens;

pub use alerts::{MemoryAlerts, MemoryEmail};
pub use clock::{SeededEntropy, VirtualClock, until};
pub use server::{Move, ScriptedServer};
use service::Service;
pub use signer::NativeSigner;
pub use store::{MemoryStore, Writes};
pub use tokens::{MemoryCache, MemoryCustody, ScriptedProvider};

/// 2026-11-22T09:30:00Z.
pub const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);
