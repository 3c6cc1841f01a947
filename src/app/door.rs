//! The door: which request goes where, and what it is answered.

use std::future::Future;

use super::{
    email::Email,
    emails,
    http::{Request, Response},
    intake::{Accept, Accepted, Answered},
    question::{OutboxAnswer, OutboxQuestion},
    story::Story,
    upload::Ticket,
};
use crate::{
    api::{ApiError, Problem},
    config::{Config, FormConfig, Name},
    forms::{Addressing, FieldError, Rejected, compose, parse_urlencoded},
    limits::{BATCH_OCTETS, FORM_BODY_OCTETS, RESCHEDULE_BODY_OCTETS, UNAVAILABLE_RETRY_SECONDS},
    mail::Place,
    outbox::{EmailId, OutboxTag, Source},
    pages::{self, Correction, Page},
};

/// The Outboxes, reached from the door.
pub trait Outboxes {
    /// Hands a message to its Outbox; once this returns it is durable.
    fn accept(&self, accept: &Accept) -> impl Future<Output = Result<Answered, OutboxUnavailable>>;
    /// Reads a message as the API shows it.
    fn email(
        &self,
        mailbox: &Name,
        id: EmailId,
    ) -> impl Future<Output = Result<Option<Email>, OutboxUnavailable>>;
    /// Asks of messages that are there, or hands several over together.
    fn ask(
        &self,
        mailbox: &Name,
        question: &OutboxQuestion,
    ) -> impl Future<Output = Result<OutboxAnswer, OutboxUnavailable>>;
    /// Keeps a piece of a message that the Outbox is going to be handed.
    fn stage(
        &self,
        mailbox: &Name,
        id: EmailId,
        place: Place,
        octets: Vec<u8>,
    ) -> impl Future<Output = Result<(), OutboxUnavailable>>;
    /// Reads a message's story.
    fn story(
        &self,
        mailbox: &Name,
        id: EmailId,
    ) -> impl Future<Output = Result<Option<Story>, OutboxUnavailable>>;
}

/// The Outbox did not answer as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the outbox cannot be reached")]
pub struct OutboxUnavailable;

/// Everything the door knows.
#[derive(Debug)]
pub struct Door<'a, O> {
    /// What the operator has set.
    pub config: &'a Config,
    /// Where messages go.
    pub outboxes: &'a O,
}

/// What is to be done with a request whose body has not been read.
#[derive(Debug)]
pub enum Entry<'a> {
    /// Read so many octets of the body, and have it answered.
    Read(usize),
    /// Hand it to the Outbox of this mailbox, its body unread. The Outbox asks its own door again, and
    /// comes to the same answer.
    Upload {
        /// The mailbox.
        mailbox: &'a Name,
        /// What was found out.
        ticket: Ticket,
    },
    /// Answer at once.
    Refused(Response),
}

/// How the caller wants to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    Page,
    Json,
}

impl<O: Outboxes> Door<'_, O> {
    /// What is to be done with a request, going by all of it but its body.
    pub fn entry(&self, head: &Request) -> Entry<'_> {
        match (head.method.as_str(), head.path.as_str()) {
            ("POST", "/emails") => self.email_entry(head),
            ("POST", "/emails/batch") => Entry::Read(BATCH_OCTETS),
            ("PATCH", path) if path.starts_with("/emails/") => Entry::Read(RESCHEDULE_BODY_OCTETS),
            ("POST", path) if path.starts_with("/f/") => Entry::Read(FORM_BODY_OCTETS),
            _ => Entry::Read(0),
        }
    }

    /// Answers a request. `body_whole` is false when the body was longer than
    /// what [`Self::entry`] said and was not read to its end.
    pub async fn answer(&self, request: &Request, body_whole: bool) -> Response {
        let segments: Vec<&str> = request.path.split('/').skip(1).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET" | "HEAD", ["healthz"]) => self.health(),
            ("POST", ["f", form]) => self.form(request, form, body_whole).await,
            ("OPTIONS", ["f", form]) => self.preflight(request, form),
            (_, ["f", _]) => not_allowed("POST, OPTIONS"),
            ("POST", ["emails"]) => self.send_email(request, body_whole).await,
            ("GET" | "HEAD", ["emails"]) => self.list_emails(request).await,
            ("POST", ["emails", "batch"]) => self.send_batch(request, body_whole).await,
            (_, ["emails", "batch"]) => emails::not_allowed("POST"),
            ("GET" | "HEAD", ["emails", id]) => self.read_email(request, id).await,
            ("PATCH", ["emails", id]) => self.reschedule_email(request, id, body_whole).await,
            ("POST", ["emails", id, "cancel"]) => self.cancel_email(request, id).await,
            (_, ["emails"]) => emails::not_allowed("GET, HEAD, POST"),
            (_, ["emails", _]) => emails::not_allowed("GET, HEAD, PATCH"),
            (_, ["emails", _, "cancel"]) => emails::not_allowed("POST"),
            ("GET" | "HEAD", ["admin", "messages", id]) => self.story(request, id).await,
            (_, ["healthz"] | ["admin", "messages", _]) => not_allowed("GET, HEAD"),
            (_, [route, ..]) if emails::ROUTES.contains(route) => {
                emails::error(&ApiError::not_found("Endpoint"))
            }
            _ => not_found(),
        }
    }

    fn health(&self) -> Response {
        let sound = self.config.is_sound();
        let (status, word) = if sound {
            (200, "ok")
        } else {
            (503, "misconfigured")
        };
        Response::new(status, "text/plain; charset=utf-8", word)
    }

    async fn form(&self, request: &Request, name: &str, body_whole: bool) -> Response {
        let tongue = tongue(request);
        let Ok(name) = name.parse::<Name>() else {
            return unknown_form(tongue);
        };
        let Some(form) = self.config.forms.get(&name) else {
            return if self.config.faulty_forms.contains(&name) {
                misconfigured(tongue)
            } else {
                unknown_form(tongue)
            };
        };
        let answer = self.submit(request, &name, form, tongue, body_whole).await;
        with_cors(answer, request, form)
    }

    async fn submit(
        &self,
        request: &Request,
        name: &Name,
        form: &FormConfig,
        tongue: Tongue,
        body_whole: bool,
    ) -> Response {
        // Without these two nothing can be sealed or addressed, whatever the form says.
        let (Some(_), Some(_)) = (&self.config.root_key, &self.config.public_url) else {
            return misconfigured(tongue);
        };
        let Some(mailbox) = self.config.mailboxes.get(&form.mailbox) else {
            return misconfigured(tongue);
        };
        if !is_urlencoded(request) {
            return unsupported(tongue);
        }
        if !body_whole {
            return rejected(Rejected::TooLarge("FORM_BODY_OCTETS"), tongue);
        }
        let addressing = Addressing {
            sender: &mailbox.sender,
            recipients: &form.to,
            subject: &form.subject,
        };
        let draft = match parse_urlencoded(&request.body)
            .and_then(|submission| compose(&submission, addressing))
        {
            Ok(draft) => draft,
            Err(why) => return rejected(why, tongue),
        };
        let accept = Accept {
            mailbox: form.mailbox.clone(),
            source: Source(format!("form/{name}")),
            draft,
            request: None,
            staged: None,
        };
        match self.outboxes.accept(&accept).await {
            Ok(Answered {
                accepted: Accepted::Id(id),
                ..
            }) => accepted_form(id, form, tongue),
            // What else there is belongs to the API.
            Ok(_) | Err(OutboxUnavailable) => unavailable(tongue),
        }
    }

    fn preflight(&self, request: &Request, name: &str) -> Response {
        let form = name
            .parse::<Name>()
            .ok()
            .and_then(|name| self.config.forms.get(&name));
        let Some(form) = form else { return not_found() };
        let answer = Response::new(204, "text/plain; charset=utf-8", "")
            .with("access-control-allow-methods", "POST, OPTIONS")
            .with(
                "access-control-allow-headers",
                "content-type, accept, x-requested-with",
            )
            .with("access-control-max-age", "3600");
        with_cors(answer, request, form)
    }

    /// The mailbox whose Outbox keeps the message, going by its identifier.
    pub(super) fn keeping(&self, id: EmailId) -> Option<&Name> {
        let names = self
            .config
            .mailboxes
            .keys()
            .chain(&self.config.faulty_mailboxes);
        let mut keeping = names.filter(|name| OutboxTag::of(name.as_str()) == id.outbox());
        keeping.next()
    }

    async fn story(&self, request: &Request, id: &str) -> Response {
        // Without a key there is no such route, so nobody can tell that there might be one.
        let Some(key) = &self.config.operator_key else {
            return not_found();
        };
        if !key.admits(request.header("authorization")) {
            let problem = Problem::new(401, "unauthorized")
                .detail("present the operator key as Authorization: Bearer");
            return problem_response(&problem).with("www-authenticate", "Bearer");
        }
        let Ok(id) = id.parse::<EmailId>() else {
            return not_found();
        };
        let Some(mailbox) = self.keeping(id) else {
            return not_found();
        };
        match self.outboxes.story(mailbox, id).await {
            Ok(Some(story)) => Response::json(200, &story),
            Ok(None) => not_found(),
            Err(OutboxUnavailable) => unavailable(Tongue::Json),
        }
    }
}

/// A browser that goes to a page says so: it wants `text/html`, or tells that it navigates.
/// Everybody else is a script, `fetch()` without any headers among them: an answer in HTML, or a
/// redirect to a page that it may not read, would look to it as if nothing had been accepted.
pub(super) fn tongue(request: &Request) -> Tongue {
    let wants_html = request
        .header("accept")
        .is_some_and(|accept| accept.contains("text/html"));
    let navigates = request.header("sec-fetch-mode") == Some("navigate");
    let by_script = request
        .header("x-requested-with")
        .is_some_and(|value| value.eq_ignore_ascii_case("xmlhttprequest"));
    if (wants_html || navigates) && !by_script {
        Tongue::Page
    } else {
        Tongue::Json
    }
}

fn is_urlencoded(request: &Request) -> bool {
    let media = request
        .header("content-type")
        .and_then(|value| value.split(';').next());
    media.is_some_and(|media| {
        media
            .trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// Lets the scripts of the configured pages read the answer, errors included, and no others.
fn with_cors(answer: Response, request: &Request, form: &FormConfig) -> Response {
    let answer = answer.with("vary", "origin");
    let origin = request.header("origin");
    match form
        .origins
        .iter()
        .find(|allowed| Some(allowed.as_str()) == origin)
    {
        Some(allowed) => answer.with("access-control-allow-origin", allowed.as_str()),
        None => answer,
    }
}

fn accepted_form(id: EmailId, form: &FormConfig, tongue: Tongue) -> Response {
    let next = form.redirect.as_ref().map(|url| url.as_str());
    match (tongue, next) {
        (Tongue::Json, next) => {
            let body = serde_json::json!({ "ok": true, "id": id, "next": next });
            Response::json(200, &body)
        }
        // 303: the browser is to GET the next page, and a reload there sends nothing again.
        (Tongue::Page, Some(next)) => {
            Response::new(303, "text/plain; charset=utf-8", "").with("location", next)
        }
        (Tongue::Page, None) => page(200, pages::thanks()),
    }
}

fn rejected(why: Rejected, tongue: Tongue) -> Response {
    let (status, errors, limit) = match why {
        Rejected::Fields(errors) => (422, errors, None),
        Rejected::Empty => {
            let message = "Please fill in the form.";
            (
                422,
                vec![FieldError {
                    field: String::new(),
                    code: "EMPTY",
                    message,
                }],
                None,
            )
        }
        Rejected::TooLarge(limit) => {
            let message = "This is more than the form can take. Please shorten it.";
            (
                413,
                vec![FieldError {
                    field: String::new(),
                    code: "TOO_LARGE",
                    message,
                }],
                Some(limit),
            )
        }
    };
    match tongue {
        Tongue::Json => {
            let mut body = serde_json::json!({ "ok": false, "errors": errors });
            if let (Some(limit), Some(fields)) = (limit, body.as_object_mut()) {
                fields.insert("limit".to_owned(), limit.into());
            }
            Response::json(status, &body)
        }
        Tongue::Page => {
            let corrections: Vec<_> = errors
                .into_iter()
                .map(|error| Correction {
                    field: error.field,
                    message: error.message.to_owned(),
                })
                .collect();
            page(status, pages::correction(&corrections))
        }
    }
}

fn unknown_form(tongue: Tongue) -> Response {
    match tongue {
        Tongue::Json => not_found(),
        Tongue::Page => page(
            404,
            pages::trouble("There is no such form", "Its address may have changed."),
        ),
    }
}

fn misconfigured(tongue: Tongue) -> Response {
    let problem = Problem::new(503, "misconfigured")
        .detail("the form's configuration has a fault; its owner has to run the check");
    let text = "This form is not set up correctly. Please reach its owner in another way.";
    trouble(&problem, "The form does not work at present", text, tongue)
}

fn unavailable(tongue: Tongue) -> Response {
    let problem = Problem::new(503, "unavailable")
        .detail("it is not certain that the message was accepted; try again in a moment");
    let text = "Your message may not have been accepted. Please try again in a moment.";
    trouble(&problem, "That did not work", text, tongue)
        .with("retry-after", UNAVAILABLE_RETRY_SECONDS)
}

fn unsupported(tongue: Tongue) -> Response {
    let problem = Problem::new(415, "unsupported_media_type")
        .detail("send the form as application/x-www-form-urlencoded");
    let text = "The form was sent in a way that is not understood here.";
    trouble(&problem, "That did not work", text, tongue)
}

fn trouble(problem: &Problem, title: &str, text: &str, tongue: Tongue) -> Response {
    match tongue {
        Tongue::Json => problem_response(problem),
        Tongue::Page => page(problem.status, pages::trouble(title, text)),
    }
}

pub(super) fn page(status: u16, page: Page) -> Response {
    // Under `no-referrer` a browser sends a form with `Origin: null`
    // (<https://fetch.spec.whatwg.org/#append-a-request-origin-header>), and we would not know our own.
    let referrer = if page.html.contains("<form") {
        "same-origin"
    } else {
        "no-referrer"
    };
    Response::new(status, "text/html; charset=utf-8", page.html)
        .replacing("referrer-policy", referrer)
        .with("content-security-policy", page.policy)
        .with("x-frame-options", "DENY")
}

pub(super) fn not_found() -> Response {
    problem_response(&Problem::new(404, "not_found"))
}

pub(super) fn not_allowed(methods: &'static str) -> Response {
    problem_response(&Problem::new(405, "method_not_allowed")).with("allow", methods)
}

pub(super) fn problem_response(problem: &Problem) -> Response {
    let body = serde_json::to_string(problem).unwrap_or_default();
    Response::new(problem.status, Problem::CONTENT_TYPE, body)
}
