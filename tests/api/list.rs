//! Lists: a caller's own messages, a page at a time, from all its mailboxes.

use std::time::Duration;

use edgepost::{app::Response, limits::LIST_OCTETS};
use serde_json::{Value, json};

use crate::world::*;

const BOTH: (&str, &str) = ("authorization", "Bearer key-both");
const OFTEN: (&str, &str) = ("authorization", "Bearer key-often");

fn list(world: &World, query: &str, key: (&str, &str)) -> Response {
    world.ask_query("GET", "/emails", query, &[key])
}

/// The identifiers of a page, and whether there are more.
fn page(world: &World, query: &str, key: (&str, &str)) -> (Vec<String>, bool) {
    let answer = list(world, query, key);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list = body(&answer);
    assert_eq!(list["object"], "list");
    let data = list["data"].as_array().unwrap().iter();
    let ids = data.map(|item| item["id"].as_str().unwrap().to_owned());
    (ids.collect(), list["has_more"].as_bool().unwrap())
}

/// Sends, and gives the identifier; some time passes.
fn send(world: &World, key: (&str, &str), mail: &Value) -> String {
    world.outboxes.clock.advance(Duration::from_millis(200));
    let sent = world.send_with(&[key], mail);
    assert_eq!(sent.status, 200, "{}", sent.body);
    body(&sent)["id"].as_str().unwrap().to_owned()
}

fn from(address: &str) -> Value {
    let mut mail = mail();
    mail["from"] = json!(address);
    mail
}

#[test]
fn a_list_has_what_a_message_has_but_its_texts() {
    let world = World::new();
    assert_eq!(page(&world, "", OFTEN), (vec![], false));
    let mut mail = mail();
    mail["scheduled_at"] = json!("in 1 hour");
    mail["html"] = json!("<p>x</p>");
    let id = send(&world, OFTEN, &mail);
    let listed = body(&list(&world, "", OFTEN))["data"][0].clone();
    let mut email = body(&world.ask("GET", &format!("/emails/{id}"), &[OFTEN], ""));
    for name in ["object", "html", "text", "tags"] {
        assert!(email.as_object_mut().unwrap().remove(name).is_some());
    }
    assert_eq!(listed, email);
    assert_eq!(listed["last_event"], "scheduled");
    assert_eq!(listed["cc"], Value::Null);
}

#[test]
fn pages_of_two_mailboxes_are_one_list_forth_and_back() {
    let world = World::new();
    let mut sent: Vec<String> = (0..11)
        .map(|n| {
            let mailbox = if n % 3 == 0 { "other" } else { "sales" };
            // Messages of others in between.
            send(&world, OFTEN, &mail());
            send(&world, BOTH, &from(&format!("{mailbox}@shop.test")))
        })
        .collect();
    sent.reverse();
    let both = |query: &str| page(&world, query, BOTH);
    assert_eq!(both(""), (sent.clone(), false));
    assert_eq!(both("limit=11"), (sent.clone(), false));
    assert_eq!(both("limit=10"), (sent[..10].to_vec(), true));
    // Forth, to the end.
    let mut walked = Vec::new();
    let mut query = "limit=4".to_owned();
    loop {
        let (ids, more) = both(&query);
        assert!(!ids.is_empty());
        walked.extend(ids);
        query = format!("limit=4&after={}", walked.last().unwrap());
        if !more {
            break;
        }
    }
    assert_eq!(walked, sent);
    assert_eq!(both(&query), (vec![], false));
    // And back: the page before an identifier ends where that begins.
    let mut walked = vec![sent[10].clone()];
    loop {
        let (ids, more) = both(&format!("limit=4&before={}", walked[0]));
        walked.splice(..0, ids);
        if !more {
            break;
        }
    }
    assert_eq!(walked, sent);
    assert_eq!(both(&format!("before={}", sent[0])), (vec![], false));
    assert_eq!(
        both(&format!("limit=2&before={}", sent[5])),
        (sent[3..5].to_vec(), true)
    );
    assert_eq!(
        both(&format!("limit=2&before={}", sent[2])),
        (sent[..2].to_vec(), false)
    );
}

#[test]
fn the_default_is_20_and_the_most_is_100() {
    let world = World::new();
    for _ in 0..101 {
        send(&world, OFTEN, &mail());
    }
    for (query, length) in [("", 20), ("limit=1", 1), ("limit=100", 100)] {
        let (ids, more) = page(&world, query, OFTEN);
        assert_eq!((ids.len(), more), (length, true), "{query}");
    }
    // No more rows are read than a page has, and the one that tells whether there are more.
    world.outboxes.sales.rows_read.set(0);
    page(&world, "limit=5", OFTEN);
    assert_eq!(world.outboxes.sales.rows_read.get(), 6);
}

#[test]
fn h5_a_list_is_of_the_callers_own_messages() {
    let world = World::new();
    let own = send(&world, OFTEN, &mail());
    let theirs = send(&world, BOTH, &mail());
    assert_eq!(page(&world, "", OFTEN), (vec![own.clone()], false));
    assert_eq!(page(&world, "", BOTH), (vec![theirs.clone()], false));
    // A foreign identifier is a place in time, and no more is told of it.
    assert_eq!(
        page(&world, &format!("before={theirs}"), OFTEN),
        (vec![], false)
    );
    let never = format!("{}{}", &theirs[..14], "8000-8000-0000cf688583");
    for id in [&theirs, &never] {
        assert_eq!(
            page(&world, &format!("after={id}"), OFTEN),
            (vec![own.clone()], false)
        );
    }
    let key = |key| list(&world, "", ("authorization", key));
    assert_eq!(
        name(&key("Bearer key-sender")),
        (401, "restricted_api_key".into())
    );
    assert_eq!(name(&key("Bearer x")), (403, "invalid_api_key".into()));
    assert_eq!(name(&key("x")), (401, "missing_api_key".into()));
}

#[test]
fn a_query_that_is_wrong_is_named() {
    let world = World::new();
    let id = send(&world, OFTEN, &mail());
    for (query, field) in [
        ("limit=0".to_owned(), "limit"),
        ("limit=101".to_owned(), "limit"),
        ("limit=".to_owned(), "limit"),
        ("limit=-1".to_owned(), "limit"),
        ("limit=1.5".to_owned(), "limit"),
        ("limit=1&limit=1".to_owned(), "limit"),
        ("after=x".to_owned(), "after"),
        ("before=".to_owned(), "before"),
        (
            "after=49a3999c-0ce1-4ea6-ab68-afcd6dc2e794".to_owned(),
            "after",
        ),
        (format!("after={id}&before={id}"), "before"),
    ] {
        let refused = list(&world, &query, OFTEN);
        assert_eq!(name(&refused), (422, "validation_error".into()), "{query}");
        let message = body(&refused)["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains(&format!("`{field}`")),
            "{query}: {message}"
        );
    }
    let more = list(&world, "wurst=1&limit=1", OFTEN);
    let ignored = ("edgepost-ignored", "wurst".to_owned());
    assert!(more.status == 200 && more.headers.contains(&ignored));
}

#[test]
fn d8_a_list_with_a_hole_in_it_is_no_list() {
    let world = World::new();
    send(&world, BOTH, &from("sales@shop.test"));
    world.outboxes.other.unreadable.set(true);
    let refused = list(&world, "", BOTH);
    assert_eq!(name(&refused), (503, "service_unavailable".into()));
}

#[test]
fn a_page_of_large_messages_ends_early_and_says_so() {
    let world = World::new();
    let mut large = from("sales@shop.test");
    let name = "n".repeat(900);
    let many: Vec<_> = (0..50).map(|n| format!("{name} <r{n}@x.test>")).collect();
    for field in ["to", "cc", "bcc", "reply_to"] {
        large[field] = json!(many);
    }
    let mut sent: Vec<String> = (0..6).map(|_| send(&world, BOTH, &large)).collect();
    // Small ones of another mailbox, older and newer than where the first page ends.
    sent.insert(0, send(&world, BOTH, &from("other@shop.test")));
    let newest_first = {
        let mut ids = sent.clone();
        ids.sort();
        ids.reverse();
        ids
    };
    let (first, more) = page(&world, "limit=100", BOTH);
    assert!(more && first.len() < 6, "{}", first.len());
    let octets = list(&world, "limit=100", BOTH).body.len();
    assert!(octets < 2 * LIST_OCTETS, "{octets}");
    let mut walked = first;
    while walked.len() < sent.len() {
        let last = walked.last().unwrap().clone();
        let (ids, _) = page(&world, &format!("limit=100&after={last}"), BOTH);
        assert!(!ids.is_empty());
        walked.extend(ids);
    }
    assert_eq!(walked, newest_first);
}
