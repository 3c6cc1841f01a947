//! `PATCH /emails/{id}` and `POST /emails/{id}/cancel`: a message that waits is sent at another time, or
//! not at all.

use serde::{Deserialize, Serialize};

use super::{
    door::{Door, Outboxes},
    emails,
    http::{Request, Response},
    ports::{Change, ContentStore, OutboxStore, StoreFault},
    question::{OutboxAnswer, OutboxQuestion},
};
use crate::{
    api::{ApiError, RescheduleRequest, ScheduledAt, TooFarAhead},
    mail::{PartNumber, Place, Redated, redate},
    outbox::{EmailId, State},
    time::UnixMillis,
};

/// What a caller wants of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steer {
    /// The message.
    pub id: EmailId,
    /// The name of the caller, whose message it has to be.
    pub key: String,
    /// How often the caller may ask, in requests a second.
    pub rate_limit: u32,
    /// When it is to be sent; nothing where it is not to be sent at all.
    pub to: Option<ScheduledAt>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steered {
    /// It is so.
    Done,
    /// There is no such message, or it is somebody else's.
    NotFound,
    /// Too late: somebody has it or may have it, or it has ended.
    TooLate(State),
    /// The time is too far ahead.
    TooFarAhead,
    /// The caller asks too often.
    Limited,
}

impl Steer {
    /// Does it, if it can still be done. What the message is now and what it becomes are one step: no
    /// attempt can begin in between.
    pub(super) fn done(
        self,
        store: &impl OutboxStore,
        now: UnixMillis,
    ) -> Result<Steered, StoreFault> {
        let card = store.card(self.id)?;
        let stored = card
            .filter(|card| card.key == self.key)
            .map(|_| store.story(self.id));
        let Some((mut job, _)) = stored.transpose()?.flatten() else {
            return Ok(Steered::NotFound);
        };
        let Some(to) = self.to else {
            return match job.cancel(now) {
                Ok(Some(event)) => store.update(&job, &event).map(|()| Steered::Done),
                Ok(None) => Ok(Steered::Done),
                Err(state) => Ok(Steered::TooLate(state)),
            };
        };
        let Ok(at) = to.resolve(now) else {
            return Ok(Steered::TooFarAhead);
        };
        let event = match job.reschedule(at, now) {
            Ok(event) => event,
            Err(state) => return Ok(Steered::TooLate(state)),
        };
        store.commit(&Change {
            job: Some((&job, &event)),
            content: &redated(store, self.id, at.unwrap_or(now))?,
            // Whatever comes next, a run finds it and arms the alarm for what is behind it.
            arm: Some(now),
            ..Change::default()
        })?;
        Ok(Steered::Done)
    }
}

/// The first pieces of a message's content, with another date.
fn redated(
    store: &impl ContentStore,
    id: EmailId,
    date: UnixMillis,
) -> Result<Vec<(Place, Vec<u8>)>, StoreFault> {
    let (mut head, mut lengths) = (Vec::new(), Vec::new());
    let place = |piece| Place {
        part: PartNumber::FIRST,
        piece,
    };
    for piece in 0.. {
        let Some(octets) = store.piece(id, place(piece))? else {
            return Ok(Vec::new());
        };
        lengths.push(octets.len());
        head.extend(octets);
        match redate(&mut head, date) {
            Redated::GoesOn => {}
            Redated::Without => return Ok(Vec::new()),
            Redated::Done => break,
        }
    }
    let mut octets = head.into_iter();
    let cut = |length: &usize| octets.by_ref().take(*length).collect();
    Ok((0..).map(place).zip(lengths.iter().map(cut)).collect())
}

impl<O: Outboxes> Door<'_, O> {
    pub(super) async fn reschedule_email(
        &self,
        request: &Request,
        id: &str,
        body_whole: bool,
    ) -> Response {
        let asked = if body_whole {
            RescheduleRequest::read(&request.body)
        } else {
            Err(ApiError::too_large("RESCHEDULE_BODY_OCTETS"))
        };
        // Whoever may not do it is told that first, whatever the body is.
        match self.steer(request, id, asked.map(Some)).await {
            Ok(response) => response,
            Err(error) => emails::error(&error),
        }
    }

    pub(super) async fn cancel_email(&self, request: &Request, id: &str) -> Response {
        match self.steer(request, id, Ok(None)).await {
            Ok(response) => response,
            Err(error) => emails::error(&error),
        }
    }

    async fn steer(
        &self,
        request: &Request,
        id: &str,
        asked: Result<Option<RescheduleRequest>, ApiError>,
    ) -> Result<Response, ApiError> {
        let caller = self.authenticate_reader(request)?;
        let id = emails::id(id)?;
        let asked = asked?;
        let mailbox = self.keeping(id);
        let mailbox = mailbox.ok_or_else(|| ApiError::not_found("Email"))?;
        let question = OutboxQuestion::Steer(Steer {
            id,
            key: caller.name,
            rate_limit: caller.rate_limit,
            to: asked.as_ref().map(|asked| asked.scheduled_at),
        });
        let answer = self.outboxes.ask(mailbox, &question).await;
        let Ok(OutboxAnswer::Steered(steered, rate)) = answer else {
            return Err(ApiError::unanswered());
        };
        let response = match steered {
            Steered::Done => {
                Response::json(200, &serde_json::json!({ "object": "email", "id": id }))
            }
            Steered::NotFound => emails::error(&ApiError::not_found("Email")),
            Steered::TooLate(state) => emails::error(&too_late(state)),
            Steered::TooFarAhead => emails::error(&ApiError::invalid("scheduled_at", TooFarAhead)),
            Steered::Limited => emails::limited(rate),
        };
        let response = emails::with_rate(response, rate);
        let ignored = asked.map(|asked| asked.ignored.join(", "));
        Ok(emails::naming(response, &ignored.unwrap_or_default()))
    }
}

fn too_late(state: State) -> ApiError {
    let state = serde_json::to_value(state).unwrap_or_default();
    ApiError::too_late(state.as_str().unwrap_or_default())
}
