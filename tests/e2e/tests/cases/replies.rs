//! Replies that are odd, endless, or none at all.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Garbage, Segment, Step};

use super::outcome::{Becomes, case, check, with};

const NO_SMTP: Becomes = Becomes::Soon(&["protocol_error"]);

/// Lines of a reply, far beyond what any server sends.
const MANY_LINES: u32 = 10_000;

/// Octets without a line end, likewise.
const LONG_LINE: u64 = 1024 * 1024;

/// How late the greeting of a slow server is: half of what we wait.
const LATE_MILLIS: u64 = 30_000;

pub fn cases() -> Vec<Case> {
    let mut cases = greetings();
    cases.extend(capabilities());
    cases.extend(anywhere());
    cases.extend(pieces());
    cases.extend(unasked());
    cases
}

fn greetings() -> Vec<Case> {
    let reply = |text: &str| Fault::reply(Step::Greeting, text);
    let garbage = |garbage| Fault::garbage(Step::Greeting, garbage);
    vec![
        case(
            "S4 the greeting is 421",
            reply("421 4.3.2 too busy"),
            Becomes::Soon(&["greeting_refused"]),
        ),
        // The next message would meet the same: it is the mailbox that waits, not this message.
        case(
            "S4 the greeting is 554",
            reply("554 5.3.2 no service"),
            Becomes::Person(&["greeting_refused"]),
        ),
        case(
            "S4 the greeting has three lines",
            reply("220-localhost\r\n220-no spam, please\r\n220 ESMTP"),
            Becomes::Sent,
        ),
        case(
            "S4 the greeting is half a minute late",
            Fault::delay(Step::Greeting, LATE_MILLIS),
            Becomes::Sent,
        ),
        // A minute, side by side with everything else.
        case(
            "S4 the greeting never comes",
            Fault::stall(Step::Greeting),
            Becomes::Soon(&["timed_out"]),
        ),
        case("S4 a web server greets", garbage(Garbage::Http), NO_SMTP),
        case(
            "S4 the greeting is binary",
            garbage(Garbage::Binary),
            NO_SMTP,
        ),
        case(
            "S4 the greeting is a megabyte without a line end",
            garbage(Garbage::LongLine(LONG_LINE)),
            NO_SMTP,
        ),
        case(
            "S4 an empty line comes before the greeting",
            garbage(Garbage::EmptyLineFirst),
            Becomes::Sent,
        ),
    ]
}

/// On both sides of TLS.
fn capabilities() -> Vec<Case> {
    let mut cases = Vec::new();
    for (step, missing) in [
        (Step::Ehlo, Becomes::Person(&["tls_not_offered"])),
        (Step::EhloTls, Becomes::Person(&["auth_not_offered"])),
    ] {
        for (garbage, becomes) in [
            (Garbage::ManyLines(MANY_LINES), NO_SMTP),
            (Garbage::Endless, NO_SMTP),
            (Garbage::MixedCodes, NO_SMTP),
            // Nothing is offered then.
            (Garbage::NoText, missing),
            (Garbage::LowerCase, Becomes::Sent),
            (Garbage::Tabs, Becomes::Sent),
            (Garbage::LfOnly, Becomes::Sent),
        ] {
            let name = format!("S5 {step:?} is answered with {garbage:?}");
            cases.push(case(name, Fault::garbage(step, garbage), becomes));
        }
        let name = format!("S5 {step:?} is answered 421");
        let busy = Fault::reply(step, "421 4.3.2 too busy");
        cases.push(case(name, busy, Becomes::Soon(&["ehlo_refused"])));
    }
    cases
}

/// Steps whose reply is read for its code alone.
const BY_CODE: [Step; 6] = [
    Step::Greeting,
    Step::StartTls,
    Step::Auth,
    Step::Mail,
    Step::Rcpt,
    Step::Content,
];

fn anywhere() -> Vec<Case> {
    let all = |garbage: &Garbage| BY_CODE.map(|step| Fault::garbage(step, garbage.clone()));
    [
        Garbage::NoText,
        Garbage::LfOnly,
        Garbage::LowerCase,
        Garbage::Tabs,
    ]
    .into_iter()
    .map(|garbage| {
        let name = format!("S5 everything else is answered with {garbage:?}");
        with(name, Setup::all(all(&garbage)), Becomes::Sent)
    })
    .collect()
}

fn pieces() -> Vec<Case> {
    let trickle = Step::ALL.map(|step| Fault::trickle(step, 1));
    let with_data = trickle.iter().cloned().chain([Fault::without("CHUNKING")]);
    vec![
        with(
            "S13 every reply comes octet by octet, content by DATA",
            Setup::all(with_data),
            Becomes::Sent,
        ),
        with(
            "S13 every reply comes octet by octet",
            Setup::all(trickle),
            Becomes::Sent,
        ),
        // The replies to a group travel together: this is how the sandbox answers one.
        Case::new(
            "S13 the replies to MAIL and RCPT come in one segment",
            |site| {
                check(site, Becomes::Sent);
                assert_eq!(site.paths_said().len(), 2);
            },
        ),
    ]
}

/// Octets behind a reply in its own segment, which no command was sent for.
fn unasked() -> Vec<Case> {
    let mut cases = Vec::new();
    for step in [Step::Greeting, Step::Ehlo, Step::EhloTls, Step::Auth] {
        let name = format!("S13 a reply that nobody asked for stands behind that to {step:?}");
        let fault = Fault::unasked(step, Segment::Same, "250 2.0.0 and another");
        cases.push(case(name, fault, NO_SMTP));
    }
    cases.push(Case::with(
        "S13 a reply that nobody asked for stands behind the last of the envelope",
        Setup::always(Fault::unasked(Step::Rcpt, Segment::Same, "250 2.0.0 taken")),
        |site: &Site| {
            check(site, Becomes::Deferred(&["protocol_error"]));
            let contents = site
                .connections()
                .iter()
                .map(|one| one.contents.len())
                .sum::<usize>();
            assert_eq!(contents, 0, "content behind a reply that nobody asked for");
        },
    ));
    cases.push(case(
        "S13 a reply that nobody asked for comes when all is said",
        Fault::unasked(Step::Content, Segment::Later, "250 2.0.0 and another"),
        Becomes::Sent,
    ));
    cases
}
