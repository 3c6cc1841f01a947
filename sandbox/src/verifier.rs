//! Tokens that another authorization server has issued.
//!
//! A mail server need not know who issued a token: it asks somebody who does (RFC 7662, for one). Who
//! that is, and how it is asked, is for the test to say; without it a token that the sandbox did not
//! issue is refused.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::accounts::TokenVerdict;
use crate::sync::lock;

type Ask = dyn Fn(&str, &str) -> TokenVerdict + Send + Sync;

/// Who is asked about a token that is not ours.
#[derive(Default)]
pub(crate) struct Verifier(Mutex<Option<Arc<Ask>>>);

impl Verifier {
    pub(crate) fn set(&self, ask: impl Fn(&str, &str) -> TokenVerdict + Send + Sync + 'static) {
        *lock(&self.0) = Some(Arc::new(ask));
    }

    /// What is made of `token` when `user` presents it.
    pub(crate) async fn judge(&self, user: &str, token: &str) -> TokenVerdict {
        let Some(ask) = lock(&self.0).clone() else {
            return TokenVerdict::Bad;
        };
        let (user, token) = (user.to_owned(), token.to_owned());
        // It may ask over the network, and wait.
        let verdict = tokio::task::spawn_blocking(move || ask(&user, &token));
        verdict.await.unwrap_or(TokenVerdict::Bad)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verifier")
            .field(&lock(&self.0).is_some())
            .finish()
    }
}
