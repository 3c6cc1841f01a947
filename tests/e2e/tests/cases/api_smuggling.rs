//! Text that would become a header, an address or a command, in every field there is.

use edgepost_e2e::api::{FRIEND, assert_error, error_of, id_of};
use edgepost_e2e::letter;
use edgepost_e2e::{Case, Site};
use serde_json::{Value, json};

/// What ends a line, to somebody; none of them may stand in a header.
const LINE_ENDS: [&str; 13] = [
    "\r\n", "\n", "\r", "\n\r", "\r\n\t", "\r\n ", "\0", "\u{b}", "\u{c}", "\u{7f}", "\u{85}",
    "\u{2028}", "\u{2029}",
];

/// What is no line end, and might become one in hands that decode or cut off: text like any other.
const LITERALS: [&str; 7] = [
    "%0d%0a",
    "%0A",
    "%E5%98%8A%E5%98%8D",
    "\u{560d}\u{560a}",
    "\u{10d}\u{10a}",
    "\\r\\n",
    "&#13;&#10;",
];

/// A field of a message, and how a text is put into it.
type Field = (&'static str, fn(&str) -> Value);

/// Every field that reaches a header.
const FIELDS: [Field; 16] = [
    ("subject", |text| json!(text)),
    ("from", |text| json!(format!("{text} <SENDER>"))),
    ("to", |text| json!(format!("{text} <{FRIEND}>"))),
    ("to", |text| {
        json!([FRIEND, format!("\"{text}\" <bob@friend.test>")])
    }),
    ("cc", |text| json!(format!("{text} <carol@friend.test>"))),
    ("bcc", |text| json!(format!("{text} <dan@friend.test>"))),
    ("reply_to", |text| {
        json!([format!("{text} <help@friend.test>")])
    }),
    ("headers", |text| json!({ "X-Ours": text })),
    (
        "headers",
        |text| json!({ "In-Reply-To": text, "X-Ours": "1" }),
    ),
    ("headers", |text| json!({ text: "1" })),
    ("tags", |text| json!([{ "name": text, "value": "1" }])),
    ("tags", |text| json!([{ "name": "a", "value": text }])),
    (
        "attachments",
        |text| json!([{ "filename": text, "content": "eA==" }]),
    ),
    (
        "attachments",
        |text| json!([{ "filename": "x", "content": "eA==", "content_type": text }]),
    ),
    ("attachments", |text| {
        let kind = format!("text/plain; name={text}");
        json!([{ "filename": "x", "content": "eA==", "content_type": kind }])
    }),
    (
        "attachments",
        |text| json!([{ "filename": "x", "content": "eA==", "content_id": text }]),
    ),
];

/// What no field may add to the header of [`full_mail`].
const HEADERS: [&str; 9] = [
    "cc",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "reply-to",
    "subject",
    "to",
];

pub fn cases() -> Vec<Case> {
    vec![
        Case::api("A6 no text in any field adds a header", no_header),
        Case::api("A7 A8 what is not one address is refused", no_address),
        Case::api("A7 a body is never run as commands", bodies_are_bodies),
    ]
}

/// A message with a header of every kind, so that all have the same.
fn full_mail(site: &Site) -> Value {
    let mut mail = site.plain_mail();
    mail["cc"] = json!("carol@friend.test");
    mail["reply_to"] = json!("help@friend.test");
    mail["headers"] = json!({ "X-Ours": "1" });
    mail["attachments"] = json!([{ "filename": "x", "content": "eA==" }]);
    mail
}

fn no_header(site: &Site) {
    let mut accepted = 0;
    for (field, put) in FIELDS {
        for end in LINE_ENDS.iter().chain(&LITERALS) {
            let text = format!("x{end}Bcc: evil@evil.test{end}X-Evil: 1");
            let mut mail = full_mail(site);
            let value = put(&text).to_string().replace("SENDER", &site.address);
            mail[field] = value.parse().expect("JSON");
            let answer = site.post_mail(&mail);
            if answer.status == 200 {
                assert!(LITERALS.contains(end), "{field} took {end:?}");
                accepted += 1;
            } else {
                let (name, _) = error_of(&answer);
                let kinds = ["validation_error", "invalid_attachment"];
                assert!(
                    answer.status == 422 && kinds.contains(&name.as_str()),
                    "{field}: {}",
                    answer.body
                );
            }
        }
    }
    // Subject, text and values hold any literal text; names only what is no address of its own.
    assert!(accepted >= 5 * LITERALS.len(), "{accepted} accepted");
    site.wait_until("delivered", || site.mails().len() >= accepted);
    let mails = site.mails();
    assert_eq!(mails.len(), accepted);
    for letter in letter::read(&mails) {
        let mut names = letter.header_names();
        // Those that were asked for.
        names.retain(|name| !matches!(*name, "x-ours" | "in-reply-to"));
        assert_eq!(names, HEADERS, "{}: {:#?}", letter.parser, letter.headers);
        assert_eq!(
            letter.people("from")[0].1,
            site.address,
            "{}",
            letter.parser
        );
        let to: Vec<_> = letter
            .people("to")
            .into_iter()
            .map(|(_, address)| address)
            .collect();
        assert!(
            to == [FRIEND] || to == [FRIEND, "bob@friend.test"],
            "{}: {to:?}",
            letter.parser
        );
        for (field, address) in [
            ("cc", "carol@friend.test"),
            ("reply-to", "help@friend.test"),
        ] {
            let people = letter.people(field);
            assert!(
                people.len() == 1 && people[0].1 == address,
                "{}: {people:?}",
                letter.parser
            );
        }
    }
}

fn no_address(site: &Site) {
    let long_local = format!("{}@friend.test", "x".repeat(65));
    let long_domain = format!("x@{}.test", ["x"; 128].join("."));
    let groups = "g0: ".repeat(10_000);
    let (ats, quotes) = ("@".repeat(100_000), "\"\\(".repeat(30_000));
    let addresses = [
        "a@friend.test>\r\nRCPT TO:<evil@evil.test>",
        "\"a\r\nb\"@friend.test",
        "<a@friend.test> SIZE=1",
        "a@friend.test SIZE=1",
        "a@friend.test>, <evil@evil.test",
        "a@friend.test, evil@evil.test",
        "a@friend.test; evil@evil.test",
        "-oQ/tmp@friend.test",
        "a@friend.test\0",
        "a@friend.test\u{200b}",
        "a＠friend.test",
        "a@xn--aaa-.friend.test",
        "ü@friend.test",
        "a b@friend.test",
        ".a@friend.test",
        "a..b@friend.test",
        "a@friend..test",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@-friend.test",
        "@friend.test",
        "a@",
        "a",
        "",
        " ",
        "<>",
        "a@@friend.test",
        "a@evil.test@friend.test",
        "@evil.test:a@friend.test",
        "evil.test!a@friend.test (evil@evil.test)",
        "\"xclow3n@gmail.com x\"@internal.domain",
        "\"a@evil.test\"@friend.test",
        "=?utf-8?q?=61=40evil.test=3e=00?=@friend.test",
        "alice@friend.test(comment)@evil.test",
        "(comment)alice@friend.test",
        "group: a@friend.test;",
        "A <a@friend.test> <evil@evil.test>",
        "A <evil@evil.test> <a@friend.test>",
        "=?utf-8?q?A=3Cevil=40evil=2Etest=3E?= <a@friend.test>",
        &long_local,
        &long_domain,
        &groups,
        &ats,
        &quotes,
    ];
    for address in addresses {
        for field in ["to", "bcc"] {
            let answer = site.post_mail(&site.mail_with(field, json!([address])));
            let message = assert_error(&answer, 422, "validation_error");
            assert!(message.contains(&format!("`{field}`")), "{message}");
            assert!(!message.contains("evil"), "{message}");
        }
    }
    for field in ["cc", "reply_to", "from"] {
        let answer = site
            .post_mail(&site.mail_with(field, json!("a@friend.test>\r\nRCPT TO:<evil@evil.test>")));
        assert_error(&answer, 422, "validation_error");
    }
    site.assert_nothing_happened();

    // What looks strange and is an address goes through, and nothing else does.
    let strange = [
        "o'brien+tag@friend.test",
        "!#$%&'*+/=?^_`{|}~-@friend.test",
        "x@xn--bcher-kva.friend.test",
        "A@FRIEND.test",
    ];
    let id = site.send_mail(&site.mail_with("to", json!(strange)));
    site.until_sent(&id);
    let said = site.paths_said();
    assert!(
        said[0].starts_with(&format!("MAIL FROM:<{}>", site.address)),
        "{said:?}"
    );
    let expected =
        strange.map(|address| format!("RCPT TO:<{}>", address.replace("FRIEND", "friend")));
    assert_eq!(said[1..], expected);
}

fn bodies_are_bodies(site: &Site) {
    let ends = ["\r\n.\r\n", "\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r"];
    let commands = "MAIL FROM:<evil@evil.test>\r\nRCPT TO:<evil@evil.test>\r\nDATA\r\nevil";
    let mut mails = 0;
    for end in ends {
        let text = format!("canary-of-the-body{end}{commands}{end}QUIT\r\n");
        for field in ["text", "html", "attachments"] {
            // A message in a message is the one attachment that is not encoded.
            let value = if field == "attachments" {
                let octets = text.as_bytes();
                json!([{ "filename": "x.eml", "content_type": "message/rfc822", "content": octets }])
            } else {
                json!(text)
            };
            let id = id_of(&site.post_mail(&site.mail_with(field, value)));
            site.until_sent(&id);
            mails += 1;
        }
    }
    // `assert_good_conduct` has looked for `evil` among the commands when this case ends.
    assert_eq!(site.mails().len(), mails);
    let said = site.paths_said();
    assert_eq!(said.len(), 2 * mails, "{said:?}");
    assert!(
        site.mails()
            .iter()
            .all(|mail| mail.envelope.rcpt_to.len() == 1)
    );
}
