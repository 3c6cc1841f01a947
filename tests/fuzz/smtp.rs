//! The SMTP targets, as functions of octets: whatever makes octets can call them.

#![allow(unreachable_pub, reason = "other harnesses call them")]

use std::time::Duration;

use edgepost::{
    mail::{EmailAddress, Envelope},
    outcome::Outcome,
    secret::AccessToken,
    smtp::{
        ClientName, DotStuffer, Input, Needs, Output, Piece, ReplyParser, Session, SessionConfig,
        Transaction,
    },
    time::UnixMillis,
    tls::TlsMode,
};

#[path = "smtp_watch.rs"]
mod watch;

use watch::{Hears, Watch};

/// Octets as choices; when they are used up every choice is the first.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, end: usize) -> usize {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                usize::from(*first) % end
            }
            None => 0,
        }
    }

    /// A text of words, with now and then an octet of any kind.
    fn text(&mut self, words: &[&str], most: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(most + 1) {
            match self.below(words.len() + 1).checked_sub(1) {
                Some(word) => text.extend_from_slice(words[word].as_bytes()),
                None => text.push(u8::try_from(self.below(256)).unwrap()),
            }
        }
        text
    }
}

const REPLY_WORDS: [&str; 30] = [
    "220",
    "250",
    "235",
    "334",
    "354",
    "421",
    "450",
    "452",
    "535",
    "550",
    "-",
    " ",
    "\t",
    "\r\n",
    "\n",
    "\r",
    "x",
    "5.7.1",
    "5.1.8",
    "4.5.3",
    "250 ok\r\n",
    "220 go\r\n",
    "235 ok\r\n",
    "354 go\r\n",
    "452 4.5.3 many\r\n",
    "503 no\r\n",
    "554 no\r\n",
    "421 bye\r\n",
    "250-mx\r\n250 STARTTLS\r\n",
    "250-mx\r\n250 AUTH XOAUTH2\r\n",
];

/// Replies are the same replies however they are split.
pub fn replies(octets: &[u8]) {
    let text = Choices(octets).text(&REPLY_WORDS, 20);
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
    let whole = read(&mut std::iter::once(text.as_slice()));
    assert_eq!(whole, read(&mut text.chunks(1)));
}

/// Content through the stuffer, in any pieces, is one message with the same lines.
pub fn dots(octets: &[u8]) {
    let mut choices = Choices(octets);
    let content = choices.text(&BODY_WORDS, 30);
    let mut stuffer = DotStuffer::default();
    let mut wire = Vec::new();
    let mut rest = content.as_slice();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(choices.below(rest.len()) + 1);
        wire.extend(stuffer.stuff(head));
        rest = tail;
    }
    wire.extend_from_slice(stuffer.end());
    let body = body_of_data(&wire);
    let mut expected = with_crlf(&content);
    if !expected.is_empty() && !expected.ends_with(b"\r\n") {
        expected.extend_from_slice(b"\r\n");
    }
    assert_eq!(body, expected);
}

const BODY_WORDS: [&str; 12] = [
    ".",
    "\r\n",
    "\r",
    "\n",
    "x",
    "..",
    "MAIL FROM:<evil@x.test>\r\n",
    "\r\n.\r\n",
    "DATA\r\n",
    "BDAT 5 LAST\r\n",
    "RSET\r\n",
    "QUIT\r\n",
];

/// What a server takes for the body: the lines before the lone dot, which has to be the end.
fn body_of_data(wire: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut rest = wire;
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let (line, behind) = rest.split_at(end.expect("a whole line") + 2);
        assert!(!line[..line.len() - 2].iter().any(|b| b"\r\n".contains(b)));
        if line == b".\r\n" {
            assert!(behind.is_empty(), "the content ends before its end");
            return body;
        }
        body.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        rest = behind;
    }
}

fn with_crlf(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut after_cr = false;
    for &octet in content {
        match octet {
            b'\n' if after_cr => {}
            b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
            _ => out.push(octet),
        }
        after_cr = octet == b'\r';
    }
    out
}

/// Whatever a server says, however it is split: no panic, nothing before its time, every message
/// concluded once, and an end. What is given as content is never heard as a command.
pub fn session(octets: &[u8]) {
    let mut choices = Choices(octets);
    let user: EmailAddress = "a@shop.test".parse().unwrap();
    let mut now = UnixMillis::new(0);
    let tls = [TlsMode::StartTls, TlsMode::Implicit][choices.below(2)];
    let config = SessionConfig {
        client_name: ClientName::of(&user),
        user: user.clone(),
        token: AccessToken::new(&"t".repeat([20, 2000][choices.below(2)])).unwrap(),
        tls,
    };
    let mut session = Session::new(
        config,
        ["mx.test", "smtp.office365.com"][choices.below(2)],
        now,
    );
    let mut watch = Watch::new(tls == TlsMode::Implicit);
    let body = match choices.below(4) {
        0 => choices.text(&BODY_WORDS, 20),
        _ => with_crlf(b".canary\nMAIL FROM:<evil@x.test>\n.\nQUIT\n"),
    };
    // Now and then the record is wrong.
    let size = body.len() as u64 + u64::from(choices.below(16) == 1);
    let recipients = choices.below(3) + 1;
    let mut messages = 0;
    let mut concluded = 0;
    let mut given = 0;
    // Messages that were written to their end, and how many there were before this one.
    let (mut by_data, mut whole_before) = (0, 0);
    for _ in 0..600 {
        // Now and then something has come before we say what we are about to.
        if session.is_about_to_write() && choices.below(24) == 23 {
            let words = ["250 ok\r\n", "421 bye\r\n", "552 enough\r\n", "25", ""];
            match words[choices.below(words.len())] {
                "" => session.handle_input(Input::Closed, now),
                text => {
                    watch.speak(text.as_bytes());
                    session.handle_input(Input::Received(text.as_bytes()), now);
                }
            }
        }
        match session.poll_output() {
            Output::Transmit(octets) => {
                let chunks = watch.chunks;
                watch.hear(&octets);
                // Whatever fills the chunk is the message, however it was given.
                if watch.chunks > chunks && size == body.len() as u64 {
                    assert_eq!(watch.chunk, body);
                }
            }
            Output::UpgradeTls(_drained) => {
                assert!(!watch.tls);
                let input = if choices.below(8) != 7 {
                    watch.over_tls();
                    Input::TlsEstablished
                } else {
                    Input::Closed
                };
                session.handle_input(input, now);
            }
            Output::NeedInput { deadline } => match choices.below(16) {
                13 => session.handle_input(Input::Closed, now),
                14 => {
                    now = deadline;
                    session.handle_input(Input::Timeout, now);
                }
                15 => {
                    let text = choices.text(&REPLY_WORDS, 3);
                    watch.speak(&text);
                    session.handle_input(Input::Received(&text), now);
                }
                _ => {
                    let mut text = watch.sensible(&mut choices);
                    while choices.below(3) != 0 && !watch.asked.is_empty() {
                        text.extend(watch.sensible(&mut choices));
                    }
                    let at = choices.below(text.len() + 1);
                    watch.speak(&text);
                    session.handle_input(Input::Received(&text[..at]), now);
                    session.handle_input(Input::Received(&text[at..]), now);
                }
            },
            Output::Ready if messages < 2 => {
                messages += 1;
                whole_before = watch.chunks + by_data;
                let paths = ["b@x.test", "c@x.test", "d@x.test"];
                let forward_paths = paths[..recipients].iter().map(|path| path.parse().unwrap());
                let envelope = Envelope {
                    reverse_path: user.clone(),
                    forward_paths: forward_paths.collect(),
                };
                let transaction = Transaction {
                    envelope,
                    size,
                    needs: Needs::default(),
                };
                session.begin(transaction, now.after(Duration::from_secs(270)), now);
            }
            Output::Ready => session.quit(now),
            Output::NeedContent(piece) => {
                if piece == 0 {
                    given = 0;
                    if matches!(watch.hears, Hears::Commands) {
                        assert!(watch.told_to_go_on, "content before 354");
                        assert!(watch.taken > 0, "content for nobody");
                        watch.hears = Hears::Data(Vec::new());
                    }
                }
                // A server that has had enough says so while it is being written to.
                if choices.below(24) == 23 {
                    watch.speak(b"552 enough\r\n");
                    session.handle_input(Input::Received(b"552 enough\r\n"), now);
                } else if given < body.len() {
                    // All that is left, when there are no choices any more.
                    let end = body.len() - choices.below(body.len() - given);
                    session.content(Piece::More(&body[given..end]), now);
                    given = end;
                } else {
                    session.content(Piece::End, now);
                    if let (false, Hears::Data(mut data)) = (
                        session.is_done(),
                        std::mem::replace(&mut watch.hears, Hears::Commands),
                    ) {
                        while let Output::Transmit(octets) = session.poll_output() {
                            data.extend(octets);
                        }
                        let mut expected = with_crlf(&body);
                        if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                            expected.extend_from_slice(b"\r\n");
                        }
                        assert_eq!(body_of_data(&data), expected);
                        by_data += 1;
                        watch.data_is_over();
                    }
                }
            }
            Output::Concluded(conclusion) => {
                concluded += 1;
                let outcomes = conclusion.outcomes;
                assert_eq!((concluded, outcomes.len()), (messages, recipients));
                // Before all was written nobody is accepted, and nobody in doubt.
                let final_word = |outcome: &Outcome| {
                    matches!(outcome, Outcome::Accepted(_) | Outcome::InDoubt(_))
                };
                let whole = watch.chunks + by_data > whole_before;
                assert!(whole || !outcomes.iter().any(final_word), "{outcomes:?}");
                let accepted = |outcome: &Outcome| matches!(outcome, Outcome::Accepted(_));
                let anybody = outcomes.iter().any(accepted);
                assert!(watch.accepted || !anybody, "{outcomes:?}");
                assert!(anybody || conclusion.left_over.is_empty());
            }
            Output::Done(_) => {
                assert_eq!(messages, concluded, "a message without an end");
                return;
            }
        }
    }
    panic!("the session does not end");
}
