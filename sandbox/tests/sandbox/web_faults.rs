//! Faults chosen on the page and by the JSON API.

use edgepost_sandbox::{ConnectionRecord, ContentForm, Fault, Sandbox, Script, Step};
use serde_json::json;

use crate::http::{Answer, Request};
use crate::smtp::{Dialogue, Plain, Secure, connect, sandbox};

fn get(sandbox: &Sandbox, path: &str) -> Answer {
    Request::get(path).send(sandbox, &sandbox.web_url())
}

fn post(sandbox: &Sandbox, path: &str, fields: &[(&str, &str)]) -> Answer {
    Request::post(path)
        .form(fields)
        .send(sandbox, &sandbox.web_url())
}

fn greeting(port: u16) -> String {
    Dialogue::new(connect(port)).reply().unwrap()
}

#[test]
fn a_person_chooses_what_goes_wrong_next() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let number = port.to_string();
    assert!(get(&sandbox, "/faults").body.contains("In good order"));
    let fields = [
        ("port", number.as_str()),
        ("reach", "next"),
        ("count", "2"),
        ("kind", "reply"),
        ("step", "greeting"),
        ("nth", ""),
        ("reply_text", "421 4.3.2 <later>"),
    ];
    let answer = post(&sandbox, "/faults", &fields);
    assert_eq!(
        (answer.status, answer.headers["location"].as_str()),
        (303, "/faults")
    );
    let page = get(&sandbox, "/faults").body;
    assert!(page.contains("next 2"), "{page}");
    assert!(
        page.contains("greeting: answers 421 4.3.2 &#60;later&#62;"),
        "{page}"
    );
    for expected in ["421 4.3.2 <later>\r\n", "421 4.3.2 <later>\r\n"] {
        assert_eq!(greeting(port), expected);
    }
    assert!(greeting(port).starts_with("220"), "the third is served");
    let page = get(&sandbox, "/connections").body;
    assert!(page.contains("Scripted: greeting: answers 421"), "{page}");
}

#[test]
fn all_connections_until_cleared() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let number = port.to_string();
    let fields = [
        ("port", number.as_str()),
        ("reach", "all"),
        ("kind", "offer"),
        ("without_CHUNKING", "on"),
        ("max_size", "99"),
    ];
    assert_eq!(post(&sandbox, "/faults", &fields).status, 303);
    for _ in 0..3 {
        let offered = Plain::greeted(port).ask("EHLO client.test");
        assert!(
            !offered.contains("CHUNKING") && offered.contains("SIZE 99\r\n"),
            "{offered}"
        );
    }
    assert!(
        get(&sandbox, "/faults")
            .body
            .contains("CHUNKING is missing; 99 octets a message at most")
    );
    assert_eq!(
        post(&sandbox, "/faults/clear", &[("port", &number)]).status,
        303
    );
    assert!(
        Plain::greeted(port)
            .ask("EHLO client.test")
            .contains("CHUNKING")
    );
}

#[test]
fn a_form_that_says_nothing_is_told_so() {
    let sandbox = sandbox();
    let number = sandbox.smtp_port().to_string();
    let cases = [
        vec![("port", "1"), ("kind", "tls"), ("tls_fault", "expired")],
        vec![
            ("port", number.as_str()),
            ("kind", "script"),
            ("script", "[{\"<b>\": 1}]"),
        ],
        vec![
            ("port", &number),
            ("kind", "tls"),
            ("tls_fault", "expired"),
            ("count", "0"),
        ],
    ];
    for fields in cases {
        let answer = post(&sandbox, "/faults", &fields);
        assert_eq!(answer.status, 422, "{fields:?}");
        assert!(answer.body.contains("role=\"alert\""));
        assert!(!answer.body.contains("<b>\""), "{}", answer.body);
    }
    assert!(get(&sandbox, "/faults").body.contains("In good order"));
    let foreign = Request::post("/faults").header("origin", "https://example.test");
    assert_eq!(foreign.send(&sandbox, &sandbox.web_url()).status, 403);
}

#[test]
fn the_api_scripts_any_port_and_says_what_is_scripted() {
    let sandbox = sandbox();
    let call = |path: &str, body| {
        Request::post(path)
            .json(&body)
            .send(&sandbox, &sandbox.web_url())
    };
    let opened = call("/api/listeners", json!({ "security": "implicit" }));
    let port = u16::try_from(opened.json()["port"].as_u64().unwrap()).unwrap();
    Secure::implicit(&sandbox, port).expect("NOOP", "250");
    let script = json!({ "faults": [
        { "garbage": { "step": "ehlo_tls", "garbage": { "octets": "ÿ\r\n" } } },
        { "cut": { "flow": "server_tcp", "octets": 5000, "how": "rst" } },
        { "drop": { "step": "quit", "when": "before_reply" } },
        { "without": "OAUTHBEARER" },
        { "old_tls": { "version": "tls11", "answer": "hello" } },
    ]});
    let scripts = json!({ "scripts": [script], "then": { "faults": ["other_security"] } });
    assert_eq!(
        call(&format!("/api/listeners/{port}/script"), scripts.clone()).status,
        204
    );
    let listed = get(&sandbox, "/api/listeners").json();
    let mine = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["port"] == port)
        .unwrap();
    assert_eq!(mine["security"], "implicit");
    assert_eq!(mine["then"], scripts["then"]);
    assert_eq!(mine["scripts"][0]["faults"].as_array().unwrap().len(), 5);
    assert_eq!(call("/api/listeners/1/script", json!({})).status, 404);
    // A word nobody knows is not ignored.
    let unknown = json!({ "scripts": [{ "fault": [] }] });
    assert_eq!(
        call(&format!("/api/listeners/{port}/script"), unknown).status,
        422
    );
    assert!(
        listed.as_array().unwrap().len() >= 3,
        "the default ports are there too"
    );
}

#[test]
fn the_record_says_how_content_and_credentials_came() {
    let sandbox = sandbox();
    let port = sandbox
        .open_smtp(Vec::new(), Script::of([Fault::delay(Step::Quit, 1)]))
        .unwrap()
        .port();
    let mut smtp = Secure::at_recipient(&sandbox, port);
    smtp.send("BDAT 4\r\nab\r\nBDAT 0 LAST\r\n");
    assert_eq!(smtp.codes(2), ["250", "250"]);
    smtp.expect("QUIT", "221");
    let records = get(&sandbox, &format!("/api/connections?port={port}")).body;
    let [record]: [ConnectionRecord; 1] = serde_json::from_str::<Vec<_>>(&records)
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(record, sandbox.connections(port)[0]);
    assert_eq!(record.contents[0].form, ContentForm::Bdat { chunks: 2 });
    assert_eq!(record.auth.unwrap().mechanism, "XOAUTH2");
    assert_eq!(record.script, Script::of([Fault::delay(Step::Quit, 1)]));
    let id = record.messages[0];
    let page = get(&sandbox, &format!("/messages/{id}?view=details")).body;
    assert!(page.contains("by BDAT in 2 chunks"), "{page}");
}
