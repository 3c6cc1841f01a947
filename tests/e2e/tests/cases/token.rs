//! Tokens: how many are asked for, and what a mailbox without one is worth.

use std::thread::sleep;
use std::time::Duration;

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{AccountSettings, AuthForm, Fault, Refuse, Script, Step, TokenFault};

use super::outcome::{Becomes, check};

/// Long enough for a loop to show, short enough to lie before the first retry at 5 s.
const WATCHED: Duration = Duration::from_secs(4);

pub fn cases() -> Vec<Case> {
    let unavailable = Becomes::Deferred(&["token_unavailable"]);
    let mut cases = vec![
        Case::with(
            "K7 a grant that is gone waits for a person",
            Setup::token_always(TokenFault::InvalidGrant),
            grant_is_gone,
        ),
        Case::with(
            "K7 the owner is told once that a grant is gone, and of nothing else",
            Setup::token_always(TokenFault::InvalidGrant),
            owner_is_told,
        ),
        Case::with(
            "D16 the owner is told of a message that failed",
            Setup::always(Fault::reply(Step::Rcpt, "550 5.1.1 no such user")),
            owner_is_told_of_a_failure,
        ),
        Case::with(
            "K8 a client that is refused is a fault of the configuration",
            Setup::token_always(TokenFault::InvalidClient),
            |site| {
                check(site, Becomes::Deferred(&["token_misconfigured"]));
                assert_eq!(site.connections().len(), 0, "connections");
            },
        ),
        Case::with(
            "K9 an outage of the token endpoint is waited out",
            outage(),
            |site| {
                let id = site.send();
                let story = site.until_sent(&id);
                assert!(story.was("deferred"), "{:#}", story.0);
                assert_eq!((site.mails().len(), site.token_requests().len()), (1, 2));
            },
        ),
        Case::with(
            "K11 a redirect is not followed with the secret",
            elsewhere(),
            |site| {
                check(site, Becomes::Deferred(&["token_unavailable"]));
                assert_eq!(site.connections().len(), 0, "the other host was called");
            },
        ),
        Case::with(
            "K4 a rotated refresh token is kept and used",
            rotating(),
            rotated_token_is_used,
        ),
        Case::with(
            "K2 a token of another type is not used",
            Setup::token_always(TokenFault::Body(
                r#"{"access_token":"x","token_type":"mac","expires_in":3600}"#.to_owned(),
            )),
            |site| {
                check(
                    site,
                    Becomes::Deferred(&["token_unavailable", "token_misconfigured"]),
                );
                assert_eq!(site.auth_tries(), 0);
            },
        ),
        Case::with(
            "K5 many messages at once cost one token",
            Setup::default(),
            one_token_for_many,
        ),
        Case::with(
            "D6 a token that ended while it was kept costs one refresh",
            two_connections(),
            ended_in_the_cache,
        ),
        Case::with(
            "S6 a token refused once is refreshed once and delivers",
            refusing(Refuse::Next(1)),
            refused_once,
        ),
        Case::with(
            "S6 a token refused always is not asked for in a loop",
            refusing(Refuse::Always),
            refused_always,
        ),
    ];
    cases.push(Case::with(
        "K13 a token of 8,000 characters is shown in two steps",
        long_token(),
        |site| {
            site.until_sent(&site.send());
            let records = site.connections();
            let auth = records[0].auth.as_ref().expect("AUTH");
            assert_eq!((auth.form, auth.reply), (AuthForm::TwoStep, 235));
        },
    ));
    let bodies = [
        "",
        "{\"",
        "null",
        "[]",
        "\"x\"",
        "<html>oh</html>",
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":5,"token_type":"Bearer"}"#,
    ];
    for body in bodies {
        let fault = TokenFault::Body(body.to_owned());
        cases.push(token_case(
            format!("K1 the token endpoint answers {body:?}"),
            fault,
            unavailable,
        ));
    }
    for code in [404, 429, 500, 503] {
        let fault = TokenFault::Status {
            code,
            retry_after: Some("30".to_owned()),
            body: String::new(),
        };
        cases.push(token_case(
            format!("K9 the token endpoint answers {code}"),
            fault,
            unavailable,
        ));
    }
    cases.push(token_case(
        "K10 the token endpoint never answers".to_owned(),
        TokenFault::Stall,
        unavailable,
    ));
    let huge = TokenFault::Body(format!(r#"{{"access_token":"{}"}}"#, "x".repeat(1_000_000)));
    cases.push(token_case(
        "K10 the token endpoint answers a megabyte".to_owned(),
        huge,
        unavailable,
    ));
    cases
}

fn token_case(name: String, fault: TokenFault, becomes: Becomes) -> Case {
    Case::with(name, Setup::token_always(fault), move |site| {
        check(site, becomes);
        assert_eq!(site.connections().len(), 0, "a connection without a token");
    })
}

fn grant_is_gone(site: &Site) {
    let id = check(site, Becomes::Deferred(&["reauthorisation_required"]));
    // A second message finds the mailbox down and asks nobody.
    let _second = site.send();
    sleep(WATCHED);
    assert_eq!(site.token_requests().len(), 1, "token requests");
    assert_eq!(site.connections().len(), 0, "connections");
    let story = site.story(&id);
    assert_eq!(story.state(), "deferred");
    assert_eq!(story.text("/health/state"), "down");
    assert_eq!(story.text("/health/cause"), "reauthorisation_required");
}

fn owner_is_told(site: &Site) {
    let id = check(site, Becomes::Deferred(&["reauthorisation_required"]));
    site.wait_until("told", || !site.alerts().is_empty());
    let _second = site.send();
    sleep(WATCHED);
    let alerts = site.alerts();
    let [alert] = &alerts[..] else {
        panic!("{alerts:#?}");
    };
    assert_eq!(alert["type"], "mailbox_down", "{alert:#}");
    assert_eq!(alert["cause"], "reauthorisation_required");
    assert!(
        alert["advice"]
            .to_string()
            .contains("connect the mailbox again")
    );
    assert_eq!(
        (&alert["waiting"], &alert["ids"][0]),
        (&1.into(), &id.into())
    );
    // The link leads to the story, for whoever has the key.
    let url = alert["url"].as_str().expect("a link");
    let path = url.split_once("/admin/").expect("an operator's page").1;
    assert_eq!(site.world.get_admin(&format!("/admin/{path}")).status, 200);
}

fn owner_is_told_of_a_failure(site: &Site) {
    let id = site.send();
    site.until_event(&id, "failed");
    site.wait_until("told", || !site.alerts().is_empty());
    let alert = &site.alerts()[0];
    assert_eq!(alert["type"], "messages_failed", "{alert:#}");
    assert_eq!(
        (&alert["failed"], &alert["ids"][0]),
        (&1.into(), &id.into())
    );
}

fn outage() -> Setup {
    let once = |_| {
        vec![TokenFault::Status {
            code: 503,
            retry_after: None,
            body: String::new(),
        }]
    };
    Setup {
        token: once,
        ..Setup::default()
    }
}

/// The redirect leads to the case's own submission port, which would record a connection.
fn elsewhere() -> Setup {
    let there = |port| vec![TokenFault::Redirect(format!("https://localhost:{port}/token")); 3];
    Setup {
        token: there,
        ..Setup::default()
    }
}

/// The mail server takes it unseen: the sandbox's own are shorter.
fn long_token() -> Setup {
    let token = "x".repeat(8_000);
    let granted =
        format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
    Setup {
        token_then: Some(TokenFault::Body(granted)),
        ..Setup::always(Fault::reply(Step::Auth, "235 2.7.0 Accepted"))
    }
}

fn rotating() -> Setup {
    let account = AccountSettings {
        rotate: true,
        ..AccountSettings::default()
    };
    Setup {
        account,
        ..two_connections()
    }
}

/// The first connection ends with its first message, so that the second needs one of its own.
fn two_connections() -> Setup {
    let first = Script::of([Fault::drop_after(Step::Content)]);
    Setup {
        connections: vec![first],
        ..Setup::default()
    }
}

fn rotated_token_is_used(site: &Site) {
    site.until_sent(&site.send());
    site.world.sandbox.expire_access_tokens(&site.address);
    site.until_sent(&site.send());
    let outcomes: Vec<_> = site
        .token_requests()
        .into_iter()
        .map(|request| request.outcome)
        .collect();
    assert_eq!(outcomes, ["issued", "issued"]);
    assert_eq!(site.mails().len(), 2);
}

fn one_token_for_many(site: &Site) {
    let ids: Vec<String> = (0..10).map(|_| site.send()).collect();
    for id in &ids {
        site.until_sent(id);
    }
    assert_eq!((site.mails().len(), site.token_requests().len()), (10, 1));
}

fn ended_in_the_cache(site: &Site) {
    site.until_sent(&site.send());
    site.world.sandbox.expire_access_tokens(&site.address);
    let story = site.until_sent(&site.send());
    assert_eq!(site.token_requests().len(), 2, "token requests");
    assert_eq!(site.mails().len(), 2, "{:#}", story.0);
}

fn refusing(refuse: Refuse) -> Setup {
    let account = AccountSettings {
        refuse,
        ..AccountSettings::default()
    };
    Setup {
        account,
        ..Setup::default()
    }
}

fn refused_once(site: &Site) {
    let story = site.until_sent(&site.send());
    assert_eq!(
        site.token_requests().len(),
        2,
        "one refresh beside the first"
    );
    assert_eq!(
        site.connections().len(),
        2,
        "a new connection for the new token"
    );
    assert_eq!(site.mails().len(), 1, "{:#}", story.0);
}

fn refused_always(site: &Site) {
    let id = check(site, Becomes::Deferred(&["auth_refused"]));
    sleep(WATCHED);
    assert_eq!((site.auth_tries(), site.token_requests().len()), (2, 2));
    let story = site.story(&id);
    assert_eq!(story.text("/health/state"), "down", "{:#}", story.0);
    assert_eq!(story.text("/health/cause"), "auth_refused", "{:#}", story.0);
}
