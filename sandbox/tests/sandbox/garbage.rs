//! Replies that are none, to the octet.

use std::io::Read as _;

use edgepost_sandbox::{Fault, Garbage, Step};

use crate::smtp::{ACCOUNT, Dialogue, Plain, Secure, connect, port_with, sandbox};

#[test]
fn a_greeting_can_be_anything() {
    let sandbox = sandbox();
    let all: Vec<u8> = (0..=255).collect();
    let mut many = "220-X-LINE\r\n".repeat(3);
    many.push_str("220 localhost ESMTP edgepost sandbox\r\n");
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 50\r\n\
        Connection: close\r\n\r\n<html><body><h1>400 Bad Request</h1></body></html>";
    let cases: [(Garbage, &[u8]); 11] = [
        (Garbage::Binary, &all),
        (Garbage::Http, http),
        (Garbage::LongLine(9), b"xxxxxxxxx"),
        (Garbage::ManyLines(3), many.as_bytes()),
        (Garbage::MixedCodes, b"220-a\r\n550 b\r\n"),
        (Garbage::LfOnly, b"220 localhost ESMTP edgepost sandbox\n"),
        (
            Garbage::LowerCase,
            b"220 localhost esmtp edgepost sandbox\r\n",
        ),
        (Garbage::NoText, b"220\r\n"),
        (
            Garbage::Tabs,
            b"220\tlocalhost\tESMTP\tedgepost\tsandbox\r\n",
        ),
        (
            Garbage::EmptyLineFirst,
            b"\r\n220 localhost ESMTP edgepost sandbox\r\n",
        ),
        (Garbage::Octets(b"\xff\x00".to_vec()), b"\xff\x00"),
    ];
    for (garbage, expected) in cases {
        let fault = Fault::garbage(Step::Greeting, garbage.clone());
        let port = port_with(&sandbox, [fault]).port();
        let mut dialogue = Dialogue::new(connect(port));
        let heard = dialogue.exactly(expected.len());
        assert_eq!(heard, expected, "{garbage:?}");
        // Nothing else came, and the server goes on.
        dialogue.expect("NOOP", "250");
    }
}

#[test]
fn ehlo_in_lower_case_with_many_lines_or_two_codes() {
    let sandbox = sandbox();
    let port = port_with(
        &sandbox,
        [
            Fault::garbage(Step::Ehlo, Garbage::LowerCase),
            Fault::garbage(Step::EhloTls, Garbage::ManyLines(10_000)),
        ],
    )
    .port();
    let mut plain = Plain::greeted(port);
    let reply = plain.ask("EHLO client.test");
    assert!(
        reply.contains("250-8bitmime\r\n") && reply.ends_with("250 starttls\r\n"),
        "{reply}"
    );
    plain.expect("STARTTLS", "220");
    let reply = plain.secure(&sandbox).ask("EHLO client.test");
    assert_eq!(reply.matches("250-X-LINE\r\n").count(), 10_000);
    assert!(reply.ends_with("250 AUTH XOAUTH2 OAUTHBEARER\r\n"));

    let port = port_with(&sandbox, [Fault::garbage(Step::Ehlo, Garbage::MixedCodes)]).port();
    let reply = Plain::greeted(port).ask("EHLO client.test");
    assert_eq!(reply, "250-a\r\n550 b\r\n");
}

#[test]
fn a_megabyte_without_a_line_end() {
    let sandbox = sandbox();
    let fault = Fault::garbage(Step::Greeting, Garbage::LongLine(1_000_000));
    let port = port_with(&sandbox, [fault]).port();
    let heard = Dialogue::new(connect(port)).exactly(1_000_000);
    assert!(heard.iter().all(|octet| *octet == b'x'));
}

#[test]
fn a_reply_without_end() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::garbage(Step::Mail, Garbage::Endless)]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!("MAIL FROM:<{ACCOUNT}>\r\n"));
    let heard = smtp.exactly(1_000_000);
    let text = String::from_utf8(heard).unwrap();
    assert!(
        text.lines().all(|line| "250-and so on".starts_with(line)),
        "no line ends it"
    );
    // Also when nobody reads, the server notices that the client went.
    smtp.hang_up();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while sandbox.connections(port)[0].ending.is_none() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn the_step_is_done_all_the_same() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::garbage(Step::Content, Garbage::Http)]).port();
    let mut smtp = Secure::at_content(&sandbox, port);
    assert_eq!(smtp.ask("x\r\n."), "HTTP/1.1 400 Bad Request\r\n");
    assert_eq!(sandbox.inbox_of(port).len(), 1);
}

#[test]
fn a_refusal_can_be_spoiled_too() {
    let sandbox = sandbox();
    let faults = [
        Fault::reply(Step::Mail, "550 5.7.60 no"),
        Fault::garbage(Step::Mail, Garbage::LfOnly),
    ];
    let port = port_with(&sandbox, faults).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!("MAIL FROM:<{ACCOUNT}>\r\n"));
    let mut octets = [0; 64];
    let count = smtp.stream.read(&mut octets).unwrap();
    assert_eq!(octets[..count], *b"550 5.7.60 no\n");
    smtp.expect("RCPT TO:<a@example.test>", "503");
}
