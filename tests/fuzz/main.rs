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
    time::UnixMillis,
};

mod smtp;

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

/// Random octets for a target that makes its choices by them.
fn octets(random: &mut Random, most: usize) -> Vec<u8> {
    let length = random.below(most + 1);
    std::iter::repeat_with(|| random.next().to_le_bytes())
        .flatten()
        .take(length)
        .collect()
}

#[test]
fn replies_split_anywhere_are_the_same_replies() {
    fuzz("replies", |random| smtp::replies(&octets(random, 60)));
}

#[test]
fn a_session_survives_any_server() {
    fuzz("sessions", |random| smtp::session(&octets(random, 600)));
}

#[test]
fn stuffed_content_is_one_message_with_the_same_lines() {
    fuzz("dots", |random| smtp::dots(&octets(random, 60)));
}
