//! `PATCH /emails/{id}`: another time for a message that waits.

use super::{ApiError, Body, BodyError, Held, ScheduledAt, reader::Reader};

/// The fields that are understood. Some clients repeat the identifier, which is in the path.
const KNOWN: [&str; 2] = ["scheduled_at", "id"];

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescheduleRequest {
    /// When the message is to be sent.
    pub scheduled_at: ScheduledAt,
    /// Fields that nobody knows: ignored, and named in the answer.
    pub ignored: Vec<String>,
}

impl RescheduleRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is no JSON object, or has no such time.
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        let body = Body::read(body, &mut Held::default()).map_err(|error| match error {
            BodyError::Caller(error) => error,
            BodyError::Storage => ApiError::unanswered(),
        })?;
        let reader = Reader::new(body.fields()?);
        let scheduled_at = reader.time("scheduled_at")?;
        Ok(Self {
            scheduled_at: scheduled_at.ok_or_else(|| ApiError::missing("scheduled_at"))?,
            ignored: reader.others(&KNOWN),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(ScheduledAt, Vec<String>), (u16, &'static str)> {
        RescheduleRequest::read(body.as_bytes())
            .map(|request| (request.scheduled_at, request.ignored))
            .map_err(|error| (error.status, error.name))
    }

    #[test]
    fn c2_a_time_is_wanted_and_what_else_is_known_is_let_pass() {
        let minute = ScheduledAt::InMinutes(1);
        let body = r#"{"id":"x","scheduled_at":"in 1 min","to":1}"#;
        assert_eq!(read(body), Ok((minute, vec!["to".to_owned()])));
        for body in ["{}", r#"{"scheduled_at":null}"#] {
            assert_eq!(read(body), Err((422, "missing_required_field")));
        }
        for body in [r#"{"scheduled_at":5}"#, r#"{"scheduled_at":"soon"}"#] {
            assert_eq!(read(body), Err((422, "validation_error")));
        }
        for body in ["", "[]", "x", "{"] {
            assert_eq!(read(body), Err((400, "validation_error")));
        }
    }
}
