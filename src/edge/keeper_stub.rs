//! A credential's Keeper, reached from an Outbox.

use wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit};

use super::env::TOKEN_KEEPER;
use crate::{
    app::{KeeperAnswer, KeeperRequest, ports::TokenSource},
    config::Name,
    oauth::{CachedToken, Fingerprint, TokenFailure},
    seal::Sealer,
};

/// Reaches one Keeper.
#[derive(Debug)]
pub(super) struct KeeperStub<'a> {
    pub(super) env: &'a Env,
    pub(super) mailbox: &'a Name,
    pub(super) keeper: &'a str,
    pub(super) sealer: &'a Sealer,
    pub(super) record: &'a str,
}

impl TokenSource for KeeperStub<'_> {
    async fn token(&self, refused: Option<&Fingerprint>) -> Result<CachedToken, TokenFailure> {
        let answer = self
            .ask(refused)
            .await
            .map_err(|_| TokenFailure::unavailable())?;
        answer.open(self.sealer, self.record)
    }
}

impl KeeperStub<'_> {
    async fn ask(&self, refused: Option<&Fingerprint>) -> worker::Result<KeeperAnswer> {
        let question = KeeperRequest {
            mailbox: self.mailbox.clone(),
            refused: refused.cloned(),
        };
        let body = serde_json::to_string(&question)?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post)
            .with_body(Some(JsValue::from_str(&body)));
        let request = Request::new_with_init("http://keeper/token", &init)?;
        let keeper = self
            .env
            .durable_object(TOKEN_KEEPER)?
            .get_by_name(self.keeper)?;
        keeper.fetch_with_request(request).await?.json().await
    }
}
