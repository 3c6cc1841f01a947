//! The form of a rule, and when an answer matches it.

use std::time::Duration;

use crate::oauth::captured::Captured;

/// One row of the table: a kind of answer, what it means, and what to do about it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, which stands in stories. Stable.
    pub name: &'static str,
    /// Who is known to answer so.
    pub whose: &'static str,
    /// What the answer has to be.
    pub when: When,
    /// Lower-case words of the description, where nothing else tells one thing from another.
    pub words: Option<&'static str>,
    /// What it means for the mailbox.
    pub verdict: Verdict,
    /// What to do, and where.
    pub advice: &'static str,
}

/// What an answer is recognised by.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// A status in this range, both ends with it.
    Status(u16, u16),
    /// One of these in `error` (RFC 6749 §5.2).
    Error(&'static [&'static str]),
    /// One of these among Microsoft's numbers: `error_codes`, or `AADSTS…` in the description.
    Number(&'static [u32]),
    /// `invalid_grant` with one of these in Microsoft's `suberror` or Google's `error_subtype`.
    Suberror(&'static [&'static str]),
    /// None came.
    NoAnswer,
    /// Whatever it is.
    Anything,
}

/// Who has to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody: it is asked again.
    Retry,
    /// Nobody, but not before this much time has passed.
    BackOff(Duration),
    /// Whoever owns the mailbox has to consent again.
    Reconnect,
    /// The operator has to change a setting.
    Configuration,
    /// An administrator of the mailbox's organisation has to allow something.
    Administrator,
}

impl Rule {
    pub(super) const fn words(self, words: &'static str) -> Self {
        Self {
            words: Some(words),
            ..self
        }
    }

    pub(super) fn matches(&self, captured: &Captured) -> bool {
        let error = captured.error.as_deref();
        let when = match self.when {
            When::Status(first, last) => captured
                .status
                .is_some_and(|status| (first..=last).contains(&status)),
            When::Error(errors) => error.is_some_and(|error| errors.contains(&error)),
            When::Number(numbers) => captured.numbers.iter().any(|n| numbers.contains(n)),
            When::Suberror(suberrors) => {
                error == Some("invalid_grant")
                    && captured
                        .suberror
                        .as_deref()
                        .is_some_and(|suberror| suberrors.contains(&suberror))
            }
            When::NoAnswer => captured.status.is_none(),
            When::Anything => true,
        };
        when && self
            .words
            .is_none_or(|words| captured.description.contains(words))
    }
}
