//! Whoever is not the operator, or not any more: counted, and told so.

use super::{
    super::{
        door::{Outboxes, problem_response},
        http::{Request, Response},
        ports::{Clock, Entropy, RateLimiter},
        registry::{RegistryAnswer, RegistryQuestion},
        submit::by,
        wall::network,
    },
    Mailboxes, Operator, Registrar,
};
use crate::{
    api::Problem,
    limits::{API_WALL_PERIOD, REGISTRY_TIMEOUT},
};

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    /// The answer to a stranger whose requests are too many, before anything is done for them. Whoever
    /// has the key, or a session, is not counted: nobody can lock the operator out.
    pub async fn refuse(&self, request: &Request, wall: &impl RateLimiter) -> Option<Response> {
        if self.who(request).is_some() || self.is_monitor(request) {
            return None;
        }
        let network = network(request.header("cf-connecting-ip"));
        if wall.admits(&format!("operator/{network}")).await {
            return None;
        }
        Some(limited(API_WALL_PERIOD.as_secs()))
    }

    /// Counts a key that is presented and wrong as a try to sign in, and answers one too many.
    pub(super) async fn refuse_wrong_key(&self, request: &Request) -> Option<Response> {
        let mut names = request.headers.iter().map(|(name, _)| name);
        let presented = names.any(|name| name == "authorization");
        let none = self.config.operator_key.is_none();
        // Without a key there is nothing to try.
        if none && (request.path != "/readyz" || self.config.monitor_key.is_none()) {
            return None;
        }
        if !presented || self.who(request).is_some() || self.is_monitor(request) {
            return None;
        }
        let network = network(request.header("cf-connecting-ip"));
        match self.ask_soon(&RegistryQuestion::Login(network)).await {
            Some(RegistryAnswer::Limited(seconds)) => Some(limited(seconds)),
            // It is not let in, whatever the Registry says.
            _ => None,
        }
    }

    pub(super) fn is_monitor(&self, request: &Request) -> bool {
        let key = self.config.monitor_key.as_ref();
        request.path == "/readyz"
            && key.is_some_and(|key| key.admits(request.header("authorization")))
    }

    /// Whether the session was ended for all browsers. A Registry that does not answer has not said
    /// so: its failure must not keep the operator from stopping everything.
    pub(super) async fn is_signed_out(&self, request: &Request) -> bool {
        let Some(session) = self.session(request) else {
            return false;
        };
        let question = RegistryQuestion::Session(session.began());
        self.ask_soon(&question).await == Some(RegistryAnswer::Unknown)
    }

    /// What the Registry answers, if it does so soon: a page without it is better than none.
    pub(super) async fn ask_soon(&self, question: &RegistryQuestion) -> Option<RegistryAnswer> {
        let deadline = self.clock.now().after(REGISTRY_TIMEOUT);
        let asked = by(self.clock, deadline, self.registry.ask(question));
        asked.await?.ok()
    }
}

fn limited(seconds: u64) -> Response {
    let problem = Problem::new(429, "rate_limit_exceeded").detail(
        "there were too many requests or wrong keys from your network; wait, and try again",
    );
    problem_response(&problem).with("retry-after", seconds.to_string())
}
