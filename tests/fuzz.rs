//! Random input, on stable and without tools: nothing panics, and what is accepted keeps its
//! promises.
//!
//! Each target runs for [`SECONDS`] unless `FUZZ_SECONDS` says otherwise, from the seed in `FUZZ_SEED` or
//! one of its own, which a failure prints so that it can be run again.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic, and this one keeps time"
)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use edgepost::{
    api::SendRequest,
    forms::parse_urlencoded,
    limits::{ADDRESS_OCTETS, HEADER_TEXT_CHARS},
    mail::{BodyText, CustomHeader, EmailAddress, HeaderText, Mailbox, MessageId, Stamp, frame},
    outcome::Outcome,
    secret::AccessToken,
    smtp::{
        ClientName, DotStuffer, Input, Output, Piece, ReplyParser, Session, SessionConfig,
        Transaction,
    },
    time::UnixMillis,
};

/// How long each target runs by default.
const SECONDS: u64 = 2;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// A text of words from `alphabet`, with now and then a character of any kind: random octets
    /// alone never get past the first check.
    fn text(&mut self, alphabet: &[&str], most: usize) -> String {
        let mut text = String::new();
        for _ in 0..self.below(most + 1) {
            if self.below(12) == 0 {
                let code = u32::try_from(self.next() % 0x11_0000).unwrap();
                text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            } else {
                text.push_str(alphabet[self.below(alphabet.len())]);
            }
        }
        text
    }
}

fn fuzz(name: &str, mut target: impl FnMut(&mut Random)) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(SECONDS));
    let mut seed = number("FUZZ_SEED").unwrap_or(u64::from(std::process::id()) << 32);
    let mut runs = 0_u64;
    while Instant::now() < end {
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&mut Random(seed))));
        assert!(outcome.is_ok(), "{name} failed with FUZZ_SEED={seed}");
        seed = seed.wrapping_add(1);
        runs += 1;
    }
    eprintln!("{name}: {runs} runs");
    assert!(runs > 100, "{name} ran {runs} times only");
}

const ADDRESS_WORDS: [&str; 24] = [
    "a", "b.c", "@", "x.test", "<", ">", "\"", "\\", " ", ",", ";", ":", "(", ")", "[", "]", "=?",
    "?=", "xn--", "ü", "\r\n", ".", "-", "\u{200b}",
];

#[test]
fn addresses_never_hold_what_could_end_a_line_or_begin_another_address() {
    fuzz("addresses", |random| {
        let text = random.text(&ADDRESS_WORDS, 12);
        if let Ok(address) = text.parse::<EmailAddress>() {
            let text = address.as_str();
            assert!(text.is_ascii() && text.len() <= ADDRESS_OCTETS, "{text:?}");
            assert_eq!(text.matches('@').count(), 1, "{text:?}");
            assert!(
                !text.contains(|c: char| c.is_control() || " <>\"\\,;:()[]".contains(c)),
                "{text:?}"
            );
            assert_eq!(text.parse::<EmailAddress>().unwrap(), address);
        }
        if let Ok(mailbox) = text.parse::<Mailbox>() {
            assert_eq!(
                mailbox.to_string().parse::<Mailbox>().unwrap(),
                mailbox,
                "{text:?}"
            );
        }
    });
}

const HEADER_WORDS: [&str; 14] = [
    "Bcc", ":", " ", "\r\n", "\n", "x", "=?", "?=", "utf-8", "?q?", "ü", "X-", "Content-", "\t",
];

#[test]
fn headers_never_hold_a_line_end() {
    fuzz("headers", |random| {
        let (name, value) = (
            random.text(&HEADER_WORDS, 4),
            random.text(&HEADER_WORDS, 20),
        );
        if let Ok(text) = HeaderText::try_from(value.clone()) {
            assert!(!text.as_str().contains(char::is_control));
            assert!(text.as_str().chars().count() <= HEADER_TEXT_CHARS);
        }
        if let Ok(header) = CustomHeader::new(&name, &value) {
            assert!(
                header
                    .name()
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            );
            assert!(!header.name().to_ascii_lowercase().starts_with("content-"));
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

#[test]
fn a_request_is_read_or_refused_and_what_is_read_makes_a_sound_message() {
    fuzz("requests", |random| {
        // Sound fields first, so that the random ones behind them are reached.
        let rest = random.text(&JSON_WORDS, 16);
        let text = format!(
            r#"{{"from":"A <a@x.test>","to":["b@x.test"],"subject":"s","html":"<p>x</p>","tags":[],{rest}}}"#
        );
        for text in [text, random.text(&JSON_WORDS, 30)] {
            let Ok(value) = serde_json::from_str(&text) else {
                continue;
            };
            let Ok(request) = SendRequest::read(&value) else {
                continue;
            };
            let (_, draft) = request.into_parts("a@x.test".parse().unwrap(), "key");
            let stamp = Stamp {
                date: UnixMillis::new(random.next() % 4_000_000_000_000),
                message_id: MessageId::new(1, &draft.sender),
                boundary: u128::from(random.next()),
            };
            let Ok(frame) = frame(&draft, &stamp) else {
                continue;
            };
            let whole: Vec<u8> = frame
                .read(&draft)
                .flat_map(|piece| piece.into_owned())
                .collect();
            assert_eq!(frame.length(&draft), u64::try_from(whole.len()).unwrap());
            assert!(whole.is_ascii());
            assert!(
                !String::from_utf8(whole)
                    .unwrap()
                    .replace("\r\n", "")
                    .contains(['\r', '\n'])
            );
        }
    });
}

const HTML_WORDS: [&str; 22] = [
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
    "<img src=\"",
    "\"",
    "'",
    "=",
    " ",
    "x",
    "<style>",
    "<a href=",
];

#[test]
fn text_is_made_from_any_html() {
    fuzz("html", |random| {
        if let Ok(html) = BodyText::try_from(random.text(&HTML_WORDS, 60)) {
            assert!(!BodyText::from_html(&html).as_str().contains('\0'));
        }
    });
}

const FORM_WORDS: [&str; 14] = [
    "a", "=", "&", "+", "%", "%0D%0A", "%00", "%C3%BC", "%FF", ";", "name", "email", "[]",
    "x@y.test",
];

#[test]
fn a_form_is_read_or_refused() {
    fuzz("forms", |random| {
        if let Ok(submission) = parse_urlencoded(random.text(&FORM_WORDS, 40).as_bytes()) {
            assert!(
                submission
                    .fields
                    .iter()
                    .all(|field| !field.value.contains(['\r', '\0']))
            );
        }
    });
}

const REPLY_WORDS: [&str; 26] = [
    "220",
    "250",
    "235",
    "334",
    "354",
    "421",
    "450",
    "535",
    "550",
    "-",
    " ",
    "\r\n",
    "\n",
    "\r",
    "STARTTLS",
    "AUTH XOAUTH2",
    "SIZE 1000",
    "x",
    "5.7.1",
    "5.1.8",
    "250 ok\r\n",
    "220 go\r\n",
    "250-mx\r\n250 STARTTLS\r\n",
    "250-mx\r\n250 AUTH XOAUTH2\r\n",
    "235 ok\r\n",
    "354 go\r\n",
];

#[test]
fn replies_split_anywhere_are_the_same_replies() {
    fuzz("replies", |random| {
        let octets = random.text(&REPLY_WORDS, 20).into_bytes();
        let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut parser = ReplyParser::default();
            let mut replies = Vec::new();
            for piece in pieces {
                parser.push(piece);
                loop {
                    match parser.next_reply() {
                        Ok(Some(reply)) => replies.push(reply),
                        Ok(None) => break,
                        Err(error) => return (replies, Some(error)),
                    }
                }
            }
            (replies, None)
        };
        let whole = read(&mut std::iter::once(octets.as_slice()));
        let one_by_one = read(&mut octets.chunks(1));
        assert_eq!(whole, one_by_one);
    });
}

/// Whatever a server says, however it is split: no panic, no word of AUTH before TLS, no content
/// before 354, and it comes to an end.
#[test]
fn a_session_survives_any_server() {
    fuzz("sessions", |random| {
        let user: EmailAddress = "a@shop.test".parse().unwrap();
        let mut now = UnixMillis::new(0);
        let chars = if random.below(2) == 0 { 20 } else { 2000 };
        let config = SessionConfig {
            client_name: ClientName::of(&user),
            user: user.clone(),
            token: AccessToken::new(&"t".repeat(chars)).unwrap(),
        };
        let mut session = Session::new(config, now);
        let (mut tls, mut said_354, mut begun) = (false, false, false);
        let mut concluded: Option<Vec<Outcome>> = None;
        for _ in 0..400 {
            match session.poll_output() {
                Output::Transmit(octets) => {
                    let text = String::from_utf8_lossy(&octets).into_owned();
                    assert!(
                        tls || text.starts_with("EHLO ") || text == "STARTTLS\r\n",
                        "{text}"
                    );
                    assert!(!text.contains("canary") || said_354, "content before 354");
                }
                Output::UpgradeTls(_drained) => {
                    let works = random.below(8) != 0;
                    tls = works;
                    session.handle_input(
                        if works {
                            Input::TlsEstablished
                        } else {
                            Input::Closed
                        },
                        now,
                    );
                }
                Output::NeedInput { deadline } => match random.below(20) {
                    0 => session.handle_input(Input::Closed, now),
                    1 => {
                        now = deadline;
                        session.handle_input(Input::Timeout, now);
                    }
                    _ => {
                        let text = random.text(&REPLY_WORDS, 3);
                        said_354 |= text.contains("354");
                        session.handle_input(Input::Received(text.as_bytes()), now);
                    }
                },
                Output::Ready if !begun => {
                    begun = true;
                    let envelope = edgepost::mail::Envelope {
                        reverse_path: user.clone(),
                        forward_paths: vec![
                            "b@x.test".parse().unwrap(),
                            "c@x.test".parse().unwrap(),
                        ],
                    };
                    let by = now.after(Duration::from_secs(270));
                    session.begin(Transaction { envelope, size: 6 }, by, now);
                }
                Output::Ready => session.quit(now),
                Output::NeedContent => match random.below(3) {
                    0 => session.content(Piece::End, now),
                    _ => session.content(Piece::More(b"canary"), now),
                },
                Output::Concluded(outcomes) => {
                    assert!(begun && concluded.is_none());
                    assert_eq!(outcomes.len(), 2);
                    concluded = Some(outcomes);
                }
                Output::Done(_) => {
                    assert_eq!(begun, concluded.is_some(), "a transaction without an end");
                    return;
                }
            }
        }
        panic!("the session does not end");
    });
}

#[test]
fn stuffed_content_is_one_message_with_the_same_lines() {
    const WORDS: [&str; 8] = [
        ".",
        "\r\n",
        "\r",
        "\n",
        "x",
        "..",
        "MAIL FROM:<e@x.test>",
        "\r\n.\r\n",
    ];
    fuzz("dots", |random| {
        let content = random.text(&WORDS, 30).into_bytes();
        let mut stuffer = DotStuffer::default();
        let mut wire = Vec::new();
        let mut rest = content.as_slice();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(random.below(rest.len()) + 1);
            wire.extend(stuffer.stuff(head));
            rest = tail;
        }
        wire.extend_from_slice(stuffer.end());
        let text = String::from_utf8(wire).unwrap();
        let lines: Vec<_> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
        let (end, lines) = lines.split_last().unwrap();
        assert!(*end == "." && !lines.contains(&"."));
        let unstuffed: Vec<_> = lines
            .iter()
            .map(|line| line.strip_prefix('.').unwrap_or(line))
            .collect();
        let original = String::from_utf8(content)
            .unwrap()
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        let original = original.strip_suffix('\n').unwrap_or(&original);
        assert!(original.is_empty() || unstuffed == original.split('\n').collect::<Vec<_>>());
    });
}
