//! Every step refused, for now and for good.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Step};

use super::outcome::{Becomes, case, check, with};

/// Ways of handing over content.
const FORMS: [(&str, &[&str]); 2] = [("BDAT", &[]), ("DATA", &["CHUNKING"])];

/// A blocked account at Exchange; by RFC 3463 a sender's system that is not there.
const BAD_SENDER: &str = "550 5.1.8 Access denied, bad outbound sender";

pub fn cases() -> Vec<Case> {
    let mut cases = senders();
    cases.extend(contents());
    cases.extend(providers());
    cases.push(with(
        "S8 Exchange blocks the mailbox at RCPT",
        Setup::always(Fault::reply(Step::Rcpt, BAD_SENDER)).of_exchange(),
        Becomes::Person(&["mailbox_blocked"]),
    ));
    cases.push(case(
        "S8 another server says the same, of this message",
        Fault::reply(Step::Rcpt, BAD_SENDER),
        Becomes::Failed("recipients_refused"),
    ));
    cases.push(Case::with(
        "S6 a switch that is off is not asked for another token",
        switched_off(),
        no_new_token,
    ));
    cases.push(Case::with(
        "S9 the provider's answer is told in one line",
        long_answer(),
        answer_is_told,
    ));
    cases
}

fn senders() -> Vec<Case> {
    let soon = Becomes::Soon(&["sender_refused"]);
    let failed = Becomes::Failed("sender_refused");
    let too_many = Becomes::Soon(&["recipients_refused"]);
    let table = [
        ("S7", Step::Mail, "450 4.2.1 try later", soon),
        ("S7", Step::Mail, "451 4.3.0 not now", soon),
        ("S7", Step::Mail, "452 4.3.1 no room", soon),
        ("S7", Step::Mail, "550 5.7.60 SendAsDenied", failed),
        ("S7", Step::Mail, "553 5.7.1 not owned by user", failed),
        ("S7", Step::Mail, "530 5.7.0 must issue STARTTLS", failed),
        ("S8", Step::Rcpt, "552 5.5.3 too many recipients", too_many),
    ];
    let cases = table.into_iter().map(|(id, step, reply, becomes)| {
        let name = format!("{id} {step:?} is answered {reply:?}");
        case(name, Fault::reply(step, reply), becomes)
    });
    cases.collect()
}

fn contents() -> Vec<Case> {
    let soon = Becomes::Soon(&["content_refused"]);
    let failed = Becomes::Failed("content_refused");
    let too_large = Becomes::Failed("message_too_large");
    let in_doubt = Becomes::InDoubt(&["content_refused", "answer_lost"], 0);
    let mut cases = Vec::new();
    for (form, without) in FORMS {
        for (id, reply, becomes) in [
            ("S9", "450 4.2.1 not now", soon),
            ("S9", "451 4.3.0 not now", soon),
            ("S9", "452 4.3.1 no room", soon),
            ("S9", "550 5.7.1 not wanted", failed),
            ("S9", "552 5.3.4 too big", too_large),
            ("S9", "552 5.7.0 a virus", failed),
            ("S9", "554 5.6.0 not wanted", failed),
            ("S11", "421 4.3.2 closing", in_doubt),
        ] {
            let faults = without.iter().copied().map(Fault::without);
            let setup = Setup::all(faults.chain([Fault::reply(Step::Content, reply)]));
            cases.push(with(
                format!("{id} content by {form} is answered {reply:?}"),
                setup,
                becomes,
            ));
        }
    }
    // DATA has a reply of its own, where content goes by it: in a group or on its own line.
    for without in [&["CHUNKING"][..], &["CHUNKING", "PIPELINING"]] {
        for (reply, becomes) in [
            (
                "421 4.3.2 closing",
                Becomes::Soon(&["data_refused", "connection_lost"]),
            ),
            ("451 4.3.0 not now", Becomes::Soon(&["data_refused"])),
            (
                "554 5.5.1 no valid recipients",
                Becomes::Failed("data_refused"),
            ),
            ("250 2.0.0 fine", Becomes::Soon(&["protocol_error"])),
        ] {
            let faults = without.iter().copied().map(Fault::without);
            let setup = Setup::all(faults.chain([Fault::reply(Step::Data, reply)]));
            let name = format!(
                "S9 DATA is answered {reply:?}, without {}",
                without.join(" and ")
            );
            cases.push(with(name, setup, becomes));
        }
    }
    cases
}

/// What a provider says to a client that is too fast for it: the message is delivered later, once.
fn providers() -> Vec<Case> {
    let table = [
        (
            Step::Mail,
            "432 4.3.2 concurrent connection limit exceeded",
            "throttled",
        ),
        (
            Step::Content,
            "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
            "throttled",
        ),
        (
            Step::Mail,
            "451 4.7.500 Server busy. Please try again later.",
            "throttled",
        ),
        (
            Step::Mail,
            "421 4.7.66 TLS 1.0 and 1.1 are not supported",
            "sender_refused",
        ),
    ];
    let cases = table.into_iter().map(|(step, reply, cause)| {
        let name = format!("S14 {step:?} is answered {reply:?}");
        let setup = Setup::once(Fault::reply(step, reply)).of_exchange();
        Case::with(name, setup, move |site| {
            let story = site.until_sent(&site.send());
            assert_eq!(story.causes("deferred"), [cause]);
            assert_eq!((site.mails().len(), story.attempts()), (1, 2));
        })
    });
    cases.collect()
}

fn switched_off() -> Setup {
    Setup::always(Fault::reply(
        Step::Auth,
        "535 5.7.139 SmtpClientAuthentication is disabled",
    ))
    .of_exchange()
}

fn no_new_token(site: &Site) {
    let id = check(site, Becomes::Person(&["smtp_auth_disabled"]));
    assert_eq!((site.auth_tries(), site.token_requests().len()), (1, 1));
    // The operator is told which switch to turn.
    let story = site.story(&id);
    let detail = story.events().last().expect("an event")["detail"].clone();
    let detail = detail.as_str().expect("advice");
    assert!(detail.contains("Get-CASMailbox"), "{detail}");
}

fn long_answer() -> Setup {
    let text = format!("554-5.6.0 first\r\n554 5.6.0 \u{1b}[31m{}", "y".repeat(900));
    Setup::always(Fault::reply(Step::Content, text))
}

fn answer_is_told(site: &Site) {
    let id = check(site, Becomes::Failed("content_refused"));
    let story = site.story(&id);
    let last = story.events().last().expect("an event");
    let answer = last["answer"].as_str().expect("the provider's answer");
    assert!(
        answer.contains("554") && answer.contains("5.6.0"),
        "{answer}"
    );
    assert!(answer.chars().count() <= 500, "{}", answer.len());
    assert!(!answer.chars().any(char::is_control), "{answer:?}");
}
