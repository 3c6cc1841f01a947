//! Scheduled messages at the door: every word of `scheduled_at`, rescheduling, canceling.

use std::time::Duration;

use crate::support::Writes;
use edgepost::{
    app::Response,
    limits::JSON_WHOLE_OCTETS,
    outbox::{EmailId, State},
};
use serde_json::{Value, json};

use crate::world::*;

/// Of one who may ask more often than most.
const OFTEN: (&str, &str) = ("authorization", "Bearer key-often");
const SENDER: (&str, &str) = ("authorization", "Bearer key-sender");

fn at(time: &str) -> Value {
    let mut mail = mail();
    mail["scheduled_at"] = json!(time);
    mail
}

fn send(world: &World, mail: &Value) -> Response {
    world.send_with(&[OFTEN], mail)
}

fn id(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.body);
    body(response)["id"].as_str().unwrap().to_owned()
}

fn read(world: &World, id: &str) -> Value {
    body(&world.ask("GET", &format!("/emails/{id}"), &[OFTEN], ""))
}

fn patch(world: &World, id: &str, body: &Value) -> Response {
    let path = format!("/emails/{id}");
    world.ask("PATCH", &path, &[OFTEN], &body.to_string())
}

fn cancel(world: &World, id: &str) -> Response {
    world.ask("POST", &format!("/emails/{id}/cancel"), &[OFTEN], "")
}

fn message(response: &Response) -> String {
    body(response)["message"].as_str().unwrap().to_owned()
}

#[test]
fn c1_a_time_is_understood_or_refused_by_name() {
    let world = World::new();
    // It is 2026-11-22T09:30:00Z.
    for (text, scheduled_at) in [
        ("2026-11-22T09:30:00Z", None),
        ("2025-01-01T00:00:00Z", None),
        ("1950-01-01T00:00:00Z", None),
        ("in 0 minutes", None),
        (
            "2026-11-22T09:30:01Z",
            Some("2026-11-22 09:30:01.000000+00"),
        ),
        (
            "2026-11-22T12:00:00.25+01:00",
            Some("2026-11-22 11:00:00.250000+00"),
        ),
        (
            "2027-11-22T09:30:00Z",
            Some("2027-11-22 09:30:00.000000+00"),
        ),
        (
            "2027-11-23T09:30:00Z",
            Some("2027-11-23 09:30:00.000000+00"),
        ),
        ("in 1 min", Some("2026-11-22 09:31:00.000000+00")),
        ("in 2 hours", Some("2026-11-22 11:30:00.000000+00")),
        ("in 3 days", Some("2026-11-25 09:30:00.000000+00")),
    ] {
        let email = read(&world, &id(&send(&world, &at(text))));
        assert_eq!(email["scheduled_at"], json!(scheduled_at), "{text}");
        let event = scheduled_at.map_or("queued", |_| "scheduled");
        assert_eq!(email["last_event"], event);
        assert_eq!(email["edgepost_state"], event);
        // What is read can be written: it is the same time.
        if scheduled_at.is_some() {
            let again = read(
                &world,
                &id(&send(&world, &at(email["scheduled_at"].as_str().unwrap()))),
            );
            assert_eq!(again["scheduled_at"], email["scheduled_at"]);
        }
    }
    let messages = world.messages();
    for text in [
        json!("2027-11-24T09:30:00Z"),
        json!("9999-12-31T23:59:59Z"),
        json!("in 367 days"),
        json!("2026-02-30T09:30:00Z"),
        json!("2026-12-01T09:30:00"),
        json!("2026-12-01"),
        json!("2026-12-01T09:30:00+25:00"),
        json!("2026-12-31T23:59:60Z"),
        json!("1795426200"),
        json!("tomorrow at 9am"),
        json!("Friday at 3pm ET"),
        json!("in a while"),
        json!(""),
        json!(1_795_426_200),
        json!({}),
        json!(["in 1 min"]),
        json!(true),
    ] {
        let mut mail = mail();
        mail["scheduled_at"] = text.clone();
        let refused = send(&world, &mail);
        assert_eq!(name(&refused), (422, "validation_error".into()), "{text}");
        assert!(message(&refused).contains("`scheduled_at`"), "{text}");
    }
    assert_eq!(world.messages(), messages);
}

#[test]
fn an_outbox_that_knows_no_time_is_not_handed_what_is_to_wait() {
    let world = World::new();
    send(&world, &mail());
    send(&world, &at("in 1 hour"));
    let accepts = world.outboxes.accepts.borrow();
    let paths: Vec<_> = accepts.iter().map(edgepost::app::Accept::path).collect();
    assert_eq!(paths, ["/accept", "/accept/scheduled"]);
}

#[test]
fn c1_null_is_no_time() {
    let world = World::new();
    let mut mail = mail();
    mail["scheduled_at"] = Value::Null;
    assert_eq!(
        read(&world, &id(&send(&world, &mail)))["last_event"],
        "queued"
    );
}

#[test]
fn c1_a_large_message_is_scheduled_too() {
    let world = World::new();
    let mut mail = at("in 1 hour");
    let file = "a".repeat(JSON_WHOLE_OCTETS);
    mail["attachments"] = json!([{ "filename": "a.txt", "content": file }]);
    let id = id(&send(&world, &mail));
    let date = |id: &str| {
        let content = world.outboxes.sales.sent(id.parse().unwrap());
        let content = String::from_utf8(content).unwrap();
        let line = content.lines().find_map(|line| line.strip_prefix("Date: "));
        line.unwrap().to_owned()
    };
    assert_eq!(
        read(&world, &id)["scheduled_at"],
        "2026-11-22 10:30:00.000000+00"
    );
    assert_eq!(date(&id), "Sun, 22 Nov 2026 10:30:00 +0000");
    let answer = patch(&world, &id, &json!({ "scheduled_at": "in 2 days" }));
    assert_eq!(answer.status, 200);
    assert_eq!(date(&id), "Tue, 24 Nov 2026 09:30:00 +0000");
}

#[test]
fn c2_before_its_time_a_message_is_rescheduled_and_canceled() {
    let world = World::new();
    let id = id(&send(&world, &at("in 1 hour")));
    let answer = patch(
        &world,
        &id,
        &json!({ "id": id, "scheduled_at": "2026-11-23T00:00:00Z" }),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(body(&answer), json!({ "object": "email", "id": id }));
    assert!(
        answer
            .headers
            .iter()
            .any(|(name, _)| *name == "ratelimit-limit")
    );
    let email = read(&world, &id);
    assert_eq!(email["scheduled_at"], "2026-11-23 00:00:00.000000+00");
    for _ in 0..2 {
        let answer = cancel(&world, &id);
        assert_eq!(body(&answer), json!({ "object": "email", "id": id }));
    }
    let email = read(&world, &id);
    assert_eq!(
        (&email["last_event"], &email["edgepost_state"]),
        (&json!("canceled"), &json!("canceled"))
    );
    let refused = patch(&world, &id, &json!({ "scheduled_at": "in 1 min" }));
    assert_eq!(name(&refused), (422, "validation_error".into()));
    assert!(message(&refused).contains("`canceled`"), "{}", refused.body);
}

#[test]
fn c2_at_and_after_its_time_a_message_that_nobody_has_is_still_its_callers() {
    let world = World::new();
    for wait in [60, 61] {
        let id = id(&send(&world, &at("in 1 min")));
        world.outboxes.clock.advance(Duration::from_secs(wait));
        assert_eq!(cancel(&world, &id).status, 200);
    }
    // One without a time too, as long as it waits.
    assert_eq!(cancel(&world, &id(&send(&world, &mail()))).status, 200);
}

#[test]
fn c2_a_message_that_somebody_may_have_says_so() {
    for state in [State::Sending, State::Sent, State::Failed, State::InDoubt] {
        let world = World::new();
        let id = id(&send(&world, &at("in 1 min")));
        let key: EmailId = id.parse().unwrap();
        {
            let mut jobs = world.outboxes.sales.jobs.borrow_mut();
            let job = jobs.get_mut(&key).unwrap();
            job.state = state;
            job.recipients[0].state = state;
        }
        for refused in [
            cancel(&world, &id),
            patch(&world, &id, &json!({ "scheduled_at": "in 1 min" })),
        ] {
            assert_eq!(name(&refused), (422, "validation_error".into()));
            let word = serde_json::to_value(state).unwrap();
            let word = format!("`{}`", word.as_str().unwrap());
            assert!(message(&refused).contains(&word), "{}", refused.body);
        }
        assert_eq!(world.outboxes.sales.job(key).state, state);
    }
}

#[test]
fn h5_messages_of_others_and_of_nobody_can_be_told_apart_by_nobody() {
    let world = World::new();
    let theirs = id(&world.send_with(&[SENDER], &at("in 1 hour")));
    let own = id(&send(&world, &mail()));
    let never = format!("019ab1c2-8000-8000-8000-0000{}", &own[28..]);
    let foreign = "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794";
    let time = json!({ "scheduled_at": "in 1 min" });
    for id in [
        theirs.as_str(),
        &never,
        foreign,
        "019ab1c2-8000-8000-8000-000000000000",
    ] {
        for refused in [cancel(&world, id), patch(&world, id, &time)] {
            assert_eq!(name(&refused), (404, "not_found".into()), "{id}");
        }
    }
    for refused in [cancel(&world, "no-id"), patch(&world, "no-id", &time)] {
        assert_eq!(name(&refused), (422, "validation_error".into()));
    }
    let state = world.outboxes.sales.job(theirs.parse().unwrap()).state;
    assert_eq!(state, State::Scheduled);
}

#[test]
fn h1_h9_who_may_and_how() {
    let world = World::new();
    let id = id(&world.send_with(&[SENDER], &at("in 1 hour")));
    let path = format!("/emails/{id}");
    let cancel = format!("{path}/cancel");
    let time = json!({ "scheduled_at": "in 1 min" }).to_string();
    for (headers, expected) in [
        (&[][..], (401, "missing_api_key")),
        (&[("authorization", "Bearer x")], (403, "invalid_api_key")),
        (&[SENDER], (401, "restricted_api_key")),
    ] {
        // Before anything is said of the body.
        for (method, path, body) in [
            ("PATCH", &path, &time),
            ("PATCH", &path, &String::new()),
            ("POST", &cancel, &String::new()),
        ] {
            let answer = world.ask(method, path, headers, body);
            assert_eq!(name(&answer), (expected.0, expected.1.to_owned()));
        }
    }
    for (method, path) in [
        ("GET", &cancel),
        ("DELETE", &cancel),
        ("PUT", &path),
        ("POST", &path),
    ] {
        let answer = world.ask(method, path, &[OFTEN], "");
        assert_eq!(name(&answer), (405, "method_not_allowed".into()));
    }
}

#[test]
fn a2_a_body_that_is_no_time_is_refused_and_one_that_is_too_long_is_not_read() {
    let world = World::new();
    let id = id(&send(&world, &at("in 1 hour")));
    let path = format!("/emails/{id}");
    for (text, expected) in [
        ("", (400, "validation_error")),
        ("[]", (400, "validation_error")),
        ("{}", (422, "missing_required_field")),
        (r#"{"scheduled_at":null}"#, (422, "missing_required_field")),
        (r#"{"scheduled_at":5}"#, (422, "validation_error")),
        (
            r#"{"scheduled_at":"in 367 days"}"#,
            (422, "validation_error"),
        ),
        (&" ".repeat(4097), (413, "validation_error")),
    ] {
        let answer = world.ask("PATCH", &path, &[OFTEN], text);
        assert_eq!(
            name(&answer),
            (expected.0, expected.1.to_owned()),
            "{text:.40}"
        );
    }
    let more = patch(
        &world,
        &id,
        &json!({ "scheduled_at": "in 1 min", "wurst": 1 }),
    );
    let ignored = ("edgepost-ignored", "wurst".to_owned());
    assert!(more.status == 200 && more.headers.contains(&ignored));
    // What clients send along with a cancellation is not looked at.
    let answer = world.ask("POST", &format!("{path}/cancel"), &[OFTEN], "{}");
    assert_eq!(answer.status, 200);
}

#[test]
fn h13_a_caller_who_steers_too_often_is_told_so() {
    let world = World::new();
    let id = id(&world.send(&at("in 1 hour")));
    let shop = [("authorization", "Bearer key-shop")];
    let steer = || {
        let time = r#"{"scheduled_at":"in 1 min"}"#;
        world.ask("PATCH", &format!("/emails/{id}"), &shop, time)
    };
    for _ in 0..9 {
        assert_eq!(steer().status, 200);
    }
    let refused = steer();
    assert_eq!(name(&refused), (429, "rate_limit_exceeded".into()));
    assert!(refused.headers.contains(&("retry-after", "1".to_owned())));
    let key = id.parse().unwrap();
    assert_eq!(world.outboxes.sales.events.borrow()[&key].len(), 10);
}

#[test]
fn d8_storage_that_fails_is_not_certain_that_it_was_done() {
    let world = World::new();
    let id = id(&send(&world, &at("in 1 hour")));
    world.outboxes.sales.writes.set(Writes::Fail);
    let refused = cancel(&world, &id);
    assert_eq!(name(&refused), (503, "service_unavailable".into()));
    world.outboxes.sales.writes.set(Writes::Work);
    assert_eq!(read(&world, &id)["last_event"], "scheduled");
}

#[test]
fn h6_a_relative_time_that_is_repeated_is_the_first_one() {
    let world = World::new();
    let headers = [OFTEN, ("idempotency-key", "k")];
    let first = id(&world.send_with(&headers, &at("in 1 hour")));
    world.outboxes.clock.advance(Duration::from_secs(600));
    assert_eq!(id(&world.send_with(&headers, &at("in 1 hour"))), first);
    let other = world.send_with(&headers, &at("in 2 hours"));
    assert_eq!(name(&other), (409, "invalid_idempotent_request".into()));
    assert_eq!(
        read(&world, &first)["scheduled_at"],
        "2026-11-22 10:30:00.000000+00"
    );
}
