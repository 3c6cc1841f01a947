//! 8BITMIME, SMTPUTF8, SIZE: what is offered works, what is not does not.

use edgepost_sandbox::{Fault, Sandbox};

use crate::smtp::{ACCOUNT, Plain, Secure, port_with, sandbox};

fn violations(sandbox: &Sandbox, port: u16) -> Vec<String> {
    sandbox.connections(port).pop().unwrap().violations
}

#[test]
fn eight_bits_are_declared() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> BODY=8BITMIME"), "250");
    smtp.expect("RCPT TO:<a@example.test>", "250");
    smtp.expect("DATA", "354");
    smtp.expect("Subject: x\r\n\r\nü\r\n.", "250");
    assert_eq!(violations(&sandbox, port), [""; 0]);
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> body=7bit"), "250");
    smtp.expect("RSET", "250");
    for (parameters, refusal) in [
        ("BODY=BINARYMIME", "501 5.5.4"),
        ("BODY", "501 5.5.4"),
        ("BODY=7BIT BODY=8BITMIME", "501 5.5.4"),
        ("SIZE=x", "501 5.5.4"),
        ("FUTURERELEASE=1", "555 5.5.4"),
    ] {
        smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> {parameters}"), refusal);
    }
}

#[test]
fn addresses_beyond_ascii_need_smtputf8() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.expect("MAIL FROM:<grüße@sandbox.test>", "553 5.6.7");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
    smtp.expect("RCPT TO:<grüße@example.test>", "553 5.6.7");
    smtp.expect("RCPT TO:<a@bücher.test>", "553 5.6.7");
    smtp.expect("RSET", "250");
    assert_eq!(
        violations(&sandbox, port),
        ["an address beyond ASCII without SMTPUTF8"]
    );
    assert_eq!(sandbox.connections(port)[0].violation_count, 3);

    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> SMTPUTF8=yes"), "501 5.5.4");
    smtp.expect(
        &format!("MAIL FROM:<{ACCOUNT}> BODY=8BITMIME SMTPUTF8"),
        "250",
    );
    smtp.expect("RCPT TO:<grüße@example.test>", "250");
    smtp.expect("DATA", "354");
    smtp.expect("Subject: grüße\r\n\r\nü\r\n.", "250");
    let [mail] = sandbox.inbox_of(port).try_into().unwrap();
    assert_eq!(mail.envelope.rcpt_to[0].address, "grüße@example.test");
    // A header beyond ASCII is such a message too, whatever its addresses.
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> BODY=8BITMIME"), "250");
    smtp.expect("RCPT TO:<a@example.test>", "250");
    smtp.expect("DATA", "354");
    smtp.expect("Subject: grüße\r\n\r\nx\r\n.", "250");
    assert!(
        violations(&sandbox, port)
            .contains(&"octets above 127 in the header without SMTPUTF8".to_owned())
    );
}

#[test]
fn each_extension_can_be_missing() {
    let sandbox = sandbox();
    let cases = [
        ("8BITMIME", "BODY=8BITMIME"),
        ("SMTPUTF8", "SMTPUTF8"),
        ("SIZE", "SIZE=3"),
    ];
    for (keyword, parameter) in cases {
        let port = port_with(&sandbox, [Fault::without(keyword)]).port();
        assert!(!Plain::greeted(port).ask("EHLO x").contains(keyword));
        let mut smtp = Secure::authenticated(&sandbox, port);
        assert!(!smtp.ask("EHLO x").contains(keyword));
        smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> {parameter}"), "555 5.5.4");
        assert_eq!(
            violations(&sandbox, port),
            [format!("the parameter {parameter} without its extension")]
        );
    }
    let port = port_with(&sandbox, [Fault::without("PIPELINING")]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\n"
    ));
    assert_eq!(smtp.codes(2), ["250", "250"]);
    assert_eq!(
        violations(&sandbox, port),
        ["commands sent in a group where PIPELINING was not offered"]
    );
}

#[test]
fn behind_tls_nothing_may_be_left() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::offers_after_tls([])]).port();
    let mut smtp = Plain::ready(port).secure(&sandbox);
    assert_eq!(
        smtp.ask("EHLO client.test"),
        "250 localhost at your service\r\n"
    );
    smtp.expect("AUTH XOAUTH2", "504");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "530 5.7.0");
    assert_eq!(
        violations(&sandbox, port),
        [
            "AUTH XOAUTH2, which was not offered",
            "a mail transaction before authentication"
        ]
    );
}

#[test]
fn the_size_that_is_offered_is_kept() {
    let sandbox = sandbox();
    // Smaller behind TLS than before it.
    let smaller = Fault::offers_after_tls(["SIZE 20", "AUTH XOAUTH2"]);
    for fault in [smaller, Fault::MaxSize(20)] {
        let port = port_with(&sandbox, [fault]).port();
        let mut smtp = Secure::authenticated(&sandbox, port);
        smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> SIZE=21"), "552 5.3.4");
        smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> SIZE=20"), "250");
        smtp.expect("RCPT TO:<a@example.test>", "250");
        smtp.expect("DATA", "354");
        smtp.expect(&format!("{}\r\n.", "x".repeat(19)), "552 5.3.4");
        smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
        smtp.expect("RCPT TO:<a@example.test>", "250");
        smtp.expect("DATA", "354");
        smtp.expect(&format!("{}\r\n.", "x".repeat(18)), "250");
    }
    // More is promised than is taken.
    let generous = Fault::offers_after_tls(["SIZE 1000", "AUTH XOAUTH2"]);
    let port = port_with(&sandbox, [generous, Fault::MaxSize(20)]).port();
    let mut smtp = Secure::at_content(&sandbox, port);
    smtp.expect(&format!("{}\r\n.", "x".repeat(19)), "552 5.3.4");
}

#[test]
fn recipients_have_their_number() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::MaxRecipients(2)]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    for _ in 0..2 {
        smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
        smtp.expect("RCPT TO:<a@example.test>", "250");
        smtp.expect("RCPT TO:<b@example.test>", "250");
        smtp.expect("RCPT TO:<c@example.test>", "452 4.5.3");
        smtp.expect("DATA", "354");
        smtp.expect("x\r\n.", "250");
    }
    assert_eq!(sandbox.inbox_of(port)[1].envelope.rcpt_to.len(), 2);
}
