//! What the operator's door reaches: the mailboxes, the Registry and the Outboxes of one world.

use edgepost::{
    app::{
        Accept, Answered, ConnectAnswer, ConnectQuestion, CredentialState, Disconnected, Email,
        MailboxState, Mailboxes, MetadataAnswer, ObjectName, OutboxAnswer, OutboxQuestion,
        OutboxUnavailable, Outboxes, Recall, Registrar, Registry, RegistryAnswer, RegistryQuestion,
        Story, Unreachable, Word, learn, obey,
        ports::{NotTold, Served},
    },
    config::Name,
    mail::Place,
    outbox::EmailId,
    outcome::Failure,
};

use super::world::World;

impl Mailboxes for World {
    async fn connect(&self, question: &ConnectQuestion) -> Result<ConnectAnswer, Unreachable> {
        let json = serde_json::to_string(question).unwrap();
        // The code crosses sealed.
        assert!(!json.contains("good"), "{json}");
        let question: ConnectQuestion = serde_json::from_str(&json).unwrap();
        let mailbox = &self.config.mailboxes[&question.mailbox];
        let answer = self.keeper(&question.mailbox, async |keeper| {
            keeper
                .connect(&question, mailbox, &self.server, || self.is_stopped())
                .await
        });
        let meanwhile = async {
            if let Some(during) = self.during.take() {
                during(self).await;
            }
        };
        let (answer, ()) = futures_util::future::join(answer, meanwhile).await;
        let json = serde_json::to_string(&answer).unwrap();
        assert!(!json.contains("canary"), "{json}");
        Ok(serde_json::from_str(&json).unwrap())
    }

    async fn metadata(&self, mailbox: &Name) -> Result<MetadataAnswer, Unreachable> {
        let answer = self.keeper(mailbox, async |keeper| keeper.metadata_answer().await);
        let json = serde_json::to_string(&answer.await).unwrap();
        Ok(serde_json::from_str(&json).unwrap())
    }

    async fn disconnect(&self, mailbox: &Name) -> Result<Disconnected, Unreachable> {
        let disconnected = self.keeper(mailbox, async |keeper| keeper.disconnect().await);
        disconnected.await.map_err(|_| Unreachable)
    }

    async fn credential(&self, mailbox: &Name) -> Result<CredentialState, Unreachable> {
        if self.unreachable.get() {
            return Err(Unreachable);
        }
        // The record here is that of one mailbox.
        if mailbox.as_str() != "sales" {
            return Ok(CredentialState {
                connected: false,
                failure: None,
                trial: None,
            });
        }
        let state = self.keeper(mailbox, async |keeper| keeper.state());
        let state = state.await.map_err(|_| Unreachable)?;
        let json = serde_json::to_string(&state).unwrap();
        Ok(serde_json::from_str(&json).unwrap())
    }

    async fn state(&self, _: &Name) -> Result<MailboxState, Unreachable> {
        MailboxState::read(&self.store).map_err(|_| Unreachable)
    }

    async fn tell(&self, object: &ObjectName, word: Word) -> Result<(), Unreachable> {
        let name = object.as_str().to_owned();
        if self.silent.borrow().contains(&name) {
            std::future::pending::<()>().await;
        }
        self.told.borrow_mut().push((name, word));
        if let (Some(name), Word::Resume(grant) | Word::Forget(grant)) = (object.as_outbox(), word)
        {
            self.resumed.borrow_mut().push((name.to_owned(), grant));
        }
        // The store here is that of one mailbox.
        if object.as_outbox() == Some("sales") {
            self.memory.forget(word.grant());
            let recall = Recall::default();
            return obey(word, &self.store, &recall, &self.clock).map_err(|_| Unreachable);
        }
        Ok(())
    }
}

impl Served for World {
    async fn tell(&self, failure: &Failure) -> Result<(), NotTold> {
        learn(&self.store, &self.drain, &self.alerts, &self.clock, failure)
            .map(drop)
            .map_err(|_| NotTold)
    }

    async fn resume(&self, epoch: u32) -> Result<(), NotTold> {
        let sales = ObjectName::outbox("sales");
        Mailboxes::tell(self, &sales, Word::Resume(epoch))
            .await
            .map_err(|_| NotTold)
    }
}

impl Registrar for World {
    async fn ask(&self, question: &RegistryQuestion) -> Result<RegistryAnswer, Unreachable> {
        if self.silent.borrow().iter().any(|name| name == "registry") {
            std::future::pending::<()>().await;
        }
        let registry = Registry {
            custody: &self.registry,
            clock: &self.clock,
        };
        registry.answer(question.clone()).map_err(|_| Unreachable)
    }
}

impl Outboxes for World {
    async fn accept(&self, accept: &Accept) -> Result<Answered, OutboxUnavailable> {
        let accepted = accept
            .clone()
            .keep(&self.store, &self.clock, &self.entropy)
            .map_err(|_| OutboxUnavailable)?;
        Ok(Answered {
            accepted,
            rate: None,
        })
    }

    async fn email(&self, _: &Name, _: EmailId) -> Result<Option<Email>, OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn ask(&self, _: &Name, _: &OutboxQuestion) -> Result<OutboxAnswer, OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn stage(
        &self,
        _: &Name,
        _: EmailId,
        _: Place,
        _: Vec<u8>,
    ) -> Result<(), OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn story(&self, mailbox: &Name, id: EmailId) -> Result<Option<Story>, OutboxUnavailable> {
        if self.unreachable.get() {
            return Err(OutboxUnavailable);
        }
        Story::read(&self.store, mailbox, id).map_err(|_| OutboxUnavailable)
    }
}
