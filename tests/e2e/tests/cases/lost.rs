//! Connections that are lost, at every step and on both sides of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgepost_e2e::mail::Mail;
use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Flow, How, Script, Step, When};
use serde_json::json;

use super::outcome::{Becomes, case, check, with};

/// Before the content was handed over whole.
const BEFORE: Becomes = Becomes::Soon(&["connection_lost"]);

/// Where TLS begins, a lost connection looks like a failed handshake.
const AT_TLS: Becomes = Becomes::Soon(&["tls_failed", "connection_lost"]);

/// How late a provider is that takes its time over content: longer than any other reply may take.
const LATE_MILLIS: u64 = 61_000;

/// More than the buffers between us and the server hold.
const LARGE: usize = 8 * 1024 * 1024;

/// How much of it comes through.
const SOME_OF_IT: u64 = 100_000;

/// Ways of handing over content.
const FORMS: [(&str, &[&str]); 2] = [("BDAT", &[]), ("DATA", &["CHUNKING"])];

pub fn cases() -> Vec<Case> {
    let mut cases = before_content();
    cases.extend(at_content());
    cases.extend(at_the_end());
    cases.extend([
        case(
            "S10 the connection is reset at once",
            Fault::ResetOnAccept,
            Becomes::Soon(&["connect_failed", "connection_lost"]),
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
        Case::with(
            "S11 in doubt is not sent again at once",
            Setup::always(Fault::drop_before(Step::Content)),
            doubt_waits,
        ),
    ]);
    cases
}

fn before_content() -> Vec<Case> {
    let mut cases = Vec::new();
    // A minute each, side by side with everything else.
    for step in [Step::Ehlo, Step::Auth, Step::Mail, Step::Rcpt] {
        let name = format!("S10 no answer to {step:?}");
        let becomes = Becomes::Soon(&["timed_out"]);
        cases.push(case(name, Fault::stall(step), becomes));
    }
    for step in [
        Step::Greeting,
        Step::Ehlo,
        Step::StartTls,
        Step::Auth,
        Step::Mail,
        Step::Rcpt,
    ] {
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
    // Where nothing is joined, each reply is the last thing that is heard.
    for step in [Step::Mail, Step::Rcpt, Step::Data] {
        let name = format!("S10 the connection ends before the reply to {step:?}, one by one");
        cases.push(with(name, one_by_one(Fault::drop_before(step)), BEFORE));
    }
    for step in [Step::Mail, Step::Rcpt] {
        let name = format!("S10 the connection is reset after the reply to {step:?}, one by one");
        let fault = Fault::drop(step, When::AfterReply, How::Rst);
        cases.push(with(name, one_by_one(fault), BEFORE));
    }
    let lost_once = Setup::once(Fault::drop_before(Step::Rcpt));
    cases.push(Case::with(
        "S10 a lost connection is tried again and delivers once",
        lost_once,
        delivered_later,
    ));
    cases
}

/// Without CHUNKING and PIPELINING every command has an answer of its own before the next.
fn one_by_one(fault: Fault) -> Setup {
    Setup::all([
        Fault::without("CHUNKING"),
        Fault::without("PIPELINING"),
        fault,
    ])
}

fn at_content() -> Vec<Case> {
    let mut cases = Vec::new();
    for (form, without) in FORMS {
        let all = |fault: Fault| {
            let faults = without.iter().copied().map(Fault::without);
            faults.chain([fault]).collect::<Vec<_>>()
        };
        for how in [How::Fin, How::Rst] {
            cases.push(Case::with(
                format!("S10 {how:?} in a content that was written whole, {form}"),
                Setup::all(all(Fault::cut(Flow::Content, 60, how))),
                put_off_or_in_doubt,
            ));
            cases.push(Case::with(
                format!("S10 {how:?} in the middle of a large content, {form}"),
                Setup {
                    connections: vec![Script::of(all(Fault::cut(Flow::Content, SOME_OF_IT, how)))],
                    ..Setup::api()
                },
                move |site| in_a_large_content(site, how),
            ));
            cases.push(with(
                format!("S11 {how:?} instead of the answer to the content, {form}"),
                Setup::all(all(Fault::drop(Step::Content, When::BeforeReply, how))),
                Becomes::InDoubt(&["answer_lost"], 1),
            ));
        }
        cases.push(with(
            format!("S12 the answer to the content is a minute late, {form}"),
            Setup::all(all(Fault::delay(Step::Content, LATE_MILLIS))),
            Becomes::Sent,
        ));
    }
    cases.push(Case::with(
        "S10 the connection ends after 354",
        Setup::all([Fault::without("CHUNKING"), Fault::drop_after(Step::Data)]),
        put_off_or_in_doubt,
    ));
    cases
}

/// The message is taken: nothing that comes behind that changes it.
fn at_the_end() -> Vec<Case> {
    let mut cases = vec![
        case(
            "S15 QUIT is never answered",
            Fault::stall(Step::Quit),
            Becomes::Sent,
        ),
        case(
            "S15 QUIT is answered 250",
            Fault::reply(Step::Quit, "250 2.0.0 fine"),
            Becomes::Sent,
        ),
        case(
            "S15 QUIT is answered 500",
            Fault::reply(Step::Quit, "500 5.5.1 what"),
            Becomes::Sent,
        ),
    ];
    for how in [How::Fin, How::Rst] {
        cases.push(case(
            format!("S15 {how:?} behind the answer to the content"),
            Fault::drop(Step::Content, When::AfterReply, how),
            // A reset may take the answer away that came before it.
            match how {
                How::Rst => Becomes::SentOrInDoubt,
                _ => Becomes::Sent,
            },
        ));
        cases.push(case(
            format!("S15 {how:?} at QUIT"),
            Fault::drop(Step::Quit, When::BeforeReply, how),
            Becomes::Sent,
        ));
    }
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

fn delivered_later(site: &Site) {
    let id = site.send();
    let story = site.until_sent(&id);
    assert_eq!(story.causes("deferred"), ["connection_lost"]);
    assert_eq!(site.mails().len(), 1);
}

/// A reset is met by the next write, so the content was not handed over whole. A FIN is only there to
/// be read, and over loopback the platform may write all there is before it looks: then we cannot
/// say that the server has not taken it.
fn in_a_large_content(site: &Site, how: How) {
    let attachment = json!({ "filename": "large.bin", "content": STANDARD.encode(vec![0; LARGE]) });
    let id = site.send_mail(&site.mail_with("attachments", json!([attachment])));
    if how == How::Rst {
        let story = site.until_sent(&id);
        assert_eq!(story.causes("deferred"), ["connection_lost"]);
        assert_eq!((site.mails().len(), story.attempts()), (1, 2));
        return;
    }
    let story = site.until(&id, "put off", |story| {
        story.was("deferred") || story.was("in_doubt")
    });
    let causes = [story.causes("deferred"), story.causes("in_doubt")].concat();
    let lost = |cause: &&str| ["connection_lost", "answer_lost"].contains(cause);
    assert!(causes.iter().all(lost), "{:#}", story.0);
    assert_eq!(site.connections()[0].messages, [0; 0], "taken in part");
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
