//! Everything that is read of what callers send, as functions of octets: whatever makes octets can call
//! them. What is read keeps its promises, and nothing panics.

#![allow(unreachable_pub, reason = "other harnesses call them")]

use edgepost::{
    api::{Body, Held, ScheduledAt, SendRequest},
    forms::parse_urlencoded,
    limits::{
        ADDRESS_OCTETS, ENDPOINT_CHARS, HEADER_TEXT_CHARS, SCHEDULE_AHEAD_MAX, TEXT_LINE_OCTETS,
    },
    mail::{BodyText, CustomHeader, EmailAddress, HeaderText, Mailbox, MessageId, Stamp, frame},
    oauth::{Issuer, Metadata, metadata_addresses},
    time::UnixMillis,
};
use serde_json::{Value, json};

use crate::choices::Choices;

const ADDRESS_WORDS: [&str; 24] = [
    "a", "b.c", "@", "x.test", "<", ">", "\"", "\\", " ", ",", ";", ":", "(", ")", "[", "]", "=?",
    "?=", "xn--", "ü", "\r\n", ".", "-", "\u{200b}",
];

/// Octets as words, and as they are where they are text.
fn both(octets: &[u8], words: &[&str], most: usize, check: impl Fn(&str)) {
    check(&Choices(octets).text(words, most));
    if let Ok(text) = std::str::from_utf8(octets) {
        check(text);
    }
}

/// An address never holds what could end a line or begin another address.
pub fn address(octets: &[u8]) {
    both(octets, &ADDRESS_WORDS, 12, |text| {
        let Ok(address) = text.parse::<EmailAddress>() else {
            return;
        };
        let text = address.as_str();
        assert!(text.is_ascii() && text.len() <= ADDRESS_OCTETS, "{text:?}");
        assert_eq!(text.matches('@').count(), 1, "{text:?}");
        let special = |c: char| c.is_control() || " <>\"\\,;:()[]".contains(c);
        assert!(!text.contains(special), "{text:?}");
        assert_eq!(text.parse::<EmailAddress>().unwrap(), address);
    });
}

/// An address with a name, written, is read as what it was.
pub fn mailbox(octets: &[u8]) {
    both(octets, &ADDRESS_WORDS, 12, |text| {
        if let Ok(mailbox) = text.parse::<Mailbox>() {
            let written = mailbox.to_string();
            assert!(!written.contains(char::is_control), "{text:?}");
            assert_eq!(written.parse::<Mailbox>().unwrap(), mailbox, "{text:?}");
        }
    });
}

const TIME_WORDS: [&str; 24] = [
    "2026", "-", "02", "29", "30", "T", " ", "23", "24", ":", "59", "60", ".", "5", "Z", "+", "00",
    "in", "1", "99999", "min", "hours", "days", "in 1 min",
];

/// A time that is understood is not past and at most a year ahead, or refused; written, it is the same.
pub fn time(octets: &[u8]) {
    let now = UnixMillis::new(1_700_000_000_000);
    let now_written = now.to_string();
    both(octets, &TIME_WORDS, 16, |text| {
        // A text that is nearly one: a good one with a piece of another in it.
        let cut = octets.first().map_or(0, |octet| usize::from(*octet) % 24);
        let nearly = format!("{}{text}{}", &now_written[..cut], &now_written[cut..]);
        for text in [text, &nearly] {
            let Ok(asked) = text.parse::<ScheduledAt>() else {
                continue;
            };
            if let Ok(Some(at)) = asked.resolve(now) {
                assert!(at > now && at.since(now) <= SCHEDULE_AHEAD_MAX, "{text:?}");
                assert_eq!(at.to_string().parse(), Ok(ScheduledAt::At(at)), "{text:?}");
                assert_eq!(at.to_rfc_5322().len(), 31, "{text:?}");
            }
        }
    });
}

const HEADER_WORDS: [&str; 14] = [
    "Bcc", ":", " ", "\r\n", "\n", "x", "=?", "?=", "utf-8", "?q?", "ü", "X-", "Content-", "\t",
];

/// A header never holds a line end.
pub fn header(octets: &[u8]) {
    both(octets, &HEADER_WORDS, 24, |text| {
        if let Ok(text) = HeaderText::try_from(text.to_owned()) {
            assert!(!text.as_str().contains(char::is_control));
            assert!(text.as_str().chars().count() <= HEADER_TEXT_CHARS);
        }
        let (name, value) = text.split_once(':').unwrap_or((text, "x"));
        if let Ok(header) = CustomHeader::new(name, value) {
            let name = header.name();
            let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            assert!(name.bytes().all(token), "{name:?}");
            assert!(!name.to_ascii_lowercase().starts_with("content-"));
        }
    });
}

const JSON_WORDS: [&str; 34] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"from\":",
    "\"to\":",
    "\"subject\":",
    "\"text\":",
    "\"html\":",
    "\"cc\":",
    "\"bcc\":",
    "\"reply_to\":",
    "\"headers\":",
    "\"attachments\":",
    "\"tags\":",
    "\"content\":",
    "\"filename\":",
    "\"name\":",
    "\"value\":",
    "\"a@x.test\"",
    "\"A <a@x.test>\"",
    "\"x\"",
    "null",
    "1",
    "-1",
    "1e999",
    "true",
    "\"aGk=\"",
    "[104,105]",
    "\"\\ud800\"",
    "\"\\r\\n\"",
    "\"content_id\":",
];

/// A request is read or refused, and what is read makes a sound message.
pub fn json(octets: &[u8]) {
    both(octets, &JSON_WORDS, 30, |text| {
        // Sound fields first, so that the ones behind them are reached.
        let sound = format!(
            r#"{{"from":"A <a@x.test>","to":["b@x.test"],"subject":"s","html":"<p>x</p>","tags":[],{text}}}"#
        );
        for text in [text, &sound] {
            let _ = message(text);
            // Another reader of JSON takes what ours takes, and nothing that is none.
            let read = Body::read(text.as_bytes(), &mut Held::default());
            assert!(
                read.is_err() || serde_json::from_str::<Value>(text).is_ok(),
                "{text}"
            );
        }
    });
}

/// The message that a request makes, if it makes one, after a look at what every message has to be.
fn message(request: &str) -> Option<Vec<u8>> {
    let mut files = Held::default();
    let body = Body::read(request.as_bytes(), &mut files).ok()?;
    let request = SendRequest::read(&body).ok()?.holding(files);
    let (_, draft) = request.into_parts("a@x.test".parse().unwrap(), "key");
    let stamp = Stamp {
        date: UnixMillis::new(1_700_000_000_000),
        message_id: MessageId::new(1, &draft.sender),
        boundary: 7,
    };
    let frame = frame(&draft, &stamp).ok()?;
    let whole: Vec<u8> = frame
        .read(&draft)
        .flat_map(|piece| piece.into_owned())
        .collect();
    assert_eq!(frame.length(&draft), u64::try_from(whole.len()).unwrap());
    let text = std::str::from_utf8(&whole).unwrap();
    assert!(text.is_ascii());
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "{line:?}");
        assert!(line.len() <= TEXT_LINE_OCTETS, "{line:?}");
    }
    Some(whole)
}

const FILE_WORDS: [&str; 20] = [
    "a",
    ".pdf",
    ".html",
    "/",
    "\\",
    "..",
    "\"",
    ";",
    "=",
    "*0*=",
    "utf-8''",
    "%0D",
    "\r\n",
    "\n--",
    "ü",
    "世",
    " ",
    "=?utf-8?q?",
    "?=",
    "\u{202e}",
];

const CONTENT_WORDS: [&str; 12] = [
    "a",
    ".",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "ÿ",
    "--",
    "=_",
    "\r\n--",
    "Content-Type: text/html\r\n\r\n",
    "=",
];

/// What is attached is what arrives, under whatever name and beside whatever text.
pub fn attachments(octets: &[u8]) {
    use base64::Engine as _;
    let mut choices = Choices(octets);
    let mut files = Vec::new();
    let mut attachments = Vec::new();
    for _ in 0..choices.below(4) {
        let content = choices.text(&CONTENT_WORDS, 20).into_bytes();
        let encoded = base64::engine::general_purpose::STANDARD.encode(&content);
        let mut file = json!({ "content": encoded, "filename": choices.text(&FILE_WORDS, 8) });
        match choices.below(4) {
            0 => file["content_type"] = json!("application/pdf"),
            1 => file["content_id"] = json!("logo"),
            2 => file["content_type"] = json!(choices.text(&FILE_WORDS, 4)),
            _ => {}
        }
        attachments.push(file);
        files.push(content);
    }
    let request = json!({
        "from": "a@x.test", "to": "b@x.test", "subject": choices.text(&HEADER_WORDS, 4),
        "text": choices.text(&CONTENT_WORDS, 12), "attachments": attachments,
    });
    let Some(whole) = message(&request.to_string()) else {
        return;
    };
    let read = mail_parser::MessageParser::default().parse(&whole).unwrap();
    let mut arrived: Vec<Vec<u8>> = read
        .attachments()
        .map(|part| part.contents().to_vec())
        .collect();
    // Those of the text stand first, whatever their place was.
    arrived.sort();
    files.sort();
    assert_eq!(arrived, files);
}

const HTML_WORDS: [&str; 26] = [
    "<",
    ">",
    "</",
    "<p>",
    "<br>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "&",
    ";",
    "&amp;",
    "&#0;",
    "&#x",
    "<img alt=\"",
    "\"",
    "'",
    "=",
    " ",
    "x",
    "<style>",
    "<a href=",
    "https://",
    "<li>",
    "<ul>",
    "<pre>",
];

/// Text is made from any HTML, and is not much longer.
pub fn html(octets: &[u8]) {
    both(octets, &HTML_WORDS, 60, |text| {
        if let Ok(html) = BodyText::try_from(text.to_owned()) {
            let made = BodyText::from_html(&html);
            assert!(!made.as_str().contains('\0'));
            assert!(made.as_str().len() <= html.as_str().len() * 4, "{html:?}");
        }
    });
}

const FORM_WORDS: [&str; 14] = [
    "a", "=", "&", "+", "%", "%0D%0A", "%00", "%C3%BC", "%FF", ";", "name", "email", "[]",
    "x@y.test",
];

/// A form is read or refused.
pub fn form(octets: &[u8]) {
    let words = Choices(octets).text(&FORM_WORDS, 40);
    for body in [words.as_bytes(), octets] {
        if let Ok(submission) = parse_urlencoded(body) {
            let sound = |value: &str| !value.contains(['\r', '\0']);
            assert!(submission.fields.iter().all(|field| sound(&field.value)));
        }
    }
}

const METADATA_WORDS: [&str; 26] = [
    "{",
    "}",
    ",",
    "[",
    "]",
    ":",
    "\"issuer\":\"https://x.test\",",
    "\"token_endpoint\":",
    "\"token_endpoint\":\"https://x.test/t\"",
    "\"authorization_endpoint\":",
    "\"revocation_endpoint\":",
    "\"code_challenge_methods_supported\":",
    "\"token_endpoint_auth_methods_supported\":",
    "\"https://",
    "\"http://",
    "x.test",
    "/",
    "a@",
    "#",
    "\"",
    "\\r\\n",
    "\\u0000",
    " ",
    "null",
    "[\"S256\"]",
    "[\"client_secret_basic\"]",
];

/// Metadata names addresses that a credential may go to, and an issuer is asked on its own host.
pub fn metadata(octets: &[u8]) {
    both(octets, &METADATA_WORDS, 12, |text| {
        let document = format!("{{\"issuer\":\"https://x.test\",{text}");
        for body in [text, &document] {
            let Ok(metadata) = Metadata::read("https://x.test", 200, body.as_bytes()) else {
                continue;
            };
            let others = [
                &metadata.authorization_endpoint,
                &metadata.revocation_endpoint,
            ];
            let all = others
                .into_iter()
                .flatten()
                .chain([&metadata.token_endpoint]);
            for endpoint in all {
                assert!(endpoint.starts_with("https://"), "{endpoint:?}");
                assert!(
                    endpoint.bytes().all(|b| b.is_ascii_graphic()),
                    "{endpoint:?}"
                );
                assert!(!endpoint.contains('#') && endpoint.len() <= ENDPOINT_CHARS);
            }
            let again = Metadata::of("https://x.test", &metadata.document("https://x.test"));
            assert_eq!(again.unwrap(), metadata);
        }
        if let Ok(issuer) = text.trim_matches('"').parse::<Issuer>() {
            let host = |address: &str| url_host(address).to_owned();
            for address in metadata_addresses(issuer.as_str()) {
                assert_eq!(host(&address), host(issuer.as_str()), "{text:?}");
            }
        }
    });
}

/// Host and port, as far as the first slash.
fn url_host(address: &str) -> &str {
    let rest = address.strip_prefix("https://").unwrap();
    rest.split('/').next().unwrap()
}
