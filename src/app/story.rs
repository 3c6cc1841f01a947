//! A message's story, as the operator reads it.

use serde::{Deserialize, Serialize};

use super::ports::{OutboxStore, StoreFault};
use crate::{
    config::Name,
    oauth,
    outbox::{EmailId, Health, StoryEvent},
    outcome::{Cause, Finding},
    smtp,
};

/// Everything known of one message but its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story(serde_json::Value);

impl Story {
    /// Reads the story of `id`.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(
        store: &impl OutboxStore,
        mailbox: &Name,
        id: EmailId,
    ) -> Result<Option<Self>, StoreFault> {
        let Some((job, events)) = store.story(id)? else {
            return Ok(None);
        };
        let health = store.health()?;
        // While the mailbox is down its health holds back what is due.
        let due_at = job
            .due_at
            .map(|at| health.down_until().map_or(at, |until| until.max(at)));
        let recipients: Vec<_> = job
            .recipients
            .iter()
            .map(|recipient| {
                serde_json::json!({
                    "address": recipient.address,
                    "state": recipient.state,
                    "answer": recipient.answer,
                })
            })
            .collect();
        Ok(Some(Self(serde_json::json!({
            "id": job.id,
            "mailbox": mailbox,
            "source": job.source,
            "state": job.state,
            "created_at": job.created_at.to_string(),
            "due_at": due_at.map(|at| at.to_string()),
            "message_id": job.message_id.to_string(),
            "size": job.size,
            "attempts": job.attempts,
            "envelope": {
                "mail_from": job.reverse_path,
                "rcpt_to": job.recipients.iter().map(|to| &to.address).collect::<Vec<_>>(),
            },
            "recipients": recipients,
            "health": health_for_people(&health),
            "events": events.iter().map(event_for_people).collect::<Vec<_>>(),
        }))))
    }
}

fn health_for_people(health: &Health) -> serde_json::Value {
    match health {
        Health::Up => serde_json::json!({ "state": "up" }),
        Health::Down {
            cause,
            until,
            failures,
            finding,
            ..
        } => serde_json::json!({
            "state": "down",
            "cause": cause,
            "blame": cause.blame(),
            "finding": finding,
            "detail": advice(*cause, finding.as_ref()),
            "until": until.to_string(),
            "failures": failures,
        }),
    }
}

/// The stored line, with the time in words and the sentence that says what to do.
fn event_for_people(event: &StoryEvent) -> serde_json::Value {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("at".to_owned(), event.at.to_string().into());
        if let Some(at) = event.scheduled_at {
            fields.insert("scheduled_at".to_owned(), at.to_string().into());
        }
        if let Some(cause) = event.cause {
            let advice = advice(cause, event.finding.as_ref());
            fields.insert("detail".to_owned(), advice.into());
        }
    }
    value
}

/// What to do: as the provider's answer was recognised, or by the cause alone.
pub(super) fn advice(cause: Cause, finding: Option<&Finding>) -> &'static str {
    finding
        .and_then(|finding| smtp::advice_of(finding).or_else(|| oauth::advice_of(finding)))
        .unwrap_or_else(|| cause.advice())
}
