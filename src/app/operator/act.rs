//! What can be done with a mailbox that is connected.

use super::{
    super::{
        door::{Outboxes, page},
        http::{Request, Response},
        intake::{Accept, Accepted, Answered},
        keeper::Disconnected,
        ports::{Clock, Entropy},
    },
    Mailboxes, Operator, Registrar, Who, told, unreachable,
};
use crate::{
    config::MailboxConfig,
    mail::{BodyText, Draft, HeaderText},
    outbox::Source,
    pages::{self, Notice},
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

    /// Ends the use of the mailbox. What is queued is kept.
    pub(super) async fn disconnect(&self, request: &Request, name: &str) -> Response {
        let who = match self.admit(request) {
            Ok(who) => who,
            Err(refusal) => return refusal,
        };
        let (name, mailbox) = match self.mailbox(request, name) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        // The Outboxes second: they forget the token they have, and have to find no other.
        let Ok(Disconnected { revoked, epoch }) = self.mailboxes.disconnect(name).await else {
            return unreachable(request);
        };
        if !self.resume_all(mailbox, epoch).await {
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

    /// Has every Outbox that this mailbox's credential serves begin with its new grant, or without
    /// one; whether all were reached.
    pub(super) async fn resume_all(&self, mailbox: &MailboxConfig, epoch: u32) -> bool {
        let keeper = mailbox.credential().keeper_name();
        let mut all = true;
        for (name, _) in self.config.served_by(&keeper) {
            all &= self.mailboxes.resume(name, epoch).await.is_ok();
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
