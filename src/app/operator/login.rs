//! Signing in and out.

use super::{
    super::{
        door::{Outboxes, Tongue, page, problem_response, tongue},
        http::{Request, Response},
        ports::{Clock, Entropy, random},
        registry::{RegistryAnswer, RegistryQuestion},
        wall::network,
    },
    FORBIDDEN, MISCONFIGURED, Mailboxes, Operator, Registrar, UNAVAILABLE, form_field, told,
    unreachable,
};
use crate::{
    access::{Session, SessionKey},
    api::Problem,
    pages,
};

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    pub(super) async fn login(&self, request: &Request) -> Response {
        let (Some(key), Some(sessions), Some(_)) = (
            &self.config.operator_key,
            self.config.session_key(),
            &self.config.public_url,
        ) else {
            let text = "ROOT_KEY or PUBLIC_URL has a fault; run the configuration check.";
            return told(request, 503, MISCONFIGURED, text);
        };
        // A form of another site would sign its reader in as somebody else. JSON it cannot send
        // without asking first, and is told no (<https://fetch.spec.whatwg.org/#cors-preflight-fetch>).
        let json = is_json(request);
        let from_elsewhere = request.header("origin").is_some() || !json;
        if from_elsewhere && !self.is_from_our_page(request) {
            let text =
                "This did not come from our own page, which is at the configured PUBLIC_URL.";
            return told(request, 403, FORBIDDEN, text);
        }
        let presented = if json {
            json_key(&request.body)
        } else {
            form_field(request, "key")
        };
        // Whoever has the key gets in however often others have tried: only wrong ones are counted.
        if !presented.is_some_and(|presented| key.is(&presented)) {
            let network = network(request.header("cf-connecting-ip"));
            return match self.registry.ask(&RegistryQuestion::Login(network)).await {
                Ok(RegistryAnswer::Admitted) => {
                    let text = "That is not the operator key.";
                    refused(request, 403, "invalid_key", text)
                }
                Ok(RegistryAnswer::Limited(seconds)) => {
                    let text = "There were too many tries. Please wait, and try again.";
                    let answer = refused(request, 429, "rate_limit_exceeded", text);
                    answer.with("retry-after", seconds.to_string())
                }
                _ => unreachable(request),
            };
        }
        let Ok(id) = random(self.entropy) else {
            return unreachable(request);
        };
        let now = self.clock.now();
        let session = Session::begin(id, now);
        let answer = if json {
            Response::json(200, &serde_json::json!({ "csrf": sessions.csrf(&session) }))
        } else {
            // 303: a reload of what comes next does not send the key again.
            Response::new(303, "text/plain; charset=utf-8", "").with("location", "/operator")
        };
        answer.with("set-cookie", sessions.cookie(&session, now))
    }

    /// Ends this session and all others: somebody who may have a copy of the cookie has it no longer.
    pub(super) async fn logout(&self, request: &Request) -> Response {
        if let Err(refusal) = self.admit(request) {
            return refusal;
        }
        let answer = match self.ask_soon(&RegistryQuestion::SignOut).await {
            Some(RegistryAnswer::Kept) => {
                Response::new(303, "text/plain; charset=utf-8", "").with("location", "/login")
            }
            _ => {
                let text = "You are signed out in this browser. Storage did not answer, so sessions in others go on: sign in and out once more in a moment.";
                told(request, 503, UNAVAILABLE, text)
            }
        };
        answer.with("set-cookie", SessionKey::no_cookie())
    }
}

fn refused(request: &Request, status: u16, title: &'static str, text: &'static str) -> Response {
    if is_json(request) || tongue(request) == Tongue::Json {
        problem_response(&Problem::new(status, title).detail(text))
    } else {
        page(status, pages::login(text))
    }
}

fn is_json(request: &Request) -> bool {
    let media = request.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/json")
}

fn json_key(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    body.get("key")?.as_str().map(str::to_owned)
}
