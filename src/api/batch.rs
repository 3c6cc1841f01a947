//! `POST /emails/batch`: several messages in one request.

use serde_json::Value;

use super::{ApiError, Body, BodyError, Fingerprint, Held, SendRequest};
use crate::limits::BATCH;

/// What happens to the good messages of a batch that has bad ones, as the header `x-batch-validation`
/// says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchValidation {
    /// Nothing is sent.
    Strict,
    /// The good ones are sent, and the bad ones named.
    Permissive,
}

impl BatchValidation {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is another word.
    pub fn read(header: Option<&str>) -> Result<Self, ApiError> {
        match header {
            None | Some("strict") => Ok(Self::Strict),
            Some("permissive") => Ok(Self::Permissive),
            Some(_) => {
                let what = "it must be strict or permissive";
                Err(ApiError::invalid("x-batch-validation", what))
            }
        }
    }
}

/// What a caller asks for: each message, or what is wrong with it.
#[derive(Debug)]
pub struct BatchRequest {
    /// In the order of the request.
    pub messages: Vec<Result<SendRequest, ApiError>>,
    /// What tells this request from others.
    pub fingerprint: Fingerprint,
}

impl BatchRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// When it is no list of messages at all.
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        let body = Body::read(body, &mut Held::default()).map_err(|error| match error {
            BodyError::Caller(error) => error,
            BodyError::Storage => ApiError::unavailable(),
        })?;
        let fingerprint = Fingerprint::of(&body.rest, &[]);
        let Value::Array(list) = body.rest else {
            return Err(ApiError::invalid("emails", "a list is expected"));
        };
        if !(1..=BATCH).contains(&list.len()) {
            let what = format_args!("a batch has 1 to {BATCH} emails").to_string();
            return Err(ApiError::invalid("emails", what));
        }
        Ok(Self {
            messages: list.into_iter().map(message).collect(),
            fingerprint,
        })
    }
}

fn message(rest: Value) -> Result<SendRequest, ApiError> {
    let files = rest.get("attachments").filter(|files| !files.is_null());
    if files.is_some_and(|files| *files != Value::Array(Vec::new())) {
        return Err(ApiError::unsupported("attachments"));
    }
    SendRequest::read(&Body {
        rest,
        files: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The errors of each message, by name.
    fn read(body: &str) -> Result<Vec<Option<&'static str>>, (u16, &'static str)> {
        let read = BatchRequest::read(body.as_bytes());
        let names = |request: BatchRequest| {
            let messages = request.messages.into_iter();
            messages
                .map(|it| it.err().map(|error| error.name))
                .collect()
        };
        read.map(names).map_err(|error| (error.status, error.name))
    }

    fn mail(more: &str) -> String {
        format!(r#"{{"from":"a@b.test","to":"c@d.test","subject":"x","text":"y"{more}}}"#)
    }

    #[test]
    fn h12_a_batch_is_a_list_of_1_to_100() {
        let list = |count: usize| format!("[{}]", vec![mail(""); count].join(","));
        for (body, expected) in [
            (list(0), Err((422, "validation_error"))),
            (list(1), Ok(vec![None])),
            (list(100), Ok(vec![None; 100])),
            (list(101), Err((422, "validation_error"))),
            (mail(""), Err((422, "validation_error"))),
            ("null".to_owned(), Err((422, "validation_error"))),
            (String::new(), Err((400, "validation_error"))),
        ] {
            assert_eq!(read(&body), expected, "{body:.40}");
        }
    }

    #[test]
    fn h12_each_message_is_read_for_itself() {
        let list = [
            mail(""),
            mail(r#","attachments":[]"#),
            mail(r#","attachments":null,"scheduled_at":"in 1 hour""#),
            mail(r#","attachments":[{"content":"aGk="}]"#),
            mail(r#","scheduled_at":"soon""#),
            "{}".to_owned(),
            "5".to_owned(),
        ];
        let expected = [
            None,
            None,
            None,
            Some("validation_error"),
            Some("validation_error"),
            Some("missing_required_field"),
            Some("validation_error"),
        ];
        assert_eq!(
            read(&format!("[{}]", list.join(","))),
            Ok(expected.to_vec())
        );
    }

    #[test]
    fn h12_the_header_has_two_words() {
        let read = |word| BatchValidation::read(word).ok();
        assert_eq!(read(None), Some(BatchValidation::Strict));
        assert_eq!(read(Some("strict")), Some(BatchValidation::Strict));
        assert_eq!(read(Some("permissive")), Some(BatchValidation::Permissive));
        assert_eq!(read(Some("Permissive ")), None);
    }
}
