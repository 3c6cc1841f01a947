//! Connecting a mailbox, its first half: off to the provider (RFC 6749 §4.1.1, RFC 7636 §4.3).

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use sha2::{Digest, Sha256};

use super::{
    super::{
        door::{Outboxes, page},
        http::{Request, Response},
        keeper::consent_record,
        ports::{Clock, Entropy, random},
        registry::{Consent, RegistryAnswer, RegistryQuestion},
        story::advice,
    },
    MISCONFIGURED, Mailboxes, Operator, Registrar, UNAVAILABLE, Unreachable, Who, by_script, told,
    unreachable,
};
use crate::{
    config::{Config, MailboxConfig, Name, Origin},
    oauth::{Provider, Right, TokenFailure},
    pages::{self, Notice},
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
        if mailbox.right != Right::Consent {
            return self.take_up(request, name).await;
        }
        let provider = match self.whole_provider(name, mailbox).await {
            Ok(Ok(provider)) => provider,
            Ok(Err(failure)) => return not_known(request, &failure),
            Err(Unreachable) => return unreachable(request),
        };
        let Some(endpoint) = &provider.authorization_endpoint else {
            let text = "Neither the configuration of this mailbox nor its provider's metadata has an authorization_endpoint, so nobody can be asked for consent.";
            return told(request, 422, NOT_CONNECTABLE, text);
        };
        let Some(redirect_uri) = redirect_uri(self.config, name, mailbox) else {
            let text = "PUBLIC_URL has a fault; run the configuration check.";
            return told(request, 503, MISCONFIGURED, text);
        };
        let Some(begun) = self.begin(name, mailbox, &provider, who) else {
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
            .append_pair("scope", &provider.consent_scope())
            .append_pair("state", &begun.state)
            .append_pair("code_challenge", &begun.challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("login_hint", mailbox.sender.address.as_str())
            .extend_pairs(provider.authorization_extras);
        // An endpoint may have a query of its own, which is kept (RFC 6749 §3.1).
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        let address = format!("{endpoint}{joint}{}", query.finish());
        if by_script(request) {
            Response::json(200, &serde_json::json!({ "authorization_url": address }))
        } else {
            leave(mailbox, &address)
        }
    }

    /// A state and a verifier that nobody can guess. Only a digest of the one is kept, and the other
    /// only sealed: what is stored is of no use to whoever reads it.
    fn begin(
        &self,
        name: &Name,
        mailbox: &MailboxConfig,
        provider: &Provider,
        who: Who,
    ) -> Option<Begun> {
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
                names_itself: provider.names_itself,
                verifier: STANDARD.encode(sealed),
            },
        })
    }
}

/// The way to the provider is a link, and not the answer to the form: a browser holds every redirect
/// behind a form to `form-action`, and where a provider sends people on to, nobody here can know.
fn leave(mailbox: &MailboxConfig, address: &str) -> Response {
    let there = Origin::of_address(address);
    let there = there.as_ref().map_or("the provider", Origin::as_str);
    let text = format!(
        "Sign in there as {}, or as somebody who may send as it, and allow it to send mail. You are brought back here when you have; there are ten minutes for it.",
        mailbox.sender.address
    );
    let label = format!("Continue to {there}");
    let notice = Notice {
        title: "Off to the provider",
        text: &text,
        link: Some((address, &label)),
        signed_in: true,
        ..Notice::default()
    };
    page(200, pages::notice(&notice))
}

pub(super) const NOT_CONNECTABLE: (&str, &str) =
    ("not_connectable", "This mailbox cannot be connected here");

struct Begun {
    state: String,
    challenge: String,
    consent: Consent,
}

/// Where the provider sends the browser back to. Made of `PUBLIC_URL` and of nothing that a request
/// says.
pub(super) fn redirect_uri(
    config: &Config,
    name: &Name,
    mailbox: &MailboxConfig,
) -> Option<String> {
    let public_url = config.public_url.as_ref()?.as_str();
    Some(format!("{public_url}{}", mailbox.callback_path(name)))
}

/// Where consent would be asked for cannot be found out.
fn not_known(request: &Request, failure: &TokenFailure) -> Response {
    let advice = advice(failure.failure.cause, failure.failure.finding.as_ref());
    if failure.is_transient() {
        told(request, 503, UNAVAILABLE, advice)
    } else {
        told(request, 422, NOT_CONNECTABLE, advice)
    }
}

/// Which provider, and which client of it, as long as its settings stay what they are.
pub(super) fn fingerprint(mailbox: &MailboxConfig) -> String {
    s256(&format!("{:?}\n{}", mailbox.provider, mailbox.client_id))
}

/// base64url of SHA-256 without padding, as PKCE wants a challenge (RFC 7636 §4.2).
pub(super) fn s256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
