//! Connections that are lost, at every step and on both sides of it.

use edgepost_e2e::mail::Mail;
use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Flow, How, Step};

use super::outcome::{Becomes, case, check};

/// Before anything of the message was handed over.
const BEFORE: Becomes = Becomes::Deferred(&["connection_lost"]);

/// Where TLS begins, a lost connection looks like a failed handshake.
const AT_TLS: Becomes = Becomes::Deferred(&["tls_failed", "connection_lost"]);

pub fn cases() -> Vec<Case> {
    let before_content = [
        Step::Greeting,
        Step::Ehlo,
        Step::Auth,
        Step::Mail,
        Step::Rcpt,
        Step::Data,
    ];
    let mut cases = Vec::new();
    // A minute each, side by side with everything else.
    for step in [Step::Greeting, Step::StartTls, Step::Auth, Step::Mail] {
        let name = format!("S4 no answer to {step:?}");
        cases.push(case(
            name,
            Fault::stall(step),
            Becomes::Deferred(&["timed_out"]),
        ));
    }
    for step in before_content {
        let name = format!("S10 the connection ends before the reply to {step:?}");
        cases.push(case(name, Fault::drop_before(step), BEFORE));
    }
    for step in [
        Step::Greeting,
        Step::Ehlo,
        Step::EhloTls,
        Step::Auth,
        Step::Mail,
    ] {
        let name = format!("S10 the connection ends after the reply to {step:?}");
        cases.push(case(name, Fault::drop_after(step), BEFORE));
    }
    cases.extend([
        case(
            "S10 the connection is reset at once",
            Fault::ResetOnAccept,
            Becomes::Deferred(&["connect_failed", "connection_lost"]),
        ),
        case(
            "S10 the connection ends instead of the reply to STARTTLS",
            Fault::drop_before(Step::StartTls),
            BEFORE,
        ),
        case(
            "S10 the connection ends where the handshake begins",
            Fault::drop_after(Step::StartTls),
            AT_TLS,
        ),
        case(
            "S10 the connection ends at the first command over TLS",
            Fault::drop_before(Step::EhloTls),
            AT_TLS,
        ),
        case(
            "S11 the answer to the content is lost",
            Fault::drop_before(Step::Content),
            Becomes::InDoubt(&["answer_lost"], 1),
        ),
        case(
            "S15 the connection ends after the content is taken",
            Fault::drop_after(Step::Content),
            Becomes::Sent,
        ),
        case(
            "S15 QUIT is never answered",
            Fault::stall(Step::Quit),
            Becomes::Sent,
        ),
        case(
            "S15 the connection ends at QUIT",
            Fault::drop_before(Step::Quit),
            Becomes::Sent,
        ),
        case(
            "S12 the answer to the content is late",
            Fault::delay(Step::Content, 3_000),
            Becomes::Sent,
        ),
        case(
            "S4 the greeting is late",
            Fault::delay(Step::Greeting, 3_000),
            Becomes::Sent,
        ),
        Case::with(
            "S10 the connection ends after 354",
            Setup::always(Fault::drop_after(Step::Data)),
            put_off_or_in_doubt,
        ),
        Case::with(
            "S10 the connection ends in the content",
            Setup::always(Fault::cut(Flow::Content, 60, How::Fin)),
            put_off_or_in_doubt,
        ),
        Case::with(
            "S10 a lost connection is tried again and delivers once",
            once(Step::Rcpt),
            delivered_later,
        ),
        Case::with(
            "S11 in doubt is not sent again at once",
            Setup::always(Fault::drop_before(Step::Content)),
            doubt_waits,
        ),
    ]);
    cases
}

/// Whether the end of the connection is seen before the end of the content is written is a race
/// that both may win; either outcome says the truth, and `sent` would not.
fn put_off_or_in_doubt(site: &Site) {
    let id = site.send();
    let story = site.until(&id, "put off", |story| {
        story.was("deferred") || story.was("in_doubt")
    });
    assert!(!story.was("sent"), "{:#}", story.0);
    assert_eq!(site.mails().len(), 0);
}

fn once(step: Step) -> Setup {
    Setup::once(Fault::drop_before(step))
}

fn delivered_later(site: &Site) {
    let id = site.send();
    let story = site.until_sent(&id);
    assert_eq!(story.causes("deferred"), ["connection_lost"]);
    assert_eq!(site.mails().len(), 1);
}

/// How long the message in doubt is watched. Its second try is due after 5 minutes.
const WATCHED: std::time::Duration = std::time::Duration::from_secs(20);

fn doubt_waits(site: &Site) {
    let id = check(site, Becomes::InDoubt(&["answer_lost"], 1));
    std::thread::sleep(WATCHED);
    let story = site.story(&id);
    assert_eq!(
        (story.state(), story.attempts()),
        ("in_doubt", 1),
        "{:#}",
        story.0
    );
    let delivered = site.only_mail();
    // What arrived is what the operator is told of.
    let message_id = story.text("/message_id");
    assert!(
        message_id.contains(Mail::parse(&delivered).message_id()),
        "{message_id}"
    );
}
