//! Servers that go away in the middle, without a word.

use edgepost_interop::{Client, Mail, Server};

use super::{Case, assert_only};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("S10 the connection ends instead of an answer to MAIL", mail),
        Case::new("S10 the connection ends instead of an answer to RCPT", rcpt),
        Case::new(
            "S11 the connection ends instead of an answer to the content",
            content,
        ),
    ]
}

/// Sends it; nothing arrives, and the connection is known to be of no further use. A new one is
/// as good as ever.
fn check(server: &Server, mail: &Mail, expected: &[&str]) {
    let mut client = Client::open(server);
    assert_eq!(client.send(mail), expected);
    client.ready().expect_err("the end");
    client.close();
    assert_eq!(server.accepted(), []);

    let next = Mail::with_body("the next\r\n");
    let mut client = Client::open(server);
    assert_eq!(client.send(&next), ["accepted"]);
    client.close();
    assert_only(&server.accepted(), &next);
}

fn mail(server: &Server) {
    let mail = Mail::with_body("Hello\r\n").from("mail-closed");
    check(server, &mail, &["deferred connection_lost"]);
}

/// What was said about a recipient before that stays said.
fn rcpt(server: &Server) {
    let mail = Mail::with_body("Hello\r\n").to(&["ada", "refused-eve", "closed", "bob"]);
    let expected = [
        "deferred connection_lost",
        "rejected recipients_refused",
        "deferred connection_lost",
        "deferred connection_lost",
    ];
    check(server, &mail, &expected);
}

fn content(server: &Server) {
    let mail = Mail::with_body("Hello\r\n").from("content-closed");
    check(server, &mail, &["in_doubt answer_lost"]);
}
