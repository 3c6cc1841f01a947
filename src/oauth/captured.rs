//! What we need of a token endpoint's answer and the `oauth2` crate drops.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Account, retry_after};
use crate::time::UnixMillis;

/// Microsoft's numbers that are looked at.
const NUMBERS: usize = 8;

/// Of one answer. It has no `Debug`: a description may name people.
#[derive(Clone, Default)]
pub(super) struct Captured {
    /// The HTTP status; none when no answer came.
    pub(super) status: Option<u16>,
    /// `Retry-After` (RFC 9110 §10.2.3).
    pub(super) retry_after: Option<Duration>,
    /// `error` (RFC 6749 §5.2).
    pub(super) error: Option<String>,
    /// `error_description` in lower case.
    pub(super) description: String,
    /// Microsoft's numbers for what is wrong.
    pub(super) numbers: Vec<u32>,
    /// Microsoft's `suberror` or Google's `error_subtype`.
    pub(super) suberror: Option<String>,
    /// Who signed in, from the ID token.
    pub(super) account: Option<Account>,
}

impl Captured {
    pub(super) fn of_head(status: u16, retry: Option<&str>, now: UnixMillis) -> Self {
        Self {
            status: Some(status),
            retry_after: retry.and_then(|value| retry_after::parse(value, now)),
            ..Self::default()
        }
    }

    pub(super) fn read(&mut self, fields: &Map<String, Value>) {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        self.error = text("error").map(str::to_owned);
        self.suberror = text("suberror")
            .or_else(|| text("error_subtype"))
            .map(str::to_owned);
        self.account = text("id_token").and_then(Account::of_id_token);
        self.description = text("error_description")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let listed = fields.get("error_codes").and_then(Value::as_array);
        self.numbers = listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .filter_map(|number| u32::try_from(number).ok())
            .take(NUMBERS)
            .collect();
        if self.numbers.is_empty() {
            self.numbers.extend(aadsts(&self.description));
        }
    }

    /// The answer for a reader: the error and the number, and not the description, which may name
    /// people.
    pub(super) fn answer(&self) -> Option<String> {
        let plain = |error: &&str| {
            error.len() <= 64
                && error
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        };
        match (self.error.as_deref().filter(plain), self.numbers.first()) {
            (Some(error), Some(number)) => Some(format!("{error} AADSTS{number}")),
            (Some(error), None) => Some(error.to_owned()),
            (None, _) => self.status.map(|status| format!("HTTP {status}")),
        }
    }
}

/// The number at the start of a description, in lower case.
fn aadsts(description: &str) -> Option<u32> {
    let rest = description.strip_prefix("aadsts")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}
