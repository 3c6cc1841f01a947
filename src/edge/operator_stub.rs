//! The objects behind the operator's door.

use serde::{Serialize, de::DeserializeOwned};
use worker::{Env, Method, Request, Response};

use super::{
    env::{OUTBOX, REGISTRY, TOKEN_KEEPER},
    stub,
};
use crate::{
    app::{
        ConnectAnswer, ConnectQuestion, Disconnected, KeeperRequest, Mailboxes, Registrar,
        RegistryAnswer, RegistryQuestion, Standing, Unreachable,
    },
    config::{Config, Name},
    outbox::Health,
};

/// The Registry's one name.
const THE_ONE: &str = "registry";

/// Reaches all of them.
#[derive(Debug)]
pub(super) struct OperatorStubs<'a> {
    pub(super) env: &'a Env,
    pub(super) config: &'a Config,
}

impl OperatorStubs<'_> {
    async fn ask(
        &self,
        binding: &str,
        name: &str,
        request: worker::Result<Request>,
    ) -> Result<Response, Unreachable> {
        let ask = async {
            let object = self.env.durable_object(binding)?.get_by_name(name)?;
            object.fetch_with_request(request?).await
        };
        match ask.await {
            Ok(answer) if answer.status_code() == 200 => Ok(answer),
            _ => Err(Unreachable),
        }
    }

    async fn keeper<T: DeserializeOwned>(
        &self,
        mailbox: &Name,
        path: &str,
        question: &impl Serialize,
    ) -> Result<T, Unreachable> {
        let mailbox = self.config.mailboxes.get(mailbox).ok_or(Unreachable)?;
        let credential = mailbox.credential();
        let request = stub::post(&format!("http://keeper/{path}"), question);
        let name = credential.keeper_name();
        let mut answer = self.ask(TOKEN_KEEPER, &name, request).await?;
        stub::answered(&mut answer).await.map_err(|_| Unreachable)
    }
}

fn about(mailbox: &Name) -> KeeperRequest {
    KeeperRequest {
        mailbox: mailbox.clone(),
        refused: None,
    }
}

impl Mailboxes for OperatorStubs<'_> {
    async fn connect(&self, question: &ConnectQuestion) -> Result<ConnectAnswer, Unreachable> {
        self.keeper(&question.mailbox, "connect", question).await
    }

    async fn disconnect(&self, mailbox: &Name) -> Result<Disconnected, Unreachable> {
        self.keeper(mailbox, "disconnect", &about(mailbox)).await
    }

    async fn standing(&self, mailbox: &Name) -> Result<Standing, Unreachable> {
        self.keeper(mailbox, "standing", &about(mailbox)).await
    }

    async fn health(&self, mailbox: &Name) -> Result<Health, Unreachable> {
        let request = Request::new("http://outbox/health", Method::Get);
        let mut answer = self.ask(OUTBOX, mailbox.as_str(), request).await?;
        stub::answered(&mut answer).await.map_err(|_| Unreachable)
    }

    async fn resume(&self, mailbox: &Name, epoch: u32) -> Result<(), Unreachable> {
        let request = Request::new(&format!("http://outbox/resume/{epoch}"), Method::Post);
        self.ask(OUTBOX, mailbox.as_str(), request).await.map(drop)
    }
}

impl Registrar for OperatorStubs<'_> {
    async fn ask(&self, question: &RegistryQuestion) -> Result<RegistryAnswer, Unreachable> {
        let request = stub::post("http://registry/", question);
        let answer = Self::ask(self, REGISTRY, THE_ONE, request);
        let mut answer = answer.await?;
        stub::answered(&mut answer).await.map_err(|_| Unreachable)
    }
}
