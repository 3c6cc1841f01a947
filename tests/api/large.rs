//! Requests too large to be held.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use edgepost::{
    app::{Response, Turns, ports::Clock},
    limits::{
        JSON_BODY_OCTETS, JSON_WHOLE_OCTETS, LARGE_BODIES, LARGE_BODY_OCTETS, LARGE_BODY_WAIT,
        MEDIUM_BODIES, MESSAGE_OCTETS, STAGING_MAX, TURN_MAX, UPLOAD_PIECE_TIMEOUT, UPLOAD_TIMEOUT,
    },
    outbox::EmailId,
};
use serde_json::{Value, json};

use crate::{
    body::{Body, Next},
    support::{MemoryStore, Writes},
    world::*,
};

const SHOP: (&str, &str) = ("authorization", "Bearer key-shop");
const BOTH: (&str, &str) = ("authorization", "Bearer key-both");

/// Octets of a file that make a body large.
fn file(length: usize) -> Vec<u8> {
    (0..=255_u8).rev().cycle().take(length).collect()
}

fn with_file(length: usize) -> Value {
    let mut mail = mail();
    let content = STANDARD.encode(file(length));
    mail["attachments"] = json!([{ "filename": "f.bin", "content": content }]);
    mail
}

fn id(response: &Response) -> EmailId {
    assert_eq!(response.status, 200, "{}", response.body);
    body(response)["id"].as_str().unwrap().parse().unwrap()
}

/// Nothing is kept but of messages that are there.
fn assert_no_leftovers(store: &MemoryStore) {
    assert!(store.staging.borrow().is_empty(), "staged content was left");
    let jobs = store.jobs.borrow();
    for (id, content) in store.content.borrow().iter() {
        let Some(job) = jobs.get(id) else {
            panic!("content without a message: {} pieces", content.len());
        };
        let parts: Vec<_> = job.layout.iter().map(|part| part.number).collect();
        let known = |part| parts.contains(&part) || parts.is_empty();
        assert!(
            content.keys().all(|place| known(place.part)),
            "the request was left"
        );
    }
}

/// The file of a message, out of what is sent.
fn sent_file(store: &MemoryStore, id: EmailId) -> Vec<u8> {
    let sent = String::from_utf8(store.sent(id)).unwrap();
    let part = sent.split("filename=\"f.bin\"").nth(1).unwrap();
    let encoded = part.split("\r\n\r\n").nth(1).unwrap();
    let encoded = encoded.split("--=_").next().unwrap().replace("\r\n", "");
    STANDARD.decode(encoded).unwrap()
}

#[test]
fn a_large_request_becomes_the_message_that_was_asked_for() {
    let world = World::new();
    for length in [JSON_WHOLE_OCTETS, 700_000, 2_500_000] {
        let mail = with_file(length);
        let id = id(&world.send(&mail));
        let sales = &world.outboxes.sales;
        assert_eq!(sent_file(sales, id), file(length));
        assert!(!sales.job(id).layout.is_empty());
        assert_eq!(
            sales.alarm.get(),
            Some(sales.job(id).created_at),
            "it is due at once"
        );
        assert_no_leftovers(sales);
        let read = body(&world.ask("GET", &format!("/emails/{id}"), &[SHOP], ""));
        assert_eq!(read["subject"], mail["subject"]);
    }
    assert!(
        world.outboxes.accepts.borrow().is_empty(),
        "the Worker held none"
    );
}

#[test]
fn h11_a_body_of_unknown_length_is_taken_too() {
    let world = World::new();
    let small = mail().to_string();
    let answer = world.ask_with("POST", "/emails", &[SHOP], Body::whole(small.as_bytes()));
    let id = id(&answer);
    // Without files it is kept as any small message is.
    assert!(world.outboxes.sales.job(id).layout.is_empty());
    assert_no_leftovers(&world.outboxes.sales);
}

#[test]
fn what_the_headers_tell_is_refused_before_the_body_is_read() {
    let world = World::new();
    let ask = |headers: &[(&str, &str)]| {
        let large = (JSON_BODY_OCTETS + 1).to_string();
        let headers = [headers, &[("content-length", large.as_str())]].concat();
        name(&world.ask_with("POST", "/emails", &headers, Body::new(vec![Next::Stall])))
    };
    assert_eq!(ask(&[SHOP]), (413, "validation_error".into()));
    assert_eq!(ask(&[]), (401, "missing_api_key".into()));
    assert_eq!(
        ask(&[("authorization", "Bearer nobody")]),
        (403, "invalid_api_key".into())
    );
    assert_eq!(
        ask(&[SHOP, ("idempotency-key", "a\tb")]),
        (400, "invalid_idempotency_key".into())
    );
    assert_eq!(ask(&[SHOP, ("content-encoding", "gzip")]).0, 415);
    assert_no_leftovers(&world.outboxes.sales);
}

#[test]
fn h14_a_body_that_does_not_come_whole_leaves_nothing() {
    let mail = with_file(JSON_WHOLE_OCTETS).to_string();
    let length = mail.len().to_string();
    let declared = [SHOP, ("content-length", length.as_str())];
    let start = || Body::whole(&mail.as_bytes()[..mail.len() / 2]);
    let too_long = || {
        let piece = vec![b' '; 1024 * 1024];
        let pieces = JSON_BODY_OCTETS / piece.len() as u64 + 1;
        Body::new((0..pieces).map(|_| Next::Octets(piece.clone())).collect())
    };
    let cases = [
        (start().then(Next::Break), 400),
        (start(), 400),
        (start().then(Next::Stall), 408),
        (too_long(), 413),
        (Body::new(vec![]), 400),
    ];
    for (body, status) in cases {
        let world = World::new();
        let answer = world.ask_with("POST", "/emails", &declared, body);
        assert_eq!(name(&answer), (status, "validation_error".into()));
        assert_eq!(world.messages(), 0);
        assert_no_leftovers(&world.outboxes.sales);
    }
}

#[test]
fn a_body_that_trickles_is_given_up() {
    let world = World::new();
    let clock = &world.outboxes.clock;
    let began = clock.now();
    let trickle = (0..).map_while(|n| {
        let wait = UPLOAD_PIECE_TIMEOUT - Duration::from_secs(1);
        (wait * n < UPLOAD_TIMEOUT * 2).then(|| {
            let clock = clock.clone();
            [
                Next::Meanwhile(Box::new(move || clock.advance(wait))),
                Next::Octets(vec![b' ']),
            ]
        })
    });
    let body = Body::new(trickle.flatten().chain([Next::Stall]).collect());
    let answer = world.ask_with("POST", "/emails", &[SHOP], body);
    assert_eq!(answer.status, 408);
    let took = clock.now().since(began);
    assert!(
        (UPLOAD_TIMEOUT..UPLOAD_TIMEOUT + UPLOAD_PIECE_TIMEOUT).contains(&took),
        "{took:?}"
    );
    assert_no_leftovers(&world.outboxes.sales);
}

#[test]
fn a15_a_message_that_nobody_would_take_is_refused_before_there_is_one() {
    let world = World::new();
    // 57 octets become 78.
    let most = usize::try_from(MESSAGE_OCTETS / 78 * 57).unwrap();
    let answer = world.send(&with_file(most));
    assert_eq!(name(&answer), (413, "validation_error".into()));
    assert!(answer.body.contains("MESSAGE_OCTETS"), "{}", answer.body);
    assert_no_leftovers(&world.outboxes.sales);
    // To the octet: lines of 60 octets with their ends, and one that makes up the rest.
    let sales = &world.outboxes.sales;
    let mut mail = with_file(most - 57 * 100);
    mail["text"] = json!("");
    mail["html"] = json!("x");
    let shortest = sales.job(id(&world.send(&mail))).size;
    let left = usize::try_from(MESSAGE_OCTETS - shortest).unwrap();
    let padded = |octets: usize| {
        let lines = format!("{}\n", "a".repeat(58)).repeat(octets / 60);
        json!(format!("{lines}{}x", "b".repeat(octets % 60)))
    };
    mail["html"] = padded(left);
    assert_eq!(sales.job(id(&world.send(&mail))).size, MESSAGE_OCTETS);
    mail["html"] = padded(left + 1);
    assert_eq!(world.send(&mail).status, 413);
}

#[test]
fn mistakes_in_a_large_body_are_answered_and_leave_nothing() {
    let world = World::new();
    let mut foreign = with_file(JSON_WHOLE_OCTETS);
    foreign["from"] = json!("x@elsewhere.test");
    let mut scheduled = with_file(JSON_WHOLE_OCTETS);
    scheduled["scheduled_at"] = json!("in 367 days");
    let mut no_time = with_file(JSON_WHOLE_OCTETS);
    no_time["scheduled_at"] = json!("tomorrow");
    let mut not_text = with_file(JSON_WHOLE_OCTETS);
    not_text["attachments"][0]["content_type"] = json!("message/rfc822");
    let mut large_text = mail();
    large_text["html"] = json!("x".repeat(1_000_000));
    let cases = [
        (foreign, 403),
        (scheduled, 422),
        (no_time, 422),
        (not_text, 422),
        (large_text, 413),
    ];
    for (mail, status) in cases {
        let answer = world.send(&mail);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(world.messages(), 0);
        assert_no_leftovers(&world.outboxes.sales);
    }
    let mut more = with_file(JSON_WHOLE_OCTETS);
    more["whatever"] = json!(1);
    let answer = world.send(&more);
    let ignored = ("edgepost-ignored", "whatever".to_owned());
    assert!(answer.headers.contains(&ignored), "{:?}", answer.headers);
}

#[test]
fn a_message_of_another_mailbox_is_carried_over() {
    let world = World::new();
    let mut mail = with_file(1_200_000);
    mail["from"] = json!("Other <other@shop.test>");
    mail["attachments"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "filename": "e", "content": "" }));
    let id = id(&world.send_with(&[BOTH, ("idempotency-key", "k")], &mail));
    let Kept { sales, other, .. } = &world.outboxes;
    assert_eq!(sent_file(other, id), file(1_200_000));
    for store in [sales, other] {
        assert_no_leftovers(store);
    }
    assert!(sales.content.borrow().is_empty());
    let read = world.ask("GET", &format!("/emails/{id}"), &[BOTH], "");
    assert_eq!(body(&read)["id"], json!(id));
    // Again: the same answer, and what was carried over for nothing is dropped.
    let again = world.send_with(&[BOTH, ("idempotency-key", "k")], &mail);
    assert_eq!(body(&again)["id"], json!(id));
    assert_eq!(world.messages(), 1);
    assert_no_leftovers(other);
}

#[test]
fn d8_whichever_write_fails_there_is_a_message_or_an_error_and_never_half_of_one() {
    for from in ["sales@shop.test", "other@shop.test"] {
        let mut failed = 0;
        for works in 0.. {
            let world = World::new();
            let Kept { sales, other, .. } = &world.outboxes;
            let failing = if from.starts_with("other") && works % 2 == 1 {
                other
            } else {
                sales
            };
            failing.writes.set(Writes::FailAfter(works / 2));
            let mut mail = with_file(700_000);
            mail["from"] = json!(from);
            let answer = world.send_with(&[BOTH, ("idempotency-key", "k")], &mail);
            for store in [sales, other] {
                store.writes.set(Writes::Work);
            }
            assert_eq!(
                world.messages(),
                usize::from(answer.status == 200),
                "{}",
                answer.body
            );
            if answer.status == 200 && works > 40 {
                break;
            }
            failed += usize::from(answer.status == 503);
            // The caller tries again with the same key, and what was left is swept in time.
            assert_eq!(
                world
                    .send_with(&[BOTH, ("idempotency-key", "k")], &mail)
                    .status,
                200
            );
            assert_eq!(world.messages(), 1);
        }
        assert!(failed > 5, "{failed} writes failed");
    }
}

#[test]
fn h6_a_large_request_that_is_repeated_makes_one_message() {
    let world = World::new();
    let mail = with_file(JSON_WHOLE_OCTETS);
    let headers = [SHOP, ("idempotency-key", "once")];
    let first = id(&world.send_with(&headers, &mail));
    assert_eq!(id(&world.send_with(&headers, &mail)), first);
    // Other white space, another order of keys: the same.
    let pretty = serde_json::to_string_pretty(&mail).unwrap();
    assert_eq!(id(&world.ask("POST", "/emails", &headers, &pretty)), first);
    let other = world.send_with(&headers, &with_file(JSON_WHOLE_OCTETS + 1));
    assert_eq!(name(&other), (409, "invalid_idempotent_request".into()));
    assert_eq!(world.messages(), 1);
    assert_no_leftovers(&world.outboxes.sales);
}

#[test]
fn h6_while_one_is_being_read_the_same_key_is_in_use() {
    let world = World::new();
    let large = with_file(JSON_WHOLE_OCTETS);
    let text = large.to_string();
    let (start, end) = text.as_bytes().split_at(1000);
    let headers = [SHOP, ("idempotency-key", "once")];
    let meanwhile = || {
        for mail in [&large, &mail()] {
            let answer = world.send_with(&headers, mail);
            assert_eq!(
                name(&answer),
                (409, "concurrent_idempotent_requests".into())
            );
        }
        // Another key of the same caller is not in its way.
        id(&world.send_with(&[SHOP, ("idempotency-key", "other")], &mail()));
    };
    let body = Body::new(vec![
        Next::Octets(start.to_vec()),
        Next::Meanwhile(Box::new(meanwhile)),
        Next::Octets(end.to_vec()),
    ]);
    let first = id(&world.ask_with("POST", "/emails", &headers, body));
    assert_eq!(id(&world.send_with(&headers, &large)), first);
    assert_eq!(world.messages(), 2);
}

#[test]
fn h13_large_requests_are_counted_too() {
    let world = World::new();
    let limited = (0..11)
        .map(|_| world.send(&with_file(JSON_WHOLE_OCTETS)))
        .last()
        .unwrap();
    assert_eq!(name(&limited), (429, "rate_limit_exceeded".into()));
    assert!(
        limited
            .headers
            .iter()
            .any(|(name, _)| *name == "retry-after")
    );
    assert_eq!(world.messages(), 10);
}

#[test]
fn only_so_many_large_bodies_are_read_at_a_time() {
    let world = World::new();
    let clock = &world.outboxes.clock;
    let turns: &Turns = &world.outboxes.turns;
    let mut taken: Vec<_> = (0..LARGE_BODIES)
        .map(|_| clock.run(turns.take(None, clock)).expect("a turn"))
        .collect();
    let began = clock.now();
    let large = (LARGE_BODY_OCTETS + 1).to_string();
    let headers = [SHOP, ("content-length", large.as_str())];
    let answer = world.ask_with("POST", "/emails", &headers, Body::new(vec![Next::Stall]));
    assert_eq!(name(&answer), (503, "service_unavailable".into()));
    assert!(
        answer
            .headers
            .iter()
            .any(|(name, _)| *name == "retry-after")
    );
    assert!(clock.now().since(began) >= LARGE_BODY_WAIT);
    // A smaller one needs no turn, and a turn that is given back is somebody else's.
    id(&world.send(&with_file(JSON_WHOLE_OCTETS)));
    taken.pop();
    id(&world.send(&with_file(1_000_000)));
    assert_eq!(world.messages(), 2);
}

#[test]
fn a_turn_that_is_never_given_back_is_free_again_in_time() {
    let world = World::new();
    let (clock, turns) = (&world.outboxes.clock, &world.outboxes.turns);
    for octets in [None, Some(300_000)] {
        let most = if octets.is_none() {
            LARGE_BODIES
        } else {
            MEDIUM_BODIES
        };
        for _ in 0..most {
            // As when an object is reset: nothing of the request is ever dropped.
            std::mem::forget(clock.run(turns.take(octets, clock)).expect("a turn"));
        }
        assert!(clock.run(turns.take(octets, clock)).is_none());
        clock.advance(TURN_MAX);
        assert!(clock.run(turns.take(octets, clock)).is_some());
    }
}

#[test]
fn what_is_carried_over_for_nothing_is_dropped_at_once() {
    let world = World::new();
    let Kept { sales, other, .. } = &world.outboxes;
    let mut mail = with_file(700_000);
    mail["from"] = json!("other@shop.test");
    // The other Outbox counts for itself.
    let mut small = crate::world::mail();
    small["from"] = json!("other@shop.test");
    for _ in 0..10 {
        id(&world.send_with(&[BOTH], &small));
    }
    let limited = world.send_with(&[BOTH], &mail);
    assert_eq!(name(&limited), (429, "rate_limit_exceeded".into()));
    let remaining = ("ratelimit-remaining", "0".to_owned());
    assert!(
        limited.headers.contains(&remaining),
        "{:?}",
        limited.headers
    );
    assert_no_leftovers(sales);
    assert_no_leftovers(other);
    // And where it cannot be dropped, because storage fails, the alarm will see to it.
    world.outboxes.clock.advance(Duration::from_secs(1));
    other.writes.set(Writes::FailAfter(3));
    assert_eq!(world.send_with(&[BOTH], &mail).status, 503);
    other.writes.set(Writes::Work);
    assert_eq!(other.staging.borrow().len(), 1);
    assert!(other.alarm.get().is_some());
}

#[test]
fn a_refusal_of_what_was_counted_tells_where_the_caller_stands() {
    let world = World::new();
    let mut foreign = with_file(JSON_WHOLE_OCTETS);
    foreign["from"] = json!("x@elsewhere.test");
    let refused = world.send(&foreign);
    assert_eq!(refused.status, 403);
    let remaining = ("ratelimit-remaining", "9".to_owned());
    assert!(
        refused.headers.contains(&remaining),
        "{:?}",
        refused.headers
    );
}

#[test]
fn a_text_that_would_not_fit_its_row_is_refused_and_not_for_ever_unavailable() {
    let world = World::new();
    let mut mail = mail();
    mail["html"] = json!("\u{1}".repeat(400_000));
    let answer = world.send(&mail);
    assert_eq!(name(&answer), (413, "validation_error".into()));
    assert!(answer.body.contains("CARD_OCTETS"), "{}", answer.body);
    assert_no_leftovers(&world.outboxes.sales);
}

#[test]
fn what_a_crash_left_behind_is_swept_within_the_hour() {
    let world = World::new();
    let store = &world.outboxes.sales;
    store.writes.set(Writes::FailAfter(2));
    assert_eq!(world.send(&with_file(JSON_WHOLE_OCTETS)).status, 503);
    store.writes.set(Writes::Work);
    // As after a crash: nobody has dropped it.
    assert_eq!(store.staging.borrow().len(), 1);
    let alarm = store.alarm.get().expect("an alarm that will see to it");
    assert_eq!(alarm.since(world.outboxes.clock.now()), STAGING_MAX);
}
