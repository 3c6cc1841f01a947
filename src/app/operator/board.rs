//! How the mailboxes are: for a person, and for a monitor.

use serde_json::json;

use super::{
    super::{
        door::{Outboxes, Tongue, page, problem_response, tongue},
        http::{Request, Response},
        keeper::Trial,
        ports::{Clock, Entropy},
        registry::{RegistryAnswer, RegistryQuestion},
        story::advice,
    },
    Mailboxes, Operator, Registrar, Who,
};
use crate::{
    api::Problem,
    config::{MailboxConfig, Name},
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
    stopped: bool,
    /// The mailbox was disconnected, and not the credential that it shares.
    disconnected_alone: bool,
    waiting: u64,
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
            _ if self.stopped => "Stopped.".to_owned(),
            (Some(false), ..) => "Not connected.".to_owned(),
            (_, Some(cause), Some(until)) => {
                // To the minute: `2026-11-24T17:59`.
                let minute = until.get(..16).unwrap_or(until).replace('T', " ");
                format!("Does not send at present ({cause}). The next try is at {minute} UTC.")
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
        for (name, mailbox) in &self.config.mailboxes {
            let condition = self.condition(name, mailbox).await;
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
        let (stopped, _) = self.whole().await;
        page(200, pages::board(&listed, &self.csrf(&session), stopped))
    }

    /// For monitors: 200 when every mailbox can send, and else 503.
    pub(super) async fn readyz(&self, request: &Request) -> Response {
        if !self.is_monitor(request) && self.who(request).is_none() {
            let problem = Problem::new(401, "unauthorized")
                .detail("present the monitor's or the operator's key as Authorization: Bearer");
            return problem_response(&problem).with("www-authenticate", "Bearer");
        }
        self.readiness().await
    }

    async fn readiness(&self) -> Response {
        let (stopped, registry) = self.whole().await;
        let mut ready = self.config.is_sound() && !stopped;
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
                "waiting": condition.waiting,
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
            "cause": stopped.then_some(Cause::Stopped),
            "registry": registry.unwrap_or("ok"),
            "configuration": if self.config.is_sound() { "ok" } else { "misconfigured" },
            "mailboxes": mailboxes,
        });
        Response::json(status, &body)
    }

    async fn condition(&self, name: &Name, mailbox: &MailboxConfig) -> Condition {
        let credential = self.mailboxes.credential(name).await.ok();
        let state = self.mailboxes.state(name).await.ok();
        let mut condition = Condition {
            // Half of the answer is none.
            connected: credential
                .as_ref()
                .filter(|_| state.is_some())
                .map(|credential| credential.connected),
            cause: None,
            advice: "",
            until: None,
            stopped: self.config.stop.is_some(),
            disconnected_alone: false,
            waiting: 0,
            trial: None,
        };
        let (mut failure, trial) = credential
            .map(|credential| (credential.failure, credential.trial))
            .unwrap_or_default();
        condition.trial = trial.map(|trial| match trial {
            Trial::Pending => "has yet to prove good".to_owned(),
            Trial::Refused(failure) => {
                let advice = advice(failure.cause, failure.finding.as_ref());
                format!("was not taken; {advice}")
            }
        });
        if let Some(state) = &state {
            condition.stopped |= state.stopped;
            condition.waiting = state.waiting;
            if state.disconnected {
                condition.disconnected_alone = condition.connected == Some(true);
                condition.connected = Some(false);
            }
        }
        if condition.stopped && state.is_some() {
            condition.cause = Some(Cause::Stopped);
            condition.advice = Cause::Stopped.advice();
            return condition;
        }
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
        }) = state.map(|state| state.health.under(&settings))
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

    /// Whether everything is to stand still, and whether the Registry has lost its record.
    async fn whole(&self) -> (bool, Option<&'static str>) {
        let configured = self.config.stop.is_some();
        match self.ask_soon(&RegistryQuestion::Objects).await {
            Some(RegistryAnswer::Known(known)) => (
                configured || known.stopped.is_some(),
                known
                    .lost
                    .map(|_| "its record could not be read and is a new one"),
            ),
            _ => (configured, Some("does not answer")),
        }
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
    if condition.disconnected_alone && !by_consent {
        actions.push(action("connect", "Connect", true));
    }
    let provider = &mailbox.provider;
    if by_consent && (provider.discovered || provider.authorization_endpoint.is_some()) {
        let label = if connected {
            "Connect again"
        } else {
            "Connect"
        };
        let first = !connected || condition.needs_person();
        actions.push(action("connect", label, first));
    }
    if connected {
        actions.push(action("test", "Send a test", false));
        actions.push(action("disconnect", "Disconnect", false));
    }
    actions
}
