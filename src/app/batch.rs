//! `POST /emails/batch`: several messages of one mailbox, all in one transaction.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    api_request::{Idempotency, accept},
    door::{Door, Outboxes},
    emails::{self, Admitted},
    http::{Request, Response},
    intake::{Accept, Accepted, Before, InvalidAccept, before},
    ports::{Entropy, OutboxStore, Remembered, StoreFault},
    question::{OutboxAnswer, OutboxQuestion},
};
use crate::{
    api::{ApiError, BatchRequest, BatchValidation},
    limits::BATCH_OCTETS,
    time::UnixMillis,
};

/// The endpoint that idempotency keys of batches belong to.
const ENDPOINT: &str = "POST /emails/batch";

/// What the door hands to an Outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The name of the caller.
    pub key: String,
    /// How often the caller may ask, in requests a second.
    pub rate_limit: u32,
    /// The messages.
    pub messages: Vec<Accept>,
    /// Whether those that can be kept are, if others cannot.
    pub permissive: bool,
    /// By what the request can be recognised when it is repeated.
    pub idempotency: Option<Idempotency>,
}

/// What an Outbox answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAccepted {
    /// What became of each message, now or when the same request came before.
    Each(Vec<Accepted>),
    /// Nothing was kept: because of the message at this place, or for a reason of the whole.
    Nothing(Option<usize>, Accepted),
}

impl BatchAccepted {
    /// The caller asks too often.
    pub(super) fn limited() -> Self {
        Self::Nothing(None, Accepted::Limited)
    }
}

impl Batch {
    /// Keeps the messages, in one transaction with what is remembered of the request.
    pub(super) fn keep(
        self,
        store: &impl OutboxStore,
        now: UnixMillis,
        entropy: &impl Entropy,
    ) -> Result<BatchAccepted, InvalidAccept> {
        match before(store, self.idempotency.as_ref(), now)? {
            Before::Never => {}
            Before::Other => return Ok(BatchAccepted::Nothing(None, Accepted::Conflict)),
            Before::Same(answer) => {
                let each = serde_json::from_str(&answer).map_err(|_| StoreFault)?;
                return Ok(BatchAccepted::Each(each));
            }
        }
        let (mut kept, mut each) = (Vec::new(), Vec::new());
        for (index, message) in self.messages.into_iter().enumerate() {
            match message.render(now, entropy)? {
                Ok(message) => {
                    each.push(Accepted::Id(message.job.id));
                    kept.push(message);
                }
                Err(why) if self.permissive => each.push(why),
                Err(why) => return Ok(BatchAccepted::Nothing(Some(index), why)),
            }
        }
        let answer = serde_json::to_string(&each).unwrap_or_default();
        let request = self.idempotency.as_ref().map(|request| Remembered {
            request,
            answer: &answer,
        });
        if !kept.is_empty() {
            store.accept(&kept, request, now)?;
        }
        Ok(BatchAccepted::Each(each))
    }
}

impl<O: Outboxes> Door<'_, O> {
    pub(super) async fn send_batch(&self, request: &Request, body_whole: bool) -> Response {
        match self.try_batch(request, body_whole).await {
            Ok(response) => response,
            Err(error) => emails::error(&error),
        }
    }

    async fn try_batch(&self, request: &Request, body_whole: bool) -> Result<Response, ApiError> {
        let Admitted { caller, scope } = self.admit(request, ENDPOINT)?;
        let validation = BatchValidation::read(request.header("x-batch-validation"))?;
        if !body_whole {
            return Err(cut_off(request));
        }
        let BatchRequest {
            messages,
            fingerprint,
        } = BatchRequest::read(&request.body)?;
        let count = messages.len();
        let permissive = validation == BatchValidation::Permissive;
        let mut sorted = Sorted::default();
        for (index, message) in messages.into_iter().enumerate() {
            let message = message.and_then(|asked| {
                sorted.ignore(&asked.ignored);
                let accept = accept(&caller, self.config, asked, None, None)?;
                sorted.of_one_mailbox(accept)
            });
            match message {
                Ok(accept) => {
                    sorted.places.push(index);
                    sorted.good.push(accept);
                }
                Err(error) if permissive => sorted.bad.push((index, error)),
                Err(error) => return Err(error.at(index)),
            }
        }
        let Sorted {
            good,
            places,
            mut bad,
            ignored,
        } = sorted;
        let mut ids = Vec::new();
        let mut rate = None;
        if let Some(mailbox) = good.first().map(|accept| accept.mailbox.clone()) {
            let question = OutboxQuestion::Batch(Batch {
                key: caller.name,
                rate_limit: caller.rate_limit,
                messages: good,
                permissive,
                idempotency: scope.map(|scope| Idempotency { scope, fingerprint }),
            });
            let answer = self.outboxes.ask(&mailbox, &question).await;
            let Ok(OutboxAnswer::Batch(accepted, counted)) = answer else {
                return Err(ApiError::unavailable());
            };
            rate = Some(counted);
            let each = match accepted {
                BatchAccepted::Each(each) => each,
                BatchAccepted::Nothing(_, Accepted::Limited) => {
                    return Ok(emails::with_rate(emails::limited(counted), counted));
                }
                BatchAccepted::Nothing(place, why) => {
                    let error = emails::accepted_id(why).err();
                    let error = error.unwrap_or_else(ApiError::unavailable);
                    let index = place.and_then(|place| places.get(place));
                    let error = index.map_or(error.clone(), |index| error.at(*index));
                    return Ok(emails::with_rate(emails::error(&error), counted));
                }
            };
            for (index, accepted) in places.into_iter().zip(each) {
                match emails::accepted_id(accepted) {
                    Ok(id) => ids.push(json!({ "id": id })),
                    Err(error) => bad.push((index, error)),
                }
            }
        }
        let mut answer = json!({ "data": ids });
        if permissive && let Some(fields) = answer.as_object_mut() {
            fields.insert("errors".to_owned(), errors(&bad, count));
        }
        let response = Response::json(200, &answer);
        let response = match rate {
            Some(rate) => emails::with_rate(response, rate),
            None => response,
        };
        Ok(emails::naming(response, &ignored.join(", ")))
    }
}

/// The messages of a batch, good and bad.
#[derive(Default)]
struct Sorted {
    good: Vec<Accept>,
    /// Where each of the good ones stands in the request.
    places: Vec<usize>,
    bad: Vec<(usize, ApiError)>,
    ignored: Vec<String>,
}

impl Sorted {
    /// The same message, if it is of the mailbox of those before it.
    fn of_one_mailbox(&self, accept: Accept) -> Result<Accept, ApiError> {
        match self.good.first() {
            Some(first) if first.mailbox != accept.mailbox => Err(ApiError::of_another_mailbox()),
            _ => Ok(accept),
        }
    }

    fn ignore(&mut self, names: &[String]) {
        for name in names {
            if !self.ignored.contains(name) {
                self.ignored.push(name.clone());
            }
        }
    }
}

fn errors(mut bad: Vec<(usize, ApiError)>) -> Value {
    bad.sort_by_key(|(index, _)| *index);
    let error =
        |(index, error): (usize, ApiError)| json!({ "index": index, "message": error.message });
    bad.into_iter().map(error).collect()
}

/// Why a body was not read to its end.
fn cut_off(request: &Request) -> ApiError {
    let declared = request.header("content-length");
    let declared = declared.and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length <= BATCH_OCTETS) {
        ApiError::incomplete()
    } else {
        ApiError::too_large("BATCH_OCTETS")
    }
}
