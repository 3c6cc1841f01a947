//! Batches: all or what is good, in one transaction, once.

use edgepost::{app::Response, limits::BATCH_OCTETS, outbox::State};
use serde_json::{Value, json};

use crate::{support::Writes, world::*};

const SHOP: (&str, &str) = ("authorization", "Bearer key-shop");
const STRICT: (&str, &str) = ("x-batch-validation", "strict");
const PERMISSIVE: (&str, &str) = ("x-batch-validation", "permissive");

fn send(world: &World, headers: &[(&str, &str)], body: &Value) -> Response {
    world.ask("POST", "/emails/batch", headers, &body.to_string())
}

fn mails(count: usize) -> Value {
    let mails = (0..count).map(|n| {
        let mut mail = mail();
        mail["subject"] = json!(format!("No. {n}"));
        mail
    });
    mails.collect()
}

fn ids(response: &Response) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", response.body);
    let body = body(response);
    let data = body["data"].as_array().unwrap().iter();
    data.map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

fn subject(world: &World, id: &str) -> String {
    let email = world.ask("GET", &format!("/emails/{id}"), &[SHOP], "");
    body(&email)["subject"].as_str().unwrap().to_owned()
}

fn message(response: &Response) -> String {
    body(response)["message"].as_str().unwrap().to_owned()
}

#[test]
fn h12_a_batch_is_answered_in_its_order() {
    let world = World::new();
    let answer = send(&world, &[SHOP], &mails(100));
    let ids = ids(&answer);
    assert_eq!(ids.len(), 100);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(subject(&world, id), format!("No. {n}"));
    }
    // Strict batches say nothing of errors; and a batch is one request.
    assert_eq!(body(&answer).as_object().unwrap().len(), 1);
    let left = ("ratelimit-remaining", "9".to_owned());
    assert!(answer.headers.contains(&left), "{:?}", answer.headers);
    assert_eq!(world.messages(), 100);
    assert!(world.outboxes.sales.alarm.get().is_some());
}

#[test]
fn h12_a_batch_of_none_or_of_101_is_refused() {
    let world = World::new();
    for batch in [mails(0), mails(101), mail(), json!("x")] {
        let refused = send(&world, &[SHOP], &batch);
        assert_eq!(name(&refused), (422, "validation_error".into()));
    }
    assert_eq!(
        name(&send(
            &world,
            &[SHOP, ("x-batch-validation", "lax")],
            &mails(1)
        )),
        (422, "validation_error".into())
    );
    assert_eq!(world.messages(), 0);
}

/// Batches of three of which the last is bad, with what is said of it.
fn bad_ones() -> Vec<(Value, u16, &'static str, &'static str)> {
    let with = |field: &str, value: Value| {
        let mut batch = mails(3);
        batch[2][field] = value;
        batch
    };
    vec![
        (with("to", json!("nobody")), 422, "validation_error", "`to`"),
        (
            with("subject", Value::Null),
            422,
            "missing_required_field",
            "`subject`",
        ),
        (
            with("from", json!("ceo@bank.test")),
            403,
            "validation_error",
            "`from`",
        ),
        (
            with("scheduled_at", json!("soon")),
            422,
            "validation_error",
            "`scheduled_at`",
        ),
        // Found out where the clock is.
        (
            with("scheduled_at", json!("in 367 days")),
            422,
            "validation_error",
            "`scheduled_at`",
        ),
        (
            with("attachments", json!([{ "content": "aGk=" }])),
            422,
            "validation_error",
            "`attachments`",
        ),
        (
            with("template", json!({ "id": "x" })),
            422,
            "validation_error",
            "`template`",
        ),
    ]
}

#[test]
fn h12_strict_one_bad_of_three_is_nothing_sent() {
    for headers in [&[SHOP][..], &[SHOP, STRICT]] {
        for (batch, status, kind, field) in bad_ones() {
            let world = World::new();
            let refused = send(&world, headers, &batch);
            assert_eq!(name(&refused), (status, kind.to_owned()), "{field}");
            let message = message(&refused);
            assert!(
                message.contains("Email 2") && message.contains(field),
                "{message}"
            );
            assert_eq!(world.messages(), 0);
        }
    }
}

#[test]
fn h12_permissive_one_bad_of_three_is_two_sent_and_one_named() {
    for (mut batch, _, _, field) in bad_ones() {
        let world = World::new();
        // In the middle, so that what comes behind it keeps its place.
        batch.as_array_mut().unwrap().swap(1, 2);
        let answer = send(&world, &[SHOP, PERMISSIVE], &batch);
        let ids = ids(&answer);
        assert_eq!(ids.len(), 2);
        assert_eq!(subject(&world, &ids[0]), "No. 0");
        assert_eq!(subject(&world, &ids[1]), "No. 1");
        let errors = body(&answer)["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), 1);
        assert_eq!(errors[0]["index"], 1);
        assert!(
            errors[0]["message"].as_str().unwrap().contains(field),
            "{errors}"
        );
        assert_eq!(world.messages(), 2);
    }
    let world = World::new();
    let all_bad = json!([{}, {}]);
    let answer = body(&send(&world, &[SHOP, PERMISSIVE], &all_bad));
    assert_eq!(answer["data"], json!([]));
    assert_eq!(answer["errors"].as_array().unwrap().len(), 2);
    let all_good = body(&send(&world, &[SHOP, PERMISSIVE], &mails(2)));
    assert_eq!(all_good["errors"], json!([]));
}

#[test]
fn a_batch_is_of_one_mailbox() {
    let both = ("authorization", "Bearer key-both");
    let mut batch = mails(3);
    batch[1]["from"] = json!("other@shop.test");
    let world = World::new();
    let refused = send(&world, &[both], &batch);
    assert_eq!(name(&refused), (422, "validation_error".into()));
    assert!(message(&refused).contains("Email 1"), "{}", refused.body);
    assert_eq!(world.messages(), 0);
    let answer = send(&world, &[both, PERMISSIVE], &batch);
    assert_eq!((ids(&answer).len(), world.messages()), (2, 2));
    assert_eq!(body(&answer)["errors"][0]["index"], 1);
    // An alias is of its mailbox.
    batch[1]["from"] = json!("info@shop.test");
    assert_eq!(ids(&send(&world, &[SHOP], &batch)).len(), 3);
}

#[test]
fn h6_h7_a_batch_that_is_repeated_is_answered_as_before() {
    let world = World::new();
    let keyed = |mode: (&'static str, &'static str), key: &'static str| {
        [SHOP, mode, ("idempotency-key", key)]
    };
    let first = send(&world, &keyed(STRICT, "a"), &mails(3));
    let again = send(&world, &keyed(STRICT, "a"), &mails(3));
    assert_eq!((ids(&again), world.messages()), (ids(&first), 3));
    let other = send(&world, &keyed(STRICT, "a"), &mails(2));
    assert_eq!(name(&other), (409, "invalid_idempotent_request".into()));
    // The same key for single messages is another.
    let single = world.send_with(&keyed(STRICT, "a"), &mails(3)[0]);
    assert_eq!((single.status, world.messages()), (200, 4));
    // With errors, those of the door and those of the Outbox.
    let mut batch = mails(4);
    batch[1]["to"] = json!("nobody");
    batch[2]["scheduled_at"] = json!("in 367 days");
    let first = send(&world, &keyed(PERMISSIVE, "b"), &batch);
    let errors = body(&first)["errors"].clone();
    let places: Vec<_> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["index"])
        .collect();
    assert_eq!(places, [1, 2]);
    let again = send(&world, &keyed(PERMISSIVE, "b"), &batch);
    assert_eq!(body(&again), body(&first));
    assert_eq!(world.messages(), 6);
    // What was refused as a whole burns nothing.
    assert_eq!(send(&world, &keyed(STRICT, "c"), &batch).status, 422);
    assert_eq!(send(&world, &keyed(STRICT, "c"), &mails(1)).status, 200);
}

#[test]
fn d8_a_batch_that_cannot_be_stored_is_not_there_at_all() {
    let world = World::new();
    let headers = [SHOP, ("idempotency-key", "a")];
    world.outboxes.sales.writes.set(Writes::Fail);
    let refused = send(&world, &headers, &mails(3));
    assert_eq!(name(&refused), (503, "service_unavailable".into()));
    assert_eq!(world.messages(), 0);
    world.outboxes.sales.writes.set(Writes::FailButPersist);
    assert_eq!(send(&world, &headers, &mails(3)).status, 503);
    world.outboxes.sales.writes.set(Writes::Work);
    // It was stored after all, and with it that it was asked for.
    assert_eq!(ids(&send(&world, &headers, &mails(3))).len(), 3);
    assert_eq!(world.messages(), 3);
}

#[test]
fn a_batch_may_be_scheduled_message_by_message() {
    let world = World::new();
    let mut batch = mails(2);
    batch[1]["scheduled_at"] = json!("in 1 hour");
    batch[0]["wurst"] = json!(1);
    let answer = send(&world, &[SHOP], &batch);
    let states: Vec<_> = ids(&answer)
        .iter()
        .map(|id| world.outboxes.sales.job(id.parse().unwrap()).state)
        .collect();
    assert_eq!(states, [State::Queued, State::Scheduled]);
    let ignored = ("edgepost-ignored", "wurst".to_owned());
    assert!(answer.headers.contains(&ignored));
}

#[test]
fn h1_h13_who_may_and_how_often() {
    let world = World::new();
    assert_eq!(
        name(&send(&world, &[], &mails(1))),
        (401, "missing_api_key".into())
    );
    let sender = ("authorization", "Bearer key-sender");
    assert_eq!(ids(&send(&world, &[sender], &mails(1))).len(), 1);
    for key in ["", &"k".repeat(257)] {
        let refused = send(&world, &[SHOP, ("idempotency-key", key)], &mails(1));
        assert_eq!(name(&refused), (400, "invalid_idempotency_key".into()));
    }
    for _ in 0..10 {
        assert_eq!(send(&world, &[SHOP], &mails(1)).status, 200);
    }
    let refused = send(&world, &[SHOP], &mails(1));
    assert_eq!(name(&refused), (429, "rate_limit_exceeded".into()));
    assert!(refused.headers.contains(&("retry-after", "1".to_owned())));
    assert_eq!(world.messages(), 11);
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let refused = world.ask(method, "/emails/batch", &[SHOP], "");
        assert_eq!(name(&refused), (405, "method_not_allowed".into()));
    }
}

#[test]
fn a_batch_that_is_too_large_is_refused_before_anything_is_kept() {
    let world = World::new();
    let large = |octets: usize| json!([{ "from": "x", "text": "x".repeat(octets) }]);
    for (octets, limit) in [
        (BATCH_OCTETS, "BATCH_OCTETS"),
        (BATCH_OCTETS - 100_000, "MESSAGE_TEXT_OCTETS"),
    ] {
        let refused = send(&world, &[SHOP], &large(octets));
        assert_eq!(name(&refused), (413, "validation_error".into()));
        assert!(message(&refused).contains(limit), "{}", refused.body);
    }
    assert_eq!(world.messages(), 0);
}
