//! The door and an Outbox behind it.

#![allow(
    unreachable_pub,
    missing_debug_implementations,
    missing_docs,
    reason = "a test"
)]

use std::cell::RefCell;

use crate::{
    body::Body,
    support::{MemoryStore, SeededEntropy, VirtualClock},
};
use edgepost::{
    access::KeyDigest,
    app::{
        Accept, Answered, Door, Drain, Email, Entry, OutboxAnswer, OutboxQuestion,
        OutboxUnavailable, Outboxes, Reception, Request, Response, Story, Ticket, Turns, Upload,
        begin_staging,
        ports::{Clock, ContentStore, StoreFault},
    },
    config::{Config, Name},
    mail::Place,
    outbox::EmailId,
};
use futures_executor::block_on;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The Outboxes of two mailboxes, as they would be in their objects.
pub struct Kept {
    pub sales: MemoryStore,
    pub other: MemoryStore,
    pub clock: VirtualClock,
    pub entropy: SeededEntropy,
    pub reception: Reception,
    pub other_reception: Reception,
    pub drain: Drain,
    pub turns: Turns,
    pub accepts: RefCell<Vec<Accept>>,
}

impl Kept {
    pub fn of(&self, mailbox: &Name) -> &MemoryStore {
        if mailbox.as_str() == "other" {
            &self.other
        } else {
            &self.sales
        }
    }

    fn reception_of(&self, mailbox: &Name) -> &Reception {
        if mailbox.as_str() == "other" {
            &self.other_reception
        } else {
            &self.reception
        }
    }
}

impl Outboxes for Kept {
    async fn accept(&self, accept: &Accept) -> Result<Answered, OutboxUnavailable> {
        self.accepts.borrow_mut().push(accept.clone());
        let (store, clock) = (self.of(&accept.mailbox), &self.clock);
        let kept = accept.clone().count_and_keep(
            self.reception_of(&accept.mailbox),
            store,
            clock,
            &self.entropy,
        );
        kept.map_err(|_| OutboxUnavailable)
    }

    async fn ask(
        &self,
        mailbox: &Name,
        question: &OutboxQuestion,
    ) -> Result<OutboxAnswer, OutboxUnavailable> {
        // What crosses to the object and back is JSON: it must survive the way.
        let question: OutboxQuestion = over_the_wire(question);
        let answer = question.answer(
            self.reception_of(mailbox),
            self.of(mailbox),
            &self.clock,
            &self.entropy,
        );
        answer
            .map(|answer| over_the_wire(&answer))
            .map_err(|_| OutboxUnavailable)
    }

    async fn stage(
        &self,
        mailbox: &Name,
        id: EmailId,
        place: Place,
        octets: Vec<u8>,
    ) -> Result<(), OutboxUnavailable> {
        let store = self.of(mailbox);
        let begun = begin_staging(store, &self.drain, id, self.clock.now());
        begun
            .and_then(|()| store.stage(id, place, octets))
            .map_err(|StoreFault| OutboxUnavailable)
    }

    async fn email(&self, mailbox: &Name, id: EmailId) -> Result<Option<Email>, OutboxUnavailable> {
        Email::read(self.of(mailbox), id).map_err(|_| OutboxUnavailable)
    }

    async fn story(&self, mailbox: &Name, id: EmailId) -> Result<Option<Story>, OutboxUnavailable> {
        Story::read(self.of(mailbox), mailbox, id).map_err(|_| OutboxUnavailable)
    }
}

fn over_the_wire<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

pub fn hash(key: &str) -> String {
    let digest = Sha256::digest(key);
    let digits: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
    assert!(
        format!("sha256:{digits}")
            .parse::<KeyDigest>()
            .unwrap()
            .matches(key)
    );
    format!("sha256:{digits}")
}

pub struct World {
    pub config: Config,
    pub outboxes: Kept,
}

impl World {
    pub fn new() -> Self {
        let vars = json!({
            "PUBLIC_URL": "https://mail.example.com",
            "ROOT_KEY": KEY,
            "MAILBOX_SALES": {
                "address": "sales@shop.test", "provider": "google", "client_id": "x",
                "aliases": ["info@shop.test", "boss@shop.test"],
            },
            "MAILBOX_OTHER": { "address": "other@shop.test", "provider": "google", "client_id": "x" },
            "KEY_SHOP": {
                "hash": hash("key-shop"), "mailboxes": ["sales"], "aliases": ["info@shop.test"],
            },
            "KEY_OFTEN": { "hash": hash("key-often"), "mailboxes": ["sales"], "rate_limit": 1000 },
            "KEY_BOTH": { "hash": hash("key-both"), "mailboxes": ["sales", "other"] },
            "KEY_SENDER": {
                "hash": hash("key-sender"), "mailboxes": ["sales"], "permission": "sending_access",
            },
        });
        let config = Config::parse(&vars.as_object().unwrap().clone().into_iter().collect());
        assert!(config.is_sound(), "{:?}", config.problems);
        let outboxes = Kept {
            sales: MemoryStore::new(),
            other: MemoryStore::new(),
            clock: VirtualClock::new(),
            entropy: SeededEntropy::new(3),
            reception: Reception::default(),
            other_reception: Reception::default(),
            drain: Drain::default(),
            turns: Turns::default(),
            accepts: RefCell::default(),
        };
        Self { config, outboxes }
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let length = body.len().to_string();
        let headers = [headers, &[("content-length", length.as_str())]].concat();
        self.ask_with(method, path, &headers, Body::whole(body.as_bytes()))
    }

    /// Asks with a query, and without a body.
    pub fn ask_query(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.iter().map(own).collect(),
            ..Request::default()
        };
        let door = Door {
            config: &self.config,
            outboxes: &self.outboxes,
        };
        block_on(door.answer(&request, true))
    }

    /// Asks as the edge does: the door says what is to be done with the body.
    pub fn ask_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers,
            body: Vec::new(),
            binding: None,
        };
        let door = Door {
            config: &self.config,
            outboxes: &self.outboxes,
        };
        match door.entry(&request) {
            Entry::Read(limit) => {
                request.body = body.rest();
                let whole = request.body.len() <= limit || request.body.is_empty();
                block_on(door.answer(&request, whole))
            }
            Entry::Refused(answer) => answer,
            Entry::Upload { mailbox, ticket } => self.upload(mailbox, &ticket, body),
        }
    }

    fn upload(&self, mailbox: &Name, ticket: &Ticket, mut body: Body<'_>) -> Response {
        let outboxes = &self.outboxes;
        let upload = Upload {
            config: &self.config,
            mailbox,
            store: outboxes.of(mailbox),
            clock: &outboxes.clock,
            entropy: &outboxes.entropy,
            reception: outboxes.reception_of(mailbox),
            drain: &outboxes.drain,
            turns: &outboxes.turns,
            outboxes,
        };
        outboxes.clock.run(upload.take(ticket, &mut body))
    }

    pub fn ask_bound(&self, headers: &[(&str, &str)], props: Value) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            method: "POST".to_owned(),
            path: "/emails".to_owned(),
            query: String::new(),
            headers,
            body: mail().to_string().into_bytes(),
            binding: serde_json::from_value(props).ok(),
        };
        let door = Door {
            config: &self.config,
            outboxes: &self.outboxes,
        };
        block_on(door.answer(&request, true))
    }

    /// What the first wall answers to a `POST`.
    pub fn refuse(
        &self,
        wall: &impl edgepost::app::ports::RateLimiter,
        path: &str,
        headers: &[(&str, &str)],
        props: Option<&Value>,
    ) -> Option<Response> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let request = Request {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: headers.iter().map(own).collect(),
            body: Vec::new(),
            binding: props.and_then(|props| serde_json::from_value(props.clone()).ok()),
        };
        let door = Door {
            config: &self.config,
            outboxes: &self.outboxes,
        };
        block_on(door.refuse(&request, wall))
    }

    pub fn send_with(&self, headers: &[(&str, &str)], body: &Value) -> Response {
        self.ask("POST", "/emails", headers, &body.to_string())
    }

    pub fn send(&self, body: &Value) -> Response {
        self.send_with(&[("authorization", "Bearer key-shop")], body)
    }

    pub fn messages(&self) -> usize {
        let jobs = |store: &MemoryStore| store.jobs.borrow().len();
        jobs(&self.outboxes.sales) + jobs(&self.outboxes.other)
    }
}

pub fn mail() -> Value {
    json!({ "from": "Shop <sales@shop.test>", "to": "d@e.test", "subject": "Hi", "text": "x" })
}

pub fn body(response: &Response) -> Value {
    serde_json::from_str(&response.body).unwrap()
}

pub fn name(response: &Response) -> (u16, String) {
    let body = body(response);
    assert_eq!(body["statusCode"], json!(response.status), "{body}");
    assert!(body["message"].is_string());
    (response.status, body["name"].as_str().unwrap().to_owned())
}
