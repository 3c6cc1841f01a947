//! The Registry object: one for the whole Worker.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::{clock::PlatformClock, custody::SqliteCustody, stub};
use crate::app::{Registry as RegistryCase, RegistryQuestion};

/// Counts who logs in, and keeps the consents under way.
#[durable_object(fetch)]
pub struct Registry {
    custody: SqliteCustody,
}

impl DurableObject for Registry {
    fn new(state: State, _: Env) -> Self {
        Self {
            custody: SqliteCustody {
                storage: state.storage(),
            },
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let question: RegistryQuestion = stub::asked(&mut request).await?;
        let registry = RegistryCase {
            custody: &self.custody,
            clock: &PlatformClock,
        };
        match registry.answer(question) {
            Ok(answer) => Response::from_json(&answer),
            Err(_) => Response::error("storage", 503),
        }
    }
}
