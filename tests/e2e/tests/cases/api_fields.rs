//! What is no message, and fields that are wrong: refused in words, and nothing happens.

use edgepost_e2e::api::{FRIEND, assert_error, error_of};
use edgepost_e2e::letter;
use edgepost_e2e::{Case, Key, Site};
use serde_json::{Value, json};

/// Deeper than any parser goes that recurses.
const DEEP: usize = 100_000;

/// What no parser of JSON may take, each for another reason; after JSONTestSuite's `n_*`.
const NOT_JSON: &[&[u8]] = &[
    b"",
    b" ",
    b"\xef\xbb\xbf",
    b"\xef\xbb\xbf{}",
    b"\0",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{]",
    b"[}",
    b"[1 true]",
    b"[\"\": 1]",
    b"[\"\"],",
    b"[,1]",
    b"[1,,2]",
    b"[\"x\",,]",
    b"[\"x\"]]",
    b"[\"\",]",
    b"[3[4]]",
    b"[1:2]",
    b"[,]",
    b"[-]",
    b"[   , \"\"]",
    b"[\"a\",\n4\n,1,",
    b"[1,]",
    b"[*]",
    b"[\"\"",
    b"[1,\n1\n,1",
    b"[{}",
    b"[fals]",
    b"[nul]",
    b"[tru]",
    b"[123\0]",
    b"[++1234]",
    b"[+1]",
    b"[+Inf]",
    b"[-01]",
    b"[-1.0.]",
    b"[-2.]",
    b"[-NaN]",
    b"[.-1]",
    b"[.2e-3]",
    b"[0.1.2]",
    b"[0.3e+]",
    b"[0.3e]",
    b"[0.e1]",
    b"[0e]",
    b"[1.0e+]",
    b"[1.0e-]",
    b"[1 000.0]",
    b"[1eE2]",
    b"[2.e3]",
    b"[9.e+]",
    b"[Inf]",
    b"[NaN]",
    b"[\xef\xbc\x91]",
    b"[1+2]",
    b"[0x1]",
    b"[0x42]",
    b"[Infinity]",
    b"[-Infinity]",
    b"[-foo]",
    b"[- 1]",
    b"[-012]",
    b"[-.123]",
    b"[-1x]",
    b"[1ea]",
    b"[1e\xe5]",
    b"[1.]",
    b"[.123]",
    b"[1.2a-3]",
    b"[012]",
    b"[\"x\", truth]",
    b"{[: \"x\"}\n",
    b"{\"x\", null}",
    b"{\"x\"::\"b\"}",
    b"{\"a\":\"a\" 123}",
    b"{key: 'value'}",
    b"{\"\xb9\":\"0\",}",
    b"{\"a\" b}",
    b"{:\"b\"}",
    b"{\"a\" \"b\"}",
    b"{\"a\":",
    b"{\"a\"",
    b"{1:1}",
    b"{9999E9999:1}",
    b"{null:null,null:null}",
    b"{\"id\":0,,,,,}",
    b"{'a':0}",
    b"{\"id\":0,}",
    b"{\"a\":\"b\"}/**/",
    b"{\"a\":\"b\"}/",
    b"{\"a\":\"b\"}//",
    b"{\"a\":\"b\",,\"c\":\"d\"}",
    b"{a: \"b\"}",
    b"{\"a\":\"a",
    b"{ \"foo\" : \"bar\", \"a\" }",
    b"{\"a\":\"b\"}#",
    b"[\"\\uD800\\\"]",
    b"[\"\\uD800\\u\"]",
    b"[\"\\uD800\\u1\"]",
    b"[\"\\uD800\\u1x\"]",
    b"[\xc3\xa9]",
    b"[\"\\\0\"]",
    b"[\"\\x00\"]",
    b"[\"\\\\\\\"]",
    b"[\"\\\t\"]",
    b"[\"\\\xf0\x9f\x8c\x80\"]",
    b"[\"\\\"]",
    b"[\"\\u00A\"]",
    b"[\"\\uD834\\uDd\"]",
    b"[\"\\a\"]",
    b"[\"\\uqqqq\"]",
    b"[\"\\\xe5\"]",
    b"[\\u0020\"asd\"]",
    b"[\\n]",
    b"\"",
    b"['single quote']",
    b"abc",
    b"[\"\\",
    b"[\"a\0a\"]",
    b"[\"new\nline\"]",
    b"[\"\t\"]",
    b"\"\\UA66D\"",
    b"\"\"x",
    b"<.>",
    b"[<null>]",
    b"[1]x",
    b"[1]]",
    b"[\"asd]",
    b"a\xc3\xa5",
    b"[True]",
    b"1]",
    b"{\"x\": true,",
    b"[][]",
    b"[\xe2\x81\xa0]",
    b"\xe5",
    b"[\"asd\"",
    b"2@",
    b"{}}",
    b"{\"\":",
    b"[\"a\" \xff]",
    b"[1,2",
    b"\xe2\x81\xa0",
    b"[\x0c]",
    b"{\"from\": \"\xff\xfe@x.test\"}",
];

/// What is JSON, or may be taken for it, and is no message; after `i_*`, and A2.
const NO_MESSAGE: &[&[u8]] = &[
    b"null",
    b"[]",
    b"{}",
    b"\"x\"",
    b"5",
    b"true",
    b"[null]",
    b"[{}]",
    b"[123.456e-789]",
    b"[0.4e00669999999999]",
    b"[-1e+9999]",
    b"[1.5e+9999]",
    b"[100000000000000000000]",
    b"{\"\\uDFAA\":0}",
    b"[\"\\uDADA\"]",
    b"[\"\\uD888\\u1234\"]",
    b"[\"\xff\"]",
    b"[\"\xe0\xff\"]",
    b"[\"\xc0\xaf\"]",
    b"[\"\xed\xa0\x80\"]",
    b"[\"\xf4\xbf\xbf\xbf\"]",
    b"\xff\xfe[\0\"\0\xe9\0\"\0]\0",
];

pub fn cases() -> Vec<Case> {
    vec![
        Case::api("A1 what is no JSON is refused as such", not_json),
        Case::api("A2 A3 missing and mistaken fields are named", wrong_fields),
        Case::api("A4 the number of recipients has its limits", recipients),
        Case::api("A5 text that is none is refused", no_text),
        Case::api("A16 headers that are not the caller's are refused", headers),
    ]
}

fn not_json(site: &Site) {
    let deep = b"[".repeat(DEEP);
    let deep_objects = b"{\"\":".repeat(DEEP / 2);
    for body in NOT_JSON
        .iter()
        .copied()
        .chain([deep.as_slice(), &deep_objects])
    {
        let answer = site.post_text(Key::Full, body, &[]);
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let (name, message) = error_of(&answer);
        assert_eq!(
            (answer.status, name.as_str()),
            (400, "validation_error"),
            "{shown:?}: {message}"
        );
    }
    for body in NO_MESSAGE {
        let answer = site.post_text(Key::Full, body, &[]);
        let (name, message) = error_of(&answer);
        let refused = matches!(answer.status, 400 | 422);
        let named = matches!(name.as_str(), "validation_error" | "missing_required_field");
        let shown = String::from_utf8_lossy(body);
        assert!(
            refused && named,
            "{shown:?}: {} {name}: {message}",
            answer.status
        );
    }
    site.assert_nothing_happened();
}

fn wrong_fields(site: &Site) {
    for field in ["from", "to", "subject", "text"] {
        let answer = site.post_mail(&site.mail_with(field, Value::Null));
        let message = assert_error(&answer, 422, "missing_required_field");
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    let mistaken = [
        ("to", json!(5)),
        ("to", json!({})),
        ("to", json!([null])),
        ("to", json!(["nobody"])),
        ("cc", json!([[FRIEND]])),
        ("bcc", json!(true)),
        ("reply_to", json!({ "email": FRIEND })),
        ("from", json!([FRIEND])),
        ("subject", json!([])),
        ("subject", json!("")),
        ("text", json!(1)),
        ("html", json!(["<p>"])),
        ("headers", json!([])),
        ("headers", json!({ "X-A": 1 })),
        ("tags", json!({})),
        ("tags", json!([{ "name": "a b", "value": "c" }])),
        ("tags", json!([{ "name": "a" }])),
        ("attachments", json!({})),
    ];
    for (field, value) in mistaken {
        let answer = site.post_mail(&site.mail_with(field, value));
        let message = assert_error(&answer, 422, "validation_error");
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    for file in [
        json!(1),
        json!({}),
        json!({ "filename": "x" }),
        json!({ "content": "eA==", "filename": 1 }),
    ] {
        let answer = site.post_mail(&site.mail_with("attachments", json!([file])));
        let message = assert_error(&answer, 422, "invalid_attachment");
        assert!(message.contains("`attachments[0]`"), "{message}");
    }
    site.assert_nothing_happened();
}

fn recipients(site: &Site) {
    let many = |count: usize| -> Vec<String> {
        (0..count)
            .map(|n| format!("friend{n}@friend.test"))
            .collect()
    };
    for field in ["to", "cc", "bcc", "reply_to"] {
        let answer = site.post_mail(&site.mail_with(field, json!(many(51))));
        let message = assert_error(&answer, 422, "validation_error");
        assert!(
            message.contains(&format!("`{field}`")) && message.contains("50"),
            "{message}"
        );
    }
    let answer = site.post_mail(&site.mail_with("to", json!([])));
    assert_error(&answer, 422, "validation_error");
    site.assert_nothing_happened();

    let mut to = many(50);
    // The same one again, in other words: one RCPT.
    to[49] = format!("Again <{}>", to[0]);
    let mut mail = site.mail_with("to", json!(to));
    mail["bcc"] = json!(to[1]);
    site.until_sent(&site.send_mail(&mail));
    assert_eq!(site.only_mail().envelope.rcpt_to.len(), 49);
    for letter in letter::read(&site.mails()) {
        assert_eq!(letter.people("to").len(), 50, "{}", letter.parser);
    }
}

fn no_text(site: &Site) {
    let valid = site.mail_with("subject", json!("SUBJECT")).to_string();
    let (before, after) = valid.split_once("SUBJECT").expect("a subject");
    for subject in [
        &b"\xff"[..],
        b"\xc3",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\0",
        b"\n",
    ] {
        let body = [before.as_bytes(), subject, after.as_bytes()].concat();
        let answer = site.post_text(Key::Full, &body, &[]);
        assert_error(&answer, 400, "validation_error");
    }
    for field in ["subject", "text", "html"] {
        let answer = site.post_mail(&site.mail_with(field, json!("a\0b")));
        let message = assert_error(&answer, 422, "validation_error");
        assert!(message.contains(&format!("`{field}`")), "{message}");
    }
    site.assert_nothing_happened();
}

fn headers(site: &Site) {
    let long = "x".repeat(1_000);
    let not_the_callers = [
        "Bcc",
        "bcc",
        "From",
        "To",
        "CC",
        "Sender",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "DKIM-Signature",
        "Received",
        "Return-Path",
        "Resent-To",
        "Resent-Bcc",
        "ARC-Seal",
        "Authentication-Results",
        "X A:b",
        "X:A",
        "X A",
        "",
        " ",
        "X-Ü",
        "X\r\nBcc",
        &long,
    ];
    for name in not_the_callers {
        let answer = site.post_mail(&site.mail_with("headers", json!({ name: "v" })));
        let message = assert_error(&answer, 422, "validation_error");
        assert!(message.contains("`headers`"), "{message}");
    }
    let many: serde_json::Map<_, _> = (0..1_000).map(|n| (format!("X-{n}"), json!("v"))).collect();
    let answer = site.post_mail(&site.mail_with("headers", json!(many)));
    assert_error(&answer, 422, "validation_error");
    site.assert_nothing_happened();

    let references: Vec<_> = (0..20).map(|n| format!("<{n:032}@shop.test>")).collect();
    let references = references.join(" ");
    let given = [
        ("In-Reply-To", "<4711@shop.test>"),
        (
            "List-Unsubscribe",
            "<https://shop.test/u>, <mailto:u@shop.test>",
        ),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("References", &references),
        ("X-Entity-Ref-ID", "123"),
        ("X-Text", "Grüße: a, b; \"c\" <d> =?e 世界"),
    ];
    let map: serde_json::Map<_, _> = given
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    site.until_sent(&site.send_mail(&site.mail_with("headers", json!(map))));
    for letter in letter::read(&[site.only_mail()]) {
        for (name, value) in &given {
            let found = letter.header(&name.to_ascii_lowercase());
            assert_eq!(found.trim(), *value, "{}: {name}", letter.parser);
        }
    }
}
