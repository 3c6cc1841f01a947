//! The end of content, and what may not be in it.

use edgepost_sandbox::{Fault, Sandbox};

use crate::smtp::{ACCOUNT, Secure, port_with, sandbox};

fn violations(sandbox: &Sandbox, port: u16) -> Vec<String> {
    sandbox.connections(port).pop().unwrap().violations
}

#[test]
fn looser_ends_do_not_end_the_content() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::at_content(&sandbox, port);
    let smuggled = "x\n.\nMAIL FROM:<evil@example.test>\r\ny\r.\rz\n.\r\nw\r\n.\nv";
    smtp.expect(&format!("{smuggled}\r\n."), "250");
    let [mail] = sandbox.inbox_of(port).try_into().unwrap();
    assert!(
        String::from_utf8(mail.raw)
            .unwrap()
            .contains("evil@example.test"),
        "it stayed content"
    );
    let violations = violations(&sandbox, port);
    assert!(
        violations.contains(&"bare LF in the content".to_owned()),
        "{violations:?}"
    );
    assert!(
        violations.contains(&"bare CR in the content".to_owned()),
        "{violations:?}"
    );
}

#[test]
fn octets_above_127_need_their_extension() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::at_content(&sandbox, port);
    smtp.expect("ü\r\n.", "250");
    assert_eq!(
        violations(&sandbox, port),
        ["octets above 127 in the content without BODY=8BITMIME"]
    );
}

#[test]
fn chunks_work_where_they_are_offered() {
    let sandbox = sandbox();
    let capabilities = ["PIPELINING", "CHUNKING", "8BITMIME", "AUTH XOAUTH2"]
        .map(ToOwned::to_owned)
        .to_vec();
    let fault = Fault::Capabilities {
        before_tls: None,
        after_tls: Some(capabilities),
    };
    let port = port_with(&sandbox, [fault]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    // One flight: a body made of commands stays a body.
    let body = "Subject: x\r\n\r\nRSET\r\n.\r\nQUIT\r\nü\r\n";
    let size = body.len();
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}> BODY=8BITMIME\r\nRCPT TO:<a@example.test>\r\nBDAT {size} LAST\r\n{body}"
    ));
    let replies: Vec<String> = (0..3)
        .map(|_| smtp.reply().unwrap()[..3].to_owned())
        .collect();
    assert_eq!(replies, ["250", "250", "250"]);
    assert_eq!(sandbox.inbox_of(port)[0].raw, body.as_bytes());
    // Without a recipient the octets are swallowed all the same.
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<>\r\nBDAT {size} LAST\r\n{body}NOOP\r\n"
    ));
    let replies: Vec<String> = (0..4)
        .map(|_| smtp.reply().unwrap()[..3].to_owned())
        .collect();
    assert_eq!(replies, ["250", "501", "554", "250"]);
    assert_eq!(sandbox.inbox_of(port).len(), 1);
}
