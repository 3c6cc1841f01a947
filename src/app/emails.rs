//! The API's routes: `POST /emails` and `GET /emails/{id}`.

use super::{
    api_request::{ApiRequest, Idempotency},
    door::{Door, Entry, OutboxUnavailable, Outboxes},
    http::{Request, Response},
    intake::{Accept, Accepted, Answered},
    meter::Rate,
    upload::Ticket,
};
use crate::{
    access::bearer,
    api::{ApiError, Body, BodyError, Held, IdempotencyKey, SendRequest},
    config::{Caller, Config, Name, Permission, Stop},
    limits::{IGNORED_NAMES_CHARS, JSON_BODY_OCTETS, JSON_WHOLE_OCTETS, UNAVAILABLE_RETRY_SECONDS},
    outbox::{EmailId, InvalidId, Source},
};

/// The endpoint that idempotency keys of `POST /emails` belong to.
const ENDPOINT: &str = "POST /emails";

impl<O: Outboxes> Door<'_, O> {
    pub(super) async fn send_email(&self, request: &Request, body_whole: bool) -> Response {
        match self.try_send(request, body_whole).await {
            Ok(response) => response,
            Err(error) => self::error(&error),
        }
    }

    pub(super) async fn read_email(&self, request: &Request, id: &str) -> Response {
        match self.try_read(request, id).await {
            Ok(response) => response,
            Err(error) => self::error(&error),
        }
    }

    async fn try_send(&self, request: &Request, body_whole: bool) -> Result<Response, ApiError> {
        let Admitted { caller, scope } = self.admit(request)?;
        if !body_whole {
            return Err(ApiError::incomplete());
        }
        let mut files = Held::default();
        let body = Body::read(request.body.as_slice(), &mut files);
        let body = body.map_err(|error| match error {
            BodyError::Caller(error) => error,
            BodyError::Storage => ApiError::unavailable(),
        })?;
        let asked = SendRequest::read(&body)?;
        let allowed = caller.sending_mailbox(self.config, &asked.from.address);
        let Some((mailbox, settings)) = allowed else {
            return Err(why_not(&caller, self.config));
        };
        let idempotency = scope.map(|scope| Idempotency {
            scope,
            fingerprint: asked.fingerprint(&body.rest),
        });
        let ignored = asked.ignored.join(", ");
        let asked = asked.holding(files);
        let (card, draft) = asked.into_parts(settings.sender.address.clone(), &caller.name);
        let accept = Accept {
            mailbox: mailbox.clone(),
            source: Source(format!("api/{}", caller.name)),
            draft,
            request: Some(ApiRequest {
                card: Some(card),
                rate_limit: caller.rate_limit,
                idempotency,
            }),
            staged: None,
        };
        let answered = self.outboxes.accept(&accept).await;
        let answered = answered.map_err(|OutboxUnavailable| ApiError::unavailable())?;
        Ok(answer(answered, &ignored))
    }

    /// What is to be done with a request before its body is read.
    pub(super) fn email_entry(&self, head: &Request) -> Entry<'_> {
        let declared = head.header("content-length");
        let declared = declared.and_then(|length| length.parse::<u64>().ok());
        let whole = u64::try_from(JSON_WHOLE_OCTETS).unwrap_or(u64::MAX);
        if declared.is_some_and(|length| length <= whole) {
            return Entry::Read(JSON_WHOLE_OCTETS);
        }
        match self.ticket(head, declared) {
            Ok((mailbox, ticket)) => Entry::Upload { mailbox, ticket },
            Err(refused) => Entry::Refused(error(&refused)),
        }
    }

    fn ticket(&self, head: &Request, declared: Option<u64>) -> Result<(&Name, Ticket), ApiError> {
        let Admitted { caller, scope } = self.admit(head)?;
        if declared.is_some_and(|length| length > JSON_BODY_OCTETS) {
            return Err(ApiError::too_large("JSON_BODY_OCTETS"));
        }
        let mailbox = caller.first_mailbox(self.config);
        let mailbox = mailbox.ok_or_else(|| why_not(&caller, self.config))?;
        let ticket = Ticket {
            caller,
            scope,
            declared,
        };
        Ok((mailbox, ticket))
    }

    /// Everything about a request that its headers tell.
    fn admit(&self, request: &Request) -> Result<Admitted, ApiError> {
        let caller = self.authenticate(request)?;
        let key = request
            .header("idempotency-key")
            .map(|value| IdempotencyKey::parse(value).ok_or_else(ApiError::invalid_idempotency_key))
            .transpose()?;
        if request
            .header("content-encoding")
            .is_some_and(|coding| coding != "identity")
        {
            return Err(ApiError::encoded());
        }
        let (Some(_), Some(_)) = (&self.config.root_key, &self.config.public_url) else {
            return Err(ApiError::misconfigured());
        };
        if self.config.stop == Some(Stop::Reject) {
            return Err(ApiError::stopped());
        }
        Ok(Admitted {
            scope: key.map(|key| key.scoped(&caller.name, ENDPOINT)),
            caller,
        })
    }

    async fn try_read(&self, request: &Request, id: &str) -> Result<Response, ApiError> {
        let caller = self.authenticate(request)?;
        if caller.permission == Permission::SendingAccess {
            return Err(ApiError::restricted_api_key());
        }
        let id: EmailId = id.parse().map_err(|error| match error {
            InvalidId::Form => ApiError::invalid("id", error),
            InvalidId::Foreign => ApiError::not_found("Email"),
        })?;
        // Somebody else's message and one that never was are not told apart.
        let not_found = || ApiError::not_found("Email");
        let mailbox = self.keeping(id).ok_or_else(not_found)?;
        match self.outboxes.email(mailbox, id).await {
            Ok(Some(email)) if email.key == caller.name => Ok(Response::json(200, &email.body)),
            Ok(_) => Err(not_found()),
            Err(OutboxUnavailable) => Err(ApiError::unavailable()),
        }
    }

    /// Who calls: whoever holds the key that was presented, or another Worker that the platform
    /// vouches for and that presents none.
    fn authenticate(&self, request: &Request) -> Result<Caller, ApiError> {
        if request.header("authorization").is_none()
            && let Some(caller) = request.binding.as_ref().and_then(Caller::bound)
        {
            return Ok(caller);
        }
        let presented = bearer(request.header("authorization"));
        let presented = presented.ok_or_else(ApiError::missing_api_key)?;
        let found = self
            .config
            .key(presented)
            .ok_or_else(ApiError::invalid_api_key)?;
        Ok(Caller::with_key(found.0, found.1))
    }
}

/// Who calls, and by what the request can be recognised.
struct Admitted {
    caller: Caller,
    scope: Option<String>,
}

/// Why a caller may not send: a mailbox of its own that has a fault might be the one that was
/// meant, and that is not the caller's mistake.
pub(super) fn why_not(caller: &Caller, config: &Config) -> ApiError {
    if caller.has_faulty_mailbox(config) {
        ApiError::misconfigured()
    } else {
        ApiError::sender_not_allowed()
    }
}

/// What an Outbox answered, as a response. `ignored` are the fields that nobody knows.
pub(super) fn answer(answered: Answered, ignored: &str) -> Response {
    let Answered { accepted, rate } = answered;
    let answer = match accepted {
        Accepted::Id(id) => Response::json(200, &serde_json::json!({ "id": id })),
        Accepted::Conflict => error(&ApiError::invalid_idempotent_request()),
        Accepted::Concurrent => error(&ApiError::concurrent_idempotent_requests()),
        Accepted::Limited => error(&ApiError::rate_limit_exceeded()),
        Accepted::Attachment(index) => {
            let what = crate::mail::InvalidAttachment::Message;
            error(&ApiError::attachment(index, what))
        }
        Accepted::TooLarge => error(&ApiError::too_large("MESSAGE_OCTETS")),
        Accepted::TooMuchText => error(&ApiError::too_large("CARD_OCTETS")),
    };
    let answer = match rate {
        Some(rate) => with_rate(answer, rate, Some(accepted)),
        None => answer,
    };
    if ignored.is_empty() {
        answer
    } else {
        answer.with("edgepost-ignored", visible(ignored))
    }
}

/// The answer to another method than the route has.
pub(super) fn not_allowed(methods: &'static str) -> Response {
    error(&ApiError::method_not_allowed()).with("allow", methods)
}

/// The first words of Resend's routes: what is not there yet is answered in the shape that its
/// clients understand.
pub(super) const ROUTES: [&str; 12] = [
    "emails",
    "domains",
    "api-keys",
    "webhooks",
    "templates",
    "suppressions",
    "logs",
    "contacts",
    "audiences",
    "segments",
    "topics",
    "broadcasts",
];

/// Where the caller stands, in the headers that clients of Resend's read.
pub(super) fn with_rate(answer: Response, rate: Rate, accepted: Option<Accepted>) -> Response {
    let answer = answer
        .with("ratelimit-limit", rate.limit.to_string())
        .with("ratelimit-remaining", rate.remaining.to_string())
        .with("ratelimit-reset", rate.reset.to_string());
    match accepted {
        Some(Accepted::Limited) => answer.with("retry-after", rate.reset.to_string()),
        _ => answer,
    }
}

/// An error as an answer.
pub(super) fn error(error: &ApiError) -> Response {
    let response = Response::json(error.status, error);
    match error.status {
        401 => response.with("www-authenticate", "Bearer"),
        503 => response.with("retry-after", UNAVAILABLE_RETRY_SECONDS),
        _ => response,
    }
}

/// A header holds visible ASCII; names of fields are the caller's.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .take(IGNORED_NAMES_CHARS)
        .collect()
}
