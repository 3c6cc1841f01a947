//! Reading the fields of one entry, collecting everything that is wrong with it.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use serde_json::{Map, Value};

use super::Problem;

/// The fields of one variable. Each is taken by name; those that nobody took are unknown, and
/// unknown fields are errors: a misspelt one would otherwise be a setting silently not in force.
pub(super) struct Fields<'a> {
    variable: &'a str,
    values: Option<&'a Map<String, Value>>,
    taken: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(variable: &'a str, value: &'a Value) -> Self {
        let values = value.as_object();
        let mut problems = Vec::new();
        if values.is_none() {
            problems.push(Problem::of(variable, "must be a table of fields"));
        }
        Self {
            variable,
            values,
            taken: BTreeSet::new(),
            problems,
        }
    }

    /// Notes that `field` is wrong. What is no table at all has no fields to speak of.
    pub(super) fn problem(&mut self, field: &str, what: impl Into<String>) {
        if self.values.is_none() {
            return;
        }
        self.problems
            .push(Problem::in_field(self.variable, field, what));
    }

    /// The value of `field`, where it is there.
    pub(super) fn take(&mut self, field: &'static str) -> Option<&'a Value> {
        self.taken.insert(field);
        self.values?.get(field)
    }

    /// A text that may be left out.
    pub(super) fn text(&mut self, field: &'static str) -> Option<&'a str> {
        match self.take(field)? {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => {
                self.problem(field, "must be a text that is not empty");
                None
            }
        }
    }

    /// A text that may be left out, parsed.
    pub(super) fn optional<T: FromStr<Err: Display>>(&mut self, field: &'static str) -> Option<T> {
        let text = self.text(field)?;
        text.parse()
            .map_err(|error: T::Err| self.problem(field, error.to_string()))
            .ok()
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, field: &'static str) -> Option<&'a str> {
        self.must_be_there(field);
        self.text(field)
    }

    /// A text that must be there, parsed.
    pub(super) fn required<T: FromStr<Err: Display>>(&mut self, field: &'static str) -> Option<T> {
        self.must_be_there(field);
        self.optional(field)
    }

    /// A list of texts, each parsed; empty when it is left out. A single text stands for a list
    /// of one.
    pub(super) fn list<T: FromStr<Err: Display>>(&mut self, field: &'static str) -> Vec<T> {
        let values = match self.take(field) {
            None => return Vec::new(),
            Some(Value::Array(values)) => values.as_slice(),
            Some(single) => std::slice::from_ref(single),
        };
        let mut parsed = Vec::with_capacity(values.len());
        for value in values {
            match value.as_str().map(str::parse) {
                Some(Ok(value)) => parsed.push(value),
                Some(Err(error)) => {
                    let error: T::Err = error;
                    self.problem(field, error.to_string());
                }
                None => self.problem(field, "must be a list of texts"),
            }
        }
        parsed
    }

    /// A TCP port that must be there.
    pub(super) fn required_port(&mut self, field: &'static str) -> Option<u16> {
        self.must_be_there(field);
        let port = self
            .take(field)?
            .as_u64()
            .and_then(|port| u16::try_from(port).ok());
        match port {
            Some(port) if port != 0 => Some(port),
            _ => {
                self.problem(field, "must be a port number from 1 to 65535");
                None
            }
        }
    }

    fn must_be_there(&mut self, field: &'static str) {
        if self
            .values
            .is_some_and(|values| !values.contains_key(field))
        {
            self.problem(field, "is required");
        }
    }

    /// Hands over `entry` if nothing was wrong, and the problems in any case.
    pub(super) fn finish<T>(mut self, entry: Option<T>, problems: &mut Vec<Problem>) -> Option<T> {
        for field in self.values.into_iter().flat_map(Map::keys) {
            if !self.taken.contains(field.as_str()) {
                self.problems.push(Problem::in_field(
                    self.variable,
                    field,
                    "is not a known field",
                ));
            }
        }
        let sound = self.problems.is_empty();
        problems.append(&mut self.problems);
        entry.filter(|_| sound)
    }
}
