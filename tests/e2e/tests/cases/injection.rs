//! A body of nothing but commands. Where content is handed over before it is wanted, or in a way
//! that the server does not know, servers run it as the mailbox that is logged in; `tests/interop`
//! shows which do. The sandbox reads it just so.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, How, Script, Step, When};

use super::outcome::{Becomes, became};

/// All that a server could take for a transaction, from the first line to the last.
const COMMANDS: &str = "MAIL FROM:<evil@evil.test>\r\nRCPT TO:<evil@evil.test>\r\nDATA\r\n\
    Subject: evil\r\n\r\nevil\r\n.\r\nRSET\r\nMAIL FROM:<evil@evil.test>\r\n\
    RCPT TO:<evil@evil.test>\r\nBDAT 6 LAST\r\nevil\r\n\r\n.\r\nQUIT\r\n";

/// A way for the transaction to come to nothing.
type Refusal = (&'static str, Step, &'static str, Becomes);

const REFUSALS: [Refusal; 6] = [
    (
        "MAIL is refused",
        Step::Mail,
        "550 5.7.60 SendAsDenied",
        Becomes::Failed("sender_refused"),
    ),
    (
        "MAIL is deferred",
        Step::Mail,
        "451 4.3.0 not now",
        Becomes::Soon(&["sender_refused"]),
    ),
    (
        "every recipient is refused",
        Step::Rcpt,
        "550 5.1.1 no such user",
        Becomes::Failed("recipients_refused"),
    ),
    (
        "every recipient is deferred",
        Step::Rcpt,
        "450 4.2.1 busy",
        Becomes::Soon(&["recipients_refused"]),
    ),
    (
        "the content is refused",
        Step::Content,
        "554 5.6.0 not wanted",
        Becomes::Failed("content_refused"),
    ),
    (
        "the content is deferred",
        Step::Content,
        "451 4.3.0 not now",
        Becomes::Soon(&["content_refused"]),
    ),
];

/// What a server does not offer.
const WAYS: [(&str, &[&str]); 4] = [
    ("everything offered", &[]),
    ("no CHUNKING", &["CHUNKING"]),
    ("no PIPELINING", &["PIPELINING"]),
    ("neither", &["CHUNKING", "PIPELINING"]),
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (way, without) in WAYS {
        let offers: Vec<Fault> = without.iter().copied().map(Fault::without).collect();
        cases.push(Case::with(
            format!("S18b a body of commands is taken as a body, {way}"),
            Setup::all(offers.clone()).with_api(),
            |site| delivers(site, 1),
        ));
        for (what, step, reply, becomes) in REFUSALS {
            let faults = offers.iter().cloned().chain([Fault::reply(step, reply)]);
            cases.push(Case::with(
                format!("S18b a body of commands, {what}, {way}"),
                Setup::all(faults).with_api(),
                move |site| {
                    became(site, &send(site), becomes);
                    nothing_ran(site, 0);
                },
            ));
        }
    }
    cases.extend(replaced());
    cases
}

/// The first connection offers CHUNKING and is lost; the next one does not offer it.
fn replaced() -> Vec<Case> {
    let setup = |last: Option<Fault>| {
        let lost = Fault::drop(Step::Rcpt, When::BeforeReply, How::Rst);
        let faults = [Fault::without("CHUNKING")].into_iter().chain(last);
        Setup {
            connections: vec![Script::of([lost])],
            ..Setup::all(faults).with_api()
        }
    };
    let on = "on a replacement connection without CHUNKING";
    let mut cases = vec![Case::with(
        format!("S18b a body of commands is taken as a body {on}"),
        setup(None),
        |site| delivers(site, 2),
    )];
    for (what, step, reply, _) in REFUSALS {
        cases.push(Case::with(
            format!("S18b a body of commands, {what}, {on}"),
            setup(Some(Fault::reply(step, reply))),
            move |site| {
                let id = send(site);
                let refused = |text: &str| text.starts_with(&reply[..3]);
                site.until(&id, "refused on another connection", |story| {
                    let mut answers = story.events().iter().map(|event| event["answer"].as_str());
                    answers.any(|answer| answer.is_some_and(refused))
                });
                assert!(site.connections().len() >= 2, "a replacement");
                nothing_ran(site, 0);
            },
        ));
    }
    cases
}

fn send(site: &Site) -> String {
    site.send_mail(&site.mail_with("text", COMMANDS.into()))
}

fn delivers(site: &Site, connections: usize) {
    site.until_sent(&send(site));
    nothing_ran(site, 1);
    assert_eq!(site.connections().len(), connections);
    let mail = site.only_mail();
    let raw = String::from_utf8_lossy(&mail.raw);
    assert!(raw.contains(COMMANDS), "{raw}");
}

/// The server has so many messages, and none of them is what the body asks for.
fn nothing_ran(site: &Site, messages: usize) {
    let records = site.connections();
    let taken: usize = records.iter().map(|record| record.messages.len()).sum();
    assert_eq!((taken, site.mails().len()), (messages, messages));
    // One MAIL for each connection at most: ours.
    for record in &records {
        let mails = record
            .commands
            .iter()
            .filter(|line| line.starts_with("MAIL"));
        assert!(mails.count() <= 1, "{:?}", record.commands);
    }
}
