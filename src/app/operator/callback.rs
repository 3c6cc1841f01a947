//! Connecting a mailbox, its second half: back from the provider (RFC 6749 §4.1.2).

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    super::{
        door::{Outboxes, page},
        http::{Request, Response},
        keeper::{ConnectAnswer, ConnectQuestion, consent_record},
        ports::{Clock, Entropy, random},
        registry::{Consent, RegistryAnswer, RegistryQuestion},
        standing::Word,
        story::advice,
    },
    Mailboxes, Operator, Registrar, Who, by_script,
    connect::{fingerprint, redirect_uri, s256},
    only, unknown,
};
use crate::{
    access::Session,
    config::{MailboxConfig, Origin},
    limits::{CALLBACK_QUERY_CHARS, CODE_CHARS},
    oauth::Provider,
    outcome::{Answer, Failure, Trouble},
    pages::{self, Action, Notice},
    seal::{Purpose, Sealer},
};

/// What the provider's redirect carries.
struct Returned {
    state: String,
    /// The code, or why there is none.
    code: Result<String, Denied>,
    issuer: Option<String>,
}

struct Denied {
    error: String,
    description: String,
}

/// Why a callback is none, for the page that says so.
struct Refusal(u16, &'static str, &'static str);

const NOT_CONNECTED: &str = "The mailbox was not connected";

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    /// Only with a session: whoever brings a code here binds the mailbox to whoever consented.
    pub(super) async fn callback(&self, request: &Request) -> Response {
        let Some(Who::Person(session)) = self.who(request) else {
            return nobody(request);
        };
        match self.finish(request, &session).await {
            Ok(answer) => answer,
            Err(Refusal(status, title, text)) => {
                let notice = Notice {
                    title,
                    text,
                    signed_in: true,
                    ..Notice::default()
                };
                page(status, pages::notice(&notice))
            }
        }
    }

    async fn finish(&self, request: &Request, session: &Session) -> Result<Response, Refusal> {
        let returned = Returned::read(&request.query)?;
        let state = s256(&returned.state);
        let consent = self.take(&state, session).await?;
        let (mailbox, redirect_uri) = self.still_the_same(&consent, &request.path)?;
        let stranger = match &returned.issuer {
            Some(issuer) => !is_issuer(&mailbox.provider, issuer),
            None => consent.names_itself,
        };
        if stranger {
            return Err(Refusal(
                400,
                NOT_CONNECTED,
                "The answer does not name the authorization server that was asked (RFC 9207), so it may be another's. Nothing was sent to either. If the provider sends no iss, leave issuer out of the configuration beside its endpoints.",
            ));
        }
        let code = match returned.code {
            Ok(code) => code,
            Err(denied) => return Ok(denied.page()),
        };
        let Some(code) = self.sealed_code(&state, &code) else {
            return Err(Refusal(
                503,
                NOT_CONNECTED,
                "The answer could not be sealed. Begin once more from the list of mailboxes.",
            ));
        };
        let question = ConnectQuestion {
            mailbox: consent.mailbox,
            state,
            code,
            verifier: consent.verifier,
            redirect_uri,
        };
        let Ok(answer) = self.mailboxes.connect(&question).await else {
            return Err(Refusal(
                503,
                "It is not certain that the mailbox was connected",
                "Storage did not answer. Look at the list of mailboxes, and connect it once more if it is not.",
            ));
        };
        match answer {
            ConnectAnswer::Connected {
                scope,
                account,
                epoch,
            } => {
                // What was found wrong before is found out anew, now. If the Outbox does not hear of
                // it, it finds out when it tries next.
                let resumed = self.tell_served(mailbox, Word::Resume(epoch)).await;
                let facts = facts(mailbox, scope, account, resumed);
                Ok(self.connected(&question, mailbox, facts, session))
            }
            ConnectAnswer::OnTrial(failure) => Ok(on_trial(&failure)),
            ConnectAnswer::Refused { failure, stands } => Ok(refused(mailbox, &failure, stands)),
            ConnectAnswer::NoRefreshToken => Err(Refusal(
                422,
                NOT_CONNECTED,
                "The provider gave no refresh token, without which the connection would end within an hour. Check that scope asks for one (offline_access, at most providers), and that the application may have one.",
            )),
        }
    }

    /// The code as it crosses to the Keeper, which alone opens it.
    fn sealed_code(&self, state: &str, code: &str) -> Option<String> {
        let sealer = Sealer::new(self.config.root_key.as_ref()?, None, Purpose::Seal);
        let nonce = random(self.entropy).ok()?;
        let record = consent_record("code", state);
        let sealed = sealer.seal(&record, code.as_bytes(), nonce).ok()?;
        Some(STANDARD.encode(sealed))
    }

    async fn take(&self, state: &str, session: &Session) -> Result<Consent, Refusal> {
        let question = RegistryQuestion::Take(state.to_owned(), session.name());
        let (status, text) = match self.registry.ask(&question).await {
            Ok(RegistryAnswer::Taken(consent)) => return Ok(consent),
            Ok(RegistryAnswer::Used) => (
                400,
                "This answer of the provider was already used. Nothing was changed by loading the page again.",
            ),
            Ok(RegistryAnswer::Expired) => (
                400,
                "It took longer than ten minutes. Begin once more from the list of mailboxes.",
            ),
            Ok(_) => (
                400,
                "No consent that you began is known under this state. Begin once more from the list of mailboxes.",
            ),
            Err(_) => (503, "Storage did not answer. Please try again in a moment."),
        };
        Err(Refusal(status, NOT_CONNECTED, text))
    }

    /// The mailbox as it is configured now, if that is as it was: a code is shown only to the
    /// provider that made it.
    fn still_the_same(
        &self,
        consent: &Consent,
        path: &str,
    ) -> Result<(&MailboxConfig, String), Refusal> {
        let mailbox = self.config.mailboxes.get(&consent.mailbox);
        let same = mailbox.filter(|mailbox| {
            mailbox.callback_path(&consent.mailbox) == path
                && fingerprint(mailbox) == consent.provider
        });
        let found = same.and_then(|mailbox| {
            let redirect_uri = redirect_uri(self.config, &consent.mailbox, mailbox)?;
            Some((mailbox, redirect_uri))
        });
        found.ok_or(Refusal(
            400,
            NOT_CONNECTED,
            "The answer is not that of the provider that was asked, or the mailbox's configuration has changed since. Begin once more from the list of mailboxes.",
        ))
    }

    fn connected(
        &self,
        question: &ConnectQuestion,
        mailbox: &MailboxConfig,
        facts: Vec<String>,
        session: &Session,
    ) -> Response {
        let action = Action {
            path: format!("/mailboxes/{}/test", question.mailbox),
            label: "Send a test message to itself",
            first: true,
        };
        let title = format!("{} is connected", mailbox.sender.address);
        let notice = Notice {
            title: &title,
            text: "The mail server has let it in with the new grant, and whatever was waiting is being sent.",
            facts,
            action: Some((action, self.csrf(session))),
            signed_in: true,
            ..Notice::default()
        };
        page(200, pages::notice(&notice))
    }
}

impl Returned {
    /// Reads the query. Parameters must not come twice (RFC 6749 §3.1).
    fn read(query: &str) -> Result<Self, Refusal> {
        const MALFORMED: Refusal = Refusal(
            400,
            NOT_CONNECTED,
            "This is not what a provider answers: a code and a state, each once.",
        );
        if query.len() > CALLBACK_QUERY_CHARS {
            return Err(MALFORMED);
        }
        let pairs = query.as_bytes();
        let present = |name| form_urlencoded::parse(pairs).any(|(own, _)| own == name);
        let twice = ["state", "code", "error", "iss"]
            .into_iter()
            .any(|name| present(name) && only(pairs, name).is_none());
        let state = only(pairs, "state").filter(|state| !state.is_empty());
        let (false, Some(state)) = (twice, state) else {
            return Err(MALFORMED);
        };
        let code = match only(pairs, "error") {
            Some(error) => Err(Denied {
                error,
                description: only(pairs, "error_description").unwrap_or_default(),
            }),
            None => Ok(only(pairs, "code")
                .filter(|code| is_code(code))
                .ok_or(MALFORMED)?),
        };
        Ok(Self {
            state,
            code,
            issuer: only(pairs, "iss"),
        })
    }
}

/// Whoever comes back has no session here: it ended meanwhile, or this is another browser. Loading the
/// page again would not help, because the consent belongs to the session that began it.
fn nobody(request: &Request) -> Response {
    if by_script(request) {
        return unknown(request);
    }
    let notice = Notice {
        title: NOT_CONNECTED,
        text: "You came back from the provider, and are not signed in here: the session has ended, or it is another browser's. Nothing was changed. Sign in, and begin once more from the list of mailboxes.",
        ..Notice::default()
    };
    page(401, pages::notice(&notice))
}

/// Visible characters and spaces (RFC 6749 appendix A.11).
fn is_code(code: &str) -> bool {
    let visible = code.bytes().all(|b| matches!(b, 0x20..=0x7e));
    (1..=CODE_CHARS).contains(&code.len()) && visible
}

/// Whether the answer names the server that was asked (RFC 9207 §2.4). Where its issuer is not known
/// beforehand, it has at least to be of the same origin as the page of consent.
fn is_issuer(provider: &Provider, issuer: &str) -> bool {
    if let Some(known) = &provider.issuer {
        return known == issuer;
    }
    let asked = provider.authorization_endpoint.as_deref();
    let asked = asked.and_then(Origin::of_address);
    asked.is_some() && asked == Origin::of_address(issuer)
}

impl Denied {
    fn page(&self) -> Response {
        let mut facts = vec![Answer::new(&self.error).as_str().to_owned()];
        if !self.description.is_empty() {
            facts.push(Answer::new(&self.description).as_str().to_owned());
        }
        let notice = Notice {
            title: NOT_CONNECTED,
            text: "The provider gave no consent. It says:",
            facts,
            signed_in: true,
            ..Notice::default()
        };
        page(400, pages::notice(&notice))
    }
}

/// The token was not to be had, or the mail server did not take it. Nothing was kept.
fn refused(mailbox: &MailboxConfig, failure: &Failure, stands: bool) -> Response {
    let mut facts = vec![advice(failure.cause, failure.finding.as_ref()).to_owned()];
    facts.extend(failure.answer.as_ref().map(|it| it.as_str().to_owned()));
    if stands {
        let text = "The consent itself stands at the provider. If the mailbox is not connected by it, withdraw it in the settings of the account.";
        facts.push(text.to_owned());
    }
    let transient = crate::outcome::Reach::Mailbox(Trouble::Transient);
    let status = if failure.reach == transient { 503 } else { 422 };
    let text = format!(
        "Nothing was kept. Check that you consented as {}, or as somebody who may send as it.",
        mailbox.sender.address
    );
    let notice = Notice {
        title: NOT_CONNECTED,
        text: &text,
        facts,
        signed_in: true,
        ..Notice::default()
    };
    page(status, pages::notice(&notice))
}

/// The mail server could not be asked.
fn on_trial(failure: &Failure) -> Response {
    let mut facts = vec![advice(failure.cause, failure.finding.as_ref()).to_owned()];
    facts.extend(failure.answer.as_ref().map(|it| it.as_str().to_owned()));
    let notice = Notice {
        title: "The grant is kept, and on trial",
        text: "The mail server could not be asked just now whether it takes the new grant. It is tried again by itself, and the list of mailboxes says what came of it. Until then everything is as it was before.",
        facts,
        signed_in: true,
        ..Notice::default()
    };
    page(202, pages::notice(&notice))
}

fn facts(
    mailbox: &MailboxConfig,
    scope: Option<String>,
    account: Option<String>,
    resumed: bool,
) -> Vec<String> {
    // Without a word the provider has granted what it was asked for (RFC 6749 §5.1).
    let scope = scope.unwrap_or_else(|| mailbox.provider.consent_scope());
    let mut facts = vec![format!("It may do: {}", Answer::new(&scope).as_str())];
    let own = mailbox.sender.address.as_str();
    if let Some(account) = account.filter(|account| !account.eq_ignore_ascii_case(own)) {
        facts.push(format!(
            "Whoever consented signed in as {}",
            Answer::new(&account).as_str()
        ));
    }
    if !resumed {
        facts.push("Its queue did not answer, and goes on when it tries next".to_owned());
    }
    facts
}
