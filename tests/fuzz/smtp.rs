//! The SMTP targets, as functions of octets: whatever makes octets can call them.

#![allow(unreachable_pub, reason = "other harnesses call them")]

use std::time::Duration;

use edgepost::{
    mail::EmailAddress,
    outcome::Outcome,
    secret::AccessToken,
    smtp::{
        ClientName, DotStuffer, Input, Output, Piece, ReplyParser, Session, SessionConfig,
        Transaction,
    },
    time::UnixMillis,
};

use crate::choices::Choices;

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

/// Replies are the same replies however they are split.
pub fn replies(octets: &[u8]) {
    let octets = Choices(octets).text(&REPLY_WORDS, 20).into_bytes();
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
}

/// Whatever a server says, however it is split: no panic, no word of AUTH before TLS, no content
/// before 354, and it comes to an end.
pub fn session(octets: &[u8]) {
    let mut random = Choices(octets);
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
                    forward_paths: vec!["b@x.test".parse().unwrap(), "c@x.test".parse().unwrap()],
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
}

/// Content through the stuffer is one message with the same lines.
pub fn dots(octets: &[u8]) {
    let mut random = Choices(octets);
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
}
