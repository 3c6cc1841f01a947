//! Connecting a mailbox, its first half: off to the provider (RFC 6749 §4.1.1, RFC 7636 §4.3).

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use sha2::{Digest, Sha256};

use super::{
    super::{
        door::Outboxes,
        http::{Request, Response},
        keeper::consent_record,
        ports::{Clock, Entropy, random},
        registry::{Consent, RegistryAnswer, RegistryQuestion},
    },
    MISCONFIGURED, Mailboxes, Operator, Registrar, Who, told, unreachable,
};
use crate::{
    config::{Config, MailboxConfig, Name},
    oauth::Right,
    seal::{Purpose, Sealer},
};

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    pub(super) async fn connect(&self, request: &Request, name: &str) -> Response {
        let who = match self.admit(request) {
            Ok(who) => who,
            Err(refusal) => return refusal,
        };
        let (name, mailbox) = match self.mailbox(request, name) {
            Ok(found) => found,
            Err(refusal) => return refusal,
        };
        if mailbox.right == Right::Application {
            let text = "This application sends by a right of its own, which an administrator gives it at the provider.";
            return told(request, 422, NOT_CONNECTABLE, text);
        }
        let Some(endpoint) = &mailbox.provider.authorization_endpoint else {
            let text = "There is no authorization_endpoint in the configuration of this mailbox, so nobody can be asked for consent.";
            return told(request, 422, NOT_CONNECTABLE, text);
        };
        let Some(redirect_uri) = redirect_uri(self.config, mailbox) else {
            let text = "PUBLIC_URL has a fault; run the configuration check.";
            return told(request, 503, MISCONFIGURED, text);
        };
        let Some(begun) = self.begin(name, mailbox, who) else {
            return unreachable(request);
        };
        let question = RegistryQuestion::Keep(s256(&begun.state), begun.consent);
        let Ok(RegistryAnswer::Kept) = self.registry.ask(&question).await else {
            return unreachable(request);
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &mailbox.client_id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &mailbox.provider.consent_scope())
            .append_pair("state", &begun.state)
            .append_pair("code_challenge", &begun.challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("login_hint", mailbox.sender.address.as_str())
            .extend_pairs(mailbox.provider.authorization_extras);
        // An endpoint may have a query of its own, which is kept (RFC 6749 §3.1).
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let address = format!("{endpoint}{joint}{}", query.finish());
        match who {
            Who::Person(_) => {
                Response::new(303, "text/plain; charset=utf-8", "").with("location", address)
            }
            Who::Script => {
                Response::json(200, &serde_json::json!({ "authorization_url": address }))
            }
        }
    }

    /// A state and a verifier that nobody can guess. Only a digest of the one is kept, and the other
    /// only sealed: what is stored is of no use to whoever reads it.
    fn begin(&self, name: &Name, mailbox: &MailboxConfig, who: Who) -> Option<Begun> {
        let root_key = self.config.root_key.as_ref()?;
        let state = URL_SAFE_NO_PAD.encode(random::<32>(self.entropy).ok()?);
        let verifier = URL_SAFE_NO_PAD.encode(random::<32>(self.entropy).ok()?);
        let sealer = Sealer::new(root_key, None, Purpose::Seal);
        let record = consent_record("verifier", &s256(&state));
        let nonce = random(self.entropy).ok()?;
        let sealed = sealer.seal(&record, verifier.as_bytes(), nonce).ok()?;
        Some(Begun {
            challenge: s256(&verifier),
            state,
            consent: Consent {
                session: match who {
                    Who::Person(session) => Some(session.name()),
                    Who::Script => None,
                },
                mailbox: name.clone(),
                provider: fingerprint(mailbox),
                verifier: STANDARD.encode(sealed),
            },
        })
    }
}

const NOT_CONNECTABLE: (&str, &str) = ("not_connectable", "This mailbox cannot be connected here");

struct Begun {
    state: String,
    challenge: String,
    consent: Consent,
}

/// Where the provider sends the browser back to. Made of `PUBLIC_URL` and of nothing that a request
/// says.
pub(super) fn redirect_uri(config: &Config, mailbox: &MailboxConfig) -> Option<String> {
    let public_url = config.public_url.as_ref()?.as_str();
    Some(format!(
        "{public_url}/oauth/callback/{}",
        mailbox.provider.id
    ))
}

/// Which provider, and which client of it, as long as its settings stay what they are.
pub(super) fn fingerprint(mailbox: &MailboxConfig) -> String {
    s256(&format!("{:?}\n{}", mailbox.provider, mailbox.client_id))
}

/// base64url of SHA-256 without padding, as PKCE wants a challenge (RFC 7636 §4.2).
pub(super) fn s256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
