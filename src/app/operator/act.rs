//! What can be done with a mailbox that is connected.

use super::{
    super::{
        door::{Outboxes, page},
        http::{Request, Response},
        intake::{Accept, Accepted, Answered},
        keeper::Disconnected,
        object::ObjectName,
        ports::{Clock, Entropy},
        standing::Word,
    },
    Mailboxes, Operator, Registrar, Who,
    connect::NOT_CONNECTABLE,
    only, told, unreachable,
};
use crate::{
    config::{MailboxConfig, Name},
    mail::{BodyText, Draft, HeaderText},
    outbox::Source,
    pages::{self, Action, Notice},
};

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    /// Sends a message from the mailbox to itself, in the way that every message goes.
    pub(super) async fn test(&self, request: &Request, name: &str) -> Response {
        let who = match self.admit(request) {
            Ok(who) => who,
            Err(refusal) => return refusal,
        };
        let (name, mailbox) = match self.mailbox(request, name) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let Some(draft) = test_draft(mailbox) else {
            return unreachable(request);
        };
        let accept = Accept {
            mailbox: name.clone(),
            source: Source("operator/test".to_owned()),
            draft,
            request: None,
            staged: None,
        };
        let Ok(Answered {
            accepted: Accepted::Id(id),
            ..
        }) = self.outboxes.accept(&accept).await
        else {
            return unreachable(request);
        };
        match who {
            Who::Script => Response::json(202, &serde_json::json!({ "id": id })),
            Who::Person(_) => {
                let notice = Notice {
                    title: "A test message is on its way",
                    text: "It is sent from the mailbox to itself, so look there. The list of mailboxes says so if it cannot be sent.",
                    facts: vec![format!("Its identifier: {id}")],
                    signed_in: true,
                    ..Notice::default()
                };
                page(202, pages::notice(&notice))
            }
        }
    }

    /// Ends the use of the mailbox. What is queued is kept. A credential that other mailboxes use as
    /// well is kept for them, unless all of them are meant.
    pub(super) async fn disconnect(&self, request: &Request, name: &str) -> Response {
        let who = match self.admit(request) {
            Ok(who) => who,
            Err(refusal) => return refusal,
        };
        let (name, mailbox) = match self.mailbox(request, name) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        let others = self.sharing(name, mailbox);
        if !others.is_empty() && only(request.query.as_bytes(), "all").is_none() {
            return self.disconnect_alone(request, who, name, &others).await;
        }
        // The Outboxes second: they forget the token they have, and have to find no other.
        let Ok(Disconnected { revoked, epoch }) = self.mailboxes.disconnect(name).await else {
            return unreachable(request);
        };
        if !self.tell_served(mailbox, Word::Forget(epoch)).await {
            return unreachable(request);
        }
        if who == Who::Script {
            let body = serde_json::json!({ "connected": false, "revoked": revoked });
            return Response::json(200, &body);
        }
        let text = if revoked {
            "The provider has taken its grant back, and its tokens are gone here. What is queued is kept until it is connected again."
        } else {
            "Its tokens are gone here, and what is queued is kept until it is connected again. To end the consent itself, withdraw it in the settings of the account at the provider."
        };
        told(
            request,
            200,
            ("disconnected", "The mailbox is disconnected"),
            text,
        )
    }

    async fn disconnect_alone(
        &self,
        request: &Request,
        who: Who,
        name: &Name,
        others: &[&Name],
    ) -> Response {
        let outbox = ObjectName::outbox(name.as_str());
        if self
            .mailboxes
            .tell(&outbox, Word::Disconnect)
            .await
            .is_err()
        {
            return unreachable(request);
        }
        let Who::Person(session) = who else {
            let body =
                serde_json::json!({ "connected": false, "revoked": false, "shared_with": others });
            return Response::json(200, &body);
        };
        let action = Action {
            path: format!("/mailboxes/{name}/disconnect?all=yes"),
            label: "Disconnect all of them",
            first: false,
        };
        let notice = Notice {
            title: "The mailbox is disconnected",
            text: "It sends no more until it is connected again, and what is queued is kept. Its application goes on sending from these mailboxes:",
            facts: others.iter().map(|other| (*other).to_string()).collect(),
            action: Some((action, self.csrf(&session))),
            link: None,
            signed_in: true,
        };
        page(200, pages::notice(&notice))
    }

    /// The other mailboxes of the same credential.
    fn sharing(&self, name: &Name, mailbox: &MailboxConfig) -> Vec<&Name> {
        let keeper = mailbox.credential().keeper_name();
        let served = self.config.served_by(&keeper).map(|(other, _)| other);
        served.filter(|other| *other != name).collect()
    }

    /// Connects a mailbox of an application again, if it alone was disconnected. Otherwise there is
    /// nothing to ask anybody for.
    pub(super) async fn take_up(&self, request: &Request, name: &Name) -> Response {
        let Ok(state) = self.mailboxes.state(name).await else {
            return unreachable(request);
        };
        if !state.disconnected {
            let text = "This application sends by a right of its own, which an administrator gives it at the provider.";
            return told(request, 422, NOT_CONNECTABLE, text);
        }
        let outbox = ObjectName::outbox(name.as_str());
        if self.mailboxes.tell(&outbox, Word::Resume(0)).await.is_err() {
            return unreachable(request);
        }
        let text = "It sends again with its application's credential, and whatever was waiting is being sent.";
        told(
            request,
            200,
            ("connected", "The mailbox is connected"),
            text,
        )
    }

    /// Tells every Outbox that this mailbox's credential serves; whether all were reached.
    pub(super) async fn tell_served(&self, mailbox: &MailboxConfig, word: Word) -> bool {
        let keeper = mailbox.credential().keeper_name();
        let mut all = true;
        for (name, _) in self.config.served_by(&keeper) {
            let outbox = ObjectName::outbox(name.as_str());
            all &= self.mailboxes.tell(&outbox, word).await.is_ok();
        }
        all
    }
}

fn test_draft(mailbox: &MailboxConfig) -> Option<Draft> {
    let text = "This message was sent from the mailbox to itself by edgepost, because somebody asked for a test. It arrived, so mail is being sent.\n";
    let to_itself = vec![mailbox.sender.clone()];
    Some(Draft {
        sender: mailbox.sender.address.clone(),
        from: mailbox.sender.clone(),
        to: to_itself,
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: Vec::new(),
        subject: HeaderText::try_from("Test message from edgepost").ok()?,
        text: Some(BodyText::try_from(text.to_owned()).ok()?),
        html: None,
        headers: Vec::new(),
        attachments: Vec::new(),
        auto_generated: true,
    })
}
