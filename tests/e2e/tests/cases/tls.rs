//! No credential without TLS that is offered, begun and verified as it should be.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use edgepost_e2e::site::VISITOR;
use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{BadCertificate, ContentForm, Fault, How, Script, Segment, Step};

use super::outcome::{Becomes, case, check, with};

/// A failure of TLS as the Worker can see it: the platform says no more than that the socket is
/// broken, so a connection that ends there may be either.
pub const TLS_FAILED: Becomes = Becomes::Soon(&["tls_failed"]);
const TLS_OR_CONNECTION: Becomes = Becomes::Soon(&["tls_failed", "connection_lost"]);

/// How many connections close in the middle of TLS while others are served.
const CLOSED_AT_TLS: usize = 100;

/// Requests in flight while they do.
const IN_FLIGHT: usize = 2;

/// Between two of them: other cases run beside this one.
const BREATH: Duration = Duration::from_millis(200);

pub fn cases() -> Vec<Case> {
    let mut cases = not_offered();
    cases.extend(certificates(""));
    cases.extend(at_starttls());
    cases.extend(offers_change());
    cases.push(Case::with(
        "T5b a hundred broken starts disturb no request in flight",
        crowd(),
        hundred_broken_starts,
    ));
    cases
}

fn not_offered() -> Vec<Case> {
    vec![
        case(
            "T1 STARTTLS is not offered",
            Fault::NoStartTls,
            Becomes::Person(&["tls_not_offered"]),
        ),
        case(
            "T1 EHLO is refused",
            Fault::EhloRefused,
            Becomes::Person(&["ehlo_refused"]),
        ),
    ]
}

/// T2 to T4. That a good certificate is taken shows in every case that delivers.
pub fn certificates(how: &str) -> Vec<Case> {
    let implicit = !how.is_empty();
    let table = [
        (
            "T2 a certificate for another host",
            BadCertificate::WrongName,
        ),
        ("T3 a certificate that has expired", BadCertificate::Expired),
        (
            "T4 a certificate nobody vouches for",
            BadCertificate::UnknownIssuer,
        ),
    ];
    let cases = table.into_iter().map(|(name, certificate)| {
        let setup = Setup::always(Fault::Certificate(certificate));
        let (setup, becomes) = if implicit {
            // There the handshake is part of connecting.
            (setup.over_tls(), Becomes::Soon(&["connect_failed"]))
        } else {
            (setup, TLS_FAILED)
        };
        Case::with(format!("{name}{how}"), setup, move |site| {
            check(site, becomes);
            assert_eq!(site.auth_tries(), 0, "AUTH to a stranger");
        })
    });
    cases.collect()
}

/// What stands where the consent to TLS belongs, and what comes with it.
fn at_starttls() -> Vec<Case> {
    let inject = |segment| Fault::InjectAfterStartTls {
        segment,
        bytes: "250-localhost\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n".to_owned(),
    };
    let ends = |how| Fault::CloseWithStartTls { how };
    let mut cases = vec![
        case(
            "T5 plaintext in the segment of the 220",
            inject(Segment::Same),
            Becomes::Soon(&["data_before_tls"]),
        ),
        case(
            "T6 plaintext in a later segment",
            inject(Segment::Later),
            Becomes::Soon(&["tls_failed", "data_before_tls"]),
        ),
        case(
            "T5b the connection ends with the 220",
            ends(How::Fin),
            TLS_OR_CONNECTION,
        ),
        case(
            "T5b the connection is reset behind the 220",
            ends(How::Rst),
            TLS_OR_CONNECTION,
        ),
        // A minute, side by side with everything else.
        case(
            "T7 STARTTLS is not answered",
            Fault::stall(Step::StartTls),
            Becomes::Soon(&["timed_out"]),
        ),
    ];
    let soon = Becomes::Soon(&["starttls_refused"]);
    let person = Becomes::Person(&["starttls_refused"]);
    for (reply, becomes) in [
        // No consent is none, whatever success it speaks of.
        ("221 2.0.0 bye", soon),
        ("250 2.0.0 fine", soon),
        ("354 go on", soon),
        ("421 4.3.2 too busy", soon),
        ("454 4.7.0 TLS not available", soon),
        ("500 5.5.1 what", person),
        ("501 5.5.4 no", person),
        ("502 5.5.1 no", person),
        ("503 5.5.1 no", person),
        ("530 5.7.0 no", person),
    ] {
        let name = format!("T7 STARTTLS is answered {}", &reply[..3]);
        cases.push(case(name, Fault::reply(Step::StartTls, reply), becomes));
    }
    cases
}

/// Only what is offered after TLS counts.
fn offers_change() -> Vec<Case> {
    let nothing_said = |site: &Site, becomes| {
        check(site, becomes);
        assert_eq!(site.paths_said(), [""; 0]);
    };
    vec![
        case(
            "T8 XOAUTH2 is offered only before TLS",
            offers(
                &["STARTTLS", "AUTH XOAUTH2"],
                &["8BITMIME", "AUTH PLAIN LOGIN"],
            ),
            Becomes::Person(&["auth_not_offered"]),
        ),
        Case::new("T8 AUTH is offered only after TLS", |site| {
            check(site, Becomes::Sent);
        }),
        case(
            "T8 EHLO is refused after TLS",
            Fault::reply(Step::EhloTls, "502 5.5.1 no"),
            Becomes::Person(&["ehlo_refused"]),
        ),
        Case::with(
            "T8 SIZE is smaller after TLS",
            Setup::always(offers(
                &["SIZE 35882577", "STARTTLS"],
                &["SIZE 100", "AUTH XOAUTH2"],
            )),
            move |site| nothing_said(site, Becomes::Failed("message_too_large")),
        ),
        case(
            "T8 SIZE is larger after TLS",
            offers(
                &["SIZE 100", "STARTTLS"],
                &["SIZE 35882577", "AUTH XOAUTH2"],
            ),
            Becomes::Sent,
        ),
        Case::with(
            "T8 CHUNKING and PIPELINING are offered only before TLS",
            Setup::always(offers(
                &["CHUNKING", "PIPELINING", "STARTTLS"],
                &["AUTH XOAUTH2"],
            )),
            |site| {
                check(site, Becomes::Sent);
                assert_eq!(site.only_mail().form, ContentForm::Data);
            },
        ),
        with(
            "T8 CHUNKING and PIPELINING are offered only after TLS",
            Setup::always(offers(
                &["STARTTLS"],
                &["CHUNKING", "PIPELINING", "AUTH XOAUTH2"],
            )),
            Becomes::Sent,
        ),
    ]
}

fn offers(before: &[&str], after: &[&str]) -> Fault {
    let lines = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
    Fault::Capabilities {
        before_tls: lines(before),
        after_tls: lines(after),
    }
}

fn crowd() -> Setup {
    let fault = |how| Fault::CloseWithStartTls { how };
    Setup {
        mailboxes: CLOSED_AT_TLS,
        connections: vec![Script::of([fault(How::Rst)]); CLOSED_AT_TLS / 2],
        ..Setup::always(fault(How::Fin))
    }
}

fn hundred_broken_starts(site: &Site) {
    let (over, ids) = (AtomicBool::new(false), Mutex::default());
    std::thread::scope(|scope| {
        let _over = Over(&over);
        let ask = || asks(site, &over, &ids);
        let askers: Vec<_> = (0..IN_FLIGHT).map(|_| scope.spawn(ask)).collect();
        break_all(site, &ids);
        over.store(true, Ordering::Relaxed);
        for asker in askers {
            let answered = asker.join().expect("every request is answered");
            assert!(answered >= CLOSED_AT_TLS / 4, "{answered} requests");
        }
    });
    for id in &held(&ids) {
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

/// Whoever waits for this waits no longer, also where the case has failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn held(ids: &Mutex<Vec<String>>) -> Vec<String> {
    ids.lock().expect("nobody failed").clone()
}

/// Asks all the while, in turn, the very objects whose connections break: the Outbox of the last
/// message, and one before. Says how many requests were answered.
fn asks(site: &Site, over: &AtomicBool, ids: &Mutex<Vec<String>>) -> usize {
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        let ids = held(ids);
        let asked = match answered % 2 {
            0 => ids.last(),
            _ => ids.get(answered % ids.len().max(1)),
        };
        if let Some(id) = asked {
            let _answered = site.story(id);
            answered += 1;
        }
        std::thread::sleep(BREATH);
    }
    answered
}

/// A message to each mailbox, until all have failed.
fn break_all(site: &Site, ids: &Mutex<Vec<String>>) {
    let fields = [
        ("name", "Ada"),
        ("email", VISITOR),
        ("message", "canary-of-the-body"),
    ];
    for form in 0..CLOSED_AT_TLS {
        let id = site.send_to(form, &fields);
        ids.lock().expect("nobody failed").push(id);
    }
    let ids = held(ids);
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
}
