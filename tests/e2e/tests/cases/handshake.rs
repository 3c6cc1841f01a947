//! Handshakes that go wrong, and ports of the other kind: before TLS stands, nothing is said.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Flow, How, OldAnswer, OldVersion, Step, When};

use super::outcome::{Becomes, check};
use super::tls::{TLS_FAILED, certificates};

/// With implicit TLS the handshake is part of connecting, and of the half minute which that may take.
const NOT_CONNECTED: Becomes = Becomes::Soon(&["connect_failed"]);
const NOT_CONNECTED_IN_TIME: Becomes = Becomes::Soon(&["timed_out"]);

/// Octets of a server's hello and no more.
const IN_THE_HELLO: u64 = 60;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, fault, falls_silent) in faults() {
        let over_tls = format!("{name}, implicit TLS");
        let becomes = if falls_silent {
            NOT_CONNECTED_IN_TIME
        } else {
            NOT_CONNECTED
        };
        let setup = || Setup::always(fault.clone());
        cases.push(silent(name, setup(), TLS_FAILED, "tls_failed_in_handshake"));
        let found = "no_connection_over_tls";
        cases.push(silent(over_tls, setup().over_tls(), becomes, found));
    }
    cases.extend(certificates(", implicit TLS"));
    cases.extend([
        // Both sides wait for the other to begin: a minute, as for a server that never greets.
        silent(
            "T10 a handshake is awaited where a greeting should come",
            Setup::always(Fault::OtherSecurity),
            Becomes::Soon(&["timed_out"]),
            "no_greeting",
        ),
        silent(
            "T10 a greeting comes where a handshake is awaited, implicit TLS",
            Setup::always(Fault::OtherSecurity).over_tls(),
            NOT_CONNECTED,
            "no_connection_over_tls",
        ),
        Case::with(
            "T9 a broken handshake is tried again and delivers once",
            Setup::once(Fault::drop(Step::Handshake, When::BeforeReply, How::Rst)),
            delivered_later,
        ),
    ]);
    cases
}

/// Each with its name, and whether it is silence.
fn faults() -> Vec<(String, Fault, bool)> {
    let mut faults = Vec::new();
    for version in [OldVersion::Tls10, OldVersion::Tls11] {
        for answer in [OldAnswer::Alert, OldAnswer::Hello] {
            let name = format!("T9 the server knows no better than {version:?}, {answer:?}");
            faults.push((name, Fault::OldTls { version, answer }, false));
        }
    }
    for how in [How::Fin, How::Rst, How::Stall] {
        // Those that stall take up to a minute, side by side with everything else.
        let silence = how == How::Stall;
        let begin = match how {
            How::Stall => Fault::stall(Step::Handshake),
            _ => Fault::drop(Step::Handshake, When::BeforeReply, how),
        };
        let name = format!("T9 the client's hello is answered by {how:?}");
        faults.push((name, begin, silence));
        let cut = Fault::cut(Flow::ServerTls, IN_THE_HELLO, how);
        let name = format!("T9 {how:?} in the middle of the handshake");
        faults.push((name, cut, silence));
    }
    faults
}

/// A case in which nothing is said over TLS, for there is none; and what the operator's advice is
/// called.
fn silent(name: impl Into<String>, setup: Setup, becomes: Becomes, finding: &'static str) -> Case {
    Case::with(name, setup, move |site| {
        let id = check(site, becomes);
        assert_eq!(site.story(&id).text("/health/finding"), finding);
        for record in site.connections() {
            assert_eq!(
                record.commands, [""; 0],
                "said over TLS that does not stand"
            );
        }
    })
}

fn delivered_later(site: &Site) {
    let id = site.send();
    let story = site.until_sent(&id);
    assert_eq!(story.causes("deferred"), ["tls_failed"]);
    assert_eq!(site.mails().len(), 1);
}
