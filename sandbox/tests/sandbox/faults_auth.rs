//! AUTH that goes wrong where no token can help.

use edgepost_sandbox::{Fault, Step};

use crate::http::access_token;
use crate::smtp::{ACCOUNT, Secure, port_with, sandbox, xoauth2};

#[test]
fn a_challenge_that_is_not_base64() {
    let sandbox = sandbox();
    let faults = [
        Fault::reply(Step::AuthPrompt, "334 !not base64!"),
        Fault::reply(Step::AuthChallenge, "334 {\"status\":\"401\"}"),
    ];
    let port = port_with(&sandbox, faults).port();
    let mut smtp = Secure::open(&sandbox, port);
    assert_eq!(smtp.ask("AUTH XOAUTH2"), "334 !not base64!\r\n");
    let reply = smtp.ask(&xoauth2(ACCOUNT, "bad"));
    assert_eq!(reply, "334 {\"status\":\"401\"}\r\n");
    smtp.expect("", "535");

    // Where the outcome belongs: the client's line is an answer, and the refusal follows.
    let port = port_with(&sandbox, [Fault::reply(Step::Auth, "334 !")]).port();
    let mut smtp = Secure::open(&sandbox, port);
    let good = xoauth2(ACCOUNT, &access_token(&sandbox, ACCOUNT));
    assert_eq!(smtp.ask(&format!("AUTH XOAUTH2 {good}")), "334 !\r\n");
    smtp.expect("*", "535");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "530");
}

#[test]
fn a_refusal_without_its_challenge() {
    let sandbox = sandbox();
    let text = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled";
    for step in [Step::Auth, Step::AuthChallenge] {
        let port = port_with(&sandbox, [Fault::reply(step, text)]).port();
        let mut smtp = Secure::open(&sandbox, port);
        let reply = smtp.ask(&format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, "bad")));
        assert_eq!(reply, format!("{text}\r\n"));
        assert_eq!(
            sandbox.connections(port)[0].auth.as_ref().unwrap().reply,
            535
        );
        smtp.expect("NOOP", "250");
    }
    // A good token meets the first and not the second.
    let port = port_with(&sandbox, [Fault::reply(Step::AuthChallenge, text)]).port();
    Secure::authenticated(&sandbox, port).expect("NOOP", "250");
}

#[test]
fn success_without_credentials() {
    let sandbox = sandbox();
    let port = port_with(
        &sandbox,
        [Fault::reply(Step::AuthPrompt, "235 2.7.0 at once")],
    )
    .port();
    let mut smtp = Secure::open(&sandbox, port);
    assert_eq!(smtp.ask("AUTH XOAUTH2"), "235 2.7.0 at once\r\n");
    smtp.expect("MAIL FROM:<anybody@example.test>", "250");

    let port = port_with(&sandbox, [Fault::reply(Step::Auth, "235 2.7.0 who cares")]).port();
    let mut smtp = Secure::open(&sandbox, port);
    smtp.expect(&format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, "bad")), "235");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
}

#[test]
fn auth_is_refused_before_the_credentials() {
    let sandbox = sandbox();
    for text in [
        "454 4.7.0 later",
        "500 5.5.6 Line too long",
        "503 5.5.1 no",
        "421 4.7.0 go",
    ] {
        let port = port_with(&sandbox, [Fault::reply(Step::AuthPrompt, text)]).port();
        let mut smtp = Secure::open(&sandbox, port);
        assert_eq!(smtp.ask("AUTH XOAUTH2"), format!("{text}\r\n"));
        if text.starts_with("421") {
            assert!(smtp.reply().is_none());
        } else {
            smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "530");
        }
    }
}
