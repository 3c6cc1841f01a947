//! Dialogues with mail servers, as literal octets.
//!
//! Each file in `tests/transcripts` is one dialogue, told from the client's side:
//!
//! | line | means |
//! |---|---|
//! | `token N` | the access token has N characters (20 if not said) |
//! | `whole` | this is about octets that arrive together, so they are not split |
//! | `implicit TLS` | the connection is one over TLS from the start |
//! | `host NAME` | the server's certificate is for this name (`mx.test` if not said) |
//! | `open A,B` | everything until READY, on a server that offers A and B beside SIZE and XOAUTH2 |
//! | `S: text` | the server says this line; consecutive lines arrive together |
//! | `PAUSE` | what the server says next comes later |
//! | `C: text` | the client must have said this line |
//! | `C> text` | the client must have said these octets, with `\r\n` written out |
//! | `TLS` | the client must have asked for TLS; the handshake succeeds |
//! | `NO TLS` | the same; the handshake fails |
//! | `CLOSE`, `TIMEOUT` | the server closes; the deadline passes |
//! | `UNWRITTEN` | from here on what the client says stays unwritten, until it has to have been said |
//! | `LATER` | five minutes pass, in which a message has to be handed over |
//! | `MINUTES N` | so much time passes, and somebody says so |
//! | `READY` | the client must be ready |
//! | `BEGIN a b` | a message to these recipients, as long as the content it gets below, or 100 octets; with `8bit`, `utf8` or `size=N` among them it needs that |
//! | `CONTENT text` | the client must want the next piece of content; it gets this, with `\r\n` written out |
//! | `END`, `UNREADABLE` | the client must want content; there is no more, or it cannot be read |
//! | `QUIT` | the caller has had enough |
//! | `CONCLUDED …` | what became of each recipient; `left over or …` of one who may go into a further transaction |
//! | `DONE …` | how the session ended |
//! | `FOUND name` | what was recognised in the last failure |
//! | `TOLD text` | the answer kept with the last failure has this text in it |
//!
//! Where the server speaks, closes or is silent, where the caller has something to say, and at READY,
//! the client must have said nothing but the `C` lines above: not a word too early.
//!
//! Every dialogue is run with the server's octets whole, one by one, and each of its blocks of `S`
//! lines split at each of its first [`SPLITS`] points; one that is marked `whole` is run whole only.
//! The client must say and conclude the same every time, and octet by octet nothing before the last
//! octet of a block.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::{fs, path::Path, time::Duration};

use edgepost::{
    mail::Envelope,
    outcome::{Failure, Outcome, Reach},
    secret::AccessToken,
    smtp::{ClientName, Input, Needs, Output, Piece, Session, SessionConfig, Transaction},
    time::UnixMillis,
    tls::TlsMode,
};

/// At how many points what the server says at a time is split. No block that is about what it says
/// is longer; a list of offers or an endless greeting may be.
const SPLITS: usize = 400;

/// How the server's octets arrive.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    Whole,
    OneByOne,
    /// Every reply in two pieces, the first of this many octets.
    SplitAt(usize),
}

struct Run {
    session: Session,
    now: UnixMillis,
    said: Vec<u8>,
    wants_tls: bool,
    /// The number of the piece that is wanted.
    wants_content: Option<u32>,
    /// The piece that is wanted next.
    next_piece: u32,
    /// Whoever drives the session looks what has come before it writes anything.
    unwritten: bool,
    ready: bool,
    concluded: Vec<String>,
    done: Option<String>,
    /// The last one that was told.
    failure: Option<Failure>,
}

impl Run {
    fn new(token_chars: usize, tls: TlsMode, host: &str) -> Self {
        let now = UnixMillis::new(1_000_000);
        let user = "sales@shop.test".parse().unwrap();
        let config = SessionConfig {
            client_name: ClientName::of(&user),
            user,
            token: AccessToken::new(&"t".repeat(token_chars)).unwrap(),
            tls,
        };
        Self {
            session: Session::new(config, host, now),
            now,
            said: Vec::new(),
            wants_tls: false,
            wants_content: None,
            next_piece: 0,
            unwritten: false,
            ready: false,
            concluded: Vec::new(),
            done: None,
            failure: None,
        }
    }

    fn pump(&mut self) {
        (self.wants_content, self.ready) = (None, false);
        // A session that never comes to rest would hang the Worker.
        for _ in 0..100 {
            if self.unwritten && self.session.is_about_to_write() {
                return;
            }
            match self.session.poll_output() {
                Output::Transmit(octets) => self.said.extend(octets),
                Output::UpgradeTls(_drained) => {
                    self.wants_tls = true;
                    return;
                }
                Output::NeedInput { deadline } => {
                    assert!(
                        deadline > self.now,
                        "a wait that has ended before it begins"
                    );
                    // Spurious: must change nothing.
                    self.session.handle_input(Input::Timeout, self.now);
                    return;
                }
                Output::Ready => return self.ready = true,
                Output::NeedContent(piece) => return self.wants_content = Some(piece),
                Output::Concluded(conclusion) => {
                    assert!(self.concluded.is_empty(), "concluded twice");
                    let outcomes = conclusion.outcomes;
                    self.concluded = outcomes.iter().map(outcome_text).collect();
                    for number in conclusion.left_over {
                        self.concluded[number].insert_str(0, "left over or ");
                    }
                    self.failure = outcomes.iter().find_map(Outcome::failure).cloned();
                }
                Output::Done(result) => {
                    if let Err(failure) = &result
                        && self.failure.is_none()
                    {
                        self.failure = Some(failure.clone());
                    }
                    let text =
                        result.map_or_else(|failure| failure_text(&failure), |()| "ok".into());
                    assert!(self.done.is_none() || self.done.as_ref() == Some(&text));
                    return self.done = Some(text);
                }
            }
        }
        panic!("the session does not come to rest");
    }

    fn input(&mut self, input: Input<'_>) {
        self.session.handle_input(input, self.now);
        if !matches!(input, Input::TlsEstablished) && self.wants_tls {
            // The driver is still in the handshake: nothing else may be asked of it meanwhile.
            assert!(!matches!(self.session.poll_output(), Output::Transmit(_)));
        }
        self.pump();
    }
}

impl Run {
    fn wanted(&mut self) {
        let piece = self.wants_content.expect("content is wanted");
        assert_eq!(piece, self.next_piece);
        self.next_piece = piece + 1;
    }

    fn content(&mut self, piece: Piece<'_>) {
        self.wanted();
        self.session.content(piece, self.now);
        self.pump();
    }
}

/// A message as a `BEGIN` line asks for it; `script` is what follows the line.
fn transaction(words: &str, script: &[&str]) -> Transaction {
    let mut needs = Needs::default();
    let mut size = None;
    let mut forward_paths = Vec::new();
    for word in words.split(' ') {
        match word {
            "8bit" => needs.eight_bit = true,
            "utf8" => needs.smtputf8 = true,
            _ => match word.strip_prefix("size=") {
                Some(octets) => size = octets.parse().ok(),
                None => forward_paths.push(word.parse().unwrap()),
            },
        }
    }
    let until_end = script
        .iter()
        .take_while(|line| !line.starts_with("BEGIN") && !line.starts_with("CONCLUDED"));
    let pieces: Vec<u64> = until_end
        .take_while(|line| **line != "END")
        .filter_map(|line| line.strip_prefix("CONTENT "))
        .map(|text| octets(text).len() as u64)
        .collect();
    let given = (!pieces.is_empty()).then(|| pieces.iter().sum());
    Transaction {
        envelope: Envelope {
            reverse_path: "sales@shop.test".parse().unwrap(),
            forward_paths,
        },
        size: size.or(given).unwrap_or(100),
        needs,
    }
}

/// What `open` stands for.
fn opening(offers: &str) -> Vec<String> {
    let lines = "S: 220 mx.test ESMTP|C: EHLO shop.test|S: 250-mx.test|S: 250 STARTTLS|C: STARTTLS|\
        S: 220 go|TLS|C: EHLO shop.test|S: 250-mx.test|S: 250-SIZE 35882577";
    let response = "dXNlcj1zYWxlc0BzaG9wLnRlc3QBYXV0aD1CZWFyZXIgdHR0dHR0dHR0dHR0dHR0dHR0dHQBAQ==";
    let offered = offers.split(',').filter(|offer| !offer.is_empty());
    lines
        .split('|')
        .map(str::to_owned)
        .chain(offered.map(|offer| format!("S: 250-{offer}")))
        .chain([
            "S: 250 AUTH XOAUTH2".to_owned(),
            format!("C: AUTH XOAUTH2 {response}"),
            "S: 235 2.7.0 Accepted".to_owned(),
            "READY".to_owned(),
        ])
        .collect()
}

fn failure_text(failure: &Failure) -> String {
    match failure.reach {
        Reach::Message => failure.cause.to_string(),
        Reach::Mailbox(trouble) => {
            format!(
                "{} {}",
                failure.cause,
                format!("{trouble:?}").to_lowercase()
            )
        }
    }
}

fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted(_) => "accepted".to_owned(),
        Outcome::Deferred(failure) => format!("deferred {}", failure_text(failure)),
        Outcome::Rejected(failure) => format!("rejected {}", failure_text(failure)),
        Outcome::InDoubt(failure) => format!("in_doubt {}", failure_text(failure)),
    }
}

fn octets(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r").replace("\\n", "\n").into_bytes()
}

fn run(script: &str, arrival: Arrival) {
    let lines: Vec<String> = script
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .flat_map(|line| match line.strip_prefix("open") {
            Some(offers) => opening(offers.trim()),
            None => vec![line.to_owned()],
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let tls = if lines.contains(&"implicit TLS") {
        TlsMode::Implicit
    } else {
        TlsMode::StartTls
    };
    let token_chars = lines
        .iter()
        .find_map(|line| line.strip_prefix("token "))
        .unwrap_or("20");
    let host = lines.iter().find_map(|line| line.strip_prefix("host "));
    let host = host.unwrap_or("mx.test");
    let mut run = Run::new(token_chars.parse().unwrap(), tls, host);
    run.pump();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if line.starts_with("token ")
            || line.starts_with("host ")
            || matches!(*line, "implicit TLS" | "whole" | "PAUSE")
        {
        } else if let Some(first) = line.strip_prefix("S: ") {
            nothing_left(&run);
            let mut reply = octets(&format!("{first}\r\n"));
            while let Some(more) = lines.get(at).and_then(|line| line.strip_prefix("S: ")) {
                reply.extend(octets(&format!("{more}\r\n")));
                at += 1;
            }
            match arrival {
                Arrival::Whole => run.input(Input::Received(&reply)),
                Arrival::OneByOne => {
                    for (number, octet) in reply.iter().enumerate() {
                        // Not before the last of several replies either.
                        if number > 0 {
                            nothing_left(&run);
                        }
                        run.input(Input::Received(&[*octet]));
                    }
                }
                Arrival::SplitAt(split) => {
                    let (head, tail) = reply.split_at(split.min(reply.len()));
                    run.input(Input::Received(head));
                    run.input(Input::Received(tail));
                }
            }
        } else if let Some(line) = line.strip_prefix("C: ") {
            said(&mut run, &octets(&format!("{line}\r\n")));
        } else if let Some(line) = line.strip_prefix("C> ") {
            said(&mut run, &octets(line));
        } else if *line == "TLS" || *line == "NO TLS" {
            nothing_left(&run);
            assert!(std::mem::take(&mut run.wants_tls), "no TLS was asked for");
            run.input(if *line == "TLS" {
                Input::TlsEstablished
            } else {
                Input::Closed
            });
        } else if *line == "CLOSE" {
            nothing_left(&run);
            run.input(Input::Closed);
        } else if *line == "TIMEOUT" {
            nothing_left(&run);
            run.now = run.session.deadline();
            run.input(Input::Timeout);
        } else if *line == "READY" {
            nothing_left(&run);
            assert!(run.ready, "not ready");
        } else if let Some(recipients) = line.strip_prefix("BEGIN ") {
            nothing_left(&run);
            run.concluded.clear();
            run.failure = None;
            run.next_piece = 0;
            let by = run.now.after(Duration::from_secs(270));
            let transaction = transaction(recipients, &lines[at..]);
            run.session.begin(transaction, by, run.now);
            run.pump();
        } else if let Some(text) = line.strip_prefix("CONTENT ") {
            run.content(Piece::More(&octets(text)));
        } else if *line == "END" {
            run.content(Piece::End);
        } else if *line == "UNREADABLE" {
            run.content(Piece::Unreadable);
        } else if *line == "UNWRITTEN" {
            nothing_left(&run);
            run.unwritten = true;
        } else if *line == "LATER" {
            run.now = run.now.after(Duration::from_secs(300));
        } else if let Some(minutes) = line.strip_prefix("MINUTES ") {
            nothing_left(&run);
            let minutes: u64 = minutes.parse().expect("minutes");
            run.now = run.now.after(Duration::from_secs(60 * minutes));
            run.input(Input::Timeout);
        } else if let Some(name) = line.strip_prefix("FOUND ") {
            let failure = run.failure.as_ref().expect("a failure");
            let found = failure.finding.as_ref().map(|finding| finding.name());
            assert_eq!(found, Some(name));
        } else if let Some(text) = line.strip_prefix("TOLD ") {
            let failure = run.failure.as_ref().expect("a failure");
            let answer = failure.answer.as_ref().map_or("", |answer| answer.as_str());
            assert!(answer.contains(text), "{answer}");
        } else if *line == "QUIT" {
            nothing_left(&run);
            run.session.quit(run.now);
            run.pump();
        } else if let Some(expected) = line.strip_prefix("CONCLUDED ") {
            assert_eq!(run.concluded.join(", "), expected);
        } else if let Some(expected) = line.strip_prefix("DONE ") {
            assert_eq!(run.done.as_deref(), Some(expected));
        } else {
            panic!("not understood: {line}");
        }
        // Nothing that happens later may matter once it is done.
        if run.done.is_some() {
            run.now = run.now.after(Duration::from_secs(3600));
            run.input(Input::Timeout);
        }
    }
    nothing_left(&run);
}

/// The client has said what the dialogue has it say, and nothing before its time.
fn nothing_left(run: &Run) {
    assert!(
        run.said.is_empty(),
        "also said {:?}",
        String::from_utf8_lossy(&run.said)
    );
}

fn said(run: &mut Run, expected: &[u8]) {
    if std::mem::take(&mut run.unwritten) {
        run.pump();
    }
    let said: Vec<u8> = run
        .said
        .drain(..expected.len().min(run.said.len()))
        .collect();
    assert_eq!(
        String::from_utf8_lossy(&said),
        String::from_utf8_lossy(expected)
    );
}

#[test]
fn every_dialogue_whole_octet_by_octet_and_at_each_split() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut dialogues = 0;
    let mut failed = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        // A file holds variations of one situation, separated by lines of ===.
        for (number, script) in text.split("===\n").enumerate() {
            dialogues += 1;
            let longest = if script.contains("\nwhole\n") {
                0
            } else {
                SPLITS
            };
            let whole = std::iter::once(Arrival::Whole);
            let arrivals = whole
                .chain((0..longest.min(1)).map(|_| Arrival::OneByOne))
                .chain((0..longest).map(Arrival::SplitAt));
            let fails =
                |arrival: &Arrival| std::panic::catch_unwind(|| run(script, *arrival)).is_err();
            if let Some(arrival) = arrivals.clone().find(fails) {
                failed.push(format!("{name}, dialogue {number}, {arrival:?}"));
            }
        }
    }
    assert!(failed.is_empty(), "each is told above: {failed:#?}");
    assert!(dialogues >= 30, "only {dialogues} dialogues were found");
}
