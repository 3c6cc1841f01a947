//! A credential's Keeper, reached from an Outbox.

use worker::Env;

use super::{env::TOKEN_KEEPER, stub};
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
        let request = stub::post("http://keeper/token", &question)?;
        let keeper = self
            .env
            .durable_object(TOKEN_KEEPER)?
            .get_by_name(self.keeper)?;
        stub::answered(&mut keeper.fetch_with_request(request).await?).await
    }
}
