//! The form of a rule, and when a reply matches it.

use crate::{
    outcome::{Cause, Trouble},
    smtp::{Reply, Service, Severity, Step},
};

/// One row of the table: a kind of answer, what it means, and what to do about it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, which stands in stories. Stable.
    pub name: &'static str,
    /// At whose servers it counts, where not at any.
    pub whose: Option<Service>,
    /// The steps at which it counts.
    pub steps: &'static [Step],
    /// The reply codes.
    pub codes: Codes,
    /// The enhanced status code.
    pub status: Status,
    /// Lower-case words of the text, where the codes do not tell one thing from another.
    pub text: Option<&'static str>,
    /// What it means for the message and its mailbox.
    pub verdict: Verdict,
    /// The cause, where it is not simply that the step was refused.
    pub cause: Option<Cause>,
    /// What the operator is to do, where it is not what the cause says.
    pub advice: Option<&'static str>,
}

/// Reply codes.
#[derive(Debug, Clone, Copy)]
pub enum Codes {
    /// One of these.
    Of(&'static [u16]),
    /// Any of this severity.
    Any(Severity),
}

/// Enhanced status codes, without their class: it is that of the reply (RFC 2034 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Whatever it is, and none as well.
    Any,
    /// None.
    None,
    /// Subject and detail.
    Is(u16, u16),
    /// Subject, and the first and last detail.
    Range(u16, u16, u16),
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This message waits; others may go on.
    Later,
    /// This message is refused for good.
    Never,
    /// This recipient goes into a further transaction of the same attempt.
    FurtherTransaction,
    /// Nobody can tell whether the message was taken.
    InDoubt,
    /// The mailbox waits, this message with it.
    Mailbox(Trouble),
    /// The mailbox waits for its provider's day to pass.
    Quota,
}

impl Rule {
    pub(super) const fn new(
        name: &'static str,
        whose: Option<Service>,
        steps: &'static [Step],
        codes: Codes,
        status: Status,
        verdict: Verdict,
    ) -> Self {
        Self {
            name,
            whose,
            steps,
            codes,
            status,
            text: None,
            verdict,
            cause: None,
            advice: None,
        }
    }

    pub(super) const fn text(self, text: &'static str) -> Self {
        Self {
            text: Some(text),
            ..self
        }
    }

    pub(super) const fn cause(self, cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    pub(super) const fn advice(self, advice: &'static str) -> Self {
        Self {
            advice: Some(advice),
            ..self
        }
    }

    /// Whether `reply` to `step` is of this kind, where the server is one of `service`.
    pub(super) fn matches(&self, service: Option<Service>, step: Step, reply: &Reply) -> bool {
        self.whose.is_none_or(|whose| service == Some(whose))
            && self.steps.contains(&step)
            && self.code_matches(reply)
            && self.status_matches(reply)
            && self.text_matches(reply)
    }

    fn code_matches(&self, reply: &Reply) -> bool {
        match self.codes {
            Codes::Of(codes) => codes.contains(&reply.code.value()),
            Codes::Any(severity) => reply.code.severity() == severity,
        }
    }

    fn status_matches(&self, reply: &Reply) -> bool {
        let found = reply.enhanced().map(|code| (code.subject, code.detail));
        match self.status {
            Status::Any => true,
            Status::None => found.is_none(),
            Status::Is(subject, detail) => found == Some((subject, detail)),
            Status::Range(subject, first, last) => {
                found.is_some_and(|(s, detail)| s == subject && (first..=last).contains(&detail))
            }
        }
    }

    fn text_matches(&self, reply: &Reply) -> bool {
        self.text.is_none_or(|words| {
            let text = reply.lines.join(" ").to_ascii_lowercase();
            text.contains(words)
        })
    }
}
