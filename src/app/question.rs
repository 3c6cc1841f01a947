//! What the door asks an Outbox of messages that callers have sent before, or send together.

use serde::{Deserialize, Serialize};

use super::{
    batch::{Batch, BatchAccepted},
    intake::InvalidAccept,
    listing::{Listing, Page},
    meter::Rate,
    ports::{Clock, Entropy, OutboxStore},
    reception::Reception,
    steering::{Steer, Steered},
};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxQuestion {
    /// Reschedules or cancels a message.
    Steer(Steer),
    /// Lists a caller's messages.
    List(Listing),
    /// Hands messages over together.
    Batch(Batch),
}

/// The answer to the question of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxAnswer {
    /// What became of it, and where the caller stands.
    Steered(Steered, Rate),
    /// Some of them.
    Page(Page),
    /// What became of them, and where the caller stands.
    Batch(BatchAccepted, Rate),
}

impl OutboxQuestion {
    /// Answers it. Nothing is awaited, so nothing comes in between.
    ///
    /// # Errors
    /// When storage or randomness fail.
    pub fn answer(
        self,
        reception: &Reception,
        store: &impl OutboxStore,
        clock: &impl Clock,
        entropy: &impl Entropy,
    ) -> Result<OutboxAnswer, InvalidAccept> {
        let now = clock.now();
        let count = |caller: &str, limit| reception.meter.count(caller, limit, now);
        Ok(match self {
            Self::Steer(steer) => match count(&steer.key, steer.rate_limit) {
                Ok(rate) => OutboxAnswer::Steered(steer.done(store, now)?, rate),
                Err(rate) => OutboxAnswer::Steered(Steered::Limited, rate),
            },
            Self::List(listing) => OutboxAnswer::Page(listing.page(store)?),
            // One request, however much is in it, as Resend counts.
            Self::Batch(batch) => match count(&batch.key, batch.rate_limit) {
                Ok(rate) => OutboxAnswer::Batch(batch.keep(store, now, entropy)?, rate),
                Err(rate) => OutboxAnswer::Batch(BatchAccepted::limited(), rate),
            },
        })
    }
}
