//! Submission in good order, and what a server in good order refuses.

use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgepost_sandbox::{AccountSettings, AuthForm, Ending, Refuse};

use crate::http::access_token;
use crate::smtp::{ACCOUNT, Plain, Secure, port_with, sandbox, xoauth2};

#[test]
fn a_message_reaches_the_inbox() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let mut plain = Plain::greeted(port);
    assert_eq!(
        plain.ask("EHLO client.test"),
        "250-localhost at your service\r\n250-SIZE 35882577\r\n250-PIPELINING\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n\
         250 STARTTLS\r\n"
    );
    assert_eq!(plain.ask("STARTTLS"), "220 2.0.0 Ready to start TLS\r\n");
    let mut smtp = plain.secure(&sandbox);
    assert_eq!(
        smtp.ask("EHLO client.test"),
        "250-localhost at your service\r\n250-SIZE 35882577\r\n250-PIPELINING\r\n\
         250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n\
         250 AUTH XOAUTH2 OAUTHBEARER\r\n"
    );
    assert_eq!(smtp.ask("AUTH XOAUTH2"), "334 \r\n");
    smtp.expect(
        &xoauth2(ACCOUNT, &access_token(&sandbox, ACCOUNT)),
        "235 2.7.0",
    );
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> SIZE=42"), "250 2.1.0");
    smtp.expect("RCPT TO:<a@example.test>", "250 2.1.5");
    smtp.expect("RCPT TO:<b@example.test>", "250 2.1.5");
    smtp.expect("DATA", "354");
    smtp.expect("Subject: one\r\n\r\n..two\r\n.", "250 2.0.0");
    assert!(smtp.ask("QUIT").starts_with("221"));
    assert_eq!(smtp.rest(), b"", "nothing follows the 221");

    let mail = sandbox.wait_for_mail(port, Duration::from_secs(5)).unwrap();
    assert_eq!(mail.raw, b"Subject: one\r\n\r\n.two\r\n");
    assert_eq!(mail.envelope.mail_from, ACCOUNT);
    assert_eq!(mail.envelope.mail_parameters, ["SIZE=42"]);
    let recipients: Vec<_> = mail
        .envelope
        .rcpt_to
        .iter()
        .map(|one| one.address.as_str())
        .collect();
    assert_eq!(recipients, ["a@example.test", "b@example.test"]);
    let tls = mail.tls.unwrap();
    assert_eq!(
        (tls.version.as_deref(), tls.sni.as_deref(), tls.error),
        (Some("TLSv1_3"), Some("localhost"), None)
    );
    let auth = mail.auth.unwrap();
    assert_eq!(
        (auth.form, auth.user.as_str(), auth.reply),
        (AuthForm::TwoStep, ACCOUNT, 235)
    );

    let [record] = sandbox.connections(port).try_into().unwrap();
    assert_eq!(record.plaintext(), "EHLO client.test\r\nSTARTTLS\r\n");
    assert_eq!(
        record.commands,
        [
            "EHLO client.test",
            "AUTH XOAUTH2",
            "<redacted>",
            "MAIL FROM:<shop@sandbox.test> SIZE=42",
            "RCPT TO:<a@example.test>",
            "RCPT TO:<b@example.test>",
            "DATA",
            "QUIT"
        ]
    );
    assert_eq!(record.ending, Some(Ending::Quit));
    assert_eq!(record.messages, [mail.id]);
    assert_eq!(record.violations, [""; 0]);
}

#[test]
fn a_pipelined_group_is_answered_command_by_command() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let mut smtp = Secure::authenticated(&sandbox, port);
    smtp.send(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\nRCPT TO:<>\r\nDATA\r\n"
    ));
    let replies: Vec<String> = (0..4)
        .map(|_| smtp.reply().unwrap()[..3].to_owned())
        .collect();
    assert_eq!(replies, ["250", "250", "501", "354"]);
    // The end of the content may be followed by the next group.
    smtp.send(format!(
        "Subject: x\r\n\r\n.\r\nMAIL FROM:<{ACCOUNT}>\r\nRSET\r\n"
    ));
    let replies: Vec<String> = (0..3)
        .map(|_| smtp.reply().unwrap()[..3].to_owned())
        .collect();
    assert_eq!(replies, ["250", "250", "250"]);
    assert_eq!(sandbox.inbox_of(port).len(), 1);
}

#[test]
fn octets_may_come_one_by_one() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let mut plain = Plain::greeted(port);
    plain.trickle("EHLO client.test\r\nSTARTTLS\r\n");
    assert!(plain.reply().unwrap().starts_with("250"));
    assert!(plain.reply().unwrap().starts_with("220"));
    let mut smtp = plain.secure(&sandbox);
    smtp.trickle("EHLO client.test\r\n");
    assert!(smtp.reply().unwrap().starts_with("250"));
    smtp.trickle(format!(
        "AUTH XOAUTH2 {}\r\n",
        xoauth2(ACCOUNT, &access_token(&sandbox, ACCOUNT))
    ));
    assert!(smtp.reply().unwrap().starts_with("235"));
    smtp.trickle(format!(
        "MAIL FROM:<{ACCOUNT}>\r\nRCPT TO:<a@example.test>\r\nDATA\r\n"
    ));
    let replies: Vec<String> = (0..3)
        .map(|_| smtp.reply().unwrap()[..3].to_owned())
        .collect();
    assert_eq!(replies, ["250", "250", "354"]);
    smtp.trickle("a\r\n..\r\n.b\r\n.\r\n");
    assert!(smtp.reply().unwrap().starts_with("250"));
    assert_eq!(sandbox.inbox_of(port)[0].raw, b"a\r\n.\r\nb\r\n");
}

#[test]
fn a_bad_token_is_explained_and_then_refused() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let mut smtp = Secure::open(&sandbox, port);
    let challenge = smtp.ask(&format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, "made-up")));
    let json = STANDARD
        .decode(challenge.strip_prefix("334 ").unwrap().trim_end())
        .unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let expected =
        serde_json::json!({"status": "401", "schemes": "Bearer", "scope": sandbox.scope()});
    assert_eq!(json, expected);
    assert_eq!(smtp.ask(""), "535 5.7.3 Authentication unsuccessful\r\n");
    smtp.expect("QUIT", "221");

    let [record] = sandbox.connections(port).try_into().unwrap();
    assert_eq!(
        record.commands,
        ["EHLO client.test", "AUTH XOAUTH2 <redacted>", "", "QUIT"]
    );
    assert_eq!(record.auth.unwrap().reply, 535);
    assert_eq!(record.auth_user, None);
    let dialogue = format!("{:?}", record.dialogue);
    assert!(
        !dialogue.contains(&xoauth2(ACCOUNT, "made-up")),
        "a credential is in the record"
    );
}

/// Which tokens are refused: the answer to AUTH is 334 rather than 235.
#[test]
fn a_token_must_be_current_and_the_accounts_own() {
    let sandbox = sandbox();
    let taken = |user: &str, token: &str| {
        let mut smtp = Secure::open(&sandbox, sandbox.smtp_port());
        smtp.ask(&format!("AUTH XOAUTH2 {}", xoauth2(user, token)))
            .starts_with("235")
    };
    let token = access_token(&sandbox, ACCOUNT);
    assert!(taken(ACCOUNT, &token));
    assert!(!taken("other@sandbox.test", &token));
    sandbox.expire_access_tokens(ACCOUNT);
    assert!(!taken(ACCOUNT, &token));
    let token = access_token(&sandbox, ACCOUNT);
    sandbox.revoke(ACCOUNT);
    assert!(!taken(ACCOUNT, &token));
    let token = access_token(&sandbox, ACCOUNT);
    sandbox.refuse_tokens(ACCOUNT, Refuse::Next(1));
    assert_eq!(
        [taken(ACCOUNT, &token), taken(ACCOUNT, &token)],
        [false, true]
    );
    sandbox.refuse_tokens(ACCOUNT, Refuse::Always);
    assert!(!taken(ACCOUNT, &token));
    sandbox.add_account(
        ACCOUNT,
        AccountSettings {
            lifetime: Duration::ZERO,
            ..AccountSettings::default()
        },
    );
    assert!(!taken(ACCOUNT, &access_token(&sandbox, ACCOUNT)));
}

#[test]
fn authentication_keeps_to_its_order() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let mut plain = Plain::greeted(port);
    plain.expect("EHLO client.test", "250");
    plain.expect("AUTH XOAUTH2", "538 5.7.11");
    plain.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "530 5.7.0");
    plain.expect("STARTTLS", "220");
    let mut smtp = plain.secure(&sandbox);
    smtp.expect("AUTH XOAUTH2", "503");
    smtp.expect("EHLO client.test", "250");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "530 5.7.0");
    smtp.expect("STARTTLS", "503");
    smtp.expect("AUTH PLAIN", "504");
    smtp.expect("AUTH XOAUTH2 !", "501");
    smtp.expect("AUTH XOAUTH2", "334 ");
    smtp.expect("*", "501");
    smtp.expect(
        &format!(
            "AUTH XOAUTH2 {}",
            xoauth2(ACCOUNT, &access_token(&sandbox, ACCOUNT))
        ),
        "235",
    );
    smtp.expect("MAIL FROM:<someone@else.test>", "554 5.7.60");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> RET=HDRS"), "555");
    smtp.expect(&format!("MAIL FROM:<{ACCOUNT}> SIZE=35882578"), "552");
    smtp.expect("RCPT TO:<a@example.test>", "503");
    smtp.expect("DATA", "503");
    smtp.expect("VRFY a", "252");
}

#[test]
fn lines_have_a_cap_and_nobody_is_lost_behind_it() {
    let sandbox = sandbox();
    let mut smtp = Secure::authenticated(&sandbox, sandbox.smtp_port());
    smtp.expect(&format!("NOOP {}", "x".repeat(2_044)), "500 5.5.6");
    smtp.expect(&format!("NOOP {}", "x".repeat(2_043)), "250");
    smtp.expect(&format!("NOOP {}", "x".repeat(200_000)), "500 5.5.6");
    smtp.expect("NOOP", "250");
    let mut smtp = Secure::open(&sandbox, sandbox.smtp_port());
    // A token as long as SASL lets it be is read and judged.
    smtp.expect(
        &format!("AUTH XOAUTH2 {}", xoauth2(ACCOUNT, &"x".repeat(9_000))),
        "334 ",
    );
}

#[test]
fn plaintext_behind_starttls_is_refused() {
    let sandbox = sandbox();
    let port = sandbox.smtp_port();
    let mut plain = Plain::greeted(port);
    plain.expect("EHLO client.test", "250");
    plain.send("STARTTLS\r\nMAIL FROM:<injected@example.test>\r\n");
    assert!(plain.reply().unwrap().starts_with("454 4.5.0"));
    // The injected line is forgotten: the next reply answers the next command.
    plain.expect("QUIT", "221");
    let [record] = sandbox.connections(port).try_into().unwrap();
    assert_eq!(
        record.violations,
        ["octets sent behind STARTTLS, which must be the last of its group"]
    );
}

#[test]
fn many_clients_at_once() {
    let sandbox = sandbox();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let port = port_with(&sandbox, []).port();
                let mut smtp = Secure::at_content(&sandbox, port);
                smtp.expect("Subject: x\r\n\r\n.", "250");
                assert_eq!(sandbox.inbox_of(port).len(), 1);
            });
        }
    });
    assert_eq!(sandbox.inbox().len(), 8);
}
