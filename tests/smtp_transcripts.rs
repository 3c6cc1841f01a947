//! Dialogues with mail servers, as literal octets.
//!
//! Each file in `tests/transcripts` is one dialogue, told from the client's side:
//!
//! | line | means |
//! |---|---|
//! | `token N` | the access token has N characters (20 if not said) |
//! | `S: text` | the server says this line; consecutive lines arrive together |
//! | `C: text` | the client must have said this line, and nothing else |
//! | `C> text` | the client must have said these octets, with `\r\n` written out |
//! | `TLS` | the client must have asked for TLS; the handshake succeeds |
//! | `NO TLS` | the same; the handshake fails |
//! | `CLOSE`, `TIMEOUT` | the server closes; the deadline passes |
//! | `READY` | the client must be ready |
//! | `BEGIN a b` | a transaction to these recipients, of 100 octets |
//! | `CONTENT text` | the client must want content; it gets this, with `\r\n` written out |
//! | `END` | the client must want content; there is no more |
//! | `QUIT` | the caller has had enough |
//! | `CONCLUDED …` | what became of each recipient |
//! | `DONE …` | how the session ended |
//!
//! Every dialogue is run with the server's octets whole, one by one, and split at each point of
//! each reply. The client must say and conclude the same every time.

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
    smtp::{ClientName, Input, Output, Piece, Session, SessionConfig, Transaction},
    time::UnixMillis,
};

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
    wants_content: bool,
    ready: bool,
    concluded: Vec<String>,
    done: Option<String>,
}

impl Run {
    fn new(token_chars: usize) -> Self {
        let now = UnixMillis::new(1_000_000);
        let user = "sales@shop.test".parse().unwrap();
        let config = SessionConfig {
            client_name: ClientName::of(&user),
            user,
            token: AccessToken::new(&"t".repeat(token_chars)).unwrap(),
        };
        Self {
            session: Session::new(config, now),
            now,
            said: Vec::new(),
            wants_tls: false,
            wants_content: false,
            ready: false,
            concluded: Vec::new(),
            done: None,
        }
    }

    fn pump(&mut self) {
        (self.wants_content, self.ready) = (false, false);
        // A session that never comes to rest would hang the Worker.
        for _ in 0..100 {
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
                Output::NeedContent => return self.wants_content = true,
                Output::Concluded(outcomes) => {
                    assert!(self.concluded.is_empty(), "concluded twice");
                    self.concluded = outcomes.iter().map(outcome_text).collect();
                }
                Output::Done(result) => {
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
    let lines: Vec<&str> = script
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let token_chars = lines
        .iter()
        .find_map(|line| line.strip_prefix("token "))
        .unwrap_or("20");
    let mut run = Run::new(token_chars.parse().unwrap());
    run.pump();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        if line.starts_with("token ") {
        } else if let Some(first) = line.strip_prefix("S: ") {
            let mut reply = octets(&format!("{first}\r\n"));
            while let Some(more) = lines.get(at).and_then(|line| line.strip_prefix("S: ")) {
                reply.extend(octets(&format!("{more}\r\n")));
                at += 1;
            }
            match arrival {
                Arrival::Whole => run.input(Input::Received(&reply)),
                Arrival::OneByOne => {
                    reply
                        .iter()
                        .for_each(|octet| run.input(Input::Received(&[*octet])));
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
            assert!(
                run.said.is_empty(),
                "said {:?} before TLS",
                String::from_utf8_lossy(&run.said)
            );
            assert!(std::mem::take(&mut run.wants_tls), "no TLS was asked for");
            run.input(if *line == "TLS" {
                Input::TlsEstablished
            } else {
                Input::Closed
            });
        } else if *line == "CLOSE" {
            run.input(Input::Closed);
        } else if *line == "TIMEOUT" {
            run.now = run.session.deadline();
            run.input(Input::Timeout);
        } else if *line == "READY" {
            assert!(run.ready, "not ready");
        } else if let Some(recipients) = line.strip_prefix("BEGIN ") {
            run.concluded.clear();
            let forward_paths = recipients
                .split(' ')
                .map(|to| to.parse().unwrap())
                .collect();
            let reverse_path = "sales@shop.test".parse().unwrap();
            let envelope = Envelope {
                reverse_path,
                forward_paths,
            };
            let by = run.now.after(Duration::from_secs(270));
            run.session.begin(
                Transaction {
                    envelope,
                    size: 100,
                },
                by,
                run.now,
            );
            run.pump();
        } else if let Some(text) = line.strip_prefix("CONTENT ") {
            assert!(run.wants_content, "no content was asked for");
            run.session.content(Piece::More(&octets(text)), run.now);
            run.pump();
        } else if *line == "END" {
            assert!(run.wants_content, "no content was asked for");
            run.session.content(Piece::End, run.now);
            run.pump();
        } else if *line == "QUIT" {
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
    assert!(
        run.said.is_empty(),
        "also said {:?}",
        String::from_utf8_lossy(&run.said)
    );
}

fn said(run: &mut Run, expected: &[u8]) {
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
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        // A file holds variations of one situation, separated by lines of ===.
        for (number, script) in text.split("===\n").enumerate() {
            dialogues += 1;
            let longest = 400;
            let arrivals = [Arrival::Whole, Arrival::OneByOne]
                .into_iter()
                .chain((0..longest).map(Arrival::SplitAt));
            for arrival in arrivals {
                let result = std::panic::catch_unwind(|| run(script, arrival));
                assert!(
                    result.is_ok(),
                    "{name}, dialogue {number}, {arrival:?}: see above"
                );
            }
        }
    }
    assert!(dialogues >= 30, "only {dialogues} dialogues were found");
}
