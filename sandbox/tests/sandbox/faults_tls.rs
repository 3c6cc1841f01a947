//! What goes wrong around STARTTLS.

use std::io::Read as _;
use std::time::{Duration, Instant};

use edgepost_sandbox::{
    BadCertificate, Ending, Fault, Garbage, How, OldAnswer, OldVersion, Sandbox, Segment, Step,
    TlsFacts, When,
};

use crate::smtp::{Dialogue, Plain, port_with, sandbox, secure};

/// The handshake's facts, as soon as the server has them.
fn tls_of(sandbox: &Sandbox, port: u16) -> TlsFacts {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if let Some(tls) = sandbox.connections(port)[0].tls.clone() {
            return tls;
        }
        assert!(Instant::now() < deadline, "no handshake in the record");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn bad_certificates_are_bad_in_the_way_they_say() {
    let sandbox = sandbox();
    let cases = [
        (BadCertificate::WrongName, "not valid for name"),
        (BadCertificate::Expired, "expired"),
        (BadCertificate::UnknownIssuer, "UnknownIssuer"),
    ];
    for (which, complaint) in cases {
        let port = port_with(&sandbox, [Fault::Certificate(which)]).port();
        let error = secure(&sandbox, Plain::ready(port).stream)
            .unwrap_err()
            .to_string();
        let complaint_met = error.contains(complaint)
            || (complaint == "UnknownIssuer" && error.contains("BadSignature"));
        assert!(complaint_met, "{which:?}: {error}");
        let tls = tls_of(&sandbox, port);
        assert_eq!(tls.sni.as_deref(), Some("localhost"));
        assert!(tls.version.is_none() && tls.error.is_some(), "{tls:?}");
        assert_eq!(sandbox.connections(port)[0].ending, Some(Ending::TlsFailed));
    }
}

#[test]
fn plaintext_is_injected_with_the_220() {
    let sandbox = sandbox();
    let bytes = "250-injected\r\n250 AUTH PLAIN\r\n".to_owned();
    let port = port_with(
        &sandbox,
        [Fault::InjectAfterStartTls {
            segment: Segment::Same,
            bytes: bytes.clone(),
        }],
    )
    .port();
    let mut plain = Plain::greeted(port);
    plain.expect("EHLO client.test", "250");
    plain.send("STARTTLS\r\n");
    // One read, one segment.
    let mut segment = [0; 4096];
    let count = plain.stream.read(&mut segment).unwrap();
    assert_eq!(
        segment[..count],
        *format!("220 2.0.0 Ready to start TLS\r\n{bytes}").as_bytes()
    );
    // A client that is fooled can go on.
    secure(&sandbox, plain.stream).unwrap();
}

#[test]
fn plaintext_is_injected_behind_the_220() {
    let sandbox = sandbox();
    let bytes = "250 injected\r\n".to_owned();
    let port = port_with(
        &sandbox,
        [Fault::InjectAfterStartTls {
            segment: Segment::Later,
            bytes,
        }],
    )
    .port();
    let mut plain = Plain::greeted(port);
    plain.expect("EHLO client.test", "250");
    plain.send("STARTTLS\r\n");
    let mut segment = [0; 4096];
    let count = plain.stream.read(&mut segment).unwrap();
    assert_eq!(segment[..count], *b"220 2.0.0 Ready to start TLS\r\n");
    assert_eq!(plain.reply().unwrap(), "250 injected\r\n");
    // For a client that began its handshake at once the injection is a broken record.
    let error = secure(&sandbox, Plain::ready(port).stream).unwrap_err();
    assert!(error.to_string().contains("corrupt message"), "{error}");
}

#[test]
fn the_220_is_the_last_word() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::CloseWithStartTls { how: How::Fin }]).port();
    assert_eq!(Plain::ready(port).rest(), b"");
    assert_eq!(
        sandbox.connections(port)[0].ending,
        Some(Ending::ClosedByServer)
    );

    let port = port_with(&sandbox, [Fault::CloseWithStartTls { how: How::Rst }]).port();
    let error = Plain::ready(port).stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(
        sandbox.connections(port)[0].ending,
        Some(Ending::ResetByServer)
    );
}

#[test]
fn starttls_is_refused_and_the_rest_stays_plain() {
    let sandbox = sandbox();
    let port = port_with(
        &sandbox,
        [Fault::reply(Step::StartTls, "454 4.7.0 TLS not available")],
    )
    .port();
    let mut plain = Plain::greeted(port);
    plain.expect("EHLO client.test", "250");
    plain.expect("STARTTLS", "454 4.7.0");
    plain.expect("NOOP", "250");
}

#[test]
fn a_handshake_that_is_none_is_in_the_record() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut plain: Dialogue<_> = Plain::ready(port);
    plain.send("EHLO client.test\r\n");
    plain.rest();
    assert!(tls_of(&sandbox, port).error.is_some());
    let record = &sandbox.connections(port)[0];
    assert_eq!(
        record.commands, [""; 0],
        "nothing of it was taken for a command"
    );
}

#[test]
fn servers_from_before_tls_1_2() {
    let sandbox = sandbox();
    let cases = [
        (
            OldVersion::Tls10,
            OldAnswer::Alert,
            &[0x15, 3, 1, 0, 2, 2, 70][..],
        ),
        (
            OldVersion::Tls11,
            OldAnswer::Alert,
            &[0x15, 3, 2, 0, 2, 2, 70][..],
        ),
        (
            OldVersion::Tls10,
            OldAnswer::Hello,
            &[0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1][..],
        ),
        (
            OldVersion::Tls11,
            OldAnswer::Hello,
            &[0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..],
        ),
    ];
    for (version, answer, octets) in cases {
        let port = port_with(&sandbox, [Fault::OldTls { version, answer }]).port();
        let error = secure(&sandbox, Plain::ready(port).stream).unwrap_err();
        let complaint = match answer {
            OldAnswer::Alert => "ProtocolVersion",
            OldAnswer::Hello => "",
        };
        assert!(
            error.to_string().contains(complaint),
            "{version:?}: {error}"
        );
        let tls = tls_of(&sandbox, port);
        assert_eq!((tls.sni.as_deref(), tls.version), (Some("localhost"), None));

        // The octets themselves: a hello that a client would send, recorded by a real one.
        let mut plain = Plain::ready(port);
        plain.send(client_hello(&sandbox));
        assert_eq!(plain.exactly(octets.len()), octets);
    }
}

fn client_hello(sandbox: &Sandbox) -> Vec<u8> {
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(crate::smtp::trusting(sandbox), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn the_hello_is_answered_late_never_or_by_the_end() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::delay(Step::Handshake, 150)]).port();
    let asked = Instant::now();
    secure(&sandbox, Plain::ready(port).stream).unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(150));

    let port = port_with(&sandbox, [Fault::stall(Step::Handshake)]).port();
    let stream = Plain::ready(port).stream;
    let patience = Some(Duration::from_millis(200));
    stream.set_read_timeout(patience).unwrap();
    let error = secure(&sandbox, stream).unwrap_err();
    assert!(crate::smtp::is_timeout(&error), "{error}");

    for (how, ending) in [
        (How::Fin, Ending::ClosedByServer),
        (How::Rst, Ending::ResetByServer),
    ] {
        let fault = Fault::drop(Step::Handshake, When::BeforeReply, how);
        let port = port_with(&sandbox, [fault]).port();
        let error = secure(&sandbox, Plain::ready(port).stream).unwrap_err();
        let reset = error.kind() == std::io::ErrorKind::ConnectionReset;
        assert_eq!(reset, how == How::Rst, "{error}");
        assert_eq!(sandbox.connections(port)[0].ending, Some(ending));
        assert!(tls_of(&sandbox, port).error.is_some());

        let fault = Fault::drop(Step::Handshake, When::AfterReply, how);
        let port = port_with(&sandbox, [fault]).port();
        let mut smtp = Dialogue::new(secure(&sandbox, Plain::ready(port).stream).unwrap());
        smtp.try_send("EHLO client.test\r\n");
        assert!(smtp.reply().is_none());
        assert_eq!(sandbox.connections(port)[0].ending, Some(ending));
        assert_eq!(tls_of(&sandbox, port).version.as_deref(), Some("TLSv1_3"));
    }
}

#[test]
fn something_else_comes_where_the_hello_belongs() {
    let sandbox = sandbox();
    let cases = [
        (
            Fault::reply(Step::Handshake, "220 localhost ESMTP"),
            &b"220 localhost ESMTP\r\n"[..],
        ),
        (
            Fault::garbage(Step::Handshake, Garbage::Http),
            &b"HTTP/1.1 400"[..],
        ),
        (
            Fault::garbage(
                Step::Handshake,
                Garbage::Octets(vec![0x16, 3, 3, 0xff, 0xff]),
            ),
            &[0x16, 3, 3, 0xff, 0xff][..],
        ),
    ];
    for (fault, octets) in cases {
        let port = port_with(&sandbox, [fault]).port();
        let mut plain = Plain::ready(port);
        plain.send(client_hello(&sandbox));
        assert_eq!(plain.exactly(octets.len()), octets);
        assert!(tls_of(&sandbox, port).error.is_some());
    }
}

#[test]
fn starttls_has_every_answer() {
    let sandbox = sandbox();
    for text in [
        "354 go on",
        "454 4.7.0 TLS not available",
        "500 5.5.1 what",
        "501 5.5.4 no",
        "502 5.5.1 no",
        "503 5.5.1 no",
        "530 5.7.0 no",
    ] {
        let port = port_with(&sandbox, [Fault::reply(Step::StartTls, text)]).port();
        let mut plain = Plain::greeted(port);
        plain.expect("EHLO client.test", "250");
        assert_eq!(plain.ask("STARTTLS"), format!("{text}\r\n"));
        plain.expect("NOOP", "250");
    }
    // 220 and 221 are both consent, RFC 5321 §4.3.2.
    let port = port_with(&sandbox, [Fault::reply(Step::StartTls, "221 2.0.0 bye")]).port();
    let mut plain = Plain::greeted(port);
    plain.expect("EHLO client.test", "250");
    plain.expect("STARTTLS", "221");
    plain.secure(&sandbox).expect("EHLO client.test", "250");
    let port = port_with(&sandbox, [Fault::reply(Step::StartTls, "421 4.3.2 no")]).port();
    let mut plain = Plain::greeted(port);
    plain.expect("EHLO client.test", "250");
    plain.expect("STARTTLS", "421");
    assert!(plain.reply().is_none());
}
