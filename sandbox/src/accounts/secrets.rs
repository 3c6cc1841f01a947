//! What went through the sandbox and is nobody else's business: a test searches for it where it must
//! not be.

use std::sync::Mutex;

use crate::SECRET_CAPACITY;
use crate::sync::lock;

/// Something secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// `access token`, `refresh token`, `code`, `verifier`, `state` or `AUTH response`.
    pub what: &'static str,
    /// It, as it was sent.
    pub text: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({}, <redacted>)", self.what)
    }
}

/// All of them, to a cap.
#[derive(Default)]
pub(super) struct Secrets(Mutex<Vec<Secret>>);

impl Secrets {
    pub(super) fn note(&self, what: &'static str, text: impl Into<String>) {
        let mut all = lock(&self.0);
        if all.len() < SECRET_CAPACITY {
            let text = text.into();
            all.push(Secret { what, text });
        }
    }

    pub(super) fn all(&self) -> Vec<Secret> {
        lock(&self.0).clone()
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", lock(&self.0).len())
    }
}
