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
    over(server, client);
}

fn over(server: &Server, mut client: Client) {
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

/// What a server has said about a recipient before stays said; a reply that it still kept, to send
/// it together with later ones (RFC 2920 §3.2), is lost with it.
fn rcpt(server: &Server) {
    let mail = Mail::with_body("Hello\r\n").to(&["ada", "refused-eve", "closed", "bob"]);
    let mut client = Client::open(server);
    let lost = "deferred connection_lost";
    let outcomes = client.send(&mail);
    assert!(
        [lost, "rejected recipients_refused"].contains(&outcomes[1].as_str()),
        "{outcomes:?}"
    );
    assert_eq!([&outcomes[0], &outcomes[2], &outcomes[3]], [lost; 3]);
    over(server, client);
}

fn content(server: &Server) {
    let mail = Mail::with_body("Hello\r\n").from("content-closed");
    check(server, &mail, &["in_doubt answer_lost"]);
}
