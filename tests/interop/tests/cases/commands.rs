//! Content made of commands. Where a client hands content over before it knows that it is wanted,
//! or in a way that the server does not know, the server runs it: Exim runs what follows a BDAT
//! that it did not offer, as the mailbox that is logged in.

use edgepost_interop::{Client, Kind, Mail, Server};

use super::{Case, Check, assert_only};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "S18b content of commands where MAIL is refused",
            mail_refused,
        ),
        Case::new(
            "S18b content of commands where MAIL is deferred",
            mail_deferred,
        ),
        Case::new(
            "S18b content of commands where no recipient is taken",
            rcpt_refused,
        ),
        Case::new(
            "S18b content of commands where content is refused",
            content_refused,
        ),
        Case::new(
            "S18b content of commands where the server goes away",
            closed,
        ),
        Case::new("S18b content of commands that is taken is content", taken),
        Case::on(
            |kind| !offers_chunking(kind),
            "S18b content of commands where CHUNKING is not offered",
            taken_without_chunking,
        ),
        Case::new(
            "S18b content of commands on a replacement connection",
            replaced,
        ),
        Case {
            name: "S18b content of commands on a replacement connection without CHUNKING",
            check: Check::Pair("exim", "exim-without-chunking", replacement),
        },
        Case {
            name: "S18b content of commands on a replacement connection with nothing offered",
            check: Check::Pair("exim", "exim-without-either", replacement),
        },
        Case {
            name: "S18b content of commands on a replacement connection of smtp-server",
            check: Check::Pair("exim", "smtp-server", replacement),
        },
        Case {
            name: "S18b content of commands on a replacement connection of aiosmtpd",
            check: Check::Pair("exim", "aiosmtpd", replacement),
        },
    ]
}

pub fn offers_chunking(kind: Kind) -> bool {
    matches!(kind, Kind::Exim { chunking: true, .. })
}

fn offers_pipelining(server: &Server) -> bool {
    match server.kind() {
        Kind::Exim { pipelining, .. } => pipelining,
        Kind::SmtpServer => true,
        Kind::Aiosmtpd => false,
    }
}

/// A message of nothing but commands, from its first octet: every way in which content could be
/// taken for commands sends the mail that it asks for.
pub fn commands() -> Mail {
    let transaction = |end: &str| {
        format!(
            "RSET\r\nMAIL FROM:<evil@shop.test>\r\nRCPT TO:<evil@friend.test>\r\n\
             DATA\r\nSubject: evil\r\n\r\nevil\r\n{end}"
        )
    };
    let chunk = "Subject: evil\r\n\r\nevil\r\n";
    let chunked = format!(
        "RSET\r\nMAIL FROM:<evil@shop.test>\r\nRCPT TO:<evil@friend.test>\r\n\
         BDAT {} LAST\r\n{chunk}",
        chunk.len()
    );
    let all = [transaction(".\r\n"), chunked, transaction("\r\n.\r\n")].concat();
    // As often as it takes for one to begin after whatever is lost of the start.
    let content = format!("X: y\r\n\r\n{}", all.repeat(3));
    Mail {
        content: content.into_bytes(),
        ..Mail::with_body("")
    }
}

/// Refused, and then a message over the same connection, which is all that arrives.
fn check(server: &Server, mail: &Mail, expected: &[&str]) {
    let next = Mail::with_body("the next\r\n");
    let mut client = Client::open(server);
    assert_eq!(client.send(mail), expected);
    client.ready().expect("ready for more");
    assert_eq!(client.send(&next), ["accepted"]);
    client.ready().expect("ready for more");
    client.close();
    assert_only(&server.accepted(), &next);
}

fn mail_refused(server: &Server) {
    let mail = commands().from("mail-refused");
    check(server, &mail, &["rejected sender_refused"]);
}

fn mail_deferred(server: &Server) {
    let mail = commands().from("mail-deferred");
    check(server, &mail, &["deferred sender_refused"]);
}

fn rcpt_refused(server: &Server) {
    let mail = commands().to(&["refused-ada", "refused-bob"]);
    check(server, &mail, &["rejected recipients_refused"; 2]);
    let mail = commands().to(&["deferred-ada", "deferred-bob"]);
    check(server, &mail, &["deferred recipients_refused"; 2]);
}

fn content_refused(server: &Server) {
    let mail = commands().from("content-refused");
    check(server, &mail, &["rejected content_refused"]);
    let mail = commands().from("content-deferred");
    check(server, &mail, &["deferred content_refused"]);
}

fn closed(server: &Server) {
    let mails = [
        commands().from("mail-closed"),
        commands().to(&["closed"]),
        commands().from("content-closed"),
    ];
    for mail in mails {
        let mut client = Client::open(server);
        let outcomes = client.send(&mail);
        assert_ne!(outcomes, ["accepted"]);
        client.close();
        assert_eq!(server.accepted(), [], "after {outcomes:?}");
    }
}

/// As fast as the server's offers allow, or the cases here would have nothing to find.
fn taken(server: &Server) {
    let mail = commands();
    let mut client = Client::open(server);
    assert_eq!(client.send(&mail), ["accepted"]);
    client.ready().expect("ready for more");
    let (chunking, pipelining) = (offers_chunking(server.kind()), offers_pipelining(server));
    // With its length, for the content speaks of BDAT too.
    let chunk = format!("BDAT {} LAST", mail.content.len());
    assert_eq!(client.said(&chunk), chunking);
    let envelope = ["MAIL FROM:<sales@shop.test>", "RCPT TO:<ada@friend.test>"];
    assert_eq!(client.said_at_once(&envelope), pipelining);
    client.close();
    assert_only(&server.accepted(), &mail);
}

fn taken_without_chunking(server: &Server) {
    let mail = Mail::with_body("Hello\r\n");
    let mut client = Client::open(server);
    assert_eq!(client.send(&mail), ["accepted"]);
    client.ready().expect("ready for more");
    assert!(!client.said("BDAT"), "BDAT that was not offered");
    client.close();
    assert_only(&server.accepted(), &mail);
    taken(server);
}

/// A connection that ends with the message in doubt.
fn lose(server: &Server) {
    let lost = commands().from("content-closed");
    let mut client = Client::open(server);
    assert_eq!(client.send(&lost), ["in_doubt answer_lost"]);
    client.close();
    assert_eq!(server.accepted(), []);
}

/// What one connection was offered is nothing to the next.
fn replacement(first: &Server, second: &Server) {
    lose(first);
    taken_without_chunking(second);
    for refused in [mail_refused, mail_deferred, rcpt_refused, content_refused] {
        lose(first);
        refused(second);
    }
}

/// The same server, and a connection that took the place of one that was lost.
fn replaced(server: &Server) {
    for case in [
        mail_refused,
        mail_deferred,
        rcpt_refused,
        content_refused,
        taken,
    ] {
        lose(server);
        case(server);
    }
}
