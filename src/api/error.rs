//! Errors in Resend's shape, names and codes, so that the official clients see them as their own.
//! <https://resend.com/docs/api-reference/errors>

use serde::Serialize;

/// What went wrong, in the three keys that every client expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiError {
    /// The HTTP status code.
    #[serde(rename = "statusCode")]
    pub status: u16,
    /// What to do about it, naming the field.
    pub message: String,
    /// Which kind of error, stable.
    pub name: &'static str,
}

impl ApiError {
    fn new(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            name,
            message: message.into(),
        }
    }

    /// A field is wrong.
    pub fn invalid(field: &str, what: impl std::fmt::Display) -> Self {
        Self::new(
            422,
            "validation_error",
            format!("Invalid `{field}` field: {what}."),
        )
    }

    /// A field is known and not supported yet. Ignoring it would do something else than was asked.
    pub fn unsupported(field: &str) -> Self {
        let message = format!("The `{field}` field is not supported here yet.");
        Self::new(422, "validation_error", message)
    }

    /// A field must be there.
    pub fn missing(field: &str) -> Self {
        Self::new(
            422,
            "missing_required_field",
            format!("Missing `{field}` field."),
        )
    }

    /// An attachment is wrong.
    pub fn attachment(index: usize, what: impl std::fmt::Display) -> Self {
        Self::new(
            422,
            "invalid_attachment",
            format!("Invalid `attachments[{index}]`: {what}."),
        )
    }

    /// The same of a message in a batch.
    #[must_use]
    pub fn at(self, index: usize) -> Self {
        Self {
            message: format!("Email {index} of the batch: {}", self.message),
            ..self
        }
    }

    /// A message of a batch belongs to another mailbox than the first.
    pub fn of_another_mailbox() -> Self {
        let message = "All emails of a batch must be sent through the same mailbox. Send this one \
                       in another batch.";
        Self::new(422, "validation_error", message)
    }

    /// The body is not what it says it is.
    pub fn not_json(what: &str) -> Self {
        Self::new(
            400,
            "validation_error",
            format!("The request body is not valid JSON: {what}."),
        )
    }

    /// The body is larger than the cap of that name.
    pub fn too_large(limit: &str) -> Self {
        let message = format!("The request is larger than the limit {limit}.");
        Self::new(413, "validation_error", message)
    }

    /// The body broke off.
    pub fn incomplete() -> Self {
        Self::not_json("it ends before the length it was announced with")
    }

    /// The body takes too long to arrive.
    pub fn too_slow() -> Self {
        let message = "The request body took too long to arrive.";
        Self::new(408, "validation_error", message)
    }

    /// Too many large requests at once.
    pub fn busy() -> Self {
        let message = "Too many large requests are being read. Nothing was accepted; try again in \
                       a moment.";
        Self::new(503, "service_unavailable", message)
    }

    /// The body is encoded.
    pub fn encoded() -> Self {
        Self::new(
            415,
            "validation_error",
            "Send the body as plain JSON, not compressed.",
        )
    }

    /// No key was presented.
    pub fn missing_api_key() -> Self {
        let message = "Missing API key in the authorization header. Include the header \
                       `Authorization: Bearer YOUR_API_KEY` in the request.";
        Self::new(401, "missing_api_key", message)
    }

    /// A key was presented that is none.
    pub fn invalid_api_key() -> Self {
        Self::new(403, "invalid_api_key", "API key is invalid.")
    }

    /// The key may not do this.
    pub fn restricted_api_key() -> Self {
        let message = "This API key is restricted to only send emails.";
        Self::new(401, "restricted_api_key", message)
    }

    /// The key may not send from there.
    pub fn sender_not_allowed() -> Self {
        let message = "The `from` address is not one that this API key may send from. Use the \
                       address of one of its mailboxes, or an alias that is configured for both.";
        Self::new(403, "validation_error", message)
    }

    /// There is no such message, or it is somebody else's.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", format!("{what} not found"))
    }

    /// The route has other methods.
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "method_not_allowed",
            "Method is not allowed for this endpoint.",
        )
    }

    /// The idempotency key is no key.
    pub fn invalid_idempotency_key() -> Self {
        let message = "The idempotency key must be 1 to 256 visible characters.";
        Self::new(400, "invalid_idempotency_key", message)
    }

    /// The idempotency key was used for another request.
    pub fn invalid_idempotent_request() -> Self {
        let message = "This idempotency key was used in the last 24 hours with another request \
                       body. Use another key, or repeat the same request.";
        Self::new(409, "invalid_idempotent_request", message)
    }

    /// The idempotency key is in use by a request that is being read.
    pub fn concurrent_idempotent_requests() -> Self {
        let message = "A request with this idempotency key is being processed. Try again later.";
        Self::new(409, "concurrent_idempotent_requests", message)
    }

    /// The caller asks too often.
    pub fn rate_limit_exceeded() -> Self {
        let message = "Too many requests. Wait for the seconds in `retry-after`.";
        Self::new(429, "rate_limit_exceeded", message)
    }

    /// Storage could not be reached, or its answer was lost.
    pub fn unavailable() -> Self {
        let message = "It is not certain that the message was accepted. Try again in a moment, with \
                       the same idempotency key.";
        Self::new(503, "service_unavailable", message)
    }

    /// Storage could not be reached, or its answer was lost, and it is about a message that is there.
    pub fn unanswered() -> Self {
        let message = "Storage could not be reached, so it is not certain that this was done. Try \
                       again in a moment.";
        Self::new(503, "service_unavailable", message)
    }

    /// The message does not wait any more, but is in this state.
    pub fn too_late(state: &str) -> Self {
        let message = format!(
            "The email can be rescheduled or canceled only until somebody may have it. It is \
             `{state}`."
        );
        Self::new(422, "validation_error", message)
    }

    /// The configuration has a fault.
    pub fn misconfigured() -> Self {
        let message = "The mailbox's configuration has a fault; its operator has to run the check.";
        Self::new(503, "misconfigured", message)
    }
}
