//! Taking a message in: from a draft to a row that is there to stay.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ports::{Clock, Entropy, NoEntropy, OutboxStore, StoreFault, random};
use crate::{
    config::Name,
    mail::{Draft, MessageId, Stamp, render},
    outbox::{EmailId, Job, OutboxTag, Source},
};

/// What the door hands to an Outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// The mailbox, which names the Outbox.
    pub mailbox: Name,
    /// What handed it in.
    pub source: Source,
    /// The message.
    pub draft: Draft,
}

/// What an Outbox answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The message's identifier.
    pub id: EmailId,
}

/// Why a message was not taken in. Nothing of it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidAccept {
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// No random numbers.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl Accept {
    /// Renders the message and keeps it, whole or not at all. Once this returns, the message is
    /// durable before any answer leaves (the output gate holds the answer until the rows are).
    ///
    /// # Errors
    /// When storage or randomness fail; the caller must not say thank you.
    pub fn keep(
        self,
        store: &impl OutboxStore,
        clock: &impl Clock,
        entropy: &impl Entropy,
    ) -> Result<Accepted, InvalidAccept> {
        let now = clock.now();
        let sender = &self.draft.from.address;
        let stamp = Stamp {
            date: now,
            message_id: MessageId::new(u128::from_be_bytes(random(entropy)?), sender),
            boundary: u128::from_be_bytes(random(entropy)?),
        };
        let content = render(&self.draft, &stamp);
        let outbox = OutboxTag::of(self.mailbox.as_str());
        let id = EmailId::new(now, u64::from_be_bytes(random(entropy)?), outbox);
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let envelope = self.draft.envelope();
        let (job, event) = Job::accepted(id, self.source, envelope, stamp.message_id, size, now);
        store.accept(&job, &content, &event)?;
        Ok(Accepted { id })
    }
}
