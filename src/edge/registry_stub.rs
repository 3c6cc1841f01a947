//! The Registry, reached from everywhere.

use worker::Env;

use super::{env::REGISTRY, stub};
use crate::app::{Registrar, RegistryAnswer, RegistryQuestion, Unreachable};

/// Its one name.
const THE_ONE: &str = "registry";

/// Reaches it.
#[derive(Debug)]
pub(super) struct RegistryStub<'a> {
    pub(super) env: &'a Env,
}

impl Registrar for RegistryStub<'_> {
    async fn ask(&self, question: &RegistryQuestion) -> Result<RegistryAnswer, Unreachable> {
        self.try_ask(question).await.map_err(|_| Unreachable)
    }
}

impl RegistryStub<'_> {
    async fn try_ask(&self, question: &RegistryQuestion) -> worker::Result<RegistryAnswer> {
        let request = stub::post("http://registry/", question)?;
        let registry = self.env.durable_object(REGISTRY)?.get_by_name(THE_ONE)?;
        stub::answered(&mut registry.fetch_with_request(request).await?).await
    }
}
