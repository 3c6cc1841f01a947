//! The ways to the owner: what goes over each, and what never does.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod support;

use std::cell::{Cell, RefCell};

use edgepost::{
    app::{
        Accept, Accepted, AlertChannels, Answered, Email, OutboxAnswer, OutboxQuestion,
        OutboxUnavailable, Outboxes, Story,
        ports::{Alerts, HttpClient, HttpFault, NotTold},
    },
    config::{Config, Name},
    mail::Place,
    outbox::{Alert, AlertLog, Channel, EmailId, Job, OutboxTag, Source},
    outcome::{Cause, Failure, Finding, Outcome, Trouble},
};
use futures_executor::block_on;
use serde_json::{Value, json};
use support::{MemoryEmail, MemoryStore, NOW, SeededEntropy, VirtualClock};

/// An address that takes everything, or answers with a status, or with nothing.
struct Hook {
    answer: Cell<Result<u16, HttpFault>>,
    taken: RefCell<Vec<http::Request<Vec<u8>>>>,
}

impl HttpClient for Hook {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, HttpFault> {
        self.taken.borrow_mut().push(request);
        let status = self.answer.get()?;
        Ok(http::Response::builder()
            .status(status)
            .body(Vec::new())
            .unwrap())
    }
}

/// The Outbox of the mailbox that mails alerts.
struct Office {
    store: MemoryStore,
    accepts: RefCell<Vec<Accept>>,
    answer: Cell<Option<Accepted>>,
}

impl Outboxes for Office {
    async fn accept(&self, accept: &Accept) -> Result<Answered, OutboxUnavailable> {
        self.accepts.borrow_mut().push(accept.clone());
        let clock = VirtualClock::new();
        let kept = accept
            .clone()
            .keep(&self.store, &clock, &SeededEntropy::new(5));
        let accepted = match self.answer.get() {
            Some(answer) => answer,
            None => kept.map_err(|_| OutboxUnavailable)?,
        };
        Ok(Answered {
            accepted,
            rate: None,
        })
    }

    async fn email(&self, _: &Name, _: EmailId) -> Result<Option<Email>, OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn ask(&self, _: &Name, _: &OutboxQuestion) -> Result<OutboxAnswer, OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn stage(
        &self,
        _: &Name,
        _: EmailId,
        _: Place,
        _: Vec<u8>,
    ) -> Result<(), OutboxUnavailable> {
        Err(OutboxUnavailable)
    }

    async fn story(&self, _: &Name, _: EmailId) -> Result<Option<Story>, OutboxUnavailable> {
        Err(OutboxUnavailable)
    }
}

struct World {
    config: Config,
    hook: Hook,
    office: Office,
    email: MemoryEmail,
}

impl World {
    fn new() -> Self {
        let mailbox =
            |address| json!({ "address": address, "provider": "google", "client_id": "x" });
        let vars = json!({
            "PUBLIC_URL": "https://mail.example.com",
            "ROOT_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "SECRET_HOOK": "bearer-canary",
            "MAILBOX_SALES": mailbox("sales@shop.test"),
            "MAILBOX_OFFICE": mailbox("office@shop.test"),
            "ALERT": {
                "url": "https://hooks.example.com/x", "secret": "SECRET_HOOK",
                "mailbox": "office", "send_email_from": "alerts@shop.test",
                "to": ["owner@shop.test", "boss@shop.test"],
            },
        });
        let config = Config::parse(&vars.as_object().unwrap().clone().into_iter().collect());
        assert!(config.is_sound(), "{:?}", config.problems);
        Self {
            config,
            hook: Hook {
                answer: Cell::new(Ok(204)),
                taken: RefCell::default(),
            },
            office: Office {
                store: MemoryStore::new(),
                accepts: RefCell::default(),
                answer: Cell::new(None),
            },
            email: MemoryEmail::default(),
        }
    }

    fn channels_of(&self, mailbox: &str) -> Vec<Channel> {
        let mailbox = mailbox.parse().unwrap();
        let (http, outboxes) = (&self.hook, &self.office);
        let channels = AlertChannels::of(&self.config, &mailbox, http, outboxes, &self.email);
        channels.channels().to_vec()
    }

    fn tell(&self, channel: Channel, alert: &Alert) -> Result<(), NotTold> {
        let mailbox = "sales".parse().unwrap();
        let (http, outboxes) = (&self.hook, &self.office);
        let channels = AlertChannels::of(&self.config, &mailbox, http, outboxes, &self.email);
        block_on(channels.tell(channel, alert, 3))
    }

    fn posted(&self) -> Value {
        serde_json::from_slice(self.hook.taken.borrow()[0].body()).unwrap()
    }
}

fn id() -> EmailId {
    EmailId::new(NOW, 1, OutboxTag::of("sales"))
}

fn down(failure: &Failure) -> Alert {
    let mut log = AlertLog::default();
    log.mailbox_failed(failure, id(), true, NOW);
    log.begin(NOW, 0).unwrap()
}

fn dead_grant() -> Alert {
    let cause = Cause::ReauthorisationRequired;
    down(&Failure::of_mailbox(cause, Trouble::Authentication))
}

/// One whose recipient was refused, in words that name them.
fn refused() -> Alert {
    let sender = "sales@shop.test".parse().unwrap();
    let message_id = edgepost::mail::MessageId::new(7, &sender);
    let envelope = edgepost::mail::Envelope {
        reverse_path: sender,
        forward_paths: vec!["ada@visitor.test".parse().unwrap()],
    };
    let source = Source("form/contact".to_owned());
    let (mut job, _) = Job::accepted(id(), source, envelope, message_id, 9, NOW);
    job.lease(NOW).unwrap();
    let answer = edgepost::outcome::Answer::new("550 5.1.1 <ada@visitor.test> no such user");
    let failure = Failure::of_message(Cause::RecipientsRefused).answered(answer);
    job.conclude(&[Outcome::Rejected(failure)], NOW, 0).unwrap();
    let mut log = AlertLog::default();
    log.message_concluded(&job, NOW);
    log.begin(NOW, 0).unwrap()
}

#[test]
fn an_address_of_the_owners_gets_one_post_of_json() {
    let world = World::new();
    assert_eq!(world.tell(Channel::Url, &dead_grant()), Ok(()));
    {
        let taken = world.hook.taken.borrow();
        let request = &taken[0];
        assert_eq!((taken.len(), request.method().as_str()), (1, "POST"));
        assert_eq!(request.uri().to_string(), "https://hooks.example.com/x");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(request.headers()["authorization"], "Bearer bearer-canary");
    }
    let at = "2026-11-22T09:30:00.000Z";
    let expected = json!({
        "type": "mailbox_down",
        "mailbox": "sales",
        "at": at,
        "since": at,
        "text": format!("The mailbox sales cannot send mail since {at}. Messages that wait are kept, and sent when it works again."),
        "cause": "reauthorisation_required",
        "finding": null,
        "advice": "the mailbox's grant is no longer valid; connect the mailbox again",
        "waiting": 3,
        "failed": 0,
        "in_doubt": 0,
        "ids": [id()],
        "url": format!("https://mail.example.com/admin/messages/{}", id()),
    });
    assert_eq!(world.posted(), expected);
}

#[test]
fn the_advice_is_that_of_what_was_recognised() {
    let world = World::new();
    let failure = Failure {
        finding: Some(Finding::named("exchange_smtp_auth_off_tenant")),
        ..Failure::of_mailbox(Cause::SmtpAuthDisabled, Trouble::Configuration)
    };
    world.tell(Channel::Url, &down(&failure)).unwrap();
    let advice = world.posted()["advice"].to_string();
    assert!(advice.contains("Set-TransportConfig"), "{advice}");
}

#[test]
fn only_a_success_is_one() {
    let world = World::new();
    for status in [200, 201, 299] {
        world.hook.answer.set(Ok(status));
        assert_eq!(world.tell(Channel::Url, &dead_grant()), Ok(()), "{status}");
    }
    // A redirect is not followed: the secret is for this address.
    for answer in [
        Ok(302),
        Ok(400),
        Ok(500),
        Err(HttpFault::Connection),
        Err(HttpFault::TimedOut),
    ] {
        world.hook.answer.set(answer);
        assert_eq!(world.tell(Channel::Url, &dead_grant()), Err(NotTold));
    }
    for answer in [Accepted::Limited, Accepted::TooLarge, Accepted::Conflict] {
        world.office.answer.set(Some(answer));
        assert_eq!(world.tell(Channel::Mailbox, &dead_grant()), Err(NotTold));
    }
    world.email.broken.set(true);
    assert_eq!(world.tell(Channel::SendEmail, &dead_grant()), Err(NotTold));
}

#[test]
fn a_mail_goes_through_another_mailbox_and_is_marked_as_a_programs() {
    let world = World::new();
    world.tell(Channel::Mailbox, &dead_grant()).unwrap();
    let accepts = world.office.accepts.borrow();
    assert_eq!(accepts[0].mailbox.as_str(), "office");
    assert_eq!(accepts[0].source, Source("alert/sales".to_owned()));
    let id = *world.office.store.jobs.borrow().keys().next().unwrap();
    let mail = String::from_utf8(world.office.store.sent(id)).unwrap();
    // As a reader joins the lines again (RFC 2045 §6.7).
    let mail = mail.replace("=\r\n", "");
    for expected in [
        "Auto-Submitted: auto-generated\r\n",
        "Subject: The mailbox sales cannot send\r\n",
        "owner@shop.test",
        "boss@shop.test",
        "connect the mailbox again",
        "Messages waiting: 3",
        "Cause: reauthorisation_required",
    ] {
        assert!(mail.contains(expected), "{expected} in {mail}");
    }
    assert!(
        mail.contains("office@shop.test") && !mail.contains("sales@shop.test"),
        "{mail}"
    );
}

#[test]
fn the_platforms_email_service_gets_the_same_text() {
    let world = World::new();
    world.tell(Channel::SendEmail, &dead_grant()).unwrap();
    let sent = world.email.sent.borrow();
    let [from, to, subject, text] = &sent[0];
    assert_eq!(
        (from.as_str(), to.as_str()),
        ("alerts@shop.test", "owner@shop.test,boss@shop.test")
    );
    assert_eq!(subject, "The mailbox sales cannot send");
    assert!(text.contains("connect the mailbox again"), "{text}");
}

/// Nor can there be a loop: a mail about a mail that failed would be the next to fail.
#[test]
fn a_mailbox_never_mails_its_own_alerts() {
    let world = World::new();
    let all = [Channel::Url, Channel::Mailbox, Channel::SendEmail];
    assert_eq!(world.channels_of("sales"), all);
    assert_eq!(
        world.channels_of("office"),
        [Channel::Url, Channel::SendEmail]
    );
    // Nor does one that has left the configuration while mail was waiting in it.
    assert_eq!(world.channels_of("gone"), all);
}

#[test]
fn l1_nothing_of_a_message_and_no_secret_is_in_an_alert() {
    let world = World::new();
    for channel in [Channel::Url, Channel::Mailbox, Channel::SendEmail] {
        world.tell(channel, &refused()).unwrap();
    }
    let posted = world.posted();
    assert_eq!(
        (&posted["type"], &posted["failed"]),
        (&json!("messages_failed"), &json!(1))
    );
    let id = *world.office.store.jobs.borrow().keys().next().unwrap();
    let told = [
        posted.to_string(),
        String::from_utf8(world.office.store.sent(id))
            .unwrap()
            .replace("=\r\n", ""),
        world.email.sent.borrow()[0].join("\n"),
    ];
    for told in told {
        for canary in [
            "visitor",
            "form/contact",
            "no such user",
            "bearer-canary",
            "sales@",
        ] {
            assert!(!told.contains(canary), "{canary} in {told}");
        }
    }
}
