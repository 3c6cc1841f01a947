//! The API as HTTP: keys, methods, encodings, and requests that are repeated.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use edgepost_e2e::api::{EMAILS, SENDING_RATE, SUBJECT_CANARY, assert_error, id_of};
use edgepost_e2e::site::BODY_CANARY;
use edgepost_e2e::{Case, Key, Site};
use serde_json::json;

/// The header that makes repeats one.
const IDEMPOTENCY: &str = "idempotency-key";

/// Requests at the same time, with the same idempotency key.
const AT_ONCE: usize = 50;

/// A key that is far too long, and still in what a server reads of a header.
const LONG_KEY: usize = 10_000;

pub fn cases() -> Vec<Case> {
    vec![
        Case::api("H1 without a key nothing happens", no_key),
        Case::api("H2 H3 wrong keys all look alike", wrong_keys),
        Case::api("H4 a key sends from its own mailboxes", senders),
        Case::api(
            "H6 a request repeated 50 times at once is one message",
            repeated_at_once,
        ),
        Case::api("H7 H8 idempotency keys", idempotency_keys),
        Case::api("H9 other methods and paths", methods_and_paths),
        Case::api("H10 no web page may call the API", no_cors),
        Case::api("H11 bodies as they come", encodings),
        Case::api(
            "H14 a client that goes away has sent one message or none",
            gone_away,
        ),
        Case::api(
            "H13 a caller that asks too often is told to wait",
            rate_limit,
        ),
    ]
}

/// How long a message takes to be there that was accepted.
const SETTLED: Duration = Duration::from_secs(3);

fn gone_away(site: &Site) {
    let authorization = format!("Authorization: {}", site.bearer(Key::Full));
    let mut large = site.plain_mail();
    let content = STANDARD.encode(vec![7; 700_000]);
    large["attachments"] = json!([{ "filename": "f.bin", "content": content }]);
    let mails = [site.plain_mail(), large];
    for (number, mail) in mails.iter().enumerate() {
        let body = mail.to_string();
        let length = format!("Content-Length: {}", body.len());
        let key = format!("Idempotency-Key: gone-{number}");
        let headers = [authorization.as_str(), &length, &key];
        for sent in [body.len() / 2, body.len() - 1, body.len()] {
            let part = &body.as_bytes()[..sent];
            drop(site.world.begin("POST /emails HTTP/1.1", &headers, part));
        }
    }
    std::thread::sleep(SETTLED);
    assert!(site.mails().len() <= mails.len(), "a message was doubled");
    // Whatever became of them, the same requests again make one message each.
    for (number, mail) in mails.iter().enumerate() {
        let key = format!("gone-{number}");
        let answer = site.post_as(Key::Full, mail, &[("idempotency-key", &key)]);
        site.until_sent(&id_of(&answer));
    }
    assert_eq!(site.mails().len(), mails.len());
}

fn no_key(site: &Site) {
    let body = site.plain_mail().to_string();
    let key = site.key(Key::Full);
    let wrong = [
        "Basic x",
        "Bearer",
        "Bearer ",
        key,
        &format!("Basic {key}"),
        &format!("Token {key}"),
    ];
    for value in wrong {
        let answer = site
            .world
            .post_octets(EMAILS, body.as_bytes(), &[("authorization", value)]);
        assert_error(&answer, 401, "missing_api_key");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let answer = site
        .world
        .post_octets(EMAILS, body.as_bytes(), &[("x-api-key", key)]);
    assert_error(&answer, 401, "missing_api_key");
    let path = format!("{EMAILS}?key={key}&api_key={key}&access_token={key}");
    assert_error(
        &site.world.post_octets(&path, body.as_bytes(), &[]),
        401,
        "missing_api_key",
    );
    // Twice: one that is wrong and one that is right, in both orders.
    let (right, wrong) = (site.bearer(Key::Full), "Bearer x".to_owned());
    let length = format!("Content-Length: {}", body.len());
    for pair in [[&right, &wrong], [&wrong, &right], [&right, &right]] {
        let [first, second] = pair.map(|value| format!("Authorization: {value}"));
        let headers = [first.as_str(), &second, &length];
        let answer = site
            .world
            .raw("POST /emails HTTP/1.1", &headers, body.as_bytes());
        assert!(
            matches!(answer.status, 400 | 401 | 403),
            "{}",
            answer.status
        );
    }
    site.assert_nothing_happened();
}

fn wrong_keys(site: &Site) {
    let key = site.key(Key::Full);
    let other = |at: usize| -> String {
        let mut text = key.to_owned().into_bytes();
        text[at] = if text[at] == b'x' { b'y' } else { b'x' };
        String::from_utf8(text).expect("ASCII")
    };
    let wrong = [
        other(0),
        other(key.len() - 1),
        key[1..].to_owned(),
        format!("{key}x"),
        format!("{key} {key}"),
        key.to_uppercase(),
        "x".repeat(LONG_KEY),
        // What is configured is no key.
        xtask::key::api_hash(key),
    ];
    let mut answers = BTreeSet::new();
    for text in &wrong {
        let headers = [("authorization", format!("Bearer {text}"))];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let answer = site.post_as(Key::Full, &site.plain_mail(), &headers);
        assert_error(&answer, 403, "invalid_api_key");
        answers.insert(answer.body);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    site.assert_nothing_happened();
}

fn senders(site: &Site) {
    let form = &site.forms[0];
    for from in [
        "ceo@bank.test",
        "Shop <main9999@shop.test>",
        &site.address.replace('@', "+tag@"),
        &format!("{}.evil.test", site.address),
        &format!("{form}@shop.test"),
    ] {
        let answer = site.post_mail(&site.mail_with("from", json!(from)));
        assert_error(&answer, 403, "validation_error");
    }
    site.assert_nothing_happened();
}

fn repeated_at_once(site: &Site) {
    let mut mail = site.plain_mail();
    mail["tags"] = json!([{ "name": "a", "value": "b" }]);
    let one = mail.to_string();
    // The same values in another order and with white space.
    let other = format!(
        "{{ \"tags\": [ {{ \"value\": \"b\", \"name\":\"a\" }} ],\n \"text\": \"{BODY_CANARY}\", \
         \"subject\": \"{SUBJECT_CANARY}\", \"to\": \"ada@friend.test\", \"from\": \"{}\" }}",
        site.address
    );
    let headers = [(IDEMPOTENCY, "order-4711")];
    let ids: BTreeSet<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let body = if number % 2 == 0 { &one } else { &other };
                scope.spawn(move || site.post_text(Key::Full, body.as_bytes(), &headers))
            })
            .collect();
        let answers = asking
            .into_iter()
            .map(|thread| thread.join().expect("an answer"));
        answers.map(|answer| id_of(&answer)).collect()
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    site.until_sent(ids.first().expect("an id"));
    // And once more, when it is sent already.
    assert!(ids.contains(&id_of(&site.post_text(Key::Full, one.as_bytes(), &headers))));
    // What comes after all of them shows that there is nothing more to come.
    site.until_sent(&site.send_mail(&site.plain_mail()));
    assert_eq!(site.mails().len(), 2);
}

fn idempotency_keys(site: &Site) {
    let send = |key: Key, idempotency: &str, subject: &str| {
        let mail = site.mail_with("subject", json!(subject));
        site.post_as(key, &mail, &[(IDEMPOTENCY, idempotency)])
    };
    let first = id_of(&send(Key::Full, "order-1", "One"));
    assert_error(
        &send(Key::Full, "order-1", "Other"),
        409,
        "invalid_idempotent_request",
    );
    assert_eq!(id_of(&send(Key::Full, "order-1", "One")), first);
    // Another API key's are its own.
    assert_ne!(id_of(&send(Key::Other, "order-1", "One")), first);
    // A request that was refused does not burn the key.
    assert_error(&send(Key::Full, "order-2", ""), 422, "validation_error");
    assert_ne!(id_of(&send(Key::Full, "order-2", "Two")), first);
    let longest = "k".repeat(256);
    assert_ne!(id_of(&send(Key::Full, &longest, "Three")), first);
    let too_long = format!("{longest}k");
    assert_error(
        &send(Key::Full, &too_long, "Four"),
        400,
        "invalid_idempotency_key",
    );
    let body = site.plain_mail().to_string();
    let authorization = format!("Authorization: {}", site.bearer(Key::Full));
    let length = format!("Content-Length: {}", body.len());
    for bad in ["", "ü", "a\tb"] {
        let key = format!("Idempotency-Key: {bad}");
        let headers = [authorization.as_str(), &length, &key];
        let answer = site
            .world
            .raw("POST /emails HTTP/1.1", &headers, body.as_bytes());
        assert_error(&answer, 400, "invalid_idempotency_key");
    }
    site.wait_until("delivered", || site.mails().len() >= 4);
    site.until_sent(&site.send_mail(&site.plain_mail()));
    assert_eq!(site.mails().len(), 5);
}

fn methods_and_paths(site: &Site) {
    let authorization = format!("Authorization: {}", site.bearer(Key::Full));
    let ask = |line: &str| {
        site.world
            .raw(&format!("{line} HTTP/1.1"), &[&authorization], b"")
    };
    for line in [
        "PUT /emails",
        "DELETE /emails",
        "PATCH /emails",
        "OPTIONS /emails",
        "DELETE /emails/49a3999c-0ce1-4ea6-ab68-afcd6dc2e794",
        "GET /emails/49a3999c-0ce1-4ea6-ab68-afcd6dc2e794/cancel",
        "GET /emails/batch",
    ] {
        assert_error(&ask(line), 405, "method_not_allowed");
    }
    let head = ask("HEAD /emails/batch");
    assert_eq!((head.status, head.body.as_str()), (405, ""));
    for line in [
        "GET /",
        "GET /nothing",
        "POST /nothing",
        "GET /emails/../admin",
        "GET /emails/%2e%2e/admin",
        "GET /admin",
        "GET /config",
        "GET /emails/",
        "GET /emails/a/b",
        "GET /.dev.vars",
        "GET /wrangler.json",
        "GET /EMAILS",
        "GET //emails",
    ] {
        let answer = ask(line);
        // With the operator, an API key counts as a try to sign in, and one may be one too many.
        let limited = answer.status == 429 && line.contains("admin");
        assert!(
            limited || matches!(answer.status, 404 | 405 | 422),
            "{line}: {}",
            answer.status
        );
        let json = answer
            .json()
            .unwrap_or_else(|_| panic!("{line}: {}", answer.body));
        assert!(json.is_object(), "{line}: {json}");
        assert!(!answer.body.contains("MAILBOX_"), "{line}: {}", answer.body);
    }
    site.assert_nothing_happened();
}

fn no_cors(site: &Site) {
    let origin = "Origin: https://evil.test";
    let preflight = [origin, "Access-Control-Request-Method: POST"];
    let answer = site.world.raw("OPTIONS /emails HTTP/1.1", &preflight, b"");
    let headers = [("origin", "https://evil.test")];
    let sent = site.post_as(Key::Full, &site.plain_mail(), &headers);
    let id = id_of(&sent);
    let refused = site.world.post_octets(EMAILS, b"{}", &headers);
    for answer in [&answer, &sent, &refused] {
        let allows = answer
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("access-control"));
        assert!(!allows, "{:?}", answer.headers);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    site.until_sent(&id);
}

fn encodings(site: &Site) {
    let mail = site.plain_mail().to_string();
    for coding in ["gzip", "br", "deflate", "GZIP", "gzip, identity"] {
        let headers = [("content-encoding", coding)];
        // Whatever the body is: it is not looked at.
        let answer = site.post_text(Key::Full, b"\x1f\x8b\x08\0", &headers);
        assert_error(&answer, 415, "validation_error");
    }
    site.assert_nothing_happened();
    for kind in [
        "text/plain",
        "application/json; charset=utf-8",
        "application/octet-stream",
    ] {
        let headers = [("content-type", kind)];
        site.until_sent(&id_of(&site.post_text(
            Key::Full,
            mail.as_bytes(),
            &headers,
        )));
    }
    let authorization = format!("Authorization: {}", site.bearer(Key::Full));
    let line = "POST /emails HTTP/1.1";
    let (first, second) = mail.split_at(7);
    let chunks = format!(
        "{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    let headers = [authorization.as_str(), "Transfer-Encoding: chunked"];
    site.until_sent(&id_of(&site.world.raw(line, &headers, chunks.as_bytes())));
    let length = format!("Content-Length: {}", mail.len());
    let headers = [authorization.as_str(), &length, "Expect: 100-continue"];
    site.until_sent(&id_of(&site.world.raw(line, &headers, mail.as_bytes())));
    assert_eq!(site.mails().len(), 5);
}

/// Far more at once than one second allows, however the clock stands.
const TOO_MANY: usize = 30;

fn rate_limit(site: &Site) {
    let mail = site.plain_mail();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..TOO_MANY)
            .map(|_| scope.spawn(|| site.post_as(Key::Sending, &mail, &[])))
            .collect();
        let answers = asking.into_iter().map(|thread| thread.join());
        answers.map(|answer| answer.expect("an answer")).collect()
    });
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 200);
    assert!(
        !taken.is_empty() && !refused.is_empty(),
        "{} taken",
        taken.len()
    );
    for answer in &answers {
        let limit = answer.header("ratelimit-limit");
        assert_eq!(limit, Some(SENDING_RATE.to_string().as_str()));
        for name in ["ratelimit-remaining", "ratelimit-reset"] {
            let value = answer
                .header(name)
                .and_then(|value| value.parse::<u32>().ok());
            assert!(value.is_some(), "{name}: {answer:?}");
        }
    }
    for answer in refused {
        assert_error(answer, 429, "rate_limit_exceeded");
        let wait = answer
            .header("retry-after")
            .and_then(|value| value.parse::<u32>().ok());
        assert!(wait.is_some_and(|seconds| seconds >= 1), "{answer:?}");
    }
    // Another key's requests are its own, and what was refused was not kept.
    site.until_sent(&site.send_mail(&mail));
    site.wait_until("delivered", || site.mails().len() > taken.len());
    assert_eq!(site.mails().len(), taken.len() + 1);
}
