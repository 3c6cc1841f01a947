//! What a server can say to a token. How many are asked for is with the tokens.

use std::thread::sleep;
use std::time::Duration;

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{AccountSettings, AuthForm, Fault, Refuse, Script, Step, TokenFault};

use super::outcome::{Becomes, check};

/// Long enough for a loop to show, short enough to lie before the first retry at 5 s.
const WATCHED: Duration = Duration::from_secs(4);

/// Characters of a token that does not fit the AUTH line.
const LONG_TOKEN: usize = 600;

pub fn cases() -> Vec<Case> {
    let soon = Becomes::Soon(&["auth_refused"]);
    let person = Becomes::Person(&["auth_refused"]);
    // What is answered, what it becomes, and how many tokens are asked for and tried.
    let table = [
        ("454 4.7.0 Temporary authentication failure", soon, 1),
        ("421 4.7.66 TLS 1.0 and 1.1 are not supported", soon, 1),
        ("432 4.7.12 A password transition is needed", person, 1),
        (
            "500 5.5.6 Authentication Exchange line is too long",
            person,
            1,
        ),
        ("500 Line too long", person, 1),
        ("504 5.5.4 Unrecognized authentication type", person, 1),
        ("534 5.7.9 Authentication mechanism is too weak", person, 1),
        // Of a server that is not Exchange it is a refusal of the token like any other.
        ("535 5.7.139 Authentication unsuccessful", person, 2),
        ("535 5.7.3 Authentication unsuccessful", person, 2),
        ("535 no", person, 2),
        ("250 2.0.0 fine", soon, 1),
    ];
    let mut cases: Vec<Case> = table
        .into_iter()
        .map(|(reply, becomes, tokens)| {
            let name: String = reply.chars().take(40).collect();
            Case::with(
                format!("S6 AUTH is answered {name:?}"),
                Setup::always(Fault::reply(Step::Auth, reply)),
                move |site| refused(site, becomes, tokens),
            )
        })
        .collect();
    for (reply, becomes) in [
        (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the \
             Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
            Becomes::Person(&["smtp_auth_disabled"]),
        ),
        (
            "535 5.7.139 Authentication unsuccessful, user is locked by your organization's \
             security defaults policy. Contact your administrator.",
            Becomes::Person(&["smtp_auth_disabled"]),
        ),
    ] {
        let name: String = reply.chars().skip(42).take(40).collect();
        cases.push(Case::with(
            format!("S6 Exchange answers AUTH {name:?}"),
            Setup::always(Fault::reply(Step::Auth, reply)).of_exchange(),
            move |site| refused(site, becomes, 1),
        ));
    }
    let explained = |text| Some(Fault::reply(Step::AuthChallenge, text));
    for (name, challenge) in [
        ("S6 a bad token gets 334 and then 535", None),
        ("S6 a bad token gets 535 at once", explained("535 5.7.8 no")),
        (
            "S6 a bad token gets a 334 that is no base64",
            explained("334 <%!>"),
        ),
        ("S6 a bad token gets an empty 334", explained("334 ")),
    ] {
        for without in ["OAUTHBEARER", "XOAUTH2"] {
            let mut faults = vec![Fault::without(without)];
            faults.extend(challenge.clone());
            let setup = Setup {
                account: refusing(Refuse::Always),
                ..Setup::all(faults)
            };
            cases.push(Case::with(
                format!("{name}, without {without}"),
                setup,
                move |site| refused(site, Becomes::Person(&["auth_refused"]), 2),
            ));
        }
    }
    cases.extend(in_two_steps());
    cases.push(Case::with(
        "S6 a token refused once is refreshed once and delivers, OAUTHBEARER",
        Setup {
            account: refusing(Refuse::Next(1)),
            ..Setup::always(Fault::without("XOAUTH2"))
        },
        refused_once,
    ));
    cases
}

fn refusing(refuse: Refuse) -> AccountSettings {
    AccountSettings {
        refuse,
        ..AccountSettings::default()
    }
}

/// As many tokens, connections and tries, and no more for as long as it is watched.
fn refused(site: &Site, becomes: Becomes, tokens: usize) {
    check(site, becomes);
    let seen = || (site.token_requests().len(), site.auth_tries());
    assert_eq!(seen(), (tokens, tokens), "tokens asked for and tried");
    assert_eq!(site.connections().len(), tokens, "one for each token");
    if matches!(becomes, Becomes::Person(_)) {
        sleep(WATCHED);
        assert_eq!(seen(), (tokens, tokens), "in a loop");
    }
}

fn refused_once(site: &Site) {
    site.until_sent(&site.send());
    let tokens = (site.token_requests().len(), site.connections().len());
    assert_eq!(tokens, (2, 2), "one refresh, on a new connection");
    let delivered = site.only_mail();
    let auth = delivered.auth.expect("authenticated");
    assert_eq!(auth.mechanism, "OAUTHBEARER");
}

/// A token of the provider's that is longer than the AUTH line.
fn long_token() -> TokenFault {
    let token = "t".repeat(LONG_TOKEN);
    TokenFault::Body(format!(
        r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#
    ))
}

fn in_two_steps() -> Vec<Case> {
    let setup = |faults: Vec<Fault>| Setup {
        then: Script::of(faults),
        ..Setup::token_always(long_token())
    };
    let mut cases = vec![
        // Nobody was asked who we are: what that success is about nobody knows.
        Case::with(
            "S6 AUTH is answered 235 before the token was sent",
            setup(vec![Fault::reply(Step::AuthPrompt, "235 2.7.0 welcome")]),
            |site| refused(site, Becomes::Soon(&["auth_refused"]), 1),
        ),
        Case::with(
            "S6 AUTH is answered 535 before the token was sent",
            setup(vec![Fault::reply(Step::AuthPrompt, "535 5.7.8 no")]),
            |site| refused(site, Becomes::Person(&["auth_refused"]), 2),
        ),
    ];
    for without in ["OAUTHBEARER", "XOAUTH2"] {
        cases.push(Case::with(
            format!("S6 a token on a line of its own is taken, without {without}"),
            setup(vec![
                Fault::without(without),
                Fault::reply(Step::Auth, "235 2.7.0 welcome"),
            ]),
            |site| {
                check(site, Becomes::Sent);
                let auth = site.only_mail().auth.expect("authenticated");
                assert_eq!(auth.form, AuthForm::TwoStep);
            },
        ));
    }
    cases
}
