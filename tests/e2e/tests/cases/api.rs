//! The API, from the request to the inbox.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgepost_e2e::api::{EMAILS, FRIEND, assert_error, id_of};
use edgepost_e2e::letter::{self, Letter};
use edgepost_e2e::site::BODY_CANARY;
use edgepost_e2e::{Case, Key, Setup, Site};
use edgepost_sandbox::{Fault, Step};
use serde_json::{Value, json};

/// Octets that are no text and hold every value: base64 and nothing else brings them through.
fn every_octet() -> Vec<u8> {
    (0..=255).collect()
}

/// The start of a PDF; what it is must not be guessed from it.
const PDF: &[u8] = b"%PDF-1.7\r\n%\xe2\xe3\xcf\xd3\r\n.\r\n\0trailer";

const SUBJECT: &str =
    "Ihre Rechnung für März 🧾 — 請求書, und dazu ein Betreff, der länger ist als eine Zeile";
const PDF_NAME: &str = "📎 Rechnung für März; \"neu\".pdf";
const HTML: &str = "<p>Grüße, 世界!</p><img src=\"cid:logo@shop.test\">canary-of-the-body";
const TEXT: &str = "Grüße, 世界!\ncanary-of-the-body";

/// How long the provider takes in the case that looks at a message under way.
const SLOW_MS: u64 = 4_000;

/// The largest request, as the documents name it.
const JSON_BODY_OCTETS: usize = 64 * 1024 * 1024;

/// An attachment in a request that is read in one piece.
const IN_ONE_PIECE: usize = 190_000;

/// An attachment in a request that is kept as it comes.
const LARGE: usize = 2_500_000;

pub fn cases() -> Vec<Case> {
    vec![
        Case::api(
            "A17 everything at once arrives as it was asked for, and blind copies in no header",
            everything_at_once,
        ),
        Case::api(
            "api: text is made from HTML, unless it shall not be",
            text_from_html,
        ),
        Case::api(
            "A14 attachments in every form arrive the same",
            forms_of_content,
        ),
        Case::api(
            "api: large attachments arrive, what is too large is refused",
            large,
        ),
        Case::api("api: an alias sends where key and mailbox have it", aliases),
        Case::api(
            "D17 unknown is ignored and named, unsupported is refused",
            unknown_fields,
        ),
        Case::with(
            "api: the sender reads what becomes of its message",
            Setup {
                then: edgepost_sandbox::Script::of([Fault::delay(Step::Content, SLOW_MS)]),
                ..Setup::api()
            },
            what_becomes_of_it,
        ),
    ]
}

fn everything(site: &Site) -> Value {
    json!({
        "from": format!("Zoë’s Shop <{}>", site.address),
        "to": [FRIEND, "\"Müller, Jürgen\" <j.mueller@bücher.friend.test>"],
        "cc": "Carol <carol@friend.test>",
        "bcc": ["secret@friend.test", "Hidden <hidden@friend.test>"],
        "reply_to": ["help@friend.test", "Büro <office@friend.test>"],
        "subject": SUBJECT,
        "html": HTML,
        "text": TEXT,
        "headers": { "X-Entity-Ref-ID": "4711", "List-Unsubscribe": "<https://shop.test/u?x=1>" },
        "attachments": [
            { "filename": "logo.png", "content": STANDARD.encode(every_octet()),
              "content_id": "logo@shop.test", "content_type": "image/png" },
            { "filename": PDF_NAME, "content": STANDARD.encode(PDF) },
        ],
        "tags": [{ "name": "category", "value": "invoice" }],
    })
}

fn everything_at_once(site: &Site) {
    let mail = everything(site);
    let id = site.send_mail(&mail);
    let story = site.until_sent(&id);
    let delivered = site.only_mail();
    for letter in letter::read(std::slice::from_ref(&delivered)) {
        as_asked(&letter, site);
        assert_eq!(letter.header("message-id"), story.text("/message_id"));
    }
    let rcpt = |address: &str| format!("RCPT TO:<{address}>");
    let mut said = site.paths_said().into_iter();
    let first = said.next().expect("MAIL");
    assert!(
        first.starts_with(&format!("MAIL FROM:<{}>", site.address)),
        "{first}"
    );
    let recipients = [
        FRIEND,
        "j.mueller@xn--bcher-kva.friend.test",
        "carol@friend.test",
        "secret@friend.test",
        "hidden@friend.test",
    ];
    assert_eq!(said.collect::<Vec<_>>(), recipients.map(rcpt));
    for hidden in ["secret@", "hidden@", "Hidden", "invoice"] {
        assert!(
            !String::from_utf8_lossy(&delivered.raw).contains(hidden),
            "{hidden} is in the message"
        );
    }
}

fn as_asked(letter: &Letter, site: &Site) {
    let parser = letter.parser;
    assert_eq!(
        letter.header_names(),
        [
            "cc",
            "content-type",
            "date",
            "from",
            "list-unsubscribe",
            "message-id",
            "mime-version",
            "reply-to",
            "subject",
            "to",
            "x-entity-ref-id",
        ],
        "{parser}"
    );
    assert_eq!(letter.header("subject").trim(), SUBJECT, "{parser}");
    assert_eq!(letter.header("x-entity-ref-id").trim(), "4711", "{parser}");
    let unsubscribe = letter.header("list-unsubscribe");
    assert_eq!(unsubscribe.trim(), "<https://shop.test/u?x=1>", "{parser}");
    let people = [
        ("from", vec![("Zoë’s Shop", site.address.as_str())]),
        (
            "to",
            vec![
                ("", FRIEND),
                ("Müller, Jürgen", "j.mueller@xn--bcher-kva.friend.test"),
            ],
        ),
        ("cc", vec![("Carol", "carol@friend.test")]),
        (
            "reply-to",
            vec![("", "help@friend.test"), ("Büro", "office@friend.test")],
        ),
    ];
    for (field, expected) in people {
        assert_eq!(letter.people(field), expected, "{parser}: {field}");
    }
    assert_eq!(
        letter.body.outline(),
        "multipart/mixed(multipart/alternative(text/plain, multipart/related(text/html, \
         image/png)), application/pdf)",
        "{parser}"
    );
    assert_eq!(letter.text_of("text/plain"), TEXT, "{parser}");
    assert_eq!(letter.text_of("text/html"), HTML, "{parser}");
    let [logo, pdf] = letter.body.files()[..] else {
        panic!("{parser}: {:#?}", letter.body)
    };
    assert_eq!(logo.disposition.as_deref(), Some("inline"), "{parser}");
    assert_eq!(
        logo.content_id.as_deref(),
        Some("logo@shop.test"),
        "{parser}"
    );
    assert_eq!(logo.filename.as_deref(), Some("logo.png"), "{parser}");
    assert_eq!(logo.octets, every_octet(), "{parser}");
    assert_eq!(pdf.disposition.as_deref(), Some("attachment"), "{parser}");
    assert_eq!(
        (&pdf.content_id, pdf.filename.as_deref()),
        (&None, Some(PDF_NAME)),
        "{parser}"
    );
    assert_eq!(pdf.octets, PDF, "{parser}");
}

fn text_from_html(site: &Site) {
    let html =
        format!("<h1>Grüße</h1><p>{BODY_CANARY} &amp; <a href=\"https://x.test/\">mehr</a></p>");
    let mut mail = site.plain_mail();
    mail["html"] = json!(html);
    let expected = [
        (Value::Null, "multipart/alternative(text/plain, text/html)"),
        (json!(""), "text/html"),
    ];
    for (number, (text, outline)) in expected.into_iter().enumerate() {
        mail["text"] = text;
        let id = site.send_mail(&mail);
        site.until_sent(&id);
        for letter in letter::read(&site.mails()[number..]) {
            assert_eq!(letter.body.outline(), outline, "{}", letter.parser);
            assert_eq!(letter.text_of("text/html"), html, "{}", letter.parser);
            if outline != "text/html" {
                let text = letter.text_of("text/plain").replace('\r', "");
                let expected = format!("Grüße\n\n{BODY_CANARY} & mehr <https://x.test/>");
                assert_eq!(text.trim_end(), expected, "{}", letter.parser);
            }
        }
        // What was given is what is read back, not what was made of it.
        let email = site.email(Key::Full, &id).json().expect("JSON");
        assert_eq!(
            (&email["html"], &email["text"]),
            (&mail["html"], &mail["text"])
        );
    }
}

fn forms_of_content(site: &Site) {
    let octets = every_octet();
    let base64 = STANDARD.encode(&octets);
    let folded: Vec<_> = base64
        .as_bytes()
        .chunks(76)
        .map(String::from_utf8_lossy)
        .collect();
    let url_safe = base64.replace('+', "-").replace('/', "_").replace('=', "");
    let contents = [
        json!(base64),
        json!(folded.join("\r\n")),
        json!(url_safe),
        json!(octets),
        json!({ "type": "Buffer", "data": octets }),
    ];
    let files: Vec<_> = contents
        .iter()
        .map(|content| json!({ "filename": "x.bin", "content": content }))
        .collect();
    let id = site.send_mail(&site.mail_with("attachments", json!(files)));
    site.until_sent(&id);
    for letter in letter::read(&[site.only_mail()]) {
        let files = letter.body.files();
        assert_eq!(files.len(), contents.len(), "{}", letter.parser);
        assert!(
            files.iter().all(|file| file.octets == octets),
            "{}",
            letter.parser
        );
    }
    for bad in [
        json!("not base64!"),
        json!([256]),
        json!({ "type": "Buffer" }),
        json!(5),
    ] {
        let file = json!([{ "filename": "x.bin", "content": bad }]);
        let answer = site.post_mail(&site.mail_with("attachments", file));
        assert_error(&answer, 422, "invalid_attachment");
    }
    assert_eq!(site.mails().len(), 1);
}

fn large(site: &Site) {
    let file = |length: usize| -> Vec<u8> { (0..length).map(|n| (n * 7 % 251) as u8).collect() };
    let attached = |length: usize| {
        let content = STANDARD.encode(file(length));
        let file = json!([{ "filename": "large.bin", "content": content }]);
        site.mail_with("attachments", file)
    };
    // Read in one piece; kept as it comes; and the same without saying how long it is.
    let mut ids = vec![
        site.send_mail(&attached(IN_ONE_PIECE)),
        site.send_mail(&attached(LARGE)),
    ];
    let text = attached(LARGE).to_string();
    let chunk = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
    let authorization = format!("Authorization: {}", site.bearer(Key::Full));
    let headers = [authorization.as_str(), "Transfer-Encoding: chunked"];
    let answer = site
        .world
        .raw("POST /emails HTTP/1.1", &headers, chunk.as_bytes());
    ids.push(id_of(&answer));
    for id in &ids {
        site.until_sent(id);
    }
    let mails = site.mails();
    assert_eq!(mails.len(), 3);
    let mut lengths: Vec<usize> = Vec::new();
    for letter in letter::read(&mails) {
        let octets = &letter.body.files()[0].octets;
        assert!(*octets == file(octets.len()), "{}", letter.parser);
        lengths.push(octets.len());
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, [IN_ONE_PIECE, LARGE]);
    let length = format!("Content-Length: {}", JSON_BODY_OCTETS + 1);
    let headers = [authorization.as_str(), length.as_str()];
    let answer = site.world.raw("POST /emails HTTP/1.1", &headers, b"{");
    let message = assert_error(&answer, 413, "validation_error");
    assert!(message.contains("JSON_BODY_OCTETS"), "{message}");
    let mut text = site.plain_mail();
    text["html"] = json!("<p>x</p>".repeat(100_000));
    let message = assert_error(&site.post_mail(&text), 413, "validation_error");
    assert!(message.contains("MESSAGE_TEXT_OCTETS"), "{message}");
    assert_eq!(site.mails().len(), 3);
}

fn aliases(site: &Site) {
    let (alias, closed) = (&site.keys().alias, &site.keys().closed_alias);
    let id = site.send_mail(&site.mail_with("from", json!(format!("Info <{alias}>"))));
    site.until_sent(&id);
    for letter in letter::read(&[site.only_mail()]) {
        assert_eq!(
            letter.people("from"),
            [("Info", alias.as_str())],
            "{}",
            letter.parser
        );
    }
    // The mailbox is who sends, whatever the letter says: `assert_good_conduct` looks at that too.
    assert!(site.paths_said()[0].contains(&format!("<{}>", site.address)));
    for (key, from) in [
        (Key::Full, closed),
        (Key::Other, alias),
        (Key::Sending, alias),
    ] {
        let answer = site.post_as(key, &site.mail_with("from", json!(from)), &[]);
        assert_error(&answer, 403, "validation_error");
    }
    assert_eq!(site.mails().len(), 1);
}

fn unknown_fields(site: &Site) {
    let mut mail = site.plain_mail();
    mail["colour"] = json!("blue");
    mail["grüße"] = json!(1);
    let answer = site.post_mail(&mail);
    assert_eq!(
        answer.header("edgepost-ignored"),
        Some("colour, gr??e"),
        "{answer:?}"
    );
    site.until_sent(&id_of(&answer));
    for field in ["template", "topic_id"] {
        let answer = site.post_mail(&site.mail_with(field, json!("in 1 min")));
        let message = assert_error(&answer, 422, "validation_error");
        assert!(message.contains(field), "{message}");
        // Clients send `null` for what was not set.
        assert_eq!(
            site.post_mail(&site.mail_with(field, Value::Null)).status,
            200
        );
    }
    let file = json!([{ "filename": "x", "path": "http://127.0.0.1:9/x" }]);
    let answer = site.post_mail(&site.mail_with("attachments", file));
    let message = assert_error(&answer, 422, "invalid_attachment");
    assert!(message.contains("path"), "{message}");
    site.wait_until("delivered", || site.mails().len() >= 3);
    assert_eq!(site.mails().len(), 3);
}

fn what_becomes_of_it(site: &Site) {
    let mail = everything(site);
    let id = site.send_mail(&mail);
    let answer = site.email(Key::Full, &id);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let email = answer.json().expect("JSON");
    assert_eq!(email["last_event"], "queued", "{email}");
    assert_eq!(
        (&email["object"], &email["id"]),
        (&json!("email"), &json!(id))
    );
    for field in ["from", "subject", "html", "text", "tags"] {
        assert_eq!(email[field], mail[field], "{field}");
    }
    assert_eq!(email["cc"], json!(["Carol <carol@friend.test>"]));
    assert_eq!(
        email["bcc"],
        json!(["secret@friend.test", "Hidden <hidden@friend.test>"])
    );
    assert_eq!(email["scheduled_at"], Value::Null);
    site.until_sent(&id);
    let email = site.email(Key::Full, &id).json().expect("JSON");
    assert_eq!(email["last_event"], "sent", "{email}");

    let answer = site.email(Key::Sending, &id);
    assert_error(&answer, 401, "restricted_api_key");
    let theirs = site.email(Key::Other, &id);
    assert_error(&theirs, 404, "not_found");
    let path = format!("{EMAILS}/{id}");
    assert_error(&site.world.get(&path, &[]), 401, "missing_api_key");
    // One that was never given out looks like somebody else's.
    let nobodys = format!("{}0000{}", &id[..24], &id[28..]);
    assert_ne!(nobodys, id);
    assert_eq!(site.email(Key::Full, &nobodys).body, theirs.body);
    // Of a mailbox that there is not.
    let foreign = site.email(Key::Full, "019ab1c2-8000-8000-8000-000000000000");
    assert_eq!(foreign.body, theirs.body);
    assert_error(&site.email(Key::Full, "no-id"), 422, "validation_error");
}
