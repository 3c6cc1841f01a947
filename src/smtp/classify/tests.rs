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

const EXCHANGE: Option<Service> = Some(Service::Exchange);
const GMAIL: Option<Service> = Some(Service::Gmail);

/// How an answer to a step is taken.
fn taken(service: Option<Service>, step: Step, text: &str) -> (Outcome, Reach) {
    let reply = reply(text);
    let outcome = if OPENING.contains(&step) {
        Outcome::Deferred(connection_refused(service, step, &reply))
    } else {
        refused(service, step, &reply).outcome
    };
    let reach = outcome.failure().unwrap().reach;
    (outcome, reach)
}

#[test]
fn every_reply_that_was_read_comes_to_its_rule() {
    for evidence in EVIDENCE {
        let reply = evidence.reply().unwrap();
        let rule = rule_for(evidence.service, evidence.step, &reply).unwrap();
        assert_eq!(rule.name, evidence.rule, "{evidence:?}");
    }
}

#[test]
fn every_rule_has_a_reply_it_was_made_for() {
    for rule in RULES {
        let made_for = |evidence: &Evidence| {
            let reply = evidence.reply().unwrap();
            let found = rule_for(evidence.service, evidence.step, &reply);
            found.is_some_and(|found| std::ptr::eq(found, rule))
        };
        // Nonsense is caught whatever it is: 2yz and 3yz are two rows of one rule.
        let shared = rule.name.starts_with("nonsense");
        assert!(
            shared || EVIDENCE.iter().any(made_for),
            "{rule:?} is never reached"
        );
    }
}

#[test]
fn a_providers_rule_says_nothing_of_another_server() {
    for evidence in EVIDENCE {
        for service in [None, EXCHANGE, GMAIL] {
            let rule = rule_for(service, evidence.step, &evidence.reply().unwrap()).unwrap();
            assert!(
                rule.whose.is_none() || rule.whose == service,
                "{evidence:?}"
            );
        }
    }
    for rule in RULES.iter().filter(|rule| rule.whose.is_some()) {
        let (found, _) =
            elsewhere(rule).unwrap_or_else(|| panic!("no counter-evidence for {rule:?}"));
        assert_ne!(found.rule, rule.name);
    }
}

#[test]
fn a_mailbox_is_blocked_by_its_own_provider_only() {
    for (step, text) in [
        (
            Step::Rcpt,
            "550 5.1.8 <sales@shop.test>: Sender address rejected: Domain not found",
        ),
        (Step::Mail, "550 5.1.8 Access denied, bad outbound sender"),
        (
            Step::Content,
            "550 5.2.252 Sender throttled due to continuous send as denied errors.",
        ),
        (Step::Content, "550 5.4.5 Daily user sending limit exceeded"),
    ] {
        let (outcome, reach) = taken(None, step, text);
        assert!(matches!(outcome, Outcome::Rejected(_)), "{text}");
        assert_eq!(reach, Reach::Message, "{text}");
    }
}

#[test]
fn one_address_that_may_not_be_sent_as_is_no_block() {
    let one = "554 5.2.252 SendAsDenied; a@shop.test not allowed to send as b@shop.test";
    let (outcome, reach) = taken(EXCHANGE, Step::Content, one);
    assert!(matches!(outcome, Outcome::Rejected(_)));
    assert_eq!(reach, Reach::Message);
}

#[test]
fn a_block_that_names_the_refusal_behind_it_is_a_block() {
    let block = "550 5.2.252 Sender throttled due to continuous SendAsDenied errors";
    let (outcome, reach) = taken(EXCHANGE, Step::Content, block);
    assert!(matches!(outcome, Outcome::Deferred(_)));
    assert_eq!(reach, Reach::Mailbox(Trouble::Blocked));
}

#[test]
fn s8_a_recipient_whose_mailbox_is_full_holds_up_nobody_else() {
    for (text, waits) in [
        ("552 5.2.2 mailbox full", true),
        ("554 5.2.2 mailbox full", false),
    ] {
        let (outcome, reach) = taken(EXCHANGE, Step::Rcpt, text);
        assert_eq!(matches!(outcome, Outcome::Deferred(_)), waits, "{text}");
        assert_eq!(reach, Reach::Message, "{text}");
        let (_, reach) = taken(EXCHANGE, Step::Mail, text);
        assert_eq!(reach, Reach::Mailbox(Trouble::Blocked), "{text}");
    }
}

#[test]
fn s9_what_is_of_the_session_refuses_no_message() {
    let configuration = Reach::Mailbox(Trouble::Configuration);
    for (step, text, expected) in [
        (Step::Data, "500 what", Reach::Message),
        (Step::Data, "502 5.5.1 no", Reach::Message),
        (Step::Data, "503 5.5.1 no", Reach::Message),
        (Step::Content, "500 what", Reach::Message),
        (Step::Content, "503 5.5.1 no", Reach::Message),
        (Step::Content, "500 5.5.1 what", configuration),
        (Step::Content, "502 5.5.1 no", configuration),
    ] {
        for service in [None, EXCHANGE, GMAIL] {
            let (outcome, reach) = taken(service, step, text);
            assert!(matches!(outcome, Outcome::Deferred(_)), "{step:?} {text}");
            assert_eq!(reach, expected, "{step:?} {text}");
            assert_eq!(outcome.failure().unwrap().cause, Cause::ProtocolError);
        }
    }
}

#[test]
fn every_code_at_every_step_has_a_rule() {
    for step in STEPS {
        for code in 200..600 {
            assert!(
                rule_for(None, step, &reply(&format!("{code} x"))).is_some(),
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
    for (service, text, trouble) in [
        (
            EXCHANGE,
            "535 5.7.3 Authentication unsuccessful",
            Trouble::Authentication,
        ),
        (
            GMAIL,
            "535-5.7.8 Username and Password not accepted\n535 5.7.8 x",
            Trouble::Authentication,
        ),
        (None, "535 no", Trouble::Authentication),
        (
            EXCHANGE,
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            Trouble::Configuration,
        ),
        (
            EXCHANGE,
            "550 5.7.30 Basic authentication is not supported",
            Trouble::Configuration,
        ),
        (None, "500 5.5.6 Line too long", Trouble::Configuration),
        (
            GMAIL,
            "534 5.7.9 Please log in via your web browser",
            Trouble::Configuration,
        ),
        (
            None,
            "454 4.7.0 Temporary authentication failure",
            Trouble::Transient,
        ),
        (
            EXCHANGE,
            "432 4.3.2 concurrent connection limit exceeded",
            Trouble::Transient,
        ),
        (EXCHANGE, "421 4.7.66 TLS 1.2 needed", Trouble::Transient),
        (EXCHANGE, "550 5.2.253 Sender throttled", Trouble::Blocked),
    ] {
        let (_, reach) = taken(service, Step::Auth, text);
        assert_eq!(reach, Reach::Mailbox(trouble), "{text}");
    }
}

#[test]
fn t7_whatever_answers_starttls_is_of_the_mailbox() {
    for (text, trouble) in [
        ("454 4.7.0 TLS not available", Trouble::Transient),
        ("421 4.3.2 too busy", Trouble::Transient),
        ("354 go", Trouble::Transient),
        ("221 bye", Trouble::Transient),
        ("500 what", Trouble::Configuration),
        ("501 no", Trouble::Configuration),
        ("502 no", Trouble::Configuration),
        ("503 no", Trouble::Configuration),
        ("530 5.7.0 no", Trouble::Configuration),
    ] {
        let (outcome, reach) = taken(None, Step::StartTls, text);
        assert_eq!(reach, Reach::Mailbox(trouble), "{text}");
        assert_eq!(outcome.failure().unwrap().cause, Cause::StarttlsRefused);
    }
}

#[test]
fn s7_s8_a_sender_or_a_recipient_waits_or_is_refused_by_the_first_digit() {
    for (service, step, text, rejected) in [
        (None, Step::Mail, "450 4.2.1 later", false),
        (None, Step::Mail, "452 4.3.1 no room", false),
        (EXCHANGE, Step::Mail, "550 5.7.60 SendAsDenied", true),
        (None, Step::Mail, "550 5.7.60 SendAsDenied", true),
        (None, Step::Mail, "553 5.7.1 not owned by user bob", true),
        (None, Step::Mail, "530 5.7.0 Authentication required", true),
        (None, Step::Rcpt, "450 4.2.1 later", false),
        (None, Step::Rcpt, "550 5.1.1 nobody", true),
    ] {
        let (outcome, reach) = taken(service, step, text);
        assert_eq!(reach, Reach::Message, "{text}");
        assert_eq!(matches!(outcome, Outcome::Rejected(_)), rejected, "{text}");
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
        "550 5.7.705 Access denied, tenant has exceeded threshold",
    ] {
        for step in STEPS {
            let (outcome, reach) = taken(EXCHANGE, step, text);
            assert!(matches!(outcome, Outcome::Deferred(_)), "{step:?} {text}");
            assert_eq!(reach, Reach::Mailbox(Trouble::Blocked), "{step:?} {text}");
            assert_eq!(outcome.failure().unwrap().cause, Cause::MailboxBlocked);
        }
    }
}

#[test]
fn a_full_mailbox_keeps_its_mail() {
    let full = "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException";
    let (outcome, reach) = taken(EXCHANGE, Step::Content, full);
    assert!(matches!(outcome, Outcome::Deferred(_)));
    assert_eq!(reach, Reach::Mailbox(Trouble::Blocked));
}

#[test]
fn a_quota_of_a_day_is_5xx_and_passes() {
    for (service, text) in [
        (GMAIL, "550 5.4.5 Daily user sending limit exceeded"),
        (GMAIL, "550 5.7.1 Email quota exceeded."),
        (
            EXCHANGE,
            "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed",
        ),
        (EXCHANGE, "550 5.7.233 tenant external recipient limit"),
        (EXCHANGE, "550 5.1.90 daily limit for message recipients"),
    ] {
        for step in [Step::Mail, Step::Rcpt, Step::Content] {
            let (outcome, reach) = taken(service, step, text);
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
        let (outcome, reach) = taken(EXCHANGE, Step::Mail, text);
        assert!(matches!(outcome, Outcome::Deferred(_)), "{text}");
        assert_eq!(reach, Reach::Mailbox(Trouble::Transient), "{text}");
        let (elsewhere, _) = taken(None, Step::Mail, text);
        assert!(matches!(elsewhere, Outcome::Deferred(_)), "{text}");
    }
}

#[test]
fn s9_552_is_about_size_only_where_it_says_nothing_else() {
    for (text, cause) in [
        ("552 too big", Cause::MessageTooLarge),
        ("552 5.3.4 too big", Cause::MessageTooLarge),
        ("554 5.3.4 too big", Cause::MessageTooLarge),
        ("552 5.2.3 too big", Cause::MessageTooLarge),
        (
            "552 5.7.0 blocked because of its content",
            Cause::ContentRefused,
        ),
        ("552 5.2.2 mailbox full", Cause::ContentRefused),
        ("552 5.3.1 system full", Cause::ContentRefused),
        ("552 5.6.0 malformed", Cause::ContentRefused),
    ] {
        for service in [None, EXCHANGE, GMAIL] {
            let (outcome, reach) = taken(service, Step::Content, text);
            // Exchange says so of the mailbox that sends.
            if service == EXCHANGE && text.contains("mailbox full") {
                assert_eq!(reach, Reach::Mailbox(Trouble::Blocked));
                continue;
            }
            assert_eq!(outcome.failure().unwrap().cause, cause, "{text}");
            let waits = matches!(outcome, Outcome::Deferred(_));
            assert_eq!(waits, text.contains("5.2.2"), "{text}");
        }
    }
}

#[test]
fn s9_s11_doubt_behind_the_content() {
    for service in [None, EXCHANGE, GMAIL] {
        for text in ["421 4.3.2 closing", "421 4.4.2 submission rate"] {
            let (outcome, _) = taken(service, Step::Content, text);
            assert!(matches!(outcome, Outcome::InDoubt(_)));
        }
        let (outcome, _) = taken(service, Step::Data, "250 what");
        assert!(matches!(outcome, Outcome::Deferred(_)));
    }
}

#[test]
fn advice_names_the_switch() {
    for (service, step, text, switch) in [
        (
            EXCHANGE,
            Step::Auth,
            "535 5.7.139 SmtpClientAuthentication is disabled for the Tenant.",
            "Set-TransportConfig -SmtpClientAuthenticationDisabled $false",
        ),
        (
            EXCHANGE,
            Step::Auth,
            "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox.",
            "Set-CASMailbox -Identity <mailbox>",
        ),
        (
            EXCHANGE,
            Step::Auth,
            "535 5.7.139 user is locked by your organization's security defaults policy.",
            "Manage security defaults",
        ),
        (
            EXCHANGE,
            Step::Auth,
            "535 5.7.139 the request did not meet the criteria",
            "Conditional Access",
        ),
        (EXCHANGE, Step::Auth, "535 5.7.3 no", "SMTP.Send"),
        (EXCHANGE, Step::Auth, "550 5.7.30 no", "SMTP.Send"),
        (
            EXCHANGE,
            Step::Content,
            "554 5.2.252 SendAsDenied; no",
            "Add-RecipientPermission",
        ),
        (
            EXCHANGE,
            Step::Content,
            "554 5.2.2 mailbox full",
            "Set-Mailbox -ProhibitSendQuota",
        ),
        (EXCHANGE, Step::Mail, "550 5.1.8 no", "Restricted entities"),
        (None, Step::Content, "502 5.5.1 what", "offers CHUNKING"),
        (
            GMAIL,
            Step::Auth,
            "535 5.7.8 no",
            "https://mail.google.com/",
        ),
        (GMAIL, Step::Auth, "534 5.7.14 no", "App access control"),
        (
            None,
            Step::Auth,
            "500 Line too long",
            "do not connect the mailbox again",
        ),
    ] {
        let (outcome, _) = taken(service, step, text);
        let finding = outcome.failure().unwrap().finding.clone().unwrap();
        let advice = advice_of(&finding).unwrap();
        assert!(advice.contains(switch), "{text}: {advice}");
    }
}
