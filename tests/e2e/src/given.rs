//! Answers, with who got them.

use xtask::http::Answer;

/// Who got an answer, and so what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Whoever asked.
    Anyone,
    /// A caller, about a message of their own.
    Owner,
    /// The operator.
    Operator,
}

/// An answer, and what led to it.
#[derive(Debug, Clone)]
pub struct Given {
    /// Who got it.
    pub audience: Audience,
    /// What was sent, as far as it could be shown again: path, headers, fields, body.
    pub asked: String,
    /// The answer.
    pub answer: Answer,
}
