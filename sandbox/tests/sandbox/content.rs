//! The end of content, and what may not be in it.

use edgepost_sandbox::Sandbox;

use crate::smtp::{Secure, port_with, sandbox};

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
