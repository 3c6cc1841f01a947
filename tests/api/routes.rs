//! Keys, idempotency, and whose message is whose.

use std::time::Duration;

use crate::support::Writes;
use edgepost::app::{Response, ports::OutboxStore};
use serde_json::{Value, json};

use crate::world::*;

#[test]
fn a_message_is_sent_and_read_by_the_key_that_sent_it() {
    let world = World::new();
    let mut mail = mail();
    mail["tags"] = json!([{ "name": "category", "value": "confirm" }]);
    mail["bcc"] = json!("secret@e.test");
    let sent = world.send(&mail);
    assert_eq!(sent.status, 200, "{}", sent.body);
    let id = body(&sent)["id"].as_str().unwrap().to_owned();
    let read = world.ask(
        "GET",
        &format!("/emails/{id}"),
        &[("authorization", "Bearer key-shop")],
        "",
    );
    let email = body(&read);
    assert_eq!(email["object"], "email");
    assert_eq!(email["id"], json!(id));
    assert_eq!(email["from"], "Shop <sales@shop.test>");
    assert_eq!(email["to"], json!(["d@e.test"]));
    assert_eq!(email["bcc"], json!(["secret@e.test"]));
    assert_eq!(
        (&email["cc"], &email["html"], &email["text"]),
        (&Value::Null, &Value::Null, &json!("x"))
    );
    assert_eq!(
        email["tags"],
        json!([{ "name": "category", "value": "confirm" }])
    );
    assert_eq!(email["last_event"], "queued");
    assert_eq!(email["created_at"], "2026-11-22 09:30:00.000000+00");
    let content = world.outboxes.sales.sent(id.parse().unwrap());
    assert!(
        !String::from_utf8(content)
            .unwrap()
            .contains("secret@e.test")
    );
}

#[test]
fn h1_h2_h3_only_a_key_opens_and_wrong_ones_all_look_alike() {
    let world = World::new();
    for headers in [
        &[][..],
        &[("authorization", "Basic key-shop")],
        &[("authorization", "Bearer ")],
        &[("authorization", "key-shop")],
        &[
            ("authorization", "Bearer key-shop"),
            ("authorization", "Bearer key-shop"),
        ],
    ] {
        let answer = world.send_with(headers, &mail());
        assert_eq!(
            name(&answer),
            (401, "missing_api_key".into()),
            "{headers:?}"
        );
    }
    let long = "x".repeat(1_000_000);
    let answers: Vec<_> = [
        "key-shoq",
        "Key-shop",
        "key-shop ",
        "key-shop\n",
        "x",
        &long,
    ]
    .iter()
    .map(|key| world.send_with(&[("authorization", &format!("Bearer {key}"))], &mail()))
    .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(name(&answers[0]), (403, "invalid_api_key".into()));
    assert_eq!(world.messages(), 0);
}

#[test]
fn h4_a_key_sends_from_its_own_mailboxes_and_aliases_only() {
    let world = World::new();
    let from = |from: &str, key: &str| {
        let mut mail = mail();
        mail["from"] = json!(from);
        world.send_with(&[("authorization", &format!("Bearer {key}"))], &mail)
    };
    assert_eq!(from("sales@shop.test", "key-shop").status, 200);
    assert_eq!(from("Info <info@shop.test>", "key-shop").status, 200);
    let accepts = world.outboxes.accepts.borrow();
    let alias = &accepts.last().unwrap().draft;
    assert_eq!(alias.from.address.as_str(), "info@shop.test");
    assert_eq!(alias.envelope().reverse_path.as_str(), "sales@shop.test");
    drop(accepts);
    // An alias of the mailbox that this key may not use, of another key, another mailbox, nobody's.
    for (address, key) in [
        ("boss@shop.test", "key-shop"),
        ("info@shop.test", "key-sender"),
        ("other@shop.test", "key-shop"),
        ("ceo@bank.test", "key-shop"),
    ] {
        assert_eq!(
            name(&from(address, key)),
            (403, "validation_error".into()),
            "{address}"
        );
    }
    assert_eq!(world.messages(), 2);
}

#[test]
fn h5_messages_of_others_and_messages_of_nobody_look_alike() {
    let world = World::new();
    let id = body(&world.send(&mail()))["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = |id: &str, key: &str| {
        world.ask(
            "GET",
            &format!("/emails/{id}"),
            &[("authorization", &format!("Bearer {key}"))],
            "",
        )
    };
    let theirs = {
        let headers = [("authorization", "Bearer key-sender")];
        body(&world.send_with(&headers, &mail()))["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let other = read(&theirs, "key-shop");
    assert_eq!(name(&other), (404, "not_found".into()));
    // Of the same Outbox, and never given out.
    let never = format!("{}{}", "019ab1c2-8000-8000-8000-0000", &id[28..]);
    assert_eq!(read(&never, "key-shop"), other);
    assert_eq!(
        read("019ab1c2-8000-8000-8000-000000000000", "key-shop"),
        other
    );
    assert_eq!(
        read("49a3999c-0ce1-4ea6-ab68-afcd6dc2e794", "key-shop"),
        other
    );
    assert_eq!(read("no-id", "key-shop").status, 422);
    let absent = world.ask("GET", "/domains", &[], "");
    assert_eq!(name(&absent), (404, "not_found".into()));
    assert_eq!(
        name(&read(&theirs, "key-sender")),
        (401, "restricted_api_key".into())
    );
    assert_eq!(read(&id, "key-shop").status, 200);
}

#[test]
fn h6_h7_h8_a_repeated_request_makes_no_second_message() {
    let world = World::new();
    let send = |key: &str, idempotency: &str, body: &str| {
        let authorization = format!("Bearer {key}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("idempotency-key", idempotency),
        ];
        world.ask("POST", "/emails", &headers, body)
    };
    let one = mail().to_string();
    let first = send("key-shop", "order-1", &one);
    assert_eq!(first.status, 200);
    // The same values in another order and with white space.
    let again =
        r#"{ "text":"x", "subject":"Hi", "to":"d@e.test", "from":"Shop <sales@shop.test>" }"#;
    for body in [one.as_str(), again] {
        let again = send("key-shop", "order-1", body);
        assert_eq!((again.status, &again.body), (200, &first.body));
    }
    assert_eq!(world.messages(), 1);
    let mut other = mail();
    other["subject"] = json!("Other");
    let conflict = send("key-shop", "order-1", &other.to_string());
    assert_eq!(name(&conflict), (409, "invalid_idempotent_request".into()));
    // Another API key's keys are its own.
    assert_eq!(send("key-sender", "order-1", &one).status, 200);
    assert_eq!(world.messages(), 2);
    // A request that was refused burns nothing.
    assert_eq!(send("key-shop", "order-2", "{}").status, 422);
    assert_eq!(send("key-shop", "order-2", &one).status, 200);
    for bad in ["", "ü", &"k".repeat(257)] {
        let answer = send("key-shop", bad, &one);
        assert_eq!(
            name(&answer),
            (400, "invalid_idempotency_key".into()),
            "{bad:.5}"
        );
    }
    // A day later it is forgotten.
    world.outboxes.clock.advance(Duration::from_secs(24 * 3600));
    assert_ne!(body(&send("key-shop", "order-1", &one)), body(&first));
}

#[test]
fn a_message_that_could_not_be_stored_is_remembered_by_nothing() {
    let world = World::new();
    let headers = [
        ("authorization", "Bearer key-shop"),
        ("idempotency-key", "k"),
    ];
    world.outboxes.sales.writes.set(Writes::Fail);
    let answer = world.send_with(&headers, &mail());
    assert_eq!(name(&answer), (503, "service_unavailable".into()));
    world.outboxes.sales.writes.set(Writes::Work);
    assert_eq!(world.send_with(&headers, &mail()).status, 200);
    assert_eq!(world.messages(), 1);
}

#[test]
fn what_is_no_request_is_answered_with_an_error_of_ours() {
    let world = World::new();
    let headers = [("authorization", "Bearer key-shop")];
    let deep = "[".repeat(100_000);
    let lone_surrogate = r#"{"from":"a@b.test","to":"a@b.test","subject":"\ud800","text":"x"}"#;
    for text in [
        "",
        "{",
        "nul",
        "{\"a\":}",
        "\u{0}",
        &deep,
        lone_surrogate,
        "{} x",
    ] {
        let (status, _) = name(&world.ask("POST", "/emails", &headers, text));
        assert_eq!(status, 400, "{text:.20}");
    }
    let large = |length| format!("{{\"from\":\"{}\"}}", "x".repeat(length));
    for (length, status) in [(300_000, 422), (1_000_000, 413)] {
        let answer = world.ask("POST", "/emails", &headers, &large(length));
        assert_eq!(answer.status, status);
    }
    let gzip = [headers[0], ("content-encoding", "gzip")];
    assert_eq!(world.ask("POST", "/emails", &gzip, "x").status, 415);
    for (method, path) in [
        ("PATCH", "/emails"),
        ("PUT", "/emails"),
        ("DELETE", "/emails/x"),
    ] {
        assert_eq!(
            name(&world.ask(method, path, &headers, "")),
            (405, "method_not_allowed".into())
        );
    }
    assert_eq!(world.messages(), 0);
}

#[test]
fn h10_no_web_page_may_read_the_api() {
    let world = World::new();
    let headers = [
        ("authorization", "Bearer key-shop"),
        ("origin", "https://shop.test"),
    ];
    for answer in [
        world.send_with(&headers, &mail()),
        world.ask("OPTIONS", "/emails", &headers, ""),
    ] {
        assert!(
            !answer
                .headers
                .iter()
                .any(|(name, _)| name.starts_with("access-control"))
        );
    }
}

#[test]
fn ignored_fields_are_named() {
    let world = World::new();
    let mut mail = mail();
    mail["wurst"] = json!(1);
    mail["käse"] = json!(1);
    let answer = world.send(&mail);
    let ignored = answer
        .headers
        .iter()
        .find(|(name, _)| *name == "edgepost-ignored")
        .unwrap();
    assert_eq!((answer.status, ignored.1.as_str()), (200, "k?se, wurst"));
}

#[test]
fn l1_no_answer_shows_a_key() {
    let world = World::new();
    let key = "canary-of-a-key";
    for answer in [
        world.send_with(&[("authorization", &format!("Bearer {key}"))], &mail()),
        world.send_with(&[("authorization", key)], &mail()),
    ] {
        assert!(!answer.body.contains("canary"));
    }
    let id = body(&world.send(&mail()))["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let card = format!("{:?}", world.outboxes.sales.card(id).unwrap());
    assert!(!card.contains("key-shop"));
}

#[test]
fn another_worker_needs_no_key_where_the_platform_vouches_for_it() {
    let world = World::new();
    let props = |mailbox: &str| json!({ "edgepost_caller": "web", "mailboxes": [mailbox], "permission": "full_access" });
    assert_eq!(world.ask_bound(&[], props("sales")).status, 200);
    assert_eq!(
        world.outboxes.accepts.borrow()[0].source.0,
        "api/binding/web"
    );
    assert_eq!(
        name(&world.ask_bound(&[], props("other"))),
        (403, "validation_error".into())
    );
    // Headers prove nothing, and a key that is presented has to be one.
    let pretending = [
        ("ctx-props", "{\"edgepost_caller\":\"web\"}"),
        ("cf-worker", "web"),
    ];
    assert_eq!(
        name(&world.ask_bound(&pretending, json!({}))),
        (401, "missing_api_key".into())
    );
    let wrong = [("authorization", "Bearer nonsense")];
    assert_eq!(
        name(&world.ask_bound(&wrong, props("sales"))),
        (403, "invalid_api_key".into())
    );
    // Nobody is `binding/web` by having a key of that name.
    assert_eq!(world.messages(), 1);
}

#[test]
fn h13_one_request_too_many_is_told_so_and_leaves_nothing() {
    let world = World::new();
    let header = |answer: &Response, name: &str| {
        answer
            .headers
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value.clone())
    };
    for left in (0..10).rev() {
        let answer = world.send(&mail());
        assert_eq!(answer.status, 200);
        assert_eq!(header(&answer, "ratelimit-limit").as_deref(), Some("10"));
        assert_eq!(
            header(&answer, "ratelimit-remaining"),
            Some(left.to_string())
        );
    }
    let refused = world.send(&mail());
    assert_eq!(name(&refused), (429, "rate_limit_exceeded".into()));
    assert_eq!(header(&refused, "retry-after").as_deref(), Some("1"));
    assert_eq!(world.messages(), 10);
    world.outboxes.clock.advance(Duration::from_secs(1));
    assert_eq!(world.send(&mail()).status, 200);
}

/// A wall that lets so many through, and remembers whom it counted.
struct Wall {
    left: std::cell::Cell<u32>,
    counted: std::cell::RefCell<Vec<String>>,
}

impl edgepost::app::ports::RateLimiter for Wall {
    async fn admits(&self, counted_as: &str) -> bool {
        self.counted.borrow_mut().push(counted_as.to_owned());
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

#[test]
fn the_wall_counts_callers_by_name_and_strangers_by_address() {
    let world = World::new();
    let wall = Wall {
        left: std::cell::Cell::new(6),
        counted: std::cell::RefCell::default(),
    };
    let address = ("cf-connecting-ip", "192.0.2.7");
    let props =
        json!({ "edgepost_caller": "web", "mailboxes": ["sales"], "permission": "full_access" });
    let key = ("authorization", "Bearer key-shop");
    let wrong = ("authorization", "Bearer ep_guess");
    assert!(
        world
            .refuse(&wall, "/emails", &[key, address], None)
            .is_none()
    );
    for headers in [&[wrong, address][..], &[address], &[wrong, key, address]] {
        assert!(world.refuse(&wall, "/emails/x", headers, None).is_none());
    }
    // A binding speaks for a caller without a key, and for nobody else.
    assert!(world.refuse(&wall, "/emails", &[], Some(&props)).is_none());
    assert!(
        world
            .refuse(&wall, "/domains", &[wrong], Some(&props))
            .is_none()
    );
    let refused = world.refuse(&wall, "/emails", &[key], None).unwrap();
    assert_eq!(name(&refused), (429, "rate_limit_exceeded".into()));
    assert!(refused.headers.contains(&("retry-after", "10".to_owned())));
    assert_eq!(
        *wall.counted.borrow(),
        [
            "key/shop",
            "address/192.0.2.7",
            "address/192.0.2.7",
            "address/192.0.2.7",
            "binding/web",
            "address/unknown",
            "key/shop"
        ]
    );
    // What is not the API is not counted.
    for path in ["/f/contact", "/healthz", "/admin/messages/x", "/", ""] {
        assert!(world.refuse(&wall, path, &[], None).is_none(), "{path}");
    }
    assert_eq!(wall.counted.borrow().len(), 7);
    assert_eq!(world.messages(), 0);
}
