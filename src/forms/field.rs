//! What a visitor filled in.

use serde::Serialize;

/// One field, in the order of the page. Repeated ones are one field whose values are joined.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the page.
    pub name: String,
    /// What was filled in, lines ended by LF.
    pub value: String,
}

/// Everything that was filled in.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Submission {
    /// The fields, at least one of them not blank.
    pub fields: Vec<Field>,
}

impl Submission {
    /// The value of the field called `name`, without the white space around it, where it is not
    /// blank.
    pub fn value(&self, name: &str) -> Option<&str> {
        let field = self
            .fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(field.value.trim()).filter(|value| !value.is_empty())
    }
}

/// What somebody wrote is personal: `Debug` shows how much there is.
impl std::fmt::Debug for Submission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Submission({} fields)", self.fields.len())
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Field({} octets)", self.value.len())
    }
}

/// Why a submission was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// Some of it has to be corrected.
    Fields(Vec<FieldError>),
    /// It is larger than the cap of that name.
    TooLarge(&'static str),
    /// Nothing was filled in.
    Empty,
}

/// What is wrong with one field, in the form that form services give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name in the page.
    pub field: String,
    /// What kind of fault.
    pub code: &'static str,
    /// What to do, for the visitor to read.
    pub message: &'static str,
}

impl FieldError {
    /// The field does not hold one mail address.
    pub(super) fn email(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            code: "TYPE_EMAIL",
            message: "Please give one e-mail address, such as name@example.com.",
        }
    }

    /// The field holds what no text has.
    pub(super) fn text(field: &str) -> Self {
        Self {
            field: field.to_owned(),
            code: "TYPE_TEXT",
            message: "Please remove line breaks and other characters that cannot be shown.",
        }
    }
}
