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
    async fn ask(&self, mailbox: &Name, request: worker::Result<Request>) -> Result<(), NotTold> {
        let ask = async {
            let outbox = self.env.durable_object(OUTBOX)?;
            let outbox = outbox.get_by_name(mailbox.as_str())?;
            outbox.fetch_with_request(request?).await
        };
        match ask.await {
            Ok(answer) if answer.status_code() == 200 => Ok(()),
            _ => Err(NotTold),
        }
    }
}

impl Served for ServedOutboxes<'_> {
    async fn tell(&self, failure: &Failure) -> Result<(), NotTold> {
        let mut served = self.config.served_by(self.keeper);
        let (first, _) = served.next().ok_or(NotTold)?;
        let request = stub::post("http://outbox/learn", failure);
        self.ask(first, request).await
    }

    async fn resume(&self, epoch: u32) -> Result<(), NotTold> {
        let mut all = Ok(());
        for (mailbox, _) in self.config.served_by(self.keeper) {
            let url = format!("http://outbox{}", Word::Resume(epoch).path());
            let resumed = self.ask(mailbox, Request::new(&url, Method::Post)).await;
            all = all.and(resumed);
        }
        all
    }
}
