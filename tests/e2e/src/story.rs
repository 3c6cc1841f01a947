//! The story of a message, as the operator reads it.

use serde_json::Value;

const SECONDS_A_DAY: u32 = 86_400;

/// Of a time such as `2026-11-22T09:30:00.000Z`.
fn second_of_day(time: &str) -> Option<u32> {
    let (_, clock) = time.split_once('T')?;
    let mut parts = clock.get(..8)?.split(':').map(|part| part.parse().ok());
    let (hours, minutes, seconds): (u32, u32, u32) =
        (parts.next()??, parts.next()??, parts.next()??);
    Some((hours * 60 + minutes) * 60 + seconds)
}

/// `GET /admin/messages/{id}`.
#[derive(Debug, Clone)]
pub struct Story(pub Value);

impl Story {
    /// Where the message stands.
    #[must_use]
    pub fn state(&self) -> &str {
        self.text("/state")
    }

    /// The text at a JSON pointer, empty if there is none.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The causes given by the events that say `state`.
    #[must_use]
    pub fn causes(&self, state: &str) -> Vec<&str> {
        let text = |event: &'_ Value, field: &str| {
            event.get(field).and_then(Value::as_str).map(str::to_owned)
        };
        self.events()
            .iter()
            .filter(|event| text(event, "state").as_deref() == Some(state))
            .map(|event| {
                event
                    .get("cause")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            })
            .collect()
    }

    /// Whether any event says `state`, now or before.
    #[must_use]
    pub fn was(&self, state: &str) -> bool {
        !self.causes(state).is_empty()
    }

    /// All events, oldest first.
    #[must_use]
    pub fn events(&self) -> &[Value] {
        self.0
            .get("events")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// Seconds from the newest event to the next attempt; none where no attempt is due.
    #[must_use]
    pub fn wait(&self) -> Option<u32> {
        let due = second_of_day(self.text("/due_at"))?;
        let newest = self.events().last()?.get("at")?.as_str()?;
        // Over midnight, as far as a wait of less than a day can be told.
        Some((due + SECONDS_A_DAY - second_of_day(newest)?) % SECONDS_A_DAY)
    }

    /// How often delivery was attempted.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.0
            .get("attempts")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }
}
