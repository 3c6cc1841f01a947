//! The operator's door: signing in, connecting mailboxes, and seeing how they are.
//!
//! Without `OPERATOR_KEY` none of its routes exist. A person signs in and has a session; a script
//! presents the key itself. No GET changes anything, and a POST out of a page has to come from our
//! own origin with the session's code: another site's page has neither.

mod act;
mod board;
mod callback;
mod connect;
mod login;
mod messages;
mod stop;
mod stranger;

use std::{borrow::Cow, future::Future};

use serde::{Deserialize, Serialize};

use super::{
    door::{Outboxes, Tongue, not_allowed, not_found, page, problem_response, tongue},
    http::{Request, Response},
    keeper::{ConnectAnswer, ConnectQuestion, CredentialState, Disconnected, MetadataAnswer},
    object::ObjectName,
    ports::{Clock, Entropy, OutboxStore, StoreFault},
    registry::{RegistryAnswer, RegistryQuestion},
    standing::Word,
};
use crate::{
    access::{Session, SessionKey},
    api::Problem,
    config::{Config, MailboxConfig, Name},
    oauth::{Provider, TokenFailure},
    outbox::Health,
    pages::{self, Notice},
};

/// The first segments of its routes.
const ROUTES: [&str; 7] = [
    "admin",
    "login",
    "logout",
    "operator",
    "mailboxes",
    "oauth",
    "readyz",
];

/// The object that was asked did not answer as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the object cannot be reached")]
pub struct Unreachable;

/// The mailboxes' Outboxes and Keepers, as the operator sees them.
pub trait Mailboxes {
    /// Has the Keeper exchange a code, and keep the grant if the mail server takes its token.
    fn connect(
        &self,
        question: &ConnectQuestion,
    ) -> impl Future<Output = Result<ConnectAnswer, Unreachable>>;
    /// Has the Keeper say what the mailbox's authorization server says of itself.
    fn metadata(&self, mailbox: &Name)
    -> impl Future<Output = Result<MetadataAnswer, Unreachable>>;
    /// Has the Keeper forget the grant.
    fn disconnect(&self, mailbox: &Name)
    -> impl Future<Output = Result<Disconnected, Unreachable>>;
    /// How the mailbox's credential stands.
    fn credential(
        &self,
        mailbox: &Name,
    ) -> impl Future<Output = Result<CredentialState, Unreachable>>;
    /// What the Outbox knows of the mailbox.
    fn state(&self, mailbox: &Name) -> impl Future<Output = Result<MailboxState, Unreachable>>;
    /// Tells an object what to do.
    fn tell(
        &self,
        object: &ObjectName,
        word: Word,
    ) -> impl Future<Output = Result<(), Unreachable>>;
}

/// What an Outbox knows of its mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxState {
    /// How it is.
    pub health: Health,
    /// It was stopped.
    pub stopped: bool,
    /// It was disconnected, and not the credential that it shares.
    pub disconnected: bool,
    /// Messages that wait in it.
    pub waiting: u64,
}

impl MailboxState {
    /// Reads it.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(store: &impl OutboxStore) -> Result<Self, StoreFault> {
        let standing = store.standing()?;
        Ok(Self {
            health: store.health()?,
            stopped: standing.stopped.is_some(),
            disconnected: standing.disconnected,
            waiting: store.waiting()?,
        })
    }
}

/// The Registry, asked from elsewhere.
pub trait Registrar {
    /// Asks it.
    fn ask(
        &self,
        question: &RegistryQuestion,
    ) -> impl Future<Output = Result<RegistryAnswer, Unreachable>>;
}

/// Everything the operator's door knows.
#[derive(Debug)]
pub struct Operator<'a, O, M, R, K, E> {
    /// What the operator has set.
    pub config: &'a Config,
    /// Where test messages go.
    pub outboxes: &'a O,
    /// The mailboxes.
    pub mailboxes: &'a M,
    /// The Registry.
    pub registry: &'a R,
    /// The time.
    pub clock: &'a K,
    /// Randomness, for what nobody may guess.
    pub entropy: &'a E,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A person who has signed in.
    Person(Session),
    /// A program that presents the key.
    Script,
}

/// Whether a path is one of the operator's door.
pub fn is_operators(path: &str) -> bool {
    let first = path.split('/').nth(1);
    first.is_some_and(|first| ROUTES.contains(&first))
}

impl<O, M, R, K, E> Operator<'_, O, M, R, K, E>
where
    O: Outboxes,
    M: Mailboxes,
    R: Registrar,
    K: Clock,
    E: Entropy,
{
    /// Answers a request. `body_whole` is false when the body was longer than
    /// [`OPERATOR_BODY_OCTETS`](crate::limits::OPERATOR_BODY_OCTETS).
    pub async fn answer(&self, request: &Request, body_whole: bool) -> Response {
        let segments: Vec<&str> = request.path.split('/').skip(1).collect();
        if let Some(refusal) = self.refuse_wrong_key(request).await {
            return refusal;
        }
        if self.config.operator_key.is_none() {
            // A monitor's key is not the operator's, and opens what is for monitors all the same.
            return match (request.method.as_str(), segments.as_slice()) {
                ("GET" | "HEAD", ["readyz"]) if self.config.monitor_key.is_some() => {
                    self.readyz(request).await
                }
                _ => not_found(),
            };
        }
        if !body_whole {
            let problem = Problem::new(413, "too_large").detail("OPERATOR_BODY_OCTETS");
            return problem_response(&problem);
        }
        let signed_out;
        let request = if self.is_signed_out(request).await {
            signed_out = request.without("cookie");
            &signed_out
        } else {
            request
        };
        let answer = match (request.method.as_str(), segments.as_slice()) {
            ("GET" | "HEAD", ["login"]) => page(200, pages::login("")),
            ("POST", ["login"]) => return self.login(request).await,
            ("POST", ["logout"]) => return self.logout(request).await,
            ("GET" | "HEAD", ["operator"]) => self.board(request).await,
            ("GET" | "HEAD", ["operator", "stop"]) => self.ask_before_stop(request),
            ("POST", ["admin", "stop"]) => self.tell_all(request, Word::Stop).await,
            ("POST", ["admin", "start"]) => self.tell_all(request, Word::Start).await,
            ("GET" | "HEAD", ["admin", "messages", id]) => self.story(request, id).await,
            ("POST", ["mailboxes", mailbox, "connect"]) => self.connect(request, mailbox).await,
            ("POST", ["mailboxes", mailbox, "disconnect"]) => {
                self.disconnect(request, mailbox).await
            }
            ("POST", ["mailboxes", mailbox, "test"]) => self.test(request, mailbox).await,
            // No HEAD: a state is used up by whoever brings it.
            ("GET", ["oauth", "callback", _] | ["oauth", "callback", "custom", _]) => {
                self.callback(request).await
            }
            ("GET" | "HEAD", ["readyz"]) => self.readyz(request).await,
            (_, ["login"]) => not_allowed("GET, HEAD, POST"),
            (
                _,
                ["logout"]
                | ["admin", "stop" | "start"]
                | ["mailboxes", _, "connect" | "disconnect" | "test"],
            ) => not_allowed("POST"),
            (_, ["operator" | "readyz"] | ["operator", "stop"] | ["admin", "messages", _]) => {
                not_allowed("GET, HEAD")
            }
            (_, ["oauth", "callback", _] | ["oauth", "callback", "custom", _]) => {
                not_allowed("GET")
            }
            _ => not_found(),
        };
        self.renewing(request, answer)
    }

    /// The same answer, with the session's cookie anew where it is getting old.
    fn renewing(&self, request: &Request, answer: Response) -> Response {
        let now = self.clock.now();
        let renewed = self
            .session(request)
            .and_then(|session| session.renewed(now));
        match (renewed, self.config.session_key()) {
            (Some(renewed), Some(key)) => answer.with("set-cookie", key.cookie(&renewed, now)),
            _ => answer,
        }
    }

    fn session(&self, request: &Request) -> Option<Session> {
        let key = self.config.session_key()?;
        key.session(request.header("cookie"), self.clock.now())
    }

    /// A wrong key is not made good by a cookie that comes along with it.
    fn who(&self, request: &Request) -> Option<Who> {
        let authorized = request
            .headers
            .iter()
            .any(|(name, _)| name == "authorization");
        if !authorized {
            return self.session(request).map(Who::Person);
        }
        let key = self.config.operator_key.as_ref()?;
        key.admits(request.header("authorization"))
            .then_some(Who::Script)
    }

    /// Who it is that may change something, or the answer to whoever may not.
    fn admit(&self, request: &Request) -> Result<Who, Response> {
        let who = self.who(request).ok_or_else(|| unknown(request))?;
        let Who::Person(session) = who else {
            return Ok(who);
        };
        let code = form_field(request, "csrf");
        let ours = self.config.session_key().zip(code);
        let ours = ours.is_some_and(|(key, code)| key.is_csrf(&session, &code));
        if ours && self.is_from_our_page(request) {
            Ok(who)
        } else {
            let text =
                "This did not come from a page of ours. Go back to it, reload it and try again.";
            Err(told(request, 403, FORBIDDEN, text))
        }
    }

    /// Browsers send `Origin` with every POST (<https://fetch.spec.whatwg.org/#origin-header>).
    fn is_from_our_page(&self, request: &Request) -> bool {
        let ours = self.config.public_url.as_ref().map(|url| url.as_str());
        ours.is_some() && request.header("origin") == ours
    }

    /// The mailbox of this name, or the answer to whoever asked for it.
    fn mailbox(&self, request: &Request, name: &str) -> Result<(&Name, &MailboxConfig), Response> {
        let name = name.parse::<Name>().map_err(|_| not_found())?;
        if let Some(found) = self.config.mailboxes.get_key_value(&name) {
            return Ok(found);
        }
        if self.config.faulty_mailboxes.contains(&name) {
            let text =
                "The configuration of this mailbox has a fault; run the configuration check.";
            return Err(told(request, 503, MISCONFIGURED, text));
        }
        Err(not_found())
    }

    /// A mailbox's provider with all its endpoints, as far as they can be known.
    async fn whole_provider<'p>(
        &self,
        name: &Name,
        mailbox: &'p MailboxConfig,
    ) -> Result<Result<Cow<'p, Provider>, TokenFailure>, Unreachable> {
        if !mailbox.provider.discovered {
            return Ok(Ok(Cow::Borrowed(&mailbox.provider)));
        }
        let issuer = mailbox.provider.issuer.as_deref().unwrap_or_default();
        let metadata = self.mailboxes.metadata(name).await?.read(issuer);
        Ok(metadata.map(|metadata| Cow::Owned(mailbox.provider.completed_by(metadata))))
    }

    fn csrf(&self, session: &Session) -> String {
        let key = self.config.session_key();
        key.map(|key: SessionKey| key.csrf(session))
            .unwrap_or_default()
    }
}

/// What `told` tells a script and a person.
const MISCONFIGURED: (&str, &str) = ("misconfigured", "Misconfigured");
const FORBIDDEN: (&str, &str) = ("forbidden", "That did not work");
const UNAVAILABLE: (&str, &str) = ("unavailable", "That did not work");

/// Somebody without a session or a key.
fn unknown(request: &Request) -> Response {
    if by_script(request) {
        let problem = Problem::new(401, "unauthorized")
            .detail("present the operator key as Authorization: Bearer");
        return problem_response(&problem).with("www-authenticate", "Bearer");
    }
    let text = "Your session has ended, or you have not signed in yet. Sign in, and then come back to this page and load it again.";
    page(
        401,
        pages::notice(&Notice {
            title: "Please sign in",
            text,
            ..Notice::default()
        }),
    )
}

/// One thing to tell somebody who is signed in, in the tongue they speak.
fn told(
    request: &Request,
    status: u16,
    (kind, title): (&'static str, &str),
    text: &'static str,
) -> Response {
    if by_script(request) {
        return problem_response(&Problem::new(status, kind).detail(text));
    }
    let notice = Notice {
        title,
        text,
        signed_in: true,
        ..Notice::default()
    };
    page(status, pages::notice(&notice))
}

fn unreachable(request: &Request) -> Response {
    let text = "Storage did not answer. Please try again in a moment.";
    told(request, 503, UNAVAILABLE, text)
}

fn by_script(request: &Request) -> bool {
    let authorized = request
        .headers
        .iter()
        .any(|(name, _)| name == "authorization");
    authorized || tongue(request) == Tongue::Json
}

/// A field of a urlencoded form. Where it came twice there is none.
fn form_field(request: &Request, name: &str) -> Option<String> {
    only(&request.body, name)
}

/// The one value of `name` in urlencoded pairs.
fn only(pairs: &[u8], name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(pairs).filter(|(own, _)| own == name);
    let (_, value) = values.next()?;
    values.next().is_none().then(|| value.into_owned())
}
