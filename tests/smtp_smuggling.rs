//! Bodies that look like SMTP arrive as bodies: through the MIME frame and the session, by DATA and
//! by BDAT, at a server that is as credulous as it can be.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::time::Duration;

use edgepost::{
    mail::{BodyText, Draft, EmailAddress, Envelope, HeaderText, Mailbox, MessageId, Stamp, frame},
    outcome::Outcome,
    secret::AccessToken,
    smtp::{ClientName, Input, Needs, Output, Piece, Session, SessionConfig, Transaction},
    time::UnixMillis,
    tls::TlsMode,
};

const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);

/// Ends of data as one server or another has taken them, and that of RUSTSEC-2021-0069.
const ENDS: [&str; 10] = [
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r\n.\r",
    "\r.\r\n",
    "\n.\r",
    "\r.\n",
    "\r\n.\r\n",
    "\r\n\r\n.\r\n",
];

const COMMANDS: &str = "MAIL FROM:<evil@x.test>\r\nRCPT TO:<evil@x.test>\r\nDATA\r\nevil";

fn ready(offers: &str) -> Session {
    let user: EmailAddress = "sales@shop.test".parse().unwrap();
    let config = SessionConfig {
        client_name: ClientName::of(&user),
        user,
        token: AccessToken::new("token").unwrap(),
        tls: TlsMode::Implicit,
    };
    let mut session = Session::new(config, "mx.test", NOW);
    let ehlo = format!("250-mx\r\n{offers}250 AUTH XOAUTH2\r\n");
    for reply in ["220 mx\r\n", &ehlo, "235 ok\r\n"] {
        while let Output::Transmit(_) = session.poll_output() {}
        session.handle_input(Input::Received(reply.as_bytes()), NOW);
    }
    assert!(matches!(session.poll_output(), Output::Ready));
    session
}

/// Sends `content` and gives the commands and the octets of content as they were written.
fn send(offers: &str, content: &[u8], step: usize) -> (String, Vec<u8>) {
    let mut session = ready(offers);
    let envelope = Envelope {
        reverse_path: "sales@shop.test".parse().unwrap(),
        forward_paths: vec!["owner@shop.test".parse().unwrap()],
    };
    let transaction = Transaction {
        envelope,
        size: content.len() as u64,
        needs: Needs::default(),
    };
    session.begin(transaction, NOW.after(Duration::from_secs(270)), NOW);
    let (mut commands, mut written) = (String::new(), Vec::new());
    let mut pieces = content.chunks(step);
    let (mut replies, mut in_content) = (
        vec!["250 ok\r\n", "250 ok\r\n", "354 go\r\n"].into_iter(),
        false,
    );
    loop {
        match session.poll_output() {
            Output::Transmit(octets) if in_content => written.extend(octets),
            Output::Transmit(octets) => commands.push_str(std::str::from_utf8(&octets).unwrap()),
            Output::NeedContent(_) => {
                in_content = true;
                let piece = pieces.next().map_or(Piece::End, Piece::More);
                session.content(piece, NOW);
            }
            Output::NeedInput { .. } => {
                let reply = if in_content {
                    "250 queued\r\n"
                } else {
                    replies.next().unwrap()
                };
                session.handle_input(Input::Received(reply.as_bytes()), NOW);
            }
            Output::Concluded(conclusion) => {
                assert!(
                    matches!(conclusion.outcomes.as_slice(), [Outcome::Accepted(_)]),
                    "{conclusion:?}"
                );
                return (commands, written);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The content that a server has, by whichever way it came.
fn received(offers: &str, content: &[u8], step: usize) -> Vec<u8> {
    let (commands, wire) = send(offers, content, step);
    let lines: Vec<&str> = commands.lines().collect();
    let path = ["MAIL FROM:<sales@shop.test>", "RCPT TO:<owner@shop.test>"];
    assert_eq!(lines[..2], path);
    assert_eq!(lines.len(), 3, "{commands}");
    if offers.contains("CHUNKING") {
        assert_eq!(lines[2], format!("BDAT {} LAST", content.len()));
        assert_eq!(wire.len(), content.len());
        return wire;
    }
    assert_eq!(lines[2], "DATA");
    let text = String::from_utf8(wire).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    let body = text.strip_suffix("\r\n.\r\n").unwrap();
    // A credulous server takes any of these for the end.
    for end in ENDS {
        assert!(!text[..text.len() - 4].contains(end), "{end:?}");
    }
    let lines = body.split("\r\n").map(|line| {
        assert!(line.len() <= 999);
        line.strip_prefix('.').unwrap_or(line)
    });
    let mut content = lines.collect::<Vec<_>>().join("\r\n");
    content.push_str("\r\n");
    content.into_bytes()
}

const WAYS: [&str; 4] = [
    "",
    "250-PIPELINING\r\n",
    "250-CHUNKING\r\n",
    "250-PIPELINING\r\n250-CHUNKING\r\n",
];

fn message(body: &str) -> Vec<u8> {
    let address = |text: &str| Mailbox::from(text.parse::<EmailAddress>().unwrap());
    let draft = Draft {
        sender: address("sales@shop.test").address,
        from: address("sales@shop.test"),
        to: vec![address("owner@shop.test")],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: Vec::new(),
        subject: HeaderText::try_from("Hello").unwrap(),
        text: Some(BodyText::try_from(body.to_owned()).unwrap()),
        html: None,
        headers: Vec::new(),
        attachments: Vec::new(),
        auto_generated: false,
    };
    let stamp = Stamp {
        date: NOW,
        message_id: MessageId::new(1, &draft.sender),
        boundary: 7,
    };
    let frame = frame(&draft, &stamp).unwrap();
    frame
        .read(&draft)
        .flat_map(|piece| piece.into_owned())
        .collect()
}

/// The text of a message, decoded by a parser that is not ours.
fn text_of(content: &[u8]) -> String {
    let message = mail_parser::MessageParser::default()
        .parse(content)
        .unwrap();
    message.body_text(0).unwrap().into_owned()
}

#[test]
fn s1_s18b_the_smuggling_catalogue_arrives_as_bodies_by_data_and_by_bdat() {
    let mut bodies: Vec<String> = ENDS
        .iter()
        .map(|end| format!("canary{end}{COMMANDS}{end}QUIT\r\n"))
        .collect();
    bodies.push(COMMANDS.to_owned());
    bodies.push(format!(".\r\n{COMMANDS}\r\n.\r\nBDAT 4 LAST\r\nhi\r\n"));
    for body in &bodies {
        let content = message(body);
        assert!(content.is_ascii() && !content.contains(&0));
        let one_kind = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        for offers in WAYS {
            for step in [1, 7, 100_000] {
                let arrived = received(offers, &content, step);
                let mut whole = content.clone();
                if !whole.ends_with(b"\r\n") && !offers.contains("CHUNKING") {
                    whole.extend(b"\r\n");
                }
                assert_eq!(
                    String::from_utf8(arrived.clone()).unwrap(),
                    String::from_utf8(whole).unwrap()
                );
                let text = one_kind(&text_of(&arrived));
                assert_eq!(text.trim_end(), one_kind(body).trim_end(), "{offers:?}");
            }
        }
    }
}

#[test]
fn s1_raw_content_is_corrected_for_data() {
    for end in ENDS {
        let raw = format!("a{end}{COMMANDS}{end}b");
        for step in 1..raw.len() {
            let arrived = received("", raw.as_bytes(), step);
            let expected = raw
                .replace("\r\n", "\n")
                .replace('\r', "\n")
                .replace('\n', "\r\n");
            assert_eq!(
                String::from_utf8(arrived).unwrap(),
                format!("{expected}\r\n")
            );
        }
    }
}
