//! What a server refuses, whole or in part.

use edgepost_interop::{Client, Mail, Server};

use super::{Case, assert_only};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("S7 MAIL is refused, or deferred", sender),
        Case::new("S8 one recipient each: taken, deferred, refused", mixed),
        Case::new("S8 every recipient is deferred", all_deferred),
        Case::new("S8 every recipient is refused", all_refused),
        Case::new("S8 hundred recipients, every third refused", hundred),
        Case::new("S9 the content is refused, or deferred", content),
    ]
}

/// Sends it, and then another over the same connection: what was refused has left nothing behind.
fn check(server: &Server, mail: &Mail, expected: &[&str]) {
    let next = Mail::with_body("the next\r\n");
    let mut client = Client::open(server);
    assert_eq!(client.send(mail), expected);
    client.ready().expect("ready for more");
    assert_eq!(client.send(&next), ["accepted"]);
    client.ready().expect("ready for more");
    client.close();
    let mut accepted = server.accepted();
    let last = accepted.pop().into_iter().collect::<Vec<_>>();
    assert_only(&last, &next);
    let taken: Vec<String> = mail
        .to
        .iter()
        .zip(expected)
        .filter(|(_, outcome)| **outcome == "accepted")
        .map(|(to, _)| to.clone())
        .collect();
    if taken.is_empty() {
        assert_eq!(accepted, []);
    } else {
        assert_only(
            &accepted,
            &Mail {
                to: taken,
                ..mail.clone()
            },
        );
    }
}

fn sender(server: &Server) {
    let mail = Mail::with_body("Hello\r\n");
    let refused = mail.clone().from("mail-refused");
    check(server, &refused, &["rejected sender_refused"]);
    let deferred = mail.from("mail-deferred");
    check(server, &deferred, &["deferred sender_refused"]);
}

fn mixed(server: &Server) {
    let expected = [
        "accepted",
        "deferred recipients_refused",
        "rejected recipients_refused",
    ];
    let mail = Mail::with_body("Hello\r\n");
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let all = ["ada", "deferred-bob", "refused-eve"];
        let to = order.map(|at| all[at]);
        let expected = order.map(|at| expected[at]);
        check(server, &mail.clone().to(&to), &expected);
    }
}

fn all_deferred(server: &Server) {
    let to = ["deferred-ada", "deferred-bob", "deferred-eve"];
    let mail = Mail::with_body("Hello\r\n").to(&to);
    check(server, &mail, &["deferred recipients_refused"; 3]);
}

fn all_refused(server: &Server) {
    let to = ["refused-ada", "refused-bob", "refused-eve"];
    let mail = Mail::with_body("Hello\r\n").to(&to);
    check(server, &mail, &["rejected recipients_refused"; 3]);
}

fn hundred(server: &Server) {
    let to: Vec<String> = (0..100)
        .map(|number| {
            let kind = if number % 3 == 0 { "refused" } else { "friend" };
            format!("{kind}-{number}")
        })
        .collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let expected: Vec<&str> = (0..100)
        .map(|number| match number % 3 {
            0 => "rejected recipients_refused",
            _ => "accepted",
        })
        .collect();
    let mail = Mail::with_body("Hello\r\n").to(&to);
    check(server, &mail, &expected);
}

fn content(server: &Server) {
    let mail = Mail::with_body("Hello\r\n").to(&["ada", "bob"]);
    let refused = mail.clone().from("content-refused");
    check(server, &refused, &["rejected content_refused"; 2]);
    let deferred = mail.from("content-deferred");
    check(server, &deferred, &["deferred content_refused"; 2]);
}
