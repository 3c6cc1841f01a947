//! The objects behind the operator's door.

use serde::{Serialize, de::DeserializeOwned};
use worker::{Env, Method, Request, Response};

use super::{
    env::{OUTBOX, TOKEN_KEEPER},
    registry_stub::RegistryStub,
    stub,
};
use crate::{
    app::{
        ConnectAnswer, ConnectQuestion, CredentialState, Disconnected, KeeperRequest, MailboxState,
        Mailboxes, MetadataAnswer, ObjectName, Registrar, RegistryAnswer, RegistryQuestion,
        Unreachable, Word,
    },
    config::{Config, Name},
};

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

    async fn metadata(&self, mailbox: &Name) -> Result<MetadataAnswer, Unreachable> {
        self.keeper(mailbox, "metadata", &about(mailbox)).await
    }

    async fn disconnect(&self, mailbox: &Name) -> Result<Disconnected, Unreachable> {
        self.keeper(mailbox, "disconnect", &about(mailbox)).await
    }

    async fn credential(&self, mailbox: &Name) -> Result<CredentialState, Unreachable> {
        self.keeper(mailbox, "state", &about(mailbox)).await
    }

    async fn state(&self, mailbox: &Name) -> Result<MailboxState, Unreachable> {
        let request = Request::new("http://outbox/state", Method::Get);
        let mut answer = self.ask(OUTBOX, mailbox.as_str(), request).await?;
        stub::answered(&mut answer).await.map_err(|_| Unreachable)
    }

    async fn tell(&self, object: &ObjectName, word: Word) -> Result<(), Unreachable> {
        let (binding, name) = match (object.as_outbox(), object.as_keeper()) {
            (Some(name), _) => (OUTBOX, name),
            (_, Some(name)) => (TOKEN_KEEPER, name),
            _ => return Err(Unreachable),
        };
        let url = format!("http://object{}", word.path());
        let request = Request::new(&url, Method::Post);
        self.ask(binding, name, request).await.map(drop)
    }
}

impl Registrar for OperatorStubs<'_> {
    async fn ask(&self, question: &RegistryQuestion) -> Result<RegistryAnswer, Unreachable> {
        RegistryStub { env: self.env }.ask(question).await
    }
}
