//! The Outboxes, reached from the door.

use serde::de::DeserializeOwned;
use worker::{Env, Method, Request, Response};

use super::{env::OUTBOX, stub};
use crate::{
    app::{
        Accept, Answered, Email, OutboxAnswer, OutboxQuestion, OutboxUnavailable, Outboxes, Story,
    },
    config::Name,
    mail::Place,
    outbox::EmailId,
};

/// Reaches each Outbox by its mailbox's name.
#[derive(Debug)]
pub(super) struct OutboxStubs<'a> {
    pub(super) env: &'a Env,
}

impl OutboxStubs<'_> {
    async fn fetch(&self, mailbox: &Name, request: Request) -> worker::Result<Response> {
        self.env
            .durable_object(OUTBOX)?
            .get_by_name(mailbox.as_str())?
            .fetch_with_request(request)
            .await
    }
}

impl OutboxStubs<'_> {
    async fn read<T: DeserializeOwned>(
        &self,
        mailbox: &Name,
        request: Request,
    ) -> Result<Option<T>, OutboxUnavailable> {
        match self.fetch(mailbox, request).await {
            Ok(mut answer) if answer.status_code() == 200 => stub::answered(&mut answer)
                .await
                .map(Some)
                .map_err(|_| OutboxUnavailable),
            Ok(answer) if answer.status_code() == 404 => Ok(None),
            _ => Err(OutboxUnavailable),
        }
    }
}

impl OutboxStubs<'_> {
    /// Hands a request on with its body unread; the Outbox answers it.
    pub(super) async fn upload(
        &self,
        mailbox: &Name,
        request: &Request,
        props: Option<&str>,
    ) -> Result<Response, OutboxUnavailable> {
        let url = format!("http://outbox{}", request.path());
        let upload = stub::forward(&url, request, props);
        let upload = upload.map_err(|_| OutboxUnavailable)?;
        let answer = self.fetch(mailbox, upload).await;
        answer.map_err(|_| OutboxUnavailable)
    }
}

impl Outboxes for OutboxStubs<'_> {
    async fn accept(&self, accept: &Accept) -> Result<Answered, OutboxUnavailable> {
        let url = format!("http://outbox{}", accept.path());
        let request = stub::post(&url, accept).map_err(|_| OutboxUnavailable)?;
        self.read(&accept.mailbox, request)
            .await?
            .ok_or(OutboxUnavailable)
    }

    async fn ask(
        &self,
        mailbox: &Name,
        question: &OutboxQuestion,
    ) -> Result<OutboxAnswer, OutboxUnavailable> {
        let request = stub::post("http://outbox/ask", question).map_err(|_| OutboxUnavailable)?;
        self.read(mailbox, request).await?.ok_or(OutboxUnavailable)
    }

    async fn email(&self, mailbox: &Name, id: EmailId) -> Result<Option<Email>, OutboxUnavailable> {
        let request = get(&format!("http://outbox/email/{id}"))?;
        self.read(mailbox, request).await
    }

    async fn stage(
        &self,
        mailbox: &Name,
        id: EmailId,
        place: Place,
        octets: Vec<u8>,
    ) -> Result<(), OutboxUnavailable> {
        let url = format!("http://outbox/stage/{id}/{}", place.number());
        let request = stub::post_octets(&url, &octets).map_err(|_| OutboxUnavailable)?;
        match self.fetch(mailbox, request).await {
            Ok(answer) if answer.status_code() == 200 => Ok(()),
            _ => Err(OutboxUnavailable),
        }
    }

    async fn story(&self, mailbox: &Name, id: EmailId) -> Result<Option<Story>, OutboxUnavailable> {
        let request = get(&format!("http://outbox/story/{id}"))?;
        self.read(mailbox, request).await
    }
}

fn get(url: &str) -> Result<Request, OutboxUnavailable> {
    Request::new(url, Method::Get).map_err(|_| OutboxUnavailable)
}
