//! Reading the fields of a JSON object, in which `null` is the same as nothing.

use serde_json::{Map, Value};

use super::{ApiError, ScheduledAt};

/// The fields of an object.
pub(super) struct Reader<'a> {
    fields: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(fields: &'a Map<String, Value>) -> Self {
        Self { fields }
    }

    /// The value of a field, where there is one.
    pub(super) fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// A text that may be left out.
    pub(super) fn text(&self, field: &str) -> Result<Option<&'a str>, ApiError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::invalid(field, "it must be a string")),
        }
    }

    /// A text that must be there.
    pub(super) fn required_text(&self, field: &str) -> Result<&'a str, ApiError> {
        self.text(field)?.ok_or_else(|| ApiError::missing(field))
    }

    /// A time that may be left out.
    pub(super) fn time(&self, field: &str) -> Result<Option<ScheduledAt>, ApiError> {
        let time = self.text(field)?.map(str::parse).transpose();
        time.map_err(|error: super::NotUnderstood| ApiError::invalid(field, error))
    }

    /// A string or a list of strings, at most `most`.
    pub(super) fn texts(&self, field: &str, most: usize) -> Result<Vec<&'a str>, ApiError> {
        let values = match self.get(field) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values.as_slice(),
            Some(single) => std::slice::from_ref(single),
        };
        if values.len() > most {
            return Err(ApiError::invalid(
                field,
                format_args!("it has at most {most} entries"),
            ));
        }
        let text = |value: &'a Value| value.as_str();
        values
            .iter()
            .map(|value| {
                let wrong = "it must be a string or a list of strings";
                text(value).ok_or_else(|| ApiError::invalid(field, wrong))
            })
            .collect()
    }

    /// The fields that are none of `known`.
    pub(super) fn others(&self, known: &[&str]) -> Vec<String> {
        let other = |name: &&String| !known.contains(&name.as_str());
        self.fields.keys().filter(other).cloned().collect()
    }
}
