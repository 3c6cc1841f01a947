//! Taking a message in: from a draft to a row that is there to stay.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::api_request::{ApiRequest, Idempotency};
use super::meter::Rate;
use super::ports::{Clock, Entropy, NoEntropy, OutboxStore, StoreFault, random};
use super::reception::Reception;
use crate::{
    config::Name,
    limits::{CARD_OCTETS, MESSAGE_OCTETS},
    mail::{Draft, Frame, MessageId, NotAMessage, PartNumber, Stamp, frame},
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
    /// Under which identifier its attachments are in the Outbox already, if they are.
    #[serde(default)]
    pub staged: Option<EmailId>,
}

/// What an Outbox answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepted {
    /// The message is there, now or since the same request came before.
    Id(EmailId),
    /// The idempotency key was used for another request.
    Conflict,
    /// The same idempotency key is in use by a request that is being read.
    Concurrent,
    /// The file at this place cannot be sent as what it says it is.
    Attachment(usize),
    /// The message is larger than [`MESSAGE_OCTETS`].
    TooLarge,
    /// Its text does not fit what is kept of it.
    TooMuchText,
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
        reception: &Reception,
        store: &impl OutboxStore,
        clock: &impl Clock,
        entropy: &impl Entropy,
    ) -> Result<Answered, InvalidAccept> {
        let counted = self.request.as_ref().and_then(|request| {
            let key = &request.card.as_ref()?.key;
            Some(reception.meter.count(key, request.rate_limit, clock.now()))
        });
        if let Some(Err(rate)) = counted {
            self.drop_staged(store)?;
            return Ok(Answered {
                accepted: Accepted::Limited,
                rate: Some(rate),
            });
        }
        let idempotency = self.idempotency();
        let accepted = if idempotency.is_some_and(|it| reception.is_under_way(&it.scope)) {
            self.drop_staged(store)?;
            Accepted::Concurrent
        } else {
            self.keep(store, clock, entropy)?
        };
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
        let staged = self.staged;
        let accepted = self.commit(store, clock, entropy)?;
        if let Some(staged) = staged.filter(|id| accepted != Accepted::Id(*id)) {
            store.discard(staged)?;
        }
        Ok(accepted)
    }

    /// Drops what was kept for a message that is not to be.
    fn drop_staged(&self, store: &impl OutboxStore) -> Result<(), StoreFault> {
        self.staged.map_or(Ok(()), |staged| store.discard(staged))
    }

    fn idempotency(&self) -> Option<&Idempotency> {
        self.request.as_ref()?.idempotency.as_ref()
    }

    fn commit(
        self,
        store: &impl OutboxStore,
        clock: &impl Clock,
        entropy: &impl Entropy,
    ) -> Result<Accepted, InvalidAccept> {
        let now = clock.now();
        if let Some(idempotency) = self.idempotency()
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
        let frame = match frame(&self.draft, &stamp) {
            Ok(frame) => frame,
            Err(NotAMessage(index)) => return Ok(Accepted::Attachment(index)),
        };
        let size = frame.length(&self.draft);
        if size > MESSAGE_OCTETS {
            return Ok(Accepted::TooLarge);
        }
        let card = self.request.as_ref();
        let card = card.and_then(|request| Some(request.card.as_ref()?.stored_octets()));
        if card.is_some_and(|octets| octets > CARD_OCTETS) {
            return Ok(Accepted::TooMuchText);
        }
        let id = match self.staged {
            Some(staged) => staged,
            None => {
                let outbox = OutboxTag::of(self.mailbox.as_str());
                EmailId::new(now, u64::from_be_bytes(random(entropy)?), outbox)
            }
        };
        let envelope = self.draft.envelope();
        let (job, event) = Job::accepted(id, self.source, envelope, stamp.message_id, size, now);
        let request = self.request.as_ref();
        let mut files = self.draft.attachments.iter();
        if files.any(|file| file.content.is_kept()) {
            let job = job.in_parts(frame.layout(&self.draft));
            let between: Vec<_> = frame.between().collect();
            store.accept(&job, &between, &event, request)?;
        } else {
            let whole = whole(&frame, &self.draft, size);
            store.accept(&job, &[(PartNumber::FIRST, &whole)], &event, request)?;
        }
        Ok(Accepted::Id(id))
    }
}

/// The content of a message whose attachments are here: small, so it is kept as it will be sent,
/// in as few rows as there can be.
fn whole(frame: &Frame, draft: &Draft, size: u64) -> Vec<u8> {
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    for piece in frame.read(draft) {
        content.extend_from_slice(&piece);
    }
    content
}
