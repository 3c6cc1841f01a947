//! The tables of `docs/smtp.md` are those of the code.
//!
//! When this fails because a rule or a limit was changed, `UPDATE_DOCS=1 cargo test --test smtp_docs`
//! writes the tables anew.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::{fmt::Write, fs, path::Path, time::Duration};

use edgepost::{
    limits,
    smtp::{
        Codes, EVIDENCE, LOSSES, RULES, Rule, Service, Severity, Status, Step, Verdict, elsewhere,
    },
};

fn steps(steps: &[Step]) -> String {
    let name = |step: &Step| match step {
        Step::Greeting => "greeting",
        Step::Ehlo => "EHLO",
        Step::StartTls => "STARTTLS",
        Step::Auth => "AUTH",
        Step::Mail => "MAIL",
        Step::Rcpt => "RCPT",
        Step::Data => "DATA",
        Step::Content => "content",
    };
    match steps.len() {
        8 => "any".to_owned(),
        _ => steps.iter().map(name).collect::<Vec<_>>().join(", "),
    }
}

fn digit(severity: Severity) -> char {
    match severity {
        Severity::PositiveCompletion => '2',
        Severity::PositiveIntermediate => '3',
        Severity::TransientNegativeCompletion => '4',
        Severity::PermanentNegativeCompletion => '5',
    }
}

fn codes(rule: &Rule) -> String {
    let code = match rule.codes {
        Codes::Of(codes) => codes
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        Codes::Any(severity) => format!("{}yz", digit(severity)),
    };
    let status = match rule.status {
        Status::Any => String::new(),
        Status::None => ", no enhanced code".to_owned(),
        Status::Is(subject, detail) => format!(" x.{subject}.{detail}"),
        Status::Range(subject, first, last) => format!(" x.{subject}.{first}–{last}"),
    };
    let text = rule
        .text
        .map_or(String::new(), |text| format!(" “…{text}…”"));
    format!("{code}{status}{text}")
}

fn verdict(rule: &Rule) -> String {
    let verdict = match rule.verdict {
        Verdict::Later => "message deferred".to_owned(),
        Verdict::Never => "message rejected".to_owned(),
        Verdict::FurtherTransaction => "recipient goes into a further transaction".to_owned(),
        Verdict::InDoubt => "message in doubt".to_owned(),
        Verdict::Mailbox(trouble) => {
            format!("mailbox waits: {}", format!("{trouble:?}").to_lowercase())
        }
        Verdict::Quota => "mailbox waits: the provider's day".to_owned(),
    };
    match rule.cause {
        Some(cause) => format!("{verdict}; `{cause}`"),
        None => verdict,
    }
}

fn whose(service: Option<Service>) -> &'static str {
    service.map_or("any server", Service::as_str)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn rules() -> String {
    let mut table = String::from(
        "| # | name | whose | step | reply | means | advice |\n|---|---|---|---|---|---|---|\n",
    );
    for (number, rule) in RULES.iter().enumerate() {
        writeln!(
            table,
            "| {} | `{}` | {} | {} | {} | {} | {} |",
            number + 1,
            rule.name,
            whose(rule.whose),
            steps(rule.steps),
            cell(&codes(rule)),
            verdict(rule),
            cell(rule.advice.unwrap_or("that of the cause")),
        )
        .unwrap();
    }
    table
}

fn foreign() -> String {
    let mut table = String::from(
        "| # | a provider's rule | any other server | rule | read in |\n|---|---|---|---|---|\n",
    );
    for (number, rule) in RULES.iter().enumerate() {
        let Some((other, true)) = rule.whose.and_then(|_| elsewhere(rule)) else {
            continue;
        };
        writeln!(
            table,
            "| {} | `{}` | {}: {} | `{}` | {} |",
            number + 1,
            rule.name,
            steps(&[other.step]),
            cell(&other.reply.replace('\n', " ⏎ ")),
            other.rule,
            other.source.as_str(),
        )
        .unwrap();
    }
    table
}

fn losses() -> String {
    let mut table = String::from("| name | when | cause | advice |\n|---|---|---|---|\n");
    for loss in LOSSES {
        writeln!(
            table,
            "| `{}` | {} | `{}` | {} |",
            loss.name,
            loss.what,
            loss.cause,
            cell(loss.advice)
        )
        .unwrap();
    }
    table
}

fn evidence() -> String {
    let mut table =
        String::from("| whose | step | reply | rule | read in |\n|---|---|---|---|---|\n");
    for evidence in EVIDENCE {
        writeln!(
            table,
            "| {} | {} | {} | `{}` | {} |",
            whose(evidence.service),
            steps(&[evidence.step]),
            cell(&evidence.reply.replace('\n', " ⏎ ")),
            evidence.rule,
            evidence.source.as_str(),
        )
        .unwrap();
    }
    table
}

fn timeouts() -> String {
    let rows: [(&str, Duration, &str); 9] = [
        (
            "TCP connects, and with implicit TLS its handshake",
            limits::CONNECT_TIMEOUT,
            "–",
        ),
        (
            "connecting, TLS and AUTH together",
            limits::OPEN_TIMEOUT,
            "–",
        ),
        (
            "greeting, STARTTLS handshake, one reply to a command",
            limits::REPLY_TIMEOUT,
            "§4.5.3.2.1–4: minutes; providers answer in under a second and waiting is billed",
        ),
        (
            "one piece of content is taken",
            limits::CONTENT_TIMEOUT,
            "§4.5.3.2.5",
        ),
        (
            "the reply to the end of content",
            limits::FINAL_REPLY_TIMEOUT,
            "§4.5.3.2.6: giving up earlier makes copies",
        ),
        (
            "content is handed over whole, from the start of the run",
            limits::HAND_OVER_MAX,
            "–",
        ),
        (
            "QUIT, and closing",
            limits::CLOSE_TIMEOUT,
            "§4.1.1.10: the outcome is known by then",
        ),
        ("a blocked mailbox is left alone", limits::BLOCKED_WAIT, "–"),
        (
            "a mailbox that used up its day is left alone",
            limits::QUOTA_WAIT,
            "–",
        ),
    ];
    let mut table = String::from("| what | at most, or at least | RFC 5321 |\n|---|---|---|\n");
    for (what, time, why) in rows {
        writeln!(table, "| {what} | {} s | {why} |", time.as_secs()).unwrap();
    }
    table
}

#[test]
fn the_tables_in_the_documentation_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/smtp.md");
    let found = fs::read_to_string(&path).unwrap();
    let mut wanted = found.clone();
    for (name, table) in [
        ("timeouts", timeouts()),
        ("rules", rules()),
        ("foreign", foreign()),
        ("losses", losses()),
        ("evidence", evidence()),
    ] {
        let (begin, end) = (
            format!("<!-- {name}: made by tests/smtp_docs.rs -->\n"),
            format!("<!-- end of {name} -->\n"),
        );
        let (before, rest) = wanted.split_once(&begin).expect("where the table begins");
        let (_, after) = rest.split_once(&end).expect("where the table ends");
        wanted = format!("{before}{begin}\n{table}\n{end}{after}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
    } else {
        assert!(
            found == wanted,
            "docs/smtp.md is behind the code: UPDATE_DOCS=1 cargo test --test smtp_docs"
        );
    }
}
