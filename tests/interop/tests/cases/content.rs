//! What is sent is what arrives, and one message stays one.

use edgepost_interop::{Client, Mail, Server};

use super::commands::offers_chunking;
use super::{Case, assert_only, in_lines};

/// Ends of data as one server or another has taken them, and the one of RUSTSEC-2021-0069.
pub const ENDS: [&str; 10] = [
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

/// Octets of the longest line without its CRLF (RFC 5321 §4.5.3.1.6).
const LINE_OCTETS: usize = 998;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("S0 a plain message arrives as it was sent", plain),
        Case::new("S0 two messages over one connection", two_messages),
        Case::new("S0 a message of a megabyte", large),
        Case::new(
            "S1 a body that ends and goes on as commands is one message",
            smuggling,
        ),
        Case::new("S1 a body of an end of data and one command", one_command),
        Case::new("S2 dots at the start of lines, and lines of dots", dots),
        Case::new("S2 lines of 998 octets", long_lines),
        Case::new("S2 no line end at the end", no_line_end),
    ]
}

/// What ends its lines in other ways than by CRLF is repaired on its way by DATA. Behind BDAT nothing
/// is changed, so there it is not sent; with its lines repaired beforehand it is.
fn check(server: &Server, body: &str) {
    let mut mail = Mail::with_body(body);
    if offers_chunking(server.kind()) && has_stray_ends(body) {
        let mut client = Client::open(server);
        assert_eq!(client.send(&mail), ["rejected content_unfit"], "{body:?}");
        client.ready().expect_err("the end");
        client.close();
        assert_eq!(server.accepted(), [], "{body:?}");
        mail.content = in_lines(&mail.content);
    }
    let mut client = Client::open(server);
    assert_eq!(client.send(&mail), ["accepted"], "{body:?}");
    client.ready().expect("ready for more");
    client.close();
    assert_only(&server.accepted(), &mail);
}

fn has_stray_ends(body: &str) -> bool {
    body.replace("\r\n", "").contains(['\r', '\n'])
}

fn plain(server: &Server) {
    check(server, "Hello.\r\n\r\nGr\u{fc}\u{df}e\r\n");
}

fn two_messages(server: &Server) {
    let mails = [
        Mail::with_body("the first\r\n"),
        Mail::with_body("the second\r\n").to(&["ada", "bob"]),
    ];
    let mut client = Client::open(server);
    for mail in &mails {
        assert_eq!(client.send(mail), vec!["accepted"; mail.to.len()]);
        client.ready().expect("ready for more");
    }
    client.close();
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 2);
    for (one, mail) in accepted.iter().zip(&mails) {
        assert_only(std::slice::from_ref(one), mail);
    }
}

fn large(server: &Server) {
    let line = "All work and no play makes a dull line of text to be read by nobody.\r\n";
    check(server, &line.repeat(1024 * 1024 / line.len()));
}

fn smuggling(server: &Server) {
    for end in ENDS {
        let commands =
            "MAIL FROM:<evil@shop.test>\r\nRCPT TO:<evil@friend.test>\r\nDATA\r\nX: y\r\n\r\nevil";
        check(server, &format!("Hello{end}{commands}{end}QUIT\r\n"));
    }
}

fn one_command(server: &Server) {
    check(server, "\r\n.\r\nMAIL FROM:<e@x>\r\n");
    check(server, ".\r\nMAIL FROM:<e@x>\r\n");
}

fn dots(server: &Server) {
    check(
        server,
        ".\r\n..\r\n...\r\n.leading\r\na.\r\n\r\n.\r\n..\r\n",
    );
    check(server, "..");
    check(server, ".");
}

fn long_lines(server: &Server) {
    let dotted = format!(".{}", "y".repeat(LINE_OCTETS - 1));
    let dots = ".".repeat(LINE_OCTETS);
    let long = "x".repeat(LINE_OCTETS);
    check(server, &format!("{long}\r\n{dotted}\r\n{dots}\r\n"));
}

fn no_line_end(server: &Server) {
    check(server, "no line end");
    check(server, "a CR\r");
    check(server, "");
}
