//! The API's routes: `POST /emails` and `GET /emails/{id}`, and what all of them share.

use super::{
    api_request::{Idempotency, accept, why_not},
    door::{Door, Entry, OutboxUnavailable, Outboxes},
    http::{Request, Response},
    intake::{Accepted, Answered},
    meter::Rate,
    upload::Ticket,
};
use crate::{
    access::bearer,
    api::{ApiError, Body, BodyError, Held, IdempotencyKey, SendRequest, TooFarAhead},
    config::{Caller, Name, Permission},
    limits::{IGNORED_NAMES_CHARS, JSON_BODY_OCTETS, JSON_WHOLE_OCTETS, UNAVAILABLE_RETRY_SECONDS},
    outbox::{EmailId, InvalidId},
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
        let Admitted { caller, scope } = self.admit(request, ENDPOINT)?;
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
        let idempotency = scope.map(|scope| Idempotency {
            scope,
            fingerprint: asked.fingerprint(&body.rest),
        });
        let ignored = asked.ignored.join(", ");
        let asked = asked.holding(files);
        let accept = accept(&caller, self.config, asked, idempotency, None)?;
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
        let Admitted { caller, scope } = self.admit(head, ENDPOINT)?;
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

    /// Everything about a request to `endpoint` that its headers tell.
    pub(super) fn admit(
        &self,
        request: &Request,
        endpoint: &'static str,
    ) -> Result<Admitted, ApiError> {
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
        Ok(Admitted {
            scope: key.map(|key| key.scoped(&caller.name, endpoint)),
            caller,
        })
    }

    async fn try_read(&self, request: &Request, id: &str) -> Result<Response, ApiError> {
        let caller = self.authenticate_reader(request)?;
        let id = self::id(id)?;
        // Somebody else's message and one that never was are not told apart.
        let not_found = || ApiError::not_found("Email");
        let mailbox = self.keeping(id).ok_or_else(not_found)?;
        match self.outboxes.email(mailbox, id).await {
            Ok(Some(email)) if email.key == caller.name => Ok(Response::json(200, &email.body)),
            Ok(_) => Err(not_found()),
            Err(OutboxUnavailable) => Err(ApiError::unanswered()),
        }
    }

    /// Who calls, if they may do more than send.
    pub(super) fn authenticate_reader(&self, request: &Request) -> Result<Caller, ApiError> {
        let caller = self.authenticate(request)?;
        match caller.permission {
            Permission::FullAccess => Ok(caller),
            Permission::SendingAccess => Err(ApiError::restricted_api_key()),
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
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) scope: Option<String>,
}

/// The identifier in a path.
pub(super) fn id(text: &str) -> Result<EmailId, ApiError> {
    text.parse().map_err(|error| match error {
        InvalidId::Form => ApiError::invalid("id", error),
        InvalidId::Foreign => ApiError::not_found("Email"),
    })
}

/// What an Outbox answered, as a response. `ignored` are the fields that nobody knows.
pub(super) fn answer(answered: Answered, ignored: &str) -> Response {
    let Answered { accepted, rate } = answered;
    let answer = match (accepted_id(accepted), rate) {
        (Ok(id), _) => Response::json(200, &serde_json::json!({ "id": id })),
        (Err(_), Some(rate)) if accepted == Accepted::Limited => limited(rate),
        (Err(why), _) => error(&why),
    };
    let answer = match rate {
        Some(rate) => with_rate(answer, rate),
        None => answer,
    };
    naming(answer, ignored)
}

/// The identifier of what was accepted, or why nothing was.
pub(super) fn accepted_id(accepted: Accepted) -> Result<EmailId, ApiError> {
    Err(match accepted {
        Accepted::Id(id) => return Ok(id),
        Accepted::Conflict => ApiError::invalid_idempotent_request(),
        Accepted::Concurrent => ApiError::concurrent_idempotent_requests(),
        Accepted::Limited => ApiError::rate_limit_exceeded(),
        Accepted::Attachment(index) => {
            ApiError::attachment(index, crate::mail::InvalidAttachment::Message)
        }
        Accepted::TooLarge => ApiError::too_large("MESSAGE_OCTETS"),
        Accepted::TooMuchText => ApiError::too_large("CARD_OCTETS"),
        Accepted::TooFarAhead => ApiError::invalid("scheduled_at", TooFarAhead),
    })
}

/// The answer with the names of what was ignored.
pub(super) fn naming(answer: Response, ignored: &str) -> Response {
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
pub(super) fn with_rate(answer: Response, rate: Rate) -> Response {
    answer
        .with("ratelimit-limit", rate.limit.to_string())
        .with("ratelimit-remaining", rate.remaining.to_string())
        .with("ratelimit-reset", rate.reset.to_string())
}

/// The answer to a request that is one too many.
pub(super) fn limited(rate: Rate) -> Response {
    error(&ApiError::rate_limit_exceeded()).with("retry-after", rate.reset.to_string())
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
