//! Content by BDAT: how many octets follow is said beforehand, and not one of them is a command.

use edgepost_sandbox::{ContentForm, Ending, Fault, Flow, How, Sandbox, Step};

use crate::smtp::{ACCOUNT, Plain, Secure, port_with, sandbox};

/// A body made of commands.
const HOSTILE: &str = "Subject: x\r\n\r\nRSET\r\n.\r\nMAIL FROM:<shop@sandbox.test>\r\n\
    RCPT TO:<evil@example.test>\r\nDATA\r\n.\r\nQUIT\r\n";

fn violations(sandbox: &Sandbox, port: u16) -> Vec<String> {
    sandbox.connections(port).pop().unwrap().violations
}

#[test]
fn one_flight_is_answered_command_by_command() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    let size = HOSTILE.len();
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\nBDAT {size} LAST\r\n{HOSTILE}"
    ));
    assert_eq!(smtp.codes(3), ["250", "250", "250"]);
    let [mail] = sandbox.inbox_of(port).try_into().unwrap();
    assert_eq!(mail.raw, HOSTILE.as_bytes());
    assert_eq!(mail.form, ContentForm::Bdat { chunks: 1 });
    let [record] = sandbox.connections(port).try_into().unwrap();
    assert_eq!(record.violations, [""; 0]);
    assert_eq!(
        (record.contents[0].form, record.contents[0].octets),
        (mail.form, size as u64)
    );
    assert_eq!(record.contents[0].message, Some(mail.id));
}

#[test]
fn several_chunks_make_one_message_and_the_last_may_be_empty() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::at_recipient(&sandbox, port);
    smtp.send("BDAT 12\r\nSubject: x\r\n");
    assert_eq!(smtp.reply().unwrap(), "250 2.0.0 12 octets received\r\n");
    // A chunk may end anywhere, also between CR and LF.
    smtp.send("BDAT 3\r\n\r\n\r");
    assert!(smtp.reply().unwrap().starts_with("250"));
    smtp.send("BDAT 4\r\n\n.\r\n");
    assert!(smtp.reply().unwrap().starts_with("250"));
    smtp.expect("DATA", "503 5.5.1");
    smtp.expect("BDAT 0 LAST", "250 2.0.0 Ok, queued");
    let [mail] = sandbox.inbox_of(port).try_into().unwrap();
    assert_eq!(mail.raw, b"Subject: x\r\n\r\n\r\n.\r\n");
    assert_eq!(mail.form, ContentForm::Bdat { chunks: 4 });
    assert_eq!(
        violations(&sandbox, port),
        ["DATA behind BDAT in one transaction"]
    );
    // The next message begins from nothing, by DATA.
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
    smtp.expect("RCPT TO:<a@example.test>", "250");
    smtp.expect("DATA", "354");
    smtp.expect("y\r\n.", "250");
    let mail = &sandbox.inbox_of(port)[1];
    assert_eq!(
        (mail.raw.as_slice(), mail.form),
        (&b"y\r\n"[..], ContentForm::Data)
    );
}

#[test]
fn a_refused_chunk_is_swallowed_and_nothing_goes_on_before_rset() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    let size = HOSTILE.len();
    // All recipients refused.
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<>\r\nBDAT {size} LAST\r\n{HOSTILE}NOOP\r\n"
    ));
    assert_eq!(smtp.codes(4), ["250", "501", "554", "250"]);
    // Chunks that were on their way, and whatever else comes.
    smtp.send("BDAT 6\r\nQUIT\r\n");
    assert_eq!(smtp.reply().unwrap(), "503 5.5.1 Send RSET first\r\n");
    smtp.expect("RCPT TO:<a@example.test>", "503");
    smtp.expect("DATA", "503");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "503");
    smtp.expect("RSET", "250");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
    assert!(
        violations(&sandbox, port).contains(&"MAIL behind a refused chunk without RSET".to_owned())
    );

    // MAIL refused: the chunk is out of place, and the next MAIL is welcome.
    let port = port_with(&sandbox, [Fault::reply(Step::Mail, "451 4.3.0 no").only(1)]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\nBDAT {size} LAST\r\n{HOSTILE}"
    ));
    assert_eq!(smtp.codes(3), ["451", "503", "503"]);
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");

    // Before authentication, and behind the last chunk.
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::open(&sandbox, port);
    smtp.send("BDAT 6 LAST\r\nQUIT\r\n");
    assert!(smtp.reply().unwrap().starts_with("530"));
    smtp.expect("NOOP", "250");
    let mut smtp = Secure::at_recipient(&sandbox, port);
    smtp.send("BDAT 3 LAST\r\nx\r\nBDAT 6 LAST\r\nQUIT\r\n");
    assert_eq!(smtp.codes(2), ["250", "503"]);
    assert_eq!(sandbox.inbox().len(), 1);
}

#[test]
fn each_chunk_can_be_refused_by_script() {
    let sandbox = sandbox();
    let faults = [
        Fault::reply(Step::Bdat, "452 4.3.1 no room").only(2),
        Fault::reply(Step::Content, "554 5.6.0 no").only(1),
    ];
    let port = port_with(&sandbox, faults).port();
    let mut smtp = Secure::at_recipient(&sandbox, port);
    smtp.send("BDAT 3\r\na\r\nBDAT 3\r\nb\r\nBDAT 3 LAST\r\nc\r\n");
    assert_eq!(smtp.codes(3), ["250", "452", "503"]);
    smtp.expect("RSET", "250");
    for expected in ["554 5.6.0 no\r\n", "250 2.0.0 Ok, queued as 1\r\n"] {
        smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
        smtp.expect("RCPT TO:<a@example.test>", "250");
        smtp.send("BDAT 3 LAST\r\nd\r\n");
        assert_eq!(smtp.reply().unwrap(), expected);
        smtp.expect("RSET", "250");
    }
    let [record] = sandbox.connections(port).try_into().unwrap();
    let taken: Vec<_> = record.contents.iter().map(|one| one.message).collect();
    assert_eq!(taken, [None, Some(1)]);
}

#[test]
fn a_length_that_cannot_be_read_ends_the_connection() {
    let sandbox = sandbox();
    for line in [
        "BDAT",
        "BDAT x LAST",
        "BDAT -1",
        "BDAT +3 LAST",
        "BDAT 3 last now",
        "BDAT 99999999999999999999",
    ] {
        let port = port_with(&sandbox, []).port();
        let mut smtp = Secure::at_recipient(&sandbox, port);
        smtp.send(format!("{line}\r\n{HOSTILE}"));
        assert!(smtp.reply().unwrap().starts_with("501"), "{line}");
        assert!(smtp.reply().is_none(), "{line}");
        assert!(sandbox.inbox().is_empty());
        assert_eq!(violations(&sandbox, port), ["a malformed BDAT"], "{line}");
    }
}

#[test]
fn a_wrong_length_is_found_out() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::at_recipient(&sandbox, port);
    // Two octets too few.
    smtp.send("BDAT 3 LAST\r\nabc\r\n");
    assert_eq!(smtp.codes(1), ["250"]);
    smtp.expect("x", "500");
    assert!(
        violations(&sandbox, port)
            .contains(&"what follows a chunk is no command: its length is wrong".to_owned())
    );
    // One too many: the server waits for it.
    let mut smtp = Secure::at_recipient(&sandbox, port);
    smtp.send("BDAT 6 LAST\r\nabc\r\n");
    smtp.hang_up();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while sandbox.connections(port)[1].ending.is_none() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let record = &sandbox.connections(port)[1];
    assert_eq!(record.ending, Some(Ending::ClosedByClient));
    assert_eq!(
        record.violations,
        ["the connection ends 1 octets before the end of a chunk"]
    );
}

#[test]
fn the_content_of_chunks_is_held_to_the_same_rules() {
    let sandbox = sandbox();
    let cases: [(String, &str); 4] = [
        ("a\nb\r\n".to_owned(), "bare LF in the content"),
        ("a\rb\r\n".to_owned(), "bare CR in the content"),
        (
            format!("{}\r\n", "x".repeat(999)),
            "a line of content is longer than 998 octets",
        ),
        (
            "ü\r\n".to_owned(),
            "octets above 127 in the content without BODY=8BITMIME",
        ),
    ];
    for (content, violation) in cases {
        let port = port_with(&sandbox, []).port();
        let mut smtp = Secure::at_recipient(&sandbox, port);
        smtp.send(format!("BDAT {} LAST\r\n{content}", content.len()));
        assert_eq!(smtp.codes(1), ["250"]);
        assert_eq!(violations(&sandbox, port), [violation]);
    }
}

#[test]
fn without_chunking_a_chunk_is_a_row_of_commands_and_a_violation() {
    let sandbox = sandbox();
    for fault in [
        Fault::without("CHUNKING"),
        Fault::offers_after_tls(["AUTH XOAUTH2"]),
    ] {
        let port = port_with(&sandbox, [fault]).port();
        let mut smtp = Secure::at_recipient(&sandbox, port);
        smtp.send("BDAT 6 LAST\r\nRSET\r\nNOOP\r\n");
        assert_eq!(smtp.codes(3), ["500", "250", "250"]);
        assert!(
            violations(&sandbox, port).contains(&"BDAT where CHUNKING was not offered".to_owned())
        );
    }
    // Offered before TLS only is not offered.
    let before_tls_only = Fault::Capabilities {
        before_tls: Some(vec!["CHUNKING".to_owned(), "STARTTLS".to_owned()]),
        after_tls: Some(vec!["AUTH XOAUTH2".to_owned()]),
    };
    let port = port_with(&sandbox, [before_tls_only]).port();
    assert!(Plain::greeted(port).ask("EHLO x").contains("CHUNKING"));
    Secure::at_recipient(&sandbox, port).expect("BDAT 0 LAST", "500");
}

#[test]
fn a_message_has_its_size_by_chunks_too() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::MaxSize(10)]).port();
    let mut smtp = Secure::at_recipient(&sandbox, port);
    smtp.send("BDAT 8\r\n123456\r\nBDAT 3 LAST\r\n9\r\n");
    assert_eq!(smtp.codes(2), ["250", "552"]);
    smtp.expect("RSET", "250");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
    smtp.expect("RCPT TO:<a@example.test>", "250");
    smtp.send("BDAT 8\r\n123456\r\nBDAT 2 LAST\r\n\r\n");
    assert_eq!(smtp.codes(2), ["250", "250"]);
}

#[test]
fn a_connection_ends_within_a_chunk() {
    let sandbox = sandbox();
    for octets in [0, 1, 5, 6] {
        let port = port_with(&sandbox, [Fault::cut(Flow::Content, octets, How::Fin)]).port();
        let mut smtp = Secure::authenticated(&sandbox, port);
        smtp.try_send(format!(
            "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\nBDAT 6 LAST\r\nabcd\r\n"
        ));
        while smtp.reply().is_some() {}
        assert!(sandbox.inbox_of(port).is_empty(), "{octets}");
        assert_eq!(
            sandbox.connections(port)[0].ending,
            Some(Ending::ClosedByServer)
        );
    }
}
