//! What the door asks an Outbox of messages that callers have sent before, or send together.

use serde::{Deserialize, Serialize};

use super::{
    intake::InvalidAccept,
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
}

/// The answer to the question of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxAnswer {
    /// What became of it, and where the caller stands.
    Steered(Steered, Rate),
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
        _entropy: &impl Entropy,
    ) -> Result<OutboxAnswer, InvalidAccept> {
        let now = clock.now();
        Ok(match self {
            Self::Steer(steer) => match reception.meter.count(&steer.key, steer.rate_limit, now) {
                Ok(rate) => OutboxAnswer::Steered(steer.done(store, now)?, rate),
                Err(rate) => OutboxAnswer::Steered(Steered::Limited, rate),
            },
        })
    }
}
