//! The door: routes, answers in both tongues, and who is let in.

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
        Accept, Accepted, Answered, Door, Email, Entry, OutboxAnswer, OutboxQuestion,
        OutboxUnavailable, Outboxes, Request, Response, Story,
    },
    config::{Config, Name},
    mail::Place,
    outbox::{EmailId, OutboxTag},
};
use futures_executor::block_on;
use serde_json::{Value, json};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Outboxes that take everything, or nothing.
#[derive(Default)]
struct Taking {
    taken: RefCell<Vec<Accept>>,
    unreachable: Cell<bool>,
}

fn id_of(mailbox: &str) -> EmailId {
    EmailId::new(support::NOW, 1, OutboxTag::of(mailbox))
}

impl Outboxes for Taking {
    async fn accept(&self, accept: &Accept) -> Result<Answered, OutboxUnavailable> {
        if self.unreachable.get() {
            return Err(OutboxUnavailable);
        }
        // What crosses to the object is JSON: it must survive the way.
        let json = serde_json::to_string(accept).unwrap();
        let arrived: Accept = serde_json::from_str(&json).unwrap();
        assert_eq!(arrived, *accept);
        self.taken.borrow_mut().push(arrived);
        let accepted = Accepted::Id(id_of(accept.mailbox.as_str()));
        Ok(Answered {
            accepted,
            rate: None,
        })
    }

    async fn email(&self, _: &Name, id: EmailId) -> Result<Option<Email>, OutboxUnavailable> {
        let taken = self.taken.borrow();
        let request = taken.iter().find_map(|accept| accept.request.as_ref());
        let found = request.filter(|_| id == id_of("sales"));
        Ok(found.map(|request| Email {
            key: request.card.as_ref().unwrap().key.clone(),
            body: json!({ "id": id }),
        }))
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

    async fn story(&self, mailbox: &Name, id: EmailId) -> Result<Option<Story>, OutboxUnavailable> {
        if self.unreachable.get() {
            return Err(OutboxUnavailable);
        }
        let story = json!({ "id": id, "mailbox": mailbox });
        Ok((id == id_of("sales")).then(|| serde_json::from_value(story).unwrap()))
    }
}

fn vars() -> Value {
    json!({
        "PUBLIC_URL": "https://mail.example.com",
        "ROOT_KEY": KEY,
        "OPERATOR_KEY": KEY,
        "MAILBOX_SALES": { "address": "sales@shop.test", "provider": "google", "client_id": "x" },
        "FORM_CONTACT": {
            "mailbox": "sales", "to": "owner@shop.test", "origins": ["https://shop.test"],
        },
        "FORM_ELSEWHERE": {
            "mailbox": "sales", "to": "owner@shop.test", "redirect": "https://shop.test/thanks",
        },
    })
}

struct World {
    config: Config,
    outboxes: Taking,
}

impl World {
    fn new(vars: &Value) -> Self {
        let vars = vars.as_object().unwrap().clone().into_iter().collect();
        Self {
            config: Config::parse(&vars),
            outboxes: Taking::default(),
        }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers,
            body: body.as_bytes().to_vec(),
            binding: None,
        };
        let door = Door {
            config: &self.config,
            outboxes: &self.outboxes,
        };
        match door.entry(&request) {
            Entry::Read(limit) => {
                let whole = body.len() <= limit || body.is_empty();
                block_on(door.answer(&request, whole))
            }
            Entry::Refused(answer) => answer,
            Entry::Upload { .. } => panic!("nothing here is large"),
        }
    }

    fn post(&self, form: &str, accept: &str, body: &str) -> Response {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", accept),
        ];
        self.ask("POST", &format!("/f/{form}"), &headers, body)
    }

    fn taken(&self) -> usize {
        self.outboxes.taken.borrow().len()
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers
        .iter()
        .find(|(own, _)| *own == name)
        .map(|(_, value)| value.as_str())
}

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[test]
fn a_browser_gets_a_page_or_is_sent_on() {
    let world = World::new(&vars());
    let page = world.post("contact", BROWSER, "message=Hi");
    assert_eq!((page.status, header(&page, "location")), (200, None));
    assert_eq!(
        header(&page, "content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        header(&page, "content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let sent_on = world.post("elsewhere", BROWSER, "message=Hi");
    assert_eq!(
        (sent_on.status, header(&sent_on, "location")),
        (303, Some("https://shop.test/thanks"))
    );
    assert_eq!(world.taken(), 2);
}

#[test]
fn a_script_gets_json() {
    let world = World::new(&vars());
    let answer = world.post("contact", "application/json", "message=Hi");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &body["ok"]), (200, &json!(true)));
    assert_eq!(body["id"], json!(id_of("sales")));
    let headers = [
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=UTF-8",
        ),
        ("x-requested-with", "XMLHttpRequest"),
    ];
    let answer = world.ask("POST", "/f/contact", &headers, "message=Hi");
    assert_eq!(header(&answer, "content-type"), Some("application/json"));
}

#[test]
fn a_plain_fetch_gets_json_and_is_never_sent_to_another_page() {
    let world = World::new(&vars());
    for accept in ["*/*", ""] {
        let answer = world.post("elsewhere", accept, "message=Hi");
        assert_eq!((answer.status, header(&answer, "location")), (200, None));
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["next"], "https://shop.test/thanks");
    }
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "*/*"),
        ("sec-fetch-mode", "navigate"),
    ];
    let answer = world.ask("POST", "/f/elsewhere", &headers, "message=Hi");
    assert_eq!(answer.status, 303);
}

#[test]
fn errors_name_the_field_and_nothing_is_taken() {
    let world = World::new(&vars());
    let answer = world.post("contact", "application/json", "email=no&message=Hi");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer.status, 422);
    assert_eq!(body["errors"][0]["field"], "email");
    assert_eq!(body["errors"][0]["code"], "TYPE_EMAIL");
    let page = world.post("contact", BROWSER, "email=no&message=Hi");
    assert_eq!(page.status, 422);
    assert!(page.body.contains("<strong>email</strong>"));
    assert_eq!(world.post("contact", BROWSER, "a=&b=").status, 422);
    let large = format!("m={}", "x".repeat(300_000));
    let answer = world.post("contact", "application/json", &large);
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("FORM_BODY_OCTETS"));
    let multipart = [
        ("content-type", "multipart/form-data; boundary=x"),
        ("accept", BROWSER),
    ];
    assert_eq!(world.ask("POST", "/f/contact", &multipart, "x").status, 415);
    assert_eq!(world.taken(), 0);
}

#[test]
fn an_outbox_that_does_not_answer_is_never_a_thank_you() {
    let world = World::new(&vars());
    world.outboxes.unreachable.set(true);
    for accept in ["application/json", BROWSER] {
        let answer = world.post("contact", accept, "message=Hi");
        assert_eq!(
            (answer.status, header(&answer, "retry-after")),
            (503, Some("10"))
        );
    }
}

#[test]
fn scripts_of_configured_pages_may_read_every_answer_and_others_none() {
    let world = World::new(&vars());
    let ask = |method: &str, origin: &str, body: &str| {
        let headers = [
            ("origin", origin),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        world.ask(method, "/f/contact", &headers, body)
    };
    let allowed =
        |response: &Response| header(response, "access-control-allow-origin").map(str::to_owned);
    for (method, body) in [("POST", "m=1"), ("POST", "email=no"), ("OPTIONS", "")] {
        let answer = ask(method, "https://shop.test", body);
        assert_eq!(
            allowed(&answer).as_deref(),
            Some("https://shop.test"),
            "{method} {body}"
        );
        assert_eq!(header(&answer, "vary"), Some("origin"));
        for origin in [
            "https://evil.test",
            "null",
            "https://shop.test.evil.test",
            "http://shop.test",
        ] {
            assert_eq!(allowed(&ask(method, origin, body)), None, "{origin}");
        }
    }
}

#[test]
fn a_fault_in_the_configuration_stops_its_form_and_no_other() {
    let mut vars = vars();
    vars["MAILBOX_BROKEN"] = json!({ "address": "x" });
    vars["FORM_BROKEN"] = json!({ "mailbox": "broken", "to": ["a@b.test"] });
    let world = World::new(&vars);
    let answer = world.post("broken", "application/json", "m=1");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("\"misconfigured\""));
    assert_eq!(world.post("contact", BROWSER, "m=1").status, 200);
    let health = world.ask("GET", "/healthz", &[], "");
    assert_eq!(
        (health.status, health.body.as_str()),
        (503, "misconfigured")
    );
}

#[test]
fn s3_what_would_end_a_line_of_smtp_takes_nothing_in_from_the_start() {
    for end in ["\r\n", "\n", "\r", "\0"] {
        let hostile = format!("{end}RCPT TO:<evil@evil.test>");
        for field in [
            "address",
            "aliases",
            "smtp_host",
            "smtp_port",
            "smtp_tls",
            "provider",
        ] {
            let mut vars = vars();
            vars["MAILBOX_SALES"] = json!({
                "address": "sales@shop.test", "aliases": ["help@shop.test"],
                "provider": "custom", "client_id": "x", "scope": "smtp",
                "token_endpoint": "https://id.shop.test/token",
                "smtp_host": "smtp.shop.test", "smtp_port": 587, "smtp_tls": "starttls",
            });
            let sound = World::new(&vars);
            assert_eq!(sound.post("contact", BROWSER, "m=1").status, 200);
            let mailbox = &mut vars["MAILBOX_SALES"];
            let text = match &mailbox[field] {
                Value::Array(all) => all[0].as_str().unwrap().to_owned(),
                value => value.to_string().trim_matches('"').to_owned(),
            };
            let hostile = json!(format!("{text}{hostile}"));
            mailbox[field] = match &mailbox[field] {
                Value::Array(_) => json!([hostile]),
                _ => hostile,
            };
            let world = World::new(&vars);
            let answer = world.post("contact", BROWSER, "m=1");
            assert_eq!((answer.status, world.taken()), (503, 0), "{field} {end:?}");
            let health = world.ask("GET", "/healthz", &[], "");
            assert_eq!(health.status, 503, "{field} {end:?}");
        }
    }
}

#[test]
fn without_a_root_key_no_form_takes_anything() {
    let mut vars = vars();
    vars.as_object_mut().unwrap().remove("ROOT_KEY");
    let world = World::new(&vars);
    assert_eq!(world.post("contact", BROWSER, "m=1").status, 503);
    assert_eq!(world.taken(), 0);
}

#[test]
fn healthz_says_one_word() {
    let world = World::new(&vars());
    let health = world.ask("GET", "/healthz", &[], "");
    assert_eq!((health.status, health.body.as_str()), (200, "ok"));
}

#[test]
fn nothing_is_taken_while_the_configuration_says_stop_and_reject() {
    let mut vars = vars();
    vars["STOP"] = "reject".into();
    let world = World::new(&vars);
    let page = world.post("contact", BROWSER, "m=1");
    assert_eq!(
        (page.status, header(&page, "content-type")),
        (503, Some("text/html; charset=utf-8"))
    );
    let answer = world.post("contact", "application/json", "m=1");
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("\"stopped\""), "{}", answer.body);
    assert!(world.outboxes.taken.borrow().is_empty());
    // Without it mail is taken, and its senders are thanked.
    vars["STOP"] = "1".into();
    assert_eq!(
        World::new(&vars)
            .post("contact", "application/json", "m=1")
            .status,
        200
    );
}

#[test]
fn what_is_not_there_is_not_found_and_what_is_has_its_methods() {
    let world = World::new(&vars());
    for path in [
        "/",
        "/f",
        "/f/",
        "/f/none",
        "/f/contact/x",
        "/f/CONTACT",
        "/admin",
        "//f/contact",
    ] {
        assert_eq!(
            world
                .ask("POST", path, &[("accept", "application/json")], "")
                .status,
            404,
            "{path}"
        );
    }
    let answer = world.ask("GET", "/f/contact", &[], "");
    assert_eq!(
        (answer.status, header(&answer, "allow")),
        (405, Some("POST, OPTIONS"))
    );
    assert_eq!(world.ask("DELETE", "/healthz", &[], "").status, 405);
    let page = world.post("none", BROWSER, "m=1");
    assert_eq!(
        (page.status, header(&page, "content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
}
