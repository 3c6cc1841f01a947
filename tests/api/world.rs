//! The door and an Outbox behind it.

#![allow(
    unreachable_pub,
    missing_debug_implementations,
    missing_docs,
    reason = "a test"
)]

use std::cell::RefCell;

use crate::support::{MemoryStore, SeededEntropy, VirtualClock};
use edgepost::{
    access::KeyDigest,
    app::{
        Accept, Answered, Door, Email, Meter, OutboxUnavailable, Outboxes, Request, Response, Story,
    },
    config::{Config, Name},
    outbox::EmailId,
};
use futures_executor::block_on;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// One Outbox for all, as it would be in its object.
pub struct Kept {
    pub store: MemoryStore,
    pub clock: VirtualClock,
    pub entropy: SeededEntropy,
    pub meter: Meter,
    pub accepts: RefCell<Vec<Accept>>,
}

impl Outboxes for Kept {
    async fn accept(&self, accept: &Accept) -> Result<Answered, OutboxUnavailable> {
        self.accepts.borrow_mut().push(accept.clone());
        let (store, clock) = (&self.store, &self.clock);
        let kept = accept
            .clone()
            .count_and_keep(&self.meter, store, clock, &self.entropy);
        kept.map_err(|_| OutboxUnavailable)
    }

    async fn email(&self, _: &Name, id: EmailId) -> Result<Option<Email>, OutboxUnavailable> {
        Email::read(&self.store, id).map_err(|_| OutboxUnavailable)
    }

    async fn story(&self, mailbox: &Name, id: EmailId) -> Result<Option<Story>, OutboxUnavailable> {
        Story::read(&self.store, mailbox, id).map_err(|_| OutboxUnavailable)
    }
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
            "KEY_SENDER": {
                "hash": hash("key-sender"), "mailboxes": ["sales"], "permission": "sending_access",
            },
        });
        let config = Config::parse(&vars.as_object().unwrap().clone().into_iter().collect());
        assert!(config.is_sound(), "{:?}", config.problems);
        let outboxes = Kept {
            store: MemoryStore::new(),
            clock: VirtualClock::new(),
            entropy: SeededEntropy::new(3),
            meter: Meter::default(),
            accepts: RefCell::default(),
        };
        Self { config, outboxes }
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            headers,
            body: body.as_bytes().to_vec(),
            binding: None,
        };
        let door = Door {
            config: &self.config,
            outboxes: &self.outboxes,
        };
        let whole = body.len() <= Door::<Kept>::body_limit(path) || body.is_empty();
        block_on(door.answer(&request, whole))
    }

    pub fn ask_bound(&self, headers: &[(&str, &str)], props: Value) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            method: "POST".to_owned(),
            path: "/emails".to_owned(),
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
        self.outboxes.store.jobs.borrow().len()
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
