//! Problem details (RFC 9457).

use serde::Serialize;

/// The body of an error: what went wrong, in a form that programs can tell apart by `title` and
/// people can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The HTTP status code.
    pub status: u16,
    /// The kind of problem, stable.
    pub title: &'static str,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'static str>,
}

impl Problem {
    /// The media type of such a body.
    pub const CONTENT_TYPE: &str = "application/problem+json";

    /// A problem without more to say.
    pub fn new(status: u16, title: &'static str) -> Self {
        Self {
            status,
            title,
            detail: None,
        }
    }

    /// The same with a sentence that says what to do.
    #[must_use]
    pub fn detail(self, detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }
}
