//! How the mailboxes are: for a person, and for a monitor.

use serde_json::json;

use super::{
    super::{
        door::{Outboxes, Tongue, page, problem_response, tongue},
        http::{Request, Response},
        keeper::Trial,
        ports::{Clock, Entropy},
        story::advice,
    },
    Mailboxes, Operator, Registrar, Who,
};
use crate::{
    api::Problem,
    config::{MailboxConfig, Name, Origin},
    oauth::Right,
    outbox::Health,
    outcome::{Blame, Cause},
    pages::{self, Action, Listed},
};

/// How a mailbox is.
struct Condition {
    /// Whether it holds a grant; not known where its Keeper did not answer.
    connected: Option<bool>,
    /// Why it does not send, where it does not.
    cause: Option<Cause>,
    advice: &'static str,
    until: Option<String>,
    /// How a grant that is to take the place of another stands.
    trial: Option<String>,
}

impl Condition {
    fn is_ready(&self) -> bool {
        self.connected == Some(true) && self.cause.is_none()
    }

    fn needs_person(&self) -> bool {
        self.connected == Some(false)
            || self
                .cause
                .is_some_and(|cause| cause.blame() == Blame::Operator)
    }

    fn trial_told(&self) -> String {
        let trial = self.trial.as_ref();
        trial.map_or_else(String::new, |trial| format!(" A new grant: {trial}."))
    }

    fn told(&self) -> String {
        match (self.connected, self.cause, &self.until) {
            (Some(false), ..) => "Not connected.".to_owned(),
            (_, Some(cause), Some(until)) => {
                format!("Does not send at present ({cause}); tried again at {until}.")
            }
            (_, Some(cause), None) => format!("Does not send any more ({cause})."),
            (None, ..) => "Its state is not known: storage did not answer.".to_owned(),
            _ => "Connected.".to_owned(),
        }
    }
}

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    pub(super) async fn board(&self, request: &Request) -> Response {
        let session = match self.who(request) {
            Some(Who::Person(session)) => session,
            Some(Who::Script) => return self.readiness().await,
            None if tongue(request) == Tongue::Page => {
                return Response::new(303, "text/plain; charset=utf-8", "")
                    .with("location", "/login");
            }
            None => return super::unknown(request),
        };
        let mut listed = Vec::new();
        let mut origins = Vec::new();
        for (name, mailbox) in &self.config.mailboxes {
            let condition = self.condition(name, mailbox).await;
            let endpoint = mailbox.provider.authorization_endpoint.as_deref();
            if let Some(origin) = endpoint.and_then(Origin::of_address)
                && !origins.iter().any(|known| known == origin.as_str())
            {
                origins.push(origin.as_str().to_owned());
            }
            listed.push(Listed {
                address: mailbox.sender.address.to_string(),
                name: name.to_string(),
                state: [condition.told(), condition.trial_told()].concat(),
                advice: condition.advice,
                needs_person: condition.needs_person(),
                actions: actions(name, mailbox, &condition),
            });
        }
        for name in &self.config.faulty_mailboxes {
            listed.push(Listed {
                address: name.to_string(),
                name: String::new(),
                state: "Its configuration has a fault.".to_owned(),
                advice: Cause::Misconfigured.advice(),
                needs_person: true,
                actions: Vec::new(),
            });
        }
        page(200, pages::board(&listed, &self.csrf(&session), &origins))
    }

    /// For monitors: 200 when every mailbox can send, and else 503.
    pub(super) async fn readyz(&self, request: &Request) -> Response {
        let monitors = self.config.monitor_key.as_ref();
        let is_monitor = monitors.is_some_and(|key| key.admits(request.header("authorization")));
        if !is_monitor && self.who(request).is_none() {
            let problem = Problem::new(401, "unauthorized")
                .detail("present the monitor's or the operator's key as Authorization: Bearer");
            return problem_response(&problem).with("www-authenticate", "Bearer");
        }
        self.readiness().await
    }

    async fn readiness(&self) -> Response {
        let mut ready = self.config.is_sound();
        let mut mailboxes = Vec::new();
        for (name, mailbox) in &self.config.mailboxes {
            let condition = self.condition(name, mailbox).await;
            ready &= condition.is_ready();
            mailboxes.push(json!({
                "mailbox": name,
                "ready": condition.is_ready(),
                "needs_person": condition.needs_person(),
                "connected": condition.connected,
                "cause": condition.cause,
                "detail": Some(condition.advice).filter(|advice| !advice.is_empty()),
                "until": condition.until,
                "trial": condition.trial,
            }));
        }
        for name in &self.config.faulty_mailboxes {
            mailboxes.push(json!({
                "mailbox": name,
                "ready": false,
                "needs_person": true,
                "cause": Cause::Misconfigured,
                "detail": Cause::Misconfigured.advice(),
            }));
        }
        let status = if ready { 200 } else { 503 };
        let body = json!({
            "ready": ready,
            "configuration": if self.config.is_sound() { "ok" } else { "misconfigured" },
            "mailboxes": mailboxes,
        });
        Response::json(status, &body)
    }

    async fn condition(&self, name: &Name, mailbox: &MailboxConfig) -> Condition {
        let standing = self.mailboxes.standing(name).await.ok();
        let health = self.mailboxes.health(name).await.ok();
        let mut condition = Condition {
            // Half of the answer is none.
            connected: standing
                .as_ref()
                .filter(|_| health.is_some())
                .map(|standing| standing.connected),
            cause: None,
            advice: "",
            until: None,
            trial: None,
        };
        let (mut failure, trial) = standing
            .map(|standing| (standing.failure, standing.trial))
            .unwrap_or_default();
        condition.trial = trial.map(|trial| match trial {
            Trial::Pending => "has yet to prove good".to_owned(),
            Trial::Refused(failure) => {
                let advice = advice(failure.cause, failure.finding.as_ref());
                format!("was not taken; {advice}")
            }
        });
        // That there is no grant says it all.
        if condition.connected == Some(false) {
            return condition;
        }
        let settings = self.config.settings_of(mailbox);
        if let Some(Health::Down {
            cause,
            finding,
            until,
            ..
        }) = health.map(|health| health.under(&settings))
        {
            condition.until = Some(until.to_string());
            condition.cause = Some(cause);
            condition.advice = advice(cause, finding.as_ref());
            // What a message has met says more than what the Keeper has found without one.
            failure = None;
        }
        if let Some(failure) = failure {
            condition.cause = Some(failure.cause);
            condition.advice = advice(failure.cause, failure.finding.as_ref());
        }
        condition
    }
}

fn actions(name: &Name, mailbox: &MailboxConfig, condition: &Condition) -> Vec<Action> {
    let connected = condition.connected == Some(true);
    let action = |what: &str, label, first| Action {
        path: format!("/mailboxes/{name}/{what}"),
        label,
        first,
    };
    let mut actions = Vec::new();
    let by_consent = mailbox.right == Right::Consent;
    if by_consent && mailbox.provider.authorization_endpoint.is_some() {
        let label = if connected {
            "Connect again"
        } else {
            "Connect"
        };
        let first = !connected || condition.needs_person();
        actions.push(action("connect", label, first));
    }
    if connected {
        actions.push(action("test", "Test", false));
        actions.push(action("disconnect", "Disconnect", false));
    }
    actions
}
