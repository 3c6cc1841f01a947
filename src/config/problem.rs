//! What is wrong with the configuration, said so that it can be put right at once.

use std::fmt;

/// One fault, with the variable and the field it is in. Never holds a value: it might be a
/// secret put in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The variable, such as `MAILBOX_SALES`.
    pub variable: String,
    /// The field of it, such as `address`.
    pub field: Option<String>,
    /// What is wrong or missing.
    pub what: String,
}

impl Problem {
    /// A fault of a whole variable.
    pub fn of(variable: &str, what: impl Into<String>) -> Self {
        Self {
            variable: variable.to_owned(),
            field: None,
            what: what.into(),
        }
    }

    /// A fault of one field.
    pub fn in_field(variable: &str, field: &str, what: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::of(variable, what)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{}.{field}: {}", self.variable, self.what),
            None => write!(f, "{}: {}", self.variable, self.what),
        }
    }
}
