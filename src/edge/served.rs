//! The Outboxes that a credential serves, reached from its Keeper.

use worker::{Env, Method, Request};

use super::{env::OUTBOX, stub};
use crate::{
    app::{
        Word,
        ports::{NotTold, Served},
    },
    config::{Config, Name},
    outcome::Failure,
};

/// Reaches those of one Keeper.
pub(super) struct ServedOutboxes<'a> {
    pub(super) env: &'a Env,
    pub(super) config: &'a Config,
    pub(super) keeper: &'a str,
}

impl ServedOutboxes<'_> {
    /// Whether it had anything to do with that.
    async fn ask(&self, mailbox: &Name, request: worker::Result<Request>) -> Result<bool, NotTold> {
        let ask = async {
            let outbox = self.env.durable_object(OUTBOX)?;
            let outbox = outbox.get_by_name(mailbox.as_str())?;
            outbox.fetch_with_request(request?).await
        };
        match ask.await.map(|answer| answer.status_code()) {
            Ok(status @ (200 | 204)) => Ok(status == 200),
            _ => Err(NotTold),
        }
    }
}

impl Served for ServedOutboxes<'_> {
    async fn tell(&self, failure: &Failure) -> Result<(), NotTold> {
        let mut all = Ok(());
        // One of them is enough; but a mailbox is no channel for what becomes of itself, so the first
        // may have none where the next has one.
        for (mailbox, _) in self.config.served_by(self.keeper) {
            let request = stub::post("http://outbox/learn", failure);
            match self.ask(mailbox, request).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(NotTold) => all = Err(NotTold),
            }
        }
        all
    }

    async fn resume(&self, epoch: u32) -> Result<(), NotTold> {
        let mut all = Ok(());
        for (mailbox, _) in self.config.served_by(self.keeper) {
            let url = format!("http://outbox{}", Word::Resume(epoch).path());
            let resumed = self.ask(mailbox, Request::new(&url, Method::Post)).await;
            all = all.and(resumed.map(drop));
        }
        all
    }
}
