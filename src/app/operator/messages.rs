//! What became of one message.

use super::{
    super::{
        door::{Door, OutboxUnavailable, Outboxes, not_found},
        http::{Request, Response},
        ports::{Clock, Entropy},
    },
    Mailboxes, Operator, Registrar, unknown, unreachable,
};
use crate::outbox::EmailId;

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    pub(super) async fn story(&self, request: &Request, id: &str) -> Response {
        if self.who(request).is_none() {
            return unknown(request);
        }
        let (config, outboxes) = (self.config, self.outboxes);
        let Ok(id) = id.parse::<EmailId>() else {
            return not_found();
        };
        let door = Door { config, outboxes };
        let Some(mailbox) = door.keeping(id) else {
            return not_found();
        };
        match outboxes.story(mailbox, id).await {
            Ok(Some(story)) => Response::json(200, &story),
            Ok(None) => not_found(),
            Err(OutboxUnavailable) => unreachable(request),
        }
    }
}
