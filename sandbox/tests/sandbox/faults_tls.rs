//! What goes wrong around STARTTLS.

use std::io::Read as _;
use std::time::{Duration, Instant};

use edgepost_sandbox::{BadCertificate, Ending, Fault, How, Sandbox, Segment, Step, TlsFacts};

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
