//! STOP: everything stands still, and whoever stopped it is told what did not answer.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use super::{
    super::{
        door::{Outboxes, page},
        http::{Request, Response},
        object::ObjectName,
        ports::{Clock, Entropy},
        registry::{RegistryAnswer, RegistryQuestion},
        standing::Word,
        submit::by,
    },
    Mailboxes, Operator, Registrar, Who, by_script, unknown,
};
use crate::{
    limits::{REGISTRY_OBJECTS, STOP_TIMEOUT},
    pages::{self, Action, Notice},
};

/// What is said of a Registry that was once lost, or is full: it stopped what it knows.
const INCOMPLETE: &str =
    "registry (does not know all that was ever used; what is configured was told)";

/// Who was told, and did or did not answer.
#[derive(Default)]
struct Told {
    answered: Vec<String>,
    silent: Vec<String>,
}

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    /// The page that asks whether it is meant.
    pub(super) fn ask_before_stop(&self, request: &Request) -> Response {
        let Some(Who::Person(session)) = self.who(request) else {
            return unknown(request);
        };
        let action = Action {
            path: "/admin/stop".to_owned(),
            label: "Stop everything",
            first: true,
        };
        let notice = Notice {
            title: "Stop everything?",
            text: "No mailbox sends any more, and no provider is asked for a token. Mail that comes in is taken and kept: forms go on saying thanks. It lasts until you start everything again, whatever is deployed meanwhile.",
            action: Some((action, self.csrf(&session))),
            signed_in: true,
            ..Notice::default()
        };
        page(200, pages::notice(&notice))
    }

    /// Stops or starts every object that the configuration or the Registry knows.
    pub(super) async fn tell_all(&self, request: &Request, word: Word) -> Response {
        if let Err(refusal) = self.admit(request) {
            return refusal;
        }
        let stopping = word == Word::Stop;
        if !stopping && self.config.stop.is_some() {
            let text = "STOP is set in the configuration. Take it out (wrangler secret delete STOP, or out of wrangler.toml and deploy), and start then.";
            return super::told(request, 409, ("stopped", "Not started"), text);
        }
        let told = self.everybody(word).await;
        let done = told.silent.is_empty();
        let status = if done { 200 } else { 503 };
        if by_script(request) {
            let body = serde_json::json!({
                "stopped": stopping,
                "answered": told.answered,
                "silent": told.silent,
            });
            return Response::json(status, &body);
        }
        let (title, text) = match (stopping, done) {
            (true, true) => ("Everything is stopped", "All of these have answered:"),
            (false, true) => ("Everything is started", "All of these have answered:"),
            (true, false) => (
                "Not everything has answered",
                "Those that have are stopped. Do it again for the others; if they stay silent, set STOP in the configuration.",
            ),
            (false, false) => (
                "Not everything has answered",
                "Those that have are started. Do it again for the others.",
            ),
        };
        let silent = told.silent.iter().map(|name| format!("No answer: {name}"));
        let notice = Notice {
            title,
            text,
            facts: silent.chain(told.answered).collect(),
            signed_in: true,
            ..Notice::default()
        };
        page(status, pages::notice(&notice))
    }

    async fn everybody(&self, word: Word) -> Told {
        let mut told = Told::default();
        let question = match word {
            Word::Start => RegistryQuestion::Start,
            _ => RegistryQuestion::Stop,
        };
        // First, so that whatever is used for the first time from here on is told as well.
        let deadline = self.clock.now().after(STOP_TIMEOUT);
        let known = by(self.clock, deadline, self.registry.ask(&question)).await;
        let mut objects = self.configured();
        match known {
            Some(Ok(RegistryAnswer::Known(known))) => {
                // A list that is not whole must not pass for one.
                let whole = known.lost.is_none() && known.objects.len() < REGISTRY_OBJECTS;
                if whole {
                    told.answered.push("registry".to_owned());
                } else {
                    told.silent.push(INCOMPLETE.to_owned());
                }
                for name in known.objects {
                    if !objects.contains(&name) {
                        objects.push(name);
                    }
                }
            }
            _ => told.silent.push("registry".to_owned()),
        }
        // Who sends is stopped first, and is started last: it would ask who is not yet there.
        for sends in [word == Word::Stop, word != Word::Stop] {
            let round = objects.iter();
            let round = round.filter(|name| name.as_outbox().is_some() == sends);
            self.tell_round(round, word, &mut told).await;
        }
        told
    }

    /// Tells all of these at once.
    async fn tell_round<'n>(
        &self,
        round: impl Iterator<Item = &'n ObjectName>,
        word: Word,
        told: &mut Told,
    ) {
        let deadline = self.clock.now().after(STOP_TIMEOUT);
        let mut calls: Vec<_> = round
            .map(|name| {
                let call = by(self.clock, deadline, self.mailboxes.tell(name, word));
                (name, Box::pin(call), None)
            })
            .collect();
        poll_fn(|context| {
            let mut all = true;
            for (_, call, answer) in &mut calls {
                if answer.is_none() {
                    match Pin::new(call).poll(context) {
                        Poll::Ready(done) => *answer = Some(done),
                        Poll::Pending => all = false,
                    }
                }
            }
            if all { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        for (name, _, answer) in calls {
            let list = match answer.flatten() {
                Some(Ok(())) => &mut told.answered,
                _ => &mut told.silent,
            };
            list.push(name.as_str().to_owned());
        }
    }

    fn configured(&self) -> Vec<ObjectName> {
        let config = self.config;
        let outboxes = config.mailboxes.keys().chain(&config.faulty_mailboxes);
        let mut objects: Vec<_> = outboxes
            .map(|name| ObjectName::outbox(name.as_str()))
            .collect();
        for mailbox in config.mailboxes.values() {
            let keeper = ObjectName::keeper(&mailbox.credential().keeper_name());
            // Several mailboxes of an application have one.
            if !objects.contains(&keeper) {
                objects.push(keeper);
            }
        }
        objects
    }
}
