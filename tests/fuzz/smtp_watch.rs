//! The server's side of a session: what it heard and said, by the rules of the protocol.

use std::collections::VecDeque;

use edgepost::smtp::ReplyParser;

use super::Choices;

/// What a server makes of what is written to it.
pub(super) enum Hears {
    Commands,
    /// So many octets behind BDAT are still to come.
    Chunk(u64),
    Data(Vec<u8>),
}

/// Watches a session from the server's side and knows the rules.
pub(super) struct Watch {
    pub(super) tls: bool,
    pub(super) hears: Hears,
    /// Commands that a sensible server has still to answer.
    pub(super) asked: VecDeque<String>,
    /// What was asked and has no reply yet: what the next one answers.
    unanswered: VecDeque<Asked>,
    replies: ReplyParser,
    /// What the last EHLO offered.
    offers: String,
    authenticated: bool,
    /// Since the last MAIL: recipients the server took, whether it told to go on with content,
    /// whether the last octet of that was written, and whether it was accepted after that.
    pub(super) taken: u32,
    pub(super) told_to_go_on: bool,
    content_is_over: bool,
    pub(super) accepted: bool,
    auth_under_way: bool,
    pub(super) chunk: Vec<u8>,
    /// Chunks that were filled.
    pub(super) chunks: u32,
}

/// What a reply answers.
#[derive(Clone, Copy)]
enum Asked {
    Greeting,
    Ehlo,
    /// AUTH, or a response to its challenge.
    Auth,
    Rcpt,
    Data,
    /// The content, whether it is over or not.
    Content,
    Other,
}

impl Watch {
    pub(super) fn new(tls: bool) -> Self {
        Self {
            tls,
            hears: Hears::Commands,
            asked: VecDeque::from([String::new()]),
            unanswered: VecDeque::from([Asked::Greeting]),
            replies: ReplyParser::default(),
            offers: String::new(),
            authenticated: false,
            taken: 0,
            told_to_go_on: false,
            content_is_over: false,
            accepted: false,
            auth_under_way: false,
            chunk: Vec::new(),
            chunks: 0,
        }
    }

    /// TLS begins: what was said before it counts no more.
    pub(super) fn over_tls(&mut self) {
        self.tls = true;
        self.offers.clear();
        self.unanswered.clear();
        self.replies = ReplyParser::default();
    }

    /// The server says this. Every whole reply belongs to what waited longest for one; one that
    /// nothing waited for belongs to nothing. What is no SMTP ends the session, and no more is read.
    pub(super) fn speak(&mut self, octets: &[u8]) {
        self.replies.push(octets);
        while let Ok(Some(reply)) = self.replies.next_reply() {
            let code = reply.code.value();
            match self.unanswered.pop_front() {
                Some(Asked::Ehlo) if code == 250 => self.offers = reply.lines.join("\n"),
                Some(Asked::Auth) if code == 235 => self.authenticated = true,
                Some(Asked::Rcpt) if code / 100 == 2 => self.taken += 1,
                Some(Asked::Data) if code == 354 => self.told_to_go_on = true,
                Some(Asked::Content) if self.content_is_over && code == 250 => {
                    self.accepted = true;
                }
                _ => {}
            }
        }
    }

    /// The last octet of the content was written by DATA.
    pub(super) fn data_is_over(&mut self) {
        self.content_is_over = true;
        self.unanswered.push_back(Asked::Content);
        self.asked.push_back("CONTENT".to_owned());
    }

    fn chunk_is_over(&mut self) {
        self.content_is_over = true;
        self.hears = Hears::Commands;
        self.chunks += 1;
        self.asked.push_back("CHUNK".to_owned());
    }

    pub(super) fn hear(&mut self, octets: &[u8]) {
        match &mut self.hears {
            Hears::Commands => self.hear_commands(octets),
            Hears::Data(data) => data.extend_from_slice(octets),
            Hears::Chunk(left) => {
                *left = left
                    .checked_sub(octets.len() as u64)
                    .expect("no more octets than announced");
                self.chunk.extend_from_slice(octets);
                if *left == 0 {
                    self.chunk_is_over();
                }
            }
        }
    }

    fn hear_commands(&mut self, octets: &[u8]) {
        let text = std::str::from_utf8(octets).expect("commands are ASCII");
        let lines: Vec<&str> = text
            .strip_suffix("\r\n")
            .expect("whole lines")
            .split("\r\n")
            .collect();
        if lines.len() > 1 {
            assert!(self.offers.contains("PIPELINING"), "a group: {text}");
            let (last, before) = lines.split_last().unwrap();
            assert!(before[0].starts_with("MAIL "), "{text}");
            assert!(
                before[1..].iter().all(|line| line.starts_with("RCPT ")),
                "{text}"
            );
            assert!(last.starts_with("RCPT ") || *last == "DATA", "{text}");
        }
        for line in lines {
            let verb = line.split(' ').next().unwrap();
            self.unanswered.push_back(match verb {
                "EHLO" => Asked::Ehlo,
                "RCPT" => Asked::Rcpt,
                "DATA" => Asked::Data,
                "BDAT" => Asked::Content,
                "STARTTLS" | "MAIL" | "RSET" | "QUIT" | "." => Asked::Other,
                _ => Asked::Auth,
            });
            match verb {
                "EHLO" | "QUIT" | "RSET" => self.auth_under_way = false,
                "STARTTLS" => assert!(!self.tls),
                "AUTH" => {
                    assert!(self.tls, "AUTH in the clear");
                    self.auth_under_way = true;
                }
                "MAIL" => {
                    assert!(self.tls && self.authenticated, "MAIL before 235");
                    self.auth_under_way = false;
                    (self.taken, self.told_to_go_on) = (0, false);
                    (self.content_is_over, self.accepted) = (false, false);
                }
                "RCPT" => assert!(!self.auth_under_way),
                "DATA" => assert!(!self.auth_under_way),
                "BDAT" => {
                    assert!(self.offers.contains("CHUNKING"), "BDAT was not offered");
                    assert!(self.taken > 0, "BDAT before a recipient was taken");
                    let n = line
                        .strip_prefix("BDAT ")
                        .unwrap()
                        .strip_suffix(" LAST")
                        .unwrap();
                    self.chunk.clear();
                    match n.parse().unwrap() {
                        0 => self.chunk_is_over(),
                        octets => self.hears = Hears::Chunk(octets),
                    }
                    continue;
                }
                "." => assert!(self.told_to_go_on, "a dot before 354"),
                // The response to a challenge, or its acknowledgement.
                _ => assert!(self.auth_under_way, "{line}"),
            }
            assert!(
                verb == "EHLO" || verb == "STARTTLS" || self.tls,
                "in the clear: {line}"
            );
            self.asked.push_back(verb.to_owned());
        }
    }

    /// A reply that a well-meaning server could give to what was asked first, so that the later
    /// steps are reached.
    pub(super) fn sensible(&mut self, choices: &mut Choices<'_>) -> Vec<u8> {
        let asked = self.asked.pop_front().unwrap_or_default();
        let of =
            |choices: &mut Choices<'_>, some: &[&str]| some[choices.below(some.len())].to_owned();
        let text = match asked.as_str() {
            "" => of(choices, &["220 mx", "220-a\r\n220 b", ""]),
            "EHLO" if !self.tls => of(
                choices,
                &[
                    "250-mx\r\n250 STARTTLS",
                    "250-mx\r\n250-CHUNKING\r\n250 STARTTLS",
                ],
            ),
            "EHLO" => {
                let mut lines = vec!["250-mx", "250-AUTH XOAUTH2 OAUTHBEARER"];
                for offer in [
                    "250-PIPELINING",
                    "250-CHUNKING",
                    "250-SIZE 500",
                    "250-8BITMIME",
                ] {
                    if choices.below(2) == 0 {
                        lines.push(offer);
                    }
                }
                lines.push("250 DSN");
                lines.join("\r\n")
            }
            "STARTTLS" => of(
                choices,
                &["220 go", "220 go", "454 no", "220 go\r\n250 injected"],
            ),
            "AUTH" => of(choices, &["235 ok", "235 ok", "235 ok", "334 ", "535 no"]),
            "MAIL" | "RSET" => of(choices, &["250 ok", "250 ok", "250 ok", "451 no"]),
            "RCPT" => of(
                choices,
                &["250 ok", "250 ok", "452 4.5.3 many", "450 no", "550 no"],
            ),
            "DATA" => of(choices, &["354 go", "354 go", "354 go", "554 no"]),
            _ => of(
                choices,
                &["250 ok", "250 ok", "250 ok", "554 no", "334 e30=", "535 no"],
            ),
        };
        format!("{text}\r\n").into_bytes()
    }
}
