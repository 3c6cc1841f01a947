//! Replies that come slowly, twice, or for nothing, and clients that say nothing.

use std::io::Read as _;
use std::time::{Duration, Instant};

use edgepost_sandbox::{Ending, Fault, Garbage, How, Segment, Step, When};

use crate::http::access_token;
use crate::smtp::{
    ACCOUNT, Dialogue, Plain, Secure, connect, is_timeout, port_with, sandbox, xoauth2,
};

#[test]
fn a_reply_comes_octet_by_octet() {
    let sandbox = sandbox();
    let faults = [Step::Greeting, Step::Ehlo, Step::EhloTls].map(|step| Fault::trickle(step, 2));
    let port = port_with(&sandbox, faults).port();
    let mut stream = connect(port);
    let greeting = b"220 localhost ESMTP edgepost sandbox\r\n";
    let (mut heard, mut reads) = (Vec::new(), 0);
    while heard.len() < greeting.len() {
        let mut chunk = [0; 64];
        let count = stream.read(&mut chunk).unwrap();
        heard.extend_from_slice(&chunk[..count]);
        reads += 1;
    }
    assert_eq!(heard, greeting);
    // A busy machine may hand over several at once.
    assert!(reads > greeting.len() / 3, "{reads} reads");
    let mut smtp = Secure::open(&sandbox, port);
    smtp.expect("NOOP", "250");

    let pieces = Fault::Trickle {
        step: Step::Greeting,
        nth: None,
        octets: 20,
        pause_millis: 100,
    };
    let mut stream = connect(port_with(&sandbox, [pieces]).port());
    let mut chunk = [0; 64];
    assert_eq!(stream.read(&mut chunk).unwrap(), 20);
    assert_eq!(stream.read(&mut chunk).unwrap(), greeting.len() - 20);
}

#[test]
fn a_spoiled_reply_trickles_too() {
    let sandbox = sandbox();
    let faults = [
        Fault::garbage(Step::Greeting, Garbage::NoText),
        Fault::trickle(Step::Greeting, 20),
    ];
    let mut stream = connect(port_with(&sandbox, faults).port());
    let mut chunk = [0; 64];
    assert_eq!(stream.read(&mut chunk).unwrap(), 1);
}

#[test]
fn two_replies_in_one_segment_and_one_nobody_asked_for() {
    let sandbox = sandbox();
    let two = "250 2.1.0 Ok\r\n250 2.1.5 Ok";
    let port = port_with(&sandbox, [Fault::reply(Step::Mail, two)]).port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!("MAIL FROM:<{ACCOUNT}>\r\n"));
    let mut chunk = [0; 256];
    let count = smtp.stream.read(&mut chunk).unwrap();
    assert_eq!(chunk[..count], *format!("{two}\r\n").as_bytes());

    for (segment, together) in [(Segment::Same, true), (Segment::Later, false)] {
        let fault = Fault::unasked(Step::Ehlo, segment, "250 2.0.0 surprise");
        let port = port_with(&sandbox, [fault]).port();
        let mut plain = Plain::greeted(port);
        plain.send("EHLO client.test\r\n");
        let mut chunk = [0; 1024];
        let count = plain.stream.read(&mut chunk).unwrap();
        let first = String::from_utf8(chunk[..count].to_vec()).unwrap();
        assert_eq!(
            first.ends_with("250 STARTTLS\r\n250 2.0.0 surprise\r\n"),
            together,
            "{first}"
        );
        if !together {
            assert_eq!(plain.reply().unwrap(), "250 2.0.0 surprise\r\n");
        }
        plain.expect("NOOP", "250");
    }
}

/// One line for each step, which is the last before the stall.
#[test]
fn every_step_can_be_silent_or_late() {
    let sandbox = sandbox();
    let silent = |dialogue: &mut dyn std::io::Read| {
        let waited = dialogue.read(&mut [0]).unwrap_err();
        assert!(is_timeout(&waited), "{waited}");
    };
    let patience = Some(Duration::from_millis(100));
    let good = xoauth2(ACCOUNT, &access_token(&sandbox, ACCOUNT));
    for step in [Step::Greeting, Step::Ehlo, Step::StartTls] {
        let port = port_with(&sandbox, [Fault::stall(step)]).port();
        let mut plain = Dialogue::new(connect(port));
        plain.stream.set_read_timeout(patience).unwrap();
        if step != Step::Greeting {
            assert!(plain.reply().is_some());
        }
        if step == Step::StartTls {
            plain.expect("EHLO client.test", "250");
        }
        plain.send(if step == Step::StartTls {
            "STARTTLS\r\n"
        } else {
            "EHLO client.test\r\n"
        });
        silent(&mut plain.stream);
    }
    for (step, line) in [
        (Step::EhloTls, "EHLO client.test"),
        (Step::AuthPrompt, "AUTH XOAUTH2"),
        (Step::Auth, &format!("AUTH XOAUTH2 {good}")),
        (Step::AuthChallenge, "AUTH XOAUTH2 eA=="),
        (Step::Rset, "RSET"),
        (Step::Quit, "QUIT"),
    ] {
        let port = port_with(&sandbox, [Fault::stall(step)]).port();
        let mut smtp = Plain::ready(port).secure(&sandbox);
        smtp.stream.sock.set_read_timeout(patience).unwrap();
        if step != Step::EhloTls {
            smtp.expect("EHLO client.test", "250");
        }
        smtp.send(format!("{line}\r\n"));
        silent(&mut smtp.stream);
    }
    for (step, line) in [
        (Step::Bdat, "BDAT 3\r\nx\r\n"),
        (Step::Content, "BDAT 3 LAST\r\nx\r\n"),
    ] {
        for fault in [Fault::stall(step), Fault::delay(step, 150)] {
            let late = matches!(fault, Fault::Delay { .. });
            let port = port_with(&sandbox, [fault]).port();
            let mut smtp = Secure::at_recipient(&sandbox, port);
            smtp.send(line);
            if late {
                let asked = Instant::now();
                assert!(smtp.reply().unwrap().starts_with("250"));
                assert!(asked.elapsed() >= Duration::from_millis(140));
            } else {
                smtp.stream.sock.set_read_timeout(patience).unwrap();
                silent(&mut smtp.stream);
            }
        }
    }
    assert_eq!(
        sandbox.inbox().len(),
        2,
        "content that is answered late or never is taken"
    );
}

#[test]
fn an_idle_client_is_put_out() {
    let sandbox = sandbox();
    let words = Some("421 4.4.2 Idle for too long".to_owned());
    for (text, how, ending) in [
        (words, How::Fin, Ending::ClosedByServer),
        (None, How::Fin, Ending::ClosedByServer),
        (None, How::Rst, Ending::ResetByServer),
    ] {
        let idle = Fault::Idle {
            millis: 150,
            text: text.clone(),
            how,
        };
        let port = port_with(&sandbox, [idle]).port();
        let mut smtp = Secure::authenticated(&sandbox, port);
        // Who speaks in time stays.
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(60));
            smtp.expect("NOOP", "250");
        }
        assert_eq!(smtp.reply(), text.map(|text| format!("{text}\r\n")));
        assert!(smtp.reply().is_none());
        assert_eq!(sandbox.connections(port)[0].ending, Some(ending));
    }
}

#[test]
fn quit_is_answered_in_every_wrong_way() {
    let sandbox = sandbox();
    let cases = [
        (
            Fault::reply(Step::Quit, "250 2.0.0 fine"),
            Some("250"),
            Ending::Quit,
        ),
        (
            Fault::drop(Step::Quit, When::BeforeReply, How::Fin),
            None,
            Ending::ClosedByServer,
        ),
        (
            Fault::drop(Step::Quit, When::BeforeReply, How::Rst),
            None,
            Ending::ResetByServer,
        ),
        (
            Fault::drop(Step::Quit, When::AfterReply, How::Rst),
            Some("221"),
            Ending::ResetByServer,
        ),
    ];
    for (fault, code, ending) in cases {
        let port = port_with(&sandbox, [fault]).port();
        let mut smtp = Secure::open(&sandbox, port);
        smtp.send("QUIT\r\n");
        let reply = smtp.reply();
        assert_eq!(reply.as_ref().map(|reply| &reply[..3]), code);
        assert!(smtp.reply().is_none());
        assert_eq!(sandbox.connections(port)[0].ending, Some(ending));
    }
    let port = port_with(
        &sandbox,
        [Fault::drop(Step::Quit, When::AfterReply, How::Stall)],
    )
    .port();
    let mut smtp = Secure::open(&sandbox, port);
    smtp.expect("QUIT", "221");
    smtp.stream
        .sock
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(
        is_timeout(&smtp.stream.read(&mut [0]).unwrap_err()),
        "it stays open"
    );
}

#[test]
fn a_client_that_does_not_wait_is_noticed() {
    let sandbox = sandbox();
    let violations = |port| sandbox.connections(port).pop().unwrap().violations;
    for (step, line) in [
        (Step::EhloTls, "EHLO client.test".to_owned()),
        (
            Step::Auth,
            format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, "bad")),
        ),
        (Step::Quit, "QUIT".to_owned()),
    ] {
        let port = port_with(&sandbox, [Fault::delay(step, 150)]).port();
        let mut smtp = Plain::ready(port).secure(&sandbox);
        if step != Step::EhloTls {
            smtp.expect("EHLO client.test", "250");
        }
        smtp.send(format!("{line}\r\n"));
        if step == Step::Auth {
            // The challenge comes first; behind the answer to it, the outcome is late.
            assert_eq!(smtp.codes(1), ["334"]);
            smtp.send("\r\n");
        }
        std::thread::sleep(Duration::from_millis(50));
        smtp.send("NOOP\r\n");
        assert!(smtp.reply().is_some());
        let verb = line.split(' ').next().unwrap();
        let violation = format!("octets sent behind {verb}, which must be the last of its group");
        assert_eq!(violations(port), [violation], "{step:?}");
    }
    // Behind the end of the content it may speak on.
    let port = port_with(&sandbox, [Fault::delay(Step::Content, 100)]).port();
    let mut smtp = Secure::at_content(&sandbox, port);
    smtp.send("x\r\n.\r\n");
    std::thread::sleep(Duration::from_millis(30));
    smtp.send("RSET\r\n");
    assert_eq!(smtp.codes(2), ["250", "250"]);
    assert_eq!(violations(port), [""; 0]);
}
