//! Ports where TLS begins with the connection, and ports that are of the other kind.

use std::io::Read as _;
use std::time::Duration;

use edgepost_sandbox::{BadCertificate, Fault, Sandbox, Script, Security, SmtpPort};

use crate::http::access_token;
use crate::smtp::{
    ACCOUNT, Dialogue, Plain, Secure, connect, is_timeout, port_with, sandbox, secure,
};

fn implicit_with(sandbox: &Sandbox, fault: Fault) -> SmtpPort {
    sandbox.open_smtps(Vec::new(), Script::of([fault])).unwrap()
}

#[test]
fn a_message_reaches_the_inbox_over_implicit_tls() {
    let sandbox = sandbox();
    let port = sandbox.smtps_port();
    let mut smtp = Secure::implicit(&sandbox, port);
    let offered = smtp.ask("EHLO client.test");
    assert!(
        !offered.contains("STARTTLS") && offered.contains("AUTH XOAUTH2"),
        "{offered}"
    );
    smtp.expect("STARTTLS", "503");
    let response = crate::smtp::xoauth2(ACCOUNT, &access_token(&sandbox, ACCOUNT));
    smtp.expect(&format!("AUTH XOAUTH2 {response}"), "235");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
    smtp.expect("RCPT TO:<a@example.test>", "250");
    smtp.send("BDAT 3 LAST\r\nx\r\n");
    assert_eq!(smtp.codes(1), ["250"]);
    smtp.expect("QUIT", "221");
    assert_eq!(sandbox.inbox_of(port)[0].raw, b"x\r\n");
    let [record] = sandbox.connections(port).try_into().unwrap();
    assert_eq!(record.plaintext(), "");
    assert_eq!(record.tls.unwrap().sni.as_deref(), Some("localhost"));
    assert_eq!(record.violations, [""; 0]);
}

#[test]
fn the_certificate_is_bad_there_too() {
    let sandbox = sandbox();
    let port = implicit_with(&sandbox, Fault::Certificate(BadCertificate::Expired));
    assert_eq!(port.security(), Security::Implicit);
    let error = secure(&sandbox, connect(port.port())).unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
}

#[test]
fn a_plaintext_banner_on_the_implicit_port() {
    let sandbox = sandbox();
    let port = implicit_with(&sandbox, Fault::OtherSecurity).port();
    let mut plain = Plain::greeted(port);
    assert!(plain.ask("EHLO client.test").contains("250 STARTTLS"));
    plain.expect("STARTTLS", "220");
    plain.secure(&sandbox).expect("EHLO client.test", "250");
    // A client that begins as it should meets a banner.
    let error = secure(&sandbox, connect(port)).unwrap_err();
    assert!(error.to_string().contains("corrupt message"), "{error}");
}

#[test]
fn tls_on_the_starttls_port() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::OtherSecurity]).port();
    // No banner comes: the server waits for a hello.
    let mut silent = connect(port);
    silent
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(is_timeout(&silent.read(&mut [0]).unwrap_err()));
    Secure::implicit(&sandbox, port).expect("NOOP", "250");
    // A client that speaks first hears an alert, or nothing, and never a reply.
    let mut dialogue = Dialogue::new(connect(port));
    dialogue.send("EHLO client.test\r\n");
    let heard = dialogue.rest();
    assert!(
        !heard.starts_with(b"2") && !heard.starts_with(b"5"),
        "{heard:?}"
    );
}
