//! Each scripted fault of the dialogue, as the client sees it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use edgepost_sandbox::{Ending, Fault, Flow, How, Sandbox, Script, Step};

use crate::smtp::{ACCOUNT, Dialogue, Plain, Secure, connect, port_with, sandbox};

/// Talks in order until something is missing; answers the codes of all replies and whether the
/// connection ended.
fn walk(sandbox: &Sandbox, port: u16) -> (Vec<String>, bool) {
    let mut codes = Vec::new();
    let mut plain = Dialogue::new(connect(port));
    let step = |codes: &mut Vec<String>, reply: Option<String>| {
        let here = reply.is_some();
        codes.extend(reply.map(|reply| reply[..3].to_owned()));
        here
    };
    let say = |line: &str| format!("{line}\r\n");
    if !step(&mut codes, plain.reply()) {
        return (codes, true);
    }
    for line in ["EHLO client.test", "STARTTLS"] {
        plain.send(say(line));
        if !step(&mut codes, plain.reply()) {
            return (codes, true);
        }
    }
    if codes.last().is_some_and(|code| code == "421") {
        let ended = plain.reply().is_none();
        return (codes, ended);
    }
    let mut smtp = plain.secure(sandbox);
    let token = crate::smtp::xoauth2(ACCOUNT, &crate::http::access_token(sandbox, ACCOUNT));
    let auth = format!("AUTH XOAUTH2 {token}");
    let mail = format!("MAIL FROM:<{ACCOUNT}>");
    for line in [
        "EHLO client.test",
        &auth,
        &mail,
        "RCPT TO:<a@example.test>",
        "DATA",
        "x\r\n.",
        "QUIT",
    ] {
        smtp.send(say(line));
        if !step(&mut codes, smtp.reply()) {
            return (codes, true);
        }
    }
    let ended = smtp.reply().is_none();
    (codes, ended)
}

const ALL: [&str; 10] = [
    "220", "250", "220", "250", "235", "250", "250", "354", "250", "221",
];

const STEPS: [Step; 10] = [
    Step::Greeting,
    Step::Ehlo,
    Step::StartTls,
    Step::EhloTls,
    Step::Auth,
    Step::Mail,
    Step::Rcpt,
    Step::Data,
    Step::Content,
    Step::Quit,
];

#[test]
fn a_connection_is_dropped_before_or_after_any_reply() {
    let sandbox = sandbox();
    for (index, step) in STEPS.into_iter().enumerate() {
        let port = port_with(&sandbox, [Fault::drop_before(step)]).port();
        assert_eq!(
            walk(&sandbox, port),
            (ALL[..index].iter().map(ToString::to_string).collect(), true),
            "{step:?}"
        );
        let taken = usize::from(step == Step::Content || step == Step::Quit);
        assert_eq!(
            sandbox.inbox_of(port).len(),
            taken,
            "{step:?}: taken, answer lost"
        );
        assert_eq!(
            sandbox.connections(port)[0].ending,
            Some(Ending::ClosedByServer),
            "{step:?}"
        );

        // Behind the reply to STARTTLS there is a handshake of its own, see `faults_tls`.
        if step != Step::StartTls {
            let port = port_with(&sandbox, [Fault::drop_after(step)]).port();
            assert_eq!(
                walk(&sandbox, port),
                (
                    ALL[..=index].iter().map(ToString::to_string).collect(),
                    true
                ),
                "{step:?}"
            );
        }
    }
}

#[test]
fn a_421_at_any_step_also_ends_the_connection() {
    let sandbox = sandbox();
    for (index, step) in STEPS.into_iter().enumerate() {
        let port = port_with(
            &sandbox,
            [Fault::reply(step, "421 4.3.2 Service not available")],
        )
        .port();
        let mut expected: Vec<String> = ALL[..index].iter().map(ToString::to_string).collect();
        expected.push("421".to_owned());
        assert_eq!(walk(&sandbox, port), (expected, true), "{step:?}");
        let taken = usize::from(step == Step::Quit);
        assert_eq!(sandbox.inbox_of(port).len(), taken, "{step:?}");
    }
}

/// What the client says until a step is reached, the last line being the step's own; lines behind
/// STARTTLS go under TLS.
fn until(step: Step, good: &str) -> Vec<String> {
    let auth = format!("AUTH XOAUTH2 {good}");
    let mail = format!("MAIL FROM:<{ACCOUNT}>");
    let lines: &[&str] = match step {
        Step::Greeting | Step::Handshake => &[],
        Step::Ehlo => &["EHLO a"],
        Step::StartTls => &["EHLO a", "STARTTLS"],
        Step::EhloTls => &["EHLO a", "STARTTLS", "EHLO a"],
        Step::AuthPrompt => &["EHLO a", "STARTTLS", "EHLO a", "AUTH XOAUTH2"],
        Step::Auth => &["EHLO a", "STARTTLS", "EHLO a", &auth],
        Step::AuthChallenge => &["EHLO a", "STARTTLS", "EHLO a", "AUTH XOAUTH2 eA=="],
        Step::Mail => &["EHLO a", "STARTTLS", "EHLO a", &auth, &mail],
        Step::Rcpt => &[
            "EHLO a",
            "STARTTLS",
            "EHLO a",
            &auth,
            &mail,
            "RCPT TO:<a@b.test>",
        ],
        Step::Data => &[
            "EHLO a",
            "STARTTLS",
            "EHLO a",
            &auth,
            &mail,
            "RCPT TO:<a@b.test>",
            "DATA",
        ],
        Step::Bdat => &[
            "EHLO a",
            "STARTTLS",
            "EHLO a",
            &auth,
            &mail,
            "RCPT TO:<a@b.test>",
            "BDAT 3\r\nx",
        ],
        Step::Content => &[
            "EHLO a",
            "STARTTLS",
            "EHLO a",
            &auth,
            &mail,
            "RCPT TO:<a@b.test>",
            "BDAT 3 LAST\r\nx",
        ],
        Step::Rset => &["EHLO a", "STARTTLS", "EHLO a", "RSET"],
        Step::Quit => &["EHLO a", "STARTTLS", "EHLO a", "QUIT"],
    };
    lines.iter().map(ToString::to_string).collect()
}

#[test]
fn every_code_comes_at_every_step() {
    let sandbox = sandbox();
    let good = crate::smtp::xoauth2(ACCOUNT, &crate::http::access_token(&sandbox, ACCOUNT));
    for step in Step::ALL {
        // There are no codes in a handshake.
        if step == Step::Handshake {
            continue;
        }
        for code in [
            "211", "250", "334", "354", "421", "432", "450", "451", "452", "454", "500", "501",
            "502", "503", "521", "530", "535", "550", "552", "554", "555",
        ] {
            let text = format!("{code} {}.7.99 of your own", &code[..1]);
            let port = port_with(&sandbox, [Fault::reply(step, text.clone())]).port();
            let lines = until(step, &good);
            let (clear, covered) = lines.split_at(lines.len().min(2));
            let mut plain = Dialogue::new(connect(port));
            let mut last = plain.reply().unwrap();
            for line in clear {
                last = plain.ask(line);
            }
            if !covered.is_empty() {
                let mut smtp = plain.secure(&sandbox);
                for line in covered {
                    last = smtp.ask(line);
                }
            }
            assert_eq!(last, format!("{text}\r\n"), "{step:?}");
            let taken = step == Step::Content && matches!(&code[..1], "2" | "3");
            assert_eq!(
                sandbox.inbox_of(port).len(),
                usize::from(taken),
                "{code} at {step:?}"
            );
        }
    }
}

#[test]
fn a_scripted_reply_goes_out_to_the_letter() {
    let sandbox = sandbox();
    let text = "450-4.2.1 one\r\n450 4.2.1 two";
    let port = port_with(&sandbox, [Fault::reply(Step::Rcpt, text).only(2)]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
    smtp.expect("RCPT TO:<a@example.test>", "250");
    assert_eq!(smtp.ask("RCPT TO:<b@example.test>"), format!("{text}\r\n"));
    smtp.expect("RCPT TO:<c@example.test>", "250");
    smtp.expect("DATA", "354");
    smtp.expect("x\r\n.", "250");
    let recipients = sandbox.inbox_of(port)[0].envelope.rcpt_to.len();
    assert_eq!(recipients, 2, "the refused one is not among them");
}

#[test]
fn a_scripted_refusal_is_one() {
    let sandbox = sandbox();
    let port = port_with(
        &sandbox,
        [Fault::reply(
            Step::Content,
            "451 4.7.0 Temporary server error",
        )],
    )
    .port();
    let mut smtp = Secure::at_content(&sandbox, port);
    assert_eq!(smtp.ask("x\r\n."), "451 4.7.0 Temporary server error\r\n");
    assert!(sandbox.inbox_of(port).is_empty());

    let port = port_with(&sandbox, [Fault::reply(Step::Mail, "452 4.3.1 Try later")]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\nDATA\r\n"
    ));
    let replies: Vec<String> = (0..3)
        .map(|_| smtp.reply().unwrap()[..3].to_owned())
        .collect();
    assert_eq!(replies, ["452", "503", "503"]);

    let port = port_with(
        &sandbox,
        [Fault::reply(
            Step::Auth,
            "454 4.7.0 Temporary authentication failure",
        )],
    )
    .port();
    let mut smtp = Secure::open(&sandbox, port);
    smtp.expect("AUTH XOAUTH2", "334 ");
    smtp.expect(&crate::smtp::xoauth2(ACCOUNT, "any"), "454 4.7.0");

    let port = port_with(
        &sandbox,
        [Fault::reply(Step::Greeting, "554 5.3.2 No service")],
    )
    .port();
    let mut plain = Dialogue::new(connect(port));
    assert_eq!(plain.reply().unwrap(), "554 5.3.2 No service\r\n");
    plain.expect("EHLO client.test", "503");
    plain.expect("QUIT", "221");
}

#[test]
fn a_connection_dies_within_the_content() {
    let sandbox = sandbox();
    for octets in [0, 1, 20] {
        let fault = Fault::cut(Flow::Content, octets, How::Fin);
        let port = port_with(&sandbox, [fault]).port();
        let mut smtp = Secure::at_content(&sandbox, port);
        // It may be gone before the last octet is handed over.
        let _ = smtp
            .stream
            .write_all(b"Subject: a message that is longer\r\n\r\n.\r\n");
        assert!(smtp.reply().is_none());
        assert!(sandbox.inbox_of(port).is_empty());
    }
}

#[test]
fn a_stalled_step_is_never_answered_and_a_delayed_one_late() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::stall(Step::Data)]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\nDATA\r\n"
    ));
    assert!(smtp.reply().unwrap().starts_with("250"));
    assert!(
        smtp.reply().unwrap().starts_with("250"),
        "earlier replies of the group are not held back"
    );
    smtp.stream
        .sock
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let waited = smtp.stream.read(&mut [0]).unwrap_err();
    assert!(
        matches!(waited.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{waited}"
    );
    assert_eq!(sandbox.connections(port)[0].ending, None, "still open");
    smtp.hang_up();
    let deadline = Instant::now() + Duration::from_secs(5);
    while sandbox.connections(port)[0].ending.is_none() {
        assert!(
            Instant::now() < deadline,
            "the server does not notice that the client went"
        );
        std::thread::sleep(Duration::from_millis(5));
    }

    let port = port_with(&sandbox, [Fault::delay(Step::Ehlo, 200)]).port();
    let mut plain = Plain::greeted(port);
    let asked = Instant::now();
    plain.expect("EHLO client.test", "250");
    assert!(asked.elapsed() >= Duration::from_millis(200));
}

#[test]
fn capabilities_and_greetings_of_old_servers() {
    let sandbox = sandbox();
    let lines = |lines: &[&str]| Some(lines.iter().map(ToString::to_string).collect());
    let fault = Fault::Capabilities {
        before_tls: lines(&["STARTTLS"]),
        after_tls: lines(&["AUTH PLAIN", "SIZE 5"]),
    };
    let port = port_with(&sandbox, [fault]).port();
    let mut plain = Plain::greeted(port);
    assert_eq!(
        plain.ask("EHLO client.test"),
        "250-localhost at your service\r\n250 STARTTLS\r\n"
    );
    plain.expect("STARTTLS", "220");
    let reply = plain.secure(&sandbox).ask("EHLO client.test");
    assert_eq!(
        reply,
        "250-localhost at your service\r\n250-AUTH PLAIN\r\n250 SIZE 5\r\n"
    );

    let named = Fault::Name("mx.provider.test".to_owned());
    let mut plain = Plain::greeted(port_with(&sandbox, [named]).port());
    let reply = plain.ask("EHLO client.test");
    assert!(
        reply.starts_with("250-mx.provider.test at your service\r\n250-SIZE "),
        "{reply}"
    );

    let mut plain = Plain::greeted(port_with(&sandbox, [Fault::EhloRefused]).port());
    plain.expect("EHLO client.test", "502 5.5.1");
    assert_eq!(plain.ask("HELO client.test"), "250 localhost\r\n");

    let mut plain = Plain::greeted(port_with(&sandbox, [Fault::NoStartTls]).port());
    assert!(!plain.ask("EHLO client.test").contains("STARTTLS"));
    plain.expect("STARTTLS", "502");
}

#[test]
fn scripts_go_to_connections_in_order() {
    let sandbox = sandbox();
    let greet = |text: &str| Script::of([Fault::reply(Step::Greeting, text)]);
    let port = sandbox
        .open_smtp(vec![greet("220 one"), greet("220 two")], greet("220 later"))
        .unwrap()
        .port();
    let greetings: Vec<String> = (0..4)
        .map(|_| Dialogue::new(connect(port)).reply().unwrap())
        .collect();
    assert_eq!(
        greetings,
        [
            "220 one\r\n",
            "220 two\r\n",
            "220 later\r\n",
            "220 later\r\n"
        ]
    );
    let ordinals: Vec<u32> = sandbox
        .connections(port)
        .iter()
        .map(|record| record.ordinal)
        .collect();
    assert_eq!(ordinals, [1, 2, 3, 4]);
}

#[test]
fn a_port_is_reset_closed_and_reopened() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, [Fault::ResetOnAccept]);
    let error = connect(port.port()).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    port.script(Vec::new(), Script::none());
    let mut open = Plain::greeted(port.port());
    port.close().unwrap();
    port.close().unwrap();
    let refused = TcpStream::connect(("127.0.0.1", port.port())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    open.expect("NOOP", "250");
    port.reopen().unwrap();
    port.reopen().unwrap();
    Plain::greeted(port.port()).expect("NOOP", "250");
}

#[test]
fn nothing_is_left_when_the_handle_goes() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let mut open = Plain::greeted(port);
    drop(sandbox);
    assert_eq!(open.rest(), b"");
    assert_eq!(
        TcpStream::connect(("127.0.0.1", port)).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}
