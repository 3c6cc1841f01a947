//! Every step refused, for now and for good.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Step};

use super::outcome::{Becomes, case, check};

const fn deferred(cause: &'static [&'static str]) -> Becomes {
    Becomes::Deferred(cause)
}

pub fn cases() -> Vec<Case> {
    let greeting = deferred(&["greeting_refused"]);
    let auth = deferred(&["auth_refused"]);
    let sender = deferred(&["sender_refused"]);
    let recipients = deferred(&["recipients_refused"]);
    let data = deferred(&["data_refused"]);
    let content = deferred(&["content_refused"]);
    let in_doubt = Becomes::InDoubt(&["content_refused", "answer_lost"], 0);
    let table: [(&str, Step, &str, Becomes); 23] = [
        ("S4", Step::Greeting, "421 4.3.2 too busy", greeting),
        // The next message would meet the same: it is the mailbox that waits, not this message.
        ("S4", Step::Greeting, "554 5.3.2 no service", greeting),
        (
            "S4",
            Step::Greeting,
            "HTTP/1.1 400 Bad Request",
            deferred(&["protocol_error"]),
        ),
        (
            "S5",
            Step::Ehlo,
            "421 4.3.2 too busy",
            deferred(&["ehlo_refused"]),
        ),
        (
            "S5",
            Step::EhloTls,
            "250-a\r\n550 b",
            deferred(&["protocol_error"]),
        ),
        (
            "S6",
            Step::Auth,
            "454 4.7.0 Temporary authentication failure",
            auth,
        ),
        (
            "S6",
            Step::Auth,
            "421 4.7.66 busy",
            deferred(&["auth_refused", "connection_lost"]),
        ),
        (
            "S6",
            Step::Auth,
            "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant",
            deferred(&["smtp_auth_disabled"]),
        ),
        ("S7", Step::Mail, "450 4.2.1 try later", sender),
        ("S7", Step::Mail, "452 4.3.1 no room", sender),
        (
            "S7",
            Step::Mail,
            "550 5.7.60 SendAsDenied",
            Becomes::Failed("sender_refused"),
        ),
        (
            "S7",
            Step::Mail,
            "553 5.7.1 not owned by user",
            Becomes::Failed("sender_refused"),
        ),
        (
            "S7",
            Step::Mail,
            "530 5.7.0 must issue STARTTLS",
            Becomes::Failed("sender_refused"),
        ),
        ("S8", Step::Rcpt, "450 4.2.1 mailbox busy", recipients),
        (
            "S8",
            Step::Rcpt,
            "550 5.1.1 no such user",
            Becomes::Failed("recipients_refused"),
        ),
        (
            "S8",
            Step::Rcpt,
            "552 5.5.3 too many recipients",
            recipients,
        ),
        ("S9", Step::Data, "451 4.3.0 not now", data),
        (
            "S9",
            Step::Data,
            "554 5.5.1 no valid recipients",
            Becomes::Failed("data_refused"),
        ),
        ("S9", Step::Content, "451 4.3.0 not now", content),
        ("S9", Step::Content, "452 4.3.1 no room", content),
        (
            "S9",
            Step::Content,
            "552 5.3.4 too big",
            Becomes::Failed("message_too_large"),
        ),
        (
            "S9",
            Step::Content,
            "554 5.6.0 not wanted",
            Becomes::Failed("content_refused"),
        ),
        ("S11", Step::Content, "421 4.3.2 closing", in_doubt),
    ];
    let mut cases: Vec<Case> = table
        .into_iter()
        .map(|(id, step, reply, becomes)| {
            case(
                format!("{id} {step:?} is answered {reply:?}"),
                Fault::reply(step, reply),
                becomes,
            )
        })
        .collect();
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
    cases.push(Case::with(
        "S14 a message refused for now is delivered later, once",
        once(),
        delivered_later,
    ));
    cases
}

fn switched_off() -> Setup {
    Setup::always(Fault::reply(
        Step::Auth,
        "535 5.7.139 SmtpClientAuthentication is disabled",
    ))
}

fn no_new_token(site: &Site) {
    let id = check(site, deferred(&["smtp_auth_disabled"]));
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

fn once() -> Setup {
    Setup::once(Fault::reply(
        Step::Mail,
        "432 4.3.2 concurrent connection limit exceeded",
    ))
}

fn delivered_later(site: &Site) {
    let id = site.send();
    let story = site.until_sent(&id);
    assert_eq!(story.causes("deferred"), ["throttled"]);
    assert_eq!((site.mails().len(), story.attempts()), (1, 2));
}
