//! Where TLS is not as it must be, and no credential may go out.

use edgepost::tls::TlsMode;
use edgepost_interop::{Client, Server, Wish, say_failure};
use edgepost_sandbox::ServerIdentity;

use super::Case;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("T2 the certificate is for another host", another_host),
        Case::new("T4 the certificate is of an unknown authority", stranger),
        Case::new(
            "T10 implicit TLS at a port that greets in the clear",
            not_implicit,
        ),
    ]
}

/// The words of the core for a handshake that failed. With implicit TLS it is part of connecting.
fn check(server: &Server, wish: Wish<'_>) {
    let failure = Client::open_as(server, wish).err().expect("no session");
    let expected = match wish.tls {
        TlsMode::StartTls => "tls_failed transient",
        TlsMode::Implicit => "connect_failed transient",
    };
    assert_eq!(say_failure(&failure), expected);
    let finding = failure.finding.expect("advice of its own");
    assert!(finding.name().contains("tls"), "{finding:?}");
    assert_eq!(server.accepted(), []);
    // The server is in good order, and we are not afraid of it.
    Client::open(server).close();
}

fn another_host(server: &Server) {
    let host = "mail.shop.test";
    let wish = Wish::of(server);
    check(server, Wish { host, ..wish });
}

fn stranger(server: &Server) {
    let stranger = ServerIdentity::generate().expect("an authority");
    let wish = Wish::of(server);
    let authority_pem = &stranger.authority_pem;
    check(
        server,
        Wish {
            authority_pem,
            ..wish
        },
    );
}

/// The reverse, waiting for a greeting at a port where the server waits for a handshake, takes a
/// minute: `tests/e2e` has it.
fn not_implicit(server: &Server) {
    if server.tls() == TlsMode::StartTls {
        let wish = Wish::of(server);
        let tls = TlsMode::Implicit;
        check(server, Wish { tls, ..wish });
    }
}
