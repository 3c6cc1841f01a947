//! OAUTHBEARER, RFC 7628.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgepost_sandbox::{AuthForm, Fault};

use crate::http::access_token;
use crate::smtp::{ACCOUNT, Secure, oauthbearer, port_with, sandbox, xoauth2};

#[test]
fn a_token_is_taken_in_one_step_or_two() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let response = oauthbearer(ACCOUNT, &access_token(&sandbox, ACCOUNT), port);
    let mut smtp = Secure::open(&sandbox, port);
    smtp.expect(&format!("AUTH OAUTHBEARER {response}"), "235 2.7.0");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
    let mut smtp = Secure::open(&sandbox, port);
    assert_eq!(smtp.ask("AUTH oauthbearer"), "334 \r\n");
    smtp.expect(&response, "235 2.7.0");
    let facts: Vec<_> = sandbox
        .connections(port)
        .into_iter()
        .map(|record| record.auth.unwrap())
        .map(|auth| (auth.mechanism, auth.form, auth.user, auth.reply))
        .collect();
    let expected = |form| ("OAUTHBEARER".to_owned(), form, ACCOUNT.to_owned(), 235);
    assert_eq!(
        facts,
        [expected(AuthForm::Inline), expected(AuthForm::TwoStep)]
    );
    let commands = &sandbox.connections(port)[0].commands;
    assert_eq!(commands[1], "AUTH OAUTHBEARER <redacted>");
}

#[test]
fn a_bad_token_is_explained_and_the_client_says_one_octet() {
    let sandbox = sandbox();
    let port = port_with(&sandbox, []).port();
    let mut smtp = Secure::open(&sandbox, port);
    let challenge = smtp.ask(&format!(
        "AUTH OAUTHBEARER {}",
        oauthbearer(ACCOUNT, "made-up", port)
    ));
    let json = STANDARD
        .decode(challenge.strip_prefix("334 ").unwrap().trim_end())
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let expected = serde_json::json!({
        "status": "invalid_token", "scope": sandbox.scope(),
        "openid-configuration": format!("{}/.well-known/openid-configuration", sandbox.issuer()),
    });
    assert_eq!(json, expected);
    assert_eq!(
        smtp.ask("AQ=="),
        "535 5.7.3 Authentication unsuccessful\r\n"
    );
    smtp.expect("QUIT", "221");
    let [record] = sandbox.connections(port).try_into().unwrap();
    assert_eq!(record.violations, [""; 0]);
    assert_eq!(
        record.commands,
        [
            "EHLO client.test",
            "AUTH OAUTHBEARER <redacted>",
            "AQ==",
            "QUIT"
        ]
    );
}

#[test]
fn the_answer_to_the_challenge_is_no_command_and_must_be_the_one() {
    let sandbox = sandbox();
    for (answer, clean) in [("AQ==", true), ("*", true), ("", false), ("QUIT", false)] {
        let port = port_with(&sandbox, []).port();
        let mut smtp = Secure::open(&sandbox, port);
        smtp.expect(
            &format!("AUTH OAUTHBEARER {}", oauthbearer(ACCOUNT, "x", port)),
            "334 ",
        );
        smtp.expect(answer, "535");
        smtp.expect("NOOP", "250");
        let violations = sandbox.connections(port).pop().unwrap().violations;
        assert_eq!(violations.is_empty(), clean, "{answer}: {violations:?}");
    }
}

#[test]
fn what_the_message_says_must_be_so() {
    let sandbox = sandbox();
    let token = access_token(&sandbox, ACCOUNT);
    let port = port_with(&sandbox, []).port();
    let status = |message: String| {
        let mut smtp = Secure::open(&sandbox, port);
        let reply = smtp.ask(&format!("AUTH OAUTHBEARER {}", STANDARD.encode(message)));
        match reply.strip_prefix("334 ") {
            Some(challenge) => {
                let json = STANDARD.decode(challenge.trim_end()).unwrap();
                let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
                json["status"].as_str().unwrap().to_owned()
            }
            None => reply[..3].to_owned(),
        }
    };
    let head = format!("n,a={ACCOUNT},\u{1}");
    let auth = format!("auth=Bearer {token}\u{1}\u{1}");
    assert_eq!(status(format!("{head}{auth}")), "235");
    assert_eq!(
        status(format!("{head}host=LOCALHOST\u{1}port={port}\u{1}{auth}")),
        "235"
    );
    assert_eq!(
        status(format!("{head}port=25\u{1}{auth}")),
        "invalid_request"
    );
    assert_eq!(
        status(format!("{head}host=mail.example.test\u{1}{auth}")),
        "invalid_request"
    );
    assert_eq!(
        status(format!("user={ACCOUNT}\u{1}auth=Bearer {token}\u{1}\u{1}")),
        "invalid_request"
    );
    assert_eq!(
        status(format!("n,a=other@sandbox.test,\u{1}{auth}")),
        "invalid_token"
    );
}

#[test]
fn a_mechanism_that_is_not_offered_does_not_work() {
    let sandbox = sandbox();
    for (missing, other) in [("OAUTHBEARER", "XOAUTH2"), ("XOAUTH2", "OAUTHBEARER")] {
        let port = port_with(&sandbox, [Fault::without(missing)]).port();
        let mut smtp = Secure::open(&sandbox, port);
        let offered = smtp.ask("EHLO client.test");
        assert!(
            offered.ends_with(&format!("250 AUTH {other}\r\n")),
            "{offered}"
        );
        smtp.expect(&format!("AUTH {missing} eA=="), "504 5.7.4");
        let token = access_token(&sandbox, ACCOUNT);
        let response = match other {
            "XOAUTH2" => xoauth2(ACCOUNT, &token),
            _ => oauthbearer(ACCOUNT, &token, port),
        };
        smtp.expect(&format!("AUTH {other} {response}"), "235");
        assert_eq!(
            sandbox.connections(port)[0].violations,
            [format!("AUTH {missing}, which was not offered")]
        );
    }
}
