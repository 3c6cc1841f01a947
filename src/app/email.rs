//! A message as the API shows it to the key that sent it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ports::{OutboxStore, StoreFault};
use crate::{
    api::Card,
    outbox::{EmailId, Job, State},
    time::UnixMillis,
};

/// The body of `GET /emails/{id}`, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// The name of the API key that sent it.
    pub key: String,
    /// The body.
    pub body: Value,
}

impl Email {
    /// Reads the message `id`, if the API sent it.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(store: &impl OutboxStore, id: EmailId) -> Result<Option<Self>, StoreFault> {
        let (Some(card), Some((job, _))) = (store.card(id)?, store.story(id)?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            body: body(&card, &job),
            key: card.key,
        }))
    }
}

/// `cc` and `bcc` are always there, because some clients cannot do without; what is empty is
/// `null`, as Resend has it.
fn body(card: &Card, job: &Job) -> Value {
    let list = |texts: &[String]| {
        if texts.is_empty() {
            Value::Null
        } else {
            json!(texts)
        }
    };
    json!({
        "object": "email",
        "id": job.id,
        "message_id": job.message_id.to_string(),
        "to": card.to,
        "from": card.from,
        "created_at": resend_time(job.created_at),
        "subject": card.subject,
        "html": card.html,
        "text": card.text,
        "cc": list(&card.cc),
        "bcc": list(&card.bcc),
        "reply_to": list(&card.reply_to),
        "last_event": last_event(job.state),
        "scheduled_at": job.scheduled_at.map(resend_time),
        "tags": card.tags,
        "edgepost_state": job.state,
    })
}

/// A message in a list: all but its texts.
pub(super) fn item(card: &Card, job: &Job) -> Value {
    let mut item = body(card, job);
    if let Some(fields) = item.as_object_mut() {
        for name in ["object", "html", "text", "tags"] {
            fields.remove(name);
        }
    }
    item
}

/// Our state in the words that clients know.
fn last_event(state: State) -> &'static str {
    match state {
        State::Scheduled => "scheduled",
        State::Queued | State::Sending => "queued",
        State::Sent => "sent",
        State::Deferred | State::InDoubt => "delivery_delayed",
        State::Failed => "failed",
        State::Canceled => "canceled",
    }
}

/// `2026-04-03 22:13:42.674000+00`.
fn resend_time(at: UnixMillis) -> String {
    at.to_string().replace('T', " ").replace('Z', "000+00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_resend_writes_them() {
        let at = UnixMillis::new(1_795_339_800_123);
        assert_eq!(resend_time(at), "2026-11-22 09:30:00.123000+00");
    }
}
