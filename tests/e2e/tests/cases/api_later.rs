//! The API over time: messages that wait, lists, and batches, in the storage of the platform.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edgepost_e2e::api::{EMAILS, assert_error, id_of};
use edgepost_e2e::mail::Mail;
use edgepost_e2e::{Case, Key, Site};
use serde_json::{Value, json};
use xtask::http::Answer;
use xtask::tools;

pub fn cases() -> Vec<Case> {
    vec![
        Case::api("C1 a message waits for its time", waits),
        Case::api("C2 a message is rescheduled and canceled", steered),
        Case::api(
            "lists go forth and back, and over other keys' messages",
            lists,
        ),
        Case::api("lists are read along an index", plan),
        Case::api("H12 a batch is whole or as far as it is good", batches),
    ]
}

/// Seconds since the epoch, `ahead` seconds from now.
fn seconds(ahead: u64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
    i64::try_from(now.as_secs() + ahead).expect("a time")
}

fn written(seconds: i64) -> String {
    mail_parser::DateTime::from_timestamp(seconds).to_rfc3339()
}

fn ask(site: &Site, line: &str, body: &Value) -> Answer {
    let authorization = format!("Authorization: {}", site.bearer(Key::Full));
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let length = format!("Content-Length: {}", body.len());
    let line = format!("{line} HTTP/1.1");
    site.world
        .raw(&line, &[&authorization, &length], body.as_bytes())
}

fn email(site: &Site, id: &str) -> Value {
    site.email(Key::Full, id).json().expect("JSON")
}

fn waits(site: &Site) {
    let at = seconds(6);
    let mail = site.mail_with("scheduled_at", json!(written(at)));
    let id = site.send_mail(&mail);
    let waiting = email(site, &id);
    assert_eq!(waiting["last_event"], "scheduled", "{waiting}");
    // Another that goes at once, and sets the alarm for itself.
    site.until_sent(&site.send_mail(&site.plain_mail()));
    assert_eq!(email(site, &id)["last_event"], "scheduled");
    site.until_sent(&id);
    assert!(seconds(0) >= at, "sent before its time");
    let mails = site.mails();
    assert_eq!(mails.len(), 2);
    let dates: Vec<_> = mails.iter().map(|mail| Mail::parse(mail).date()).collect();
    assert!(dates.contains(&Some(at)), "{at}: {dates:?}");
    for text in ["2026-02-30T00:00:00Z", "in 367 days", "tomorrow"] {
        let refused = site.post_mail(&site.mail_with("scheduled_at", json!(text)));
        let message = assert_error(&refused, 422, "validation_error");
        assert!(message.contains("scheduled_at"), "{message}");
    }
}

fn steered(site: &Site) {
    let later = || site.send_mail(&site.mail_with("scheduled_at", json!("in 1 hour")));
    let [sooner, never, at_once] = [later(), later(), later()];
    let patch = |id: &str, time: String| {
        let body = json!({ "scheduled_at": time });
        ask(site, &format!("PATCH {EMAILS}/{id}"), &body)
    };
    let cancel = |id: &str| ask(site, &format!("POST {EMAILS}/{id}/cancel"), &Value::Null);
    let at = seconds(4);
    let done = patch(&sooner, written(at)).json().expect("JSON");
    assert_eq!(done, json!({ "object": "email", "id": sooner }));
    let done = cancel(&never).json().expect("JSON");
    assert_eq!(done, json!({ "object": "email", "id": never }));
    assert_eq!(patch(&at_once, written(seconds(0) - 60)).status, 200);
    site.until_sent(&at_once);
    site.until_sent(&sooner);
    assert!(seconds(0) >= at, "sent before its time");
    assert_eq!(email(site, &never)["last_event"], "canceled");
    assert_eq!(site.story(&never).state(), "canceled");
    for (answer, state) in [
        (cancel(&sooner), "sent"),
        (patch(&sooner, written(at)), "sent"),
        (patch(&never, written(at)), "canceled"),
    ] {
        let message = assert_error(&answer, 422, "validation_error");
        assert!(message.contains(state), "{message}");
    }
    let theirs = site.post_as(Key::Other, &site.plain_mail(), &[]);
    assert_error(&cancel(&id_of(&theirs)), 404, "not_found");
    site.until_sent(&id_of(&theirs));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(site.mails().len(), 3);
}

fn lists(site: &Site) {
    let mut mail = site.mail_with("scheduled_at", json!("in 1 hour"));
    // What a list does not show is not read for it.
    mail["html"] = json!("<p>x</p>".repeat(20_000));
    let mut sent = Vec::new();
    for _ in 0..23 {
        let theirs = site.post_as(Key::Other, &mail, &[]);
        assert_eq!(theirs.status, 200);
        sent.insert(0, site.send_mail(&mail));
    }
    let page = |query: &str| {
        let answer = ask(site, &format!("GET {EMAILS}{query}"), &Value::Null);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let list = answer.json().expect("JSON");
        let data = list["data"].as_array().expect("a list").clone();
        let ids = data
            .iter()
            .map(|item| item["id"].as_str().expect("an id").to_owned());
        (ids.collect::<Vec<_>>(), list["has_more"] == true, data)
    };
    let (ids, more, data) = page("");
    assert_eq!((ids.as_slice(), more), (&sent[..20], true));
    assert_eq!(data[0]["last_event"], "scheduled");
    assert_eq!(data[0].get("html"), None);
    let (ids, more, _) = page(&format!("?after={}", sent[19]));
    assert_eq!((ids.as_slice(), more), (&sent[20..], false));
    let (ids, more, _) = page(&format!("?limit=5&before={}", sent[20]));
    assert_eq!((ids.as_slice(), more), (&sent[15..20], true));
    let (ids, more, _) = page(&format!("?before={}", sent[2]));
    assert_eq!((ids.as_slice(), more), (&sent[..2], false));
    let (ids, more, _) = page("?limit=100");
    assert_eq!((ids, more), (sent, false));
    site.assert_nothing_happened();
}

/// What is between `begin` and the next end of a text, in a source of the Worker's.
fn statement<'a>(source: &'a str, begin: &str) -> &'a str {
    let (_, rest) = source.split_once(begin).expect(begin);
    rest.split_once("\";").map_or(rest, |(text, _)| text)
}

/// Prints the plan of each statement over this schema.
const PLANS: &str = r#"
    const { DatabaseSync } = require("node:sqlite");
    const [schema, ...queries] = process.argv.slice(1);
    const db = new DatabaseSync(":memory:");
    db.exec(schema);
    for (const query of queries) {
        const plan = db.prepare("EXPLAIN QUERY PLAN " + query).all("key", "id");
        console.log(plan.map((step) => step.detail).join("; "));
    }
"#;

fn plan(site: &Site) {
    let tables = include_str!("../../../../src/edge/card_table.rs");
    let store = include_str!("../../../../src/edge/sqlite.rs");
    let message = "CREATE TABLE message (";
    let card = "CREATE TABLE card (";
    let index = "CREATE INDEX card_key ";
    let line = |begin: &str| {
        let lines = store.lines().map(str::trim);
        lines
            .filter(|line| line.starts_with(begin))
            .collect::<String>()
    };
    let schema = [message, card, index].map(line).join("\n");
    let queries =
        ["OLDER", "NEWER"].map(|name| statement(tables, &format!("const {name}: &str = \"")));
    let output = tools::command("node")
        .args(["--no-warnings", "-e", PLANS, "--", &schema])
        .args(queries)
        .output()
        .expect("node");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let plans: Vec<_> = printed.lines().collect();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(plans.len(), 2, "{error}");
    for (plan, compared) in plans.iter().zip(["<", ">"]) {
        let along = format!("SEARCH card USING INDEX card_key (<expr>=? AND id{compared}?)");
        assert!(plan.contains(&along), "{plan}");
        assert!(
            !plan.contains("SCAN message") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
    site.assert_nothing_happened();
}

fn batches(site: &Site) {
    let mail = |subject: &str| site.mail_with("subject", json!(subject));
    let bad = site.mail_with("to", json!("nobody"));
    let post = |batch: &Value, headers: &[(&str, &str)]| {
        let authorization = site.bearer(Key::Full);
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend(headers);
        let path = format!("{EMAILS}/batch");
        site.world
            .post_octets(&path, batch.to_string().as_bytes(), &all)
    };
    let permissive = ("x-batch-validation", "permissive");
    let key = ("idempotency-key", "batch");
    let three = json!([mail("One"), bad, mail("Two")]);
    let message = assert_error(&post(&three, &[]), 422, "validation_error");
    assert!(message.contains("Email 1"), "{message}");
    let first = post(&three, &[permissive, key]).json().expect("JSON");
    assert_eq!(first["errors"][0]["index"], 1, "{first}");
    let ids: Vec<_> = first["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(
        post(&three, &[permissive, key]).json().expect("JSON"),
        first
    );
    for (id, subject) in ids.iter().zip(["One", "Two"]) {
        site.until_sent(id);
        assert_eq!(email(site, id)["subject"], subject);
    }
    let hundred: Vec<_> = (0..100)
        .map(|_| site.mail_with("scheduled_at", json!("in 1 hour")))
        .collect();
    let answer = post(&json!(hundred), &[]).json().expect("JSON");
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(100));
    assert_eq!(site.mails().len(), 2);
}
