//! No credential without TLS that is offered, begun and verified as it should be.

use edgepost_e2e::site::VISITOR;
use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{BadCertificate, Fault, How, Segment, Step};

use super::outcome::{Becomes, case};

/// A failure of TLS as the Worker can see it: the platform says no more than that the socket is
/// broken, so a connection that ends there may be either.
const TLS_FAILED: Becomes = Becomes::Deferred(&["tls_failed"]);
const TLS_OR_CONNECTION: Becomes = Becomes::Deferred(&["tls_failed", "connection_lost"]);

/// How many connections close in the middle of TLS while others are served.
const CLOSED_AT_TLS: usize = 100;

pub fn cases() -> Vec<Case> {
    let inject = |segment| Fault::InjectAfterStartTls {
        segment,
        bytes: "250-localhost\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n".to_owned(),
    };
    let starttls = |text| Fault::reply(Step::StartTls, text);
    let refused = Becomes::Deferred(&["starttls_refused"]);
    let mut cases = vec![
        case(
            "T1 STARTTLS is not offered",
            Fault::NoStartTls,
            Becomes::Deferred(&["tls_not_offered"]),
        ),
        case(
            "T1 EHLO is refused",
            Fault::EhloRefused,
            Becomes::Deferred(&["ehlo_refused"]),
        ),
        case(
            "T2 a certificate for another host",
            Fault::Certificate(BadCertificate::WrongName),
            TLS_FAILED,
        ),
        case(
            "T3 a certificate that has expired",
            Fault::Certificate(BadCertificate::Expired),
            TLS_FAILED,
        ),
        case(
            "T4 a certificate nobody vouches for",
            Fault::Certificate(BadCertificate::UnknownIssuer),
            TLS_FAILED,
        ),
        case(
            "T5 plaintext in the segment of the 220",
            inject(Segment::Same),
            Becomes::Deferred(&["data_before_tls"]),
        ),
        case(
            "T6 plaintext in a later segment",
            inject(Segment::Later),
            Becomes::Deferred(&["tls_failed", "data_before_tls"]),
        ),
        case(
            "T5b the connection ends with the 220",
            Fault::CloseWithStartTls { how: How::Fin },
            TLS_OR_CONNECTION,
        ),
        case(
            "T5b the connection is reset behind the 220",
            Fault::CloseWithStartTls { how: How::Rst },
            TLS_OR_CONNECTION,
        ),
        case(
            "T8 XOAUTH2 is offered only before TLS",
            only_before_tls(),
            Becomes::Deferred(&["auth_not_offered"]),
        ),
        case(
            "T8 EHLO is refused after TLS",
            Fault::reply(Step::EhloTls, "502 5.5.1 no"),
            Becomes::Deferred(&["ehlo_refused"]),
        ),
        Case::with(
            "T7 STARTTLS is answered 221",
            Setup::always(starttls("221 2.0.0 bye")),
            another_consent,
        ),
        Case::with(
            "T5b a hundred broken starts disturb no other request",
            crowd(),
            hundred_broken_starts,
        ),
    ];
    for reply in [
        "354 go on",
        "421 4.3.2 too busy",
        "454 4.7.0 TLS not available",
        "500 5.5.1 what",
        "501 5.5.4 no",
        "502 5.5.1 no",
        "503 5.5.1 no",
        "530 5.7.0 no",
    ] {
        let name = format!("T7 STARTTLS is answered {}", &reply[..3]);
        cases.push(case(name, starttls(reply), refused));
    }
    cases
}

/// Any 2yz may be taken for consent (RFC 5321 §4.3.2): what follows is the handshake, or nothing.
/// That nothing else went out in the clear is looked at in every case.
fn another_consent(site: &Site) {
    let id = site.send();
    site.until(&id, "settled", |story| {
        story.was("sent") || story.was("deferred")
    });
}

fn only_before_tls() -> Fault {
    let lines = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
    Fault::Capabilities {
        before_tls: lines(&["STARTTLS", "AUTH XOAUTH2"]),
        after_tls: lines(&["8BITMIME", "AUTH PLAIN LOGIN"]),
    }
}

fn crowd() -> Setup {
    let fault = Fault::CloseWithStartTls { how: How::Fin };
    Setup {
        mailboxes: CLOSED_AT_TLS,
        ..Setup::always(fault)
    }
}

fn hundred_broken_starts(site: &Site) {
    let fields = [
        ("name", "Ada"),
        ("email", VISITOR),
        ("message", "canary-of-the-body"),
    ];
    let ids: Vec<String> = (0..CLOSED_AT_TLS)
        .map(|form| site.send_to(form, &fields))
        .collect();
    // While the attempts fail one after the other, every other request is answered.
    let deferred = |id: &String| site.story(id).was("deferred");
    let mut waiting: Vec<&String> = ids.iter().collect();
    site.wait_until("all deferred", || {
        let answer = site.world.get("/healthz", &[]);
        assert_eq!((answer.status, answer.body.trim()), (200, "ok"));
        let next = waiting.len().saturating_sub(20);
        let done: Vec<bool> = waiting[next..].iter().map(|id| deferred(id)).collect();
        let mut done = done.into_iter();
        let mut position = 0;
        waiting.retain(|_| {
            position += 1;
            position <= next || !done.next().unwrap_or(false)
        });
        waiting.is_empty()
    });
    for id in &ids {
        let story = site.story(id);
        for cause in story.causes("deferred") {
            assert!(
                matches!(cause, "tls_failed" | "connection_lost"),
                "{:#}",
                story.0
            );
        }
    }
    assert_eq!(site.mails().len(), 0);
    assert!(site.connections().len() >= CLOSED_AT_TLS, "each was tried");
}
