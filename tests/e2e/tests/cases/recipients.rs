//! Several recipients of one message, each with an outcome of its own.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Script, Step};
use serde_json::{Value, json};

use super::outcome::{Becomes, became};

/// Ways of saying the same envelope: content by BDAT or by DATA, in groups or one by one.
const WAYS: [(&str, &[&str]); 4] = [
    ("in a group, BDAT", &[]),
    ("in a group, DATA", &["CHUNKING"]),
    ("one by one, BDAT", &["PIPELINING"]),
    ("one by one, DATA", &["CHUNKING", "PIPELINING"]),
];

const BUSY: &str = "450 4.2.1 mailbox busy";
const NOBODY: &str = "550 5.1.1 no such user";

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (way, without) in WAYS {
        let offers = without.iter().copied().map(Fault::without);
        let setup = |faults: Vec<Fault>| Setup::all(offers.clone().chain(faults)).with_api();
        let rcpt = |reply| vec![Fault::reply(Step::Rcpt, reply)];
        let first = |faults: Vec<Fault>| Setup {
            connections: vec![Script::of(offers.clone().chain(faults))],
            ..setup(Vec::new())
        };
        let each = vec![
            Fault::reply(Step::Rcpt, BUSY).only(2),
            Fault::reply(Step::Rcpt, NOBODY).only(3),
        ];
        let limit = |most| vec![Fault::MaxRecipients(most)];
        cases.extend([
            Case::with(
                format!("S8 one recipient each is taken, deferred, refused, {way}"),
                first(each),
                one_each,
            ),
            Case::with(
                format!("S8 all recipients are deferred, {way}"),
                first(rcpt(BUSY)),
                all_deferred,
            ),
            Case::with(
                format!("S8 all recipients are deferred again and again, {way}"),
                setup(rcpt(BUSY)),
                // Also where DATA behind them is answered 554, which is about nobody being left.
                |site| all_alike(site, Becomes::Soon(&["recipients_refused"])),
            ),
            Case::with(
                format!("S8 all recipients are refused, {way}"),
                setup(rcpt(NOBODY)),
                |site| all_alike(site, Becomes::Failed("recipients_refused")),
            ),
            Case::with(
                format!("S8 more recipients than a transaction takes, {way}"),
                setup(limit(2)),
                split,
            ),
            Case::with(
                format!("S8 a transaction takes no recipient at all, {way}"),
                setup(limit(0)),
                |site| all_alike(site, Becomes::Soon(&["recipients_refused"])),
            ),
        ]);
    }
    cases
}

fn address(who: &str) -> String {
    format!("{who}@friend.test")
}

fn send(site: &Site, to: &[&str]) -> String {
    let to: Vec<String> = to.iter().map(|who| address(who)).collect();
    site.send_mail(&site.mail_with("to", json!(to)))
}

/// Who the messages that came were for, as SMTP said.
fn delivered(site: &Site) -> Vec<Vec<String>> {
    let mails = site.mails().into_iter();
    let local_part = |address: &str| address.split('@').next().unwrap_or_default().to_owned();
    mails
        .map(|mail| {
            let to = mail.envelope.rcpt_to.iter();
            to.map(|one| local_part(&one.address)).collect()
        })
        .collect()
}

/// What each recipient is said to have come to.
fn states(site: &Site, id: &str) -> Vec<String> {
    let story = site.story(id);
    let recipients = story.0["recipients"].as_array().expect("recipients");
    let state = |one: &Value| one["state"].as_str().unwrap_or_default().to_owned();
    recipients.iter().map(state).collect()
}

fn one_each(site: &Site) {
    let id = send(site, &["ada", "bob", "eve"]);
    site.wait_until("both delivered", || {
        states(site, &id) == ["sent", "sent", "failed"]
    });
    // Who has it does not get it again, and who was refused is not asked for again.
    assert_eq!(delivered(site), [["ada"], ["bob"]]);
    let asked = |who: &str| {
        let line = format!("RCPT TO:<{}>", address(who));
        site.paths_said()
            .iter()
            .filter(|said| **said == line)
            .count()
    };
    assert_eq!(["ada", "bob", "eve"].map(asked), [1, 2, 1]);
    let story = site.story(&id);
    let refused = story.0["recipients"][2]["answer"].as_str();
    assert!(
        refused.is_some_and(|said| said.contains("5.1.1")),
        "{refused:?}"
    );
}

fn all_deferred(site: &Site) {
    let id = send(site, &["ada", "bob", "eve"]);
    let story = site.until_sent(&id);
    assert_eq!(story.causes("deferred"), ["recipients_refused"]);
    assert_eq!(delivered(site), [["ada", "bob", "eve"]]);
}

fn all_alike(site: &Site, becomes: Becomes) {
    let id = send(site, &["ada", "bob", "eve"]);
    became(site, &id, becomes);
    let contents = site.connections().into_iter().map(|one| one.contents.len());
    assert_eq!(contents.sum::<usize>(), 0, "content for nobody");
}

/// The rest goes out at once, over the same connection and in the same attempt.
fn split(site: &Site) {
    let id = send(site, &["ada", "bob", "carol", "dan", "eve"]);
    let story = site.until_sent(&id);
    let groups: [&[&str]; 3] = [&["ada", "bob"], &["carol", "dan"], &["eve"]];
    assert_eq!(delivered(site), groups);
    assert_eq!((story.attempts(), site.connections().len()), (1, 1));
    let mails = site.mails();
    assert!(
        mails.iter().all(|mail| mail.raw == mails[0].raw),
        "one message"
    );
}
