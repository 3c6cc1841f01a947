use super::*;
use crate::{outcome::Reach, smtp::ReplyParser};

const STEPS: [Step; 8] = [
    Step::Greeting,
    Step::Ehlo,
    Step::StartTls,
    Step::Auth,
    Step::Mail,
    Step::Rcpt,
    Step::Data,
    Step::Content,
];

const OPENING: [Step; 4] = [Step::Greeting, Step::Ehlo, Step::StartTls, Step::Auth];

fn reply(text: &str) -> Reply {
    let mut parser = ReplyParser::default();
    parser.push(format!("{}\r\n", text.replace('\n', "\r\n")).as_bytes());
    parser.next_reply().unwrap().unwrap()
}

/// How a provider's answer to a step is taken.
fn taken(step: Step, text: &str) -> (Outcome, Reach) {
    let reply = reply(text);
    let outcome = if OPENING.contains(&step) {
        Outcome::Deferred(connection_refused(step, &reply))
    } else {
        refused(step, &reply).outcome
    };
    let reach = outcome.failure().unwrap().reach;
    (outcome, reach)
}

#[test]
fn every_reply_that_was_read_comes_to_its_rule() {
    for evidence in EVIDENCE {
        let rule = rule_for(evidence.step, &reply(evidence.reply)).unwrap();
        assert_eq!(rule.name, evidence.rule, "{evidence:?}");
    }
}

#[test]
fn every_rule_has_a_reply_it_was_made_for() {
    for rule in RULES {
        let made_for = |evidence: &&Evidence| {
            rule_for(evidence.step, &reply(evidence.reply))
                .is_some_and(|found| std::ptr::eq(found, rule))
        };
        // Nonsense is caught whatever it is: 2yz and 3yz are two rows of one rule.
        let shared = rule.name.starts_with("nonsense");
        assert!(
            shared || EVIDENCE.iter().any(|evidence| made_for(&evidence)),
            "{rule:?} is never reached"
        );
    }
}

#[test]
fn every_code_at_every_step_has_a_rule() {
    for step in STEPS {
        for code in 200..600 {
            assert!(
                rule_for(step, &reply(&format!("{code} x"))).is_some(),
                "{code}"
            );
        }
    }
}

#[test]
fn the_opening_speaks_of_the_mailbox_and_rules_of_one_name_agree() {
    for rule in RULES {
        let of_mailbox = matches!(rule.verdict, Verdict::Mailbox(_) | Verdict::Quota);
        let at_opening = rule.steps.iter().any(|step| OPENING.contains(step));
        assert!(!at_opening || of_mailbox, "{rule:?}");
        let twins = RULES.iter().filter(|other| other.name == rule.name);
        assert!(twins.clone().all(|twin| twin.advice == rule.advice));
        let lower_case = rule
            .text
            .is_none_or(|text| text == text.to_ascii_lowercase());
        assert!(lower_case, "{rule:?} never matches");
        if let Some(advice) = rule.advice {
            assert_eq!(advice_of(&Finding::named(rule.name)), Some(advice));
            assert!(!advice.ends_with('.') && advice.len() > 30, "{advice}");
        }
    }
    for loss in LOSSES {
        assert_eq!(advice_of(&Finding::named(loss.name)), Some(loss.advice));
        assert!(!RULES.iter().any(|rule| rule.name == loss.name));
    }
    assert_eq!(advice_of(&Finding::named("of_a_later_version")), None);
}

#[test]
fn s6_what_is_refused_at_auth_asks_for_a_new_token_only_where_one_may_help() {
    for (text, trouble) in [
        (
            "535 5.7.3 Authentication unsuccessful",
            Trouble::Authentication,
        ),
        (
            "535-5.7.8 Username and Password not accepted\n535 5.7.8 x",
            Trouble::Authentication,
        ),
        ("535 no", Trouble::Authentication),
        (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            Trouble::Configuration,
        ),
        (
            "550 5.7.30 Basic authentication is not supported",
            Trouble::Configuration,
        ),
        ("500 5.5.6 Line too long", Trouble::Configuration),
        (
            "534 5.7.9 Please log in via your web browser",
            Trouble::Configuration,
        ),
        (
            "454 4.7.0 Temporary authentication failure",
            Trouble::Transient,
        ),
        (
            "432 4.3.2 concurrent connection limit exceeded",
            Trouble::Transient,
        ),
        ("421 4.7.66 TLS 1.2 needed", Trouble::Transient),
        ("550 5.2.253 invalid license", Trouble::Blocked),
    ] {
        assert_eq!(taken(Step::Auth, text).1, Reach::Mailbox(trouble), "{text}");
    }
}

#[test]
fn a_blocked_mailbox_keeps_its_mail_at_whatever_step_it_is_met() {
    for text in [
        "550 5.1.8 Access denied, bad outbound sender",
        "550 5.2.251 x",
        "550 5.2.252 x",
        "550 5.2.253 x",
        "550 5.2.254 x",
        "550 5.2.255 x",
    ] {
        for step in STEPS {
            let (outcome, reach) = taken(step, text);
            assert!(matches!(outcome, Outcome::Deferred(_)), "{step:?} {text}");
            assert_eq!(reach, Reach::Mailbox(Trouble::Blocked), "{step:?} {text}");
            assert_eq!(outcome.failure().unwrap().cause, Cause::MailboxBlocked);
        }
    }
}

#[test]
fn a_quota_of_a_day_is_5xx_and_passes() {
    for text in [
        "550 5.4.5 Daily user sending limit exceeded",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed",
        "550 5.7.233 tenant external recipient limit",
    ] {
        for step in [Step::Mail, Step::Rcpt, Step::Content] {
            let (outcome, reach) = taken(step, text);
            let Outcome::Deferred(failure) = outcome else {
                panic!("{step:?} {text}: {outcome:?}");
            };
            assert_eq!(failure.cause, Cause::QuotaExceeded);
            assert_eq!(failure.retry_after, Some(QUOTA_WAIT));
            assert_eq!(reach, Reach::Mailbox(Trouble::Transient));
        }
    }
}

#[test]
fn s14_throttling_holds_the_mailbox_and_never_refuses_the_message() {
    for text in [
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        "421 4.4.2 Message submission rate for this client has exceeded the configured limit",
        "451 4.7.500 Server busy",
        "421 4.7.66 TLS 1.2 needed",
    ] {
        let (outcome, reach) = taken(Step::Mail, text);
        assert!(matches!(outcome, Outcome::Deferred(_)), "{text}");
        assert_eq!(reach, Reach::Mailbox(Trouble::Transient), "{text}");
    }
}

#[test]
fn s9_size_and_doubt_behind_the_content() {
    let cause = |step, text| taken(step, text).0.failure().unwrap().cause;
    for text in ["552 too big", "552 5.3.4 too big", "554 5.3.4 too big"] {
        assert_eq!(cause(Step::Content, text), Cause::MessageTooLarge, "{text}");
    }
    assert!(matches!(
        taken(Step::Content, "421 4.3.2 closing").0,
        Outcome::InDoubt(_)
    ));
    assert!(matches!(
        taken(Step::Content, "421 4.4.2 submission rate").0,
        Outcome::InDoubt(_)
    ));
    assert!(matches!(
        taken(Step::Data, "250 what").0,
        Outcome::Deferred(_)
    ));
}

#[test]
fn advice_names_the_switch() {
    let advice = |text: &str| {
        let failure = connection_refused(Step::Auth, &reply(text));
        advice_of(&failure.finding.unwrap()).unwrap()
    };
    let tenant = "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant.";
    assert!(
        advice(tenant).contains("Set-TransportConfig -SmtpClientAuthenticationDisabled $false")
    );
    let mailbox = "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox.";
    assert!(advice(mailbox).contains("Set-CASMailbox -Identity <mailbox>"));
    assert!(advice("535 5.7.8 no").contains("https://mail.google.com/"));
    assert!(advice("500 Line too long").contains("do not connect the mailbox again"));
}
