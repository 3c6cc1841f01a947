//! Taking a message in: from a draft to a row that is there to stay.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::api_request::{ApiRequest, Idempotency};
use super::meter::Rate;
use super::ports::{
    Clock, Entropy, NewMessage, NoEntropy, OutboxStore, Remembered, StoreFault, random,
};
use super::reception::Reception;
use crate::{
    config::Name,
    limits::{CARD_OCTETS, MESSAGE_OCTETS},
    mail::{Draft, Frame, MessageId, NotAMessage, PartNumber, Stamp, frame},
    outbox::{EmailId, Job, OutboxTag, Source},
    time::UnixMillis,
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
    /// It is to be sent further ahead than
    /// [`SCHEDULE_AHEAD_MAX`](crate::limits::SCHEDULE_AHEAD_MAX).
    TooFarAhead,
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
    /// The path on which the Outbox takes it. While a deploy is under way an Outbox may be of the
    /// version before, which would send at once what is to wait: it does not know this path.
    pub fn path(&self) -> &'static str {
        let request = self.request.as_ref();
        match request.and_then(|request| request.scheduled_at) {
            Some(_) => "/accept/scheduled",
            None => "/accept",
        }
    }

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
        let counted = self.request.as_ref().map(|request| {
            reception
                .meter
                .count(&request.card.key, request.rate_limit, clock.now())
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
        let idempotency = self.idempotency().cloned();
        match before(store, idempotency.as_ref(), now)? {
            Before::Never => {}
            Before::Other => return Ok(Accepted::Conflict),
            Before::Same(answer) => {
                return Ok(Accepted::Id(answer.parse().map_err(|_| StoreFault)?));
            }
        }
        let message = match self.render(now, entropy)? {
            Ok(message) => message,
            Err(refused) => return Ok(refused),
        };
        let id = message.job.id;
        let answer = id.to_string();
        let request = idempotency.as_ref().map(|request| Remembered {
            request,
            answer: &answer,
        });
        store.accept(&[message], request, now)?;
        Ok(Accepted::Id(id))
    }

    /// The message as it is going to be kept, or why it cannot be.
    pub(super) fn render(
        self,
        now: UnixMillis,
        entropy: &impl Entropy,
    ) -> Result<Result<NewMessage, Accepted>, NoEntropy> {
        let asked = self.request.as_ref().and_then(|asked| asked.scheduled_at);
        let Ok(scheduled_at) = asked.map_or(Ok(None), |asked| asked.resolve(now)) else {
            return Ok(Err(Accepted::TooFarAhead));
        };
        let sender = &self.draft.from.address;
        let stamp = Stamp {
            // A message that says it is of last month is not trusted by those who read it.
            date: scheduled_at.unwrap_or(now),
            message_id: MessageId::new(u128::from_be_bytes(random(entropy)?), sender),
            boundary: u128::from_be_bytes(random(entropy)?),
        };
        let frame = match frame(&self.draft, &stamp) {
            Ok(frame) => frame,
            Err(NotAMessage(index)) => return Ok(Err(Accepted::Attachment(index))),
        };
        let size = frame.length(&self.draft);
        if size > MESSAGE_OCTETS {
            return Ok(Err(Accepted::TooLarge));
        }
        let card = self.request.map(|request| request.card);
        if card
            .as_ref()
            .is_some_and(|card| card.stored_octets() > CARD_OCTETS)
        {
            return Ok(Err(Accepted::TooMuchText));
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
        let (job, event) = match scheduled_at {
            Some(at) => job.scheduled(at, now),
            None => (job, event),
        };
        let mut files = self.draft.attachments.iter();
        let (job, content) = if files.any(|file| file.content.is_kept()) {
            let job = job.in_parts(frame.layout(&self.draft));
            (job, frame.into_between().collect())
        } else {
            let whole = whole(&frame, &self.draft, size);
            (job, vec![(PartNumber::FIRST, whole)])
        };
        Ok(Ok(NewMessage {
            job,
            event,
            content,
            card,
        }))
    }
}

/// What is remembered of a request.
pub(super) enum Before {
    /// It has not come before, or nobody can know.
    Never,
    /// It has, and was answered this.
    Same(String),
    /// Another has, under the same key.
    Other,
}

/// Looks a request up among those of the last day.
pub(super) fn before(
    store: &impl OutboxStore,
    request: Option<&Idempotency>,
    now: UnixMillis,
) -> Result<Before, StoreFault> {
    let Some(request) = request else {
        return Ok(Before::Never);
    };
    Ok(match store.remembered(&request.scope, now)? {
        None => Before::Never,
        Some((fingerprint, answer)) if fingerprint == request.fingerprint => Before::Same(answer),
        Some(_) => Before::Other,
    })
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
