//! Taking a message in: from a draft to a row that is there to stay.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::api_request::ApiRequest;
use super::meter::{Meter, Rate};
use super::ports::{Clock, Entropy, NoEntropy, OutboxStore, StoreFault, random};
use crate::{
    config::Name,
    mail::{Draft, MessageId, Stamp, frame},
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
    /// What the API keeps of the request.
    #[serde(default)]
    pub request: Option<ApiRequest>,
}

/// What an Outbox answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// The message is there, now or since the same request came before.
    Id(EmailId),
    /// The idempotency key was used for another request.
    Conflict,
    /// A file cannot be sent as what it says it is.
    Attachment,
    /// The caller asks too often.
    Limited,
}

/// What an Outbox answers, and where the caller stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What became of the request.
    pub accepted: Accepted,
    /// How often the caller may still ask; nothing for a form.
    pub rate: Option<Rate>,
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
    /// Counts the request, and keeps the message if it is not one too many.
    ///
    /// # Errors
    /// As [`Self::keep`].
    pub fn count_and_keep(
        self,
        meter: &Meter,
        store: &impl OutboxStore,
        clock: &impl Clock,
        entropy: &impl Entropy,
    ) -> Result<Answered, InvalidAccept> {
        let counted = self
            .request
            .as_ref()
            .map(|request| meter.count(&request.card.key, request.rate_limit, clock.now()));
        if let Some(Err(rate)) = counted {
            return Ok(Answered {
                accepted: Accepted::Limited,
                rate: Some(rate),
            });
        }
        let accepted = self.keep(store, clock, entropy)?;
        Ok(Answered {
            accepted,
            rate: counted.and_then(Result::ok),
        })
    }

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
        let idempotency = self
            .request
            .as_ref()
            .and_then(|request| request.idempotency.as_ref());
        if let Some(idempotency) = idempotency
            && let Some((fingerprint, id)) = store.remembered(&idempotency.scope, now)?
        {
            let same = fingerprint == idempotency.fingerprint;
            return Ok(if same {
                Accepted::Id(id)
            } else {
                Accepted::Conflict
            });
        }
        let sender = &self.draft.from.address;
        let stamp = Stamp {
            date: now,
            message_id: MessageId::new(u128::from_be_bytes(random(entropy)?), sender),
            boundary: u128::from_be_bytes(random(entropy)?),
        };
        let Ok(frame) = frame(&self.draft, &stamp) else {
            return Ok(Accepted::Attachment);
        };
        let content: Vec<u8> = frame
            .read(&self.draft)
            .flat_map(|piece| piece.into_owned())
            .collect();
        let outbox = OutboxTag::of(self.mailbox.as_str());
        let id = EmailId::new(now, u64::from_be_bytes(random(entropy)?), outbox);
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let envelope = self.draft.envelope();
        let (job, event) = Job::accepted(id, self.source, envelope, stamp.message_id, size, now);
        store.accept(&job, &content, &event, self.request.as_ref())?;
        Ok(Accepted::Id(id))
    }
}
