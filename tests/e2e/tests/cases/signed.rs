//! Applications that sign: with a certificate's key, or as a service account.

use std::time::Duration;

use edgepost_e2e::{By, Case, Pair, Setup, Signing, Site};
use edgepost_sandbox::{Fault, Script, Step};
use xtask::browser::allow;

use super::outcome::{Becomes, check};

/// Of the application's certificate, by SHA-256 as `openssl` prints it.
const THUMBPRINT: &str = "53:B2:21:2B:FF:46:F9:F6:49:AC:7F:59:0B:BF:EF:75:23:5F:42:07:EF:EF:9B:D4:29:08:AD:D5:03:26:47:D4";

pub fn cases() -> Vec<Case> {
    let good = |name: &str, signing: Signing, grant_type: &'static str| {
        Case::with(name, setup(signing), move |site| sends(site, grant_type))
    };
    let refused = |name: &str, signing: Signing, words: &'static str| {
        Case::with(name, setup(signing), move |site| told(site, words))
    };
    let application = Signing::by(By::Application);
    let account = Signing::by(By::ServiceAccount);
    let late = Duration::from_secs(3_600);
    vec![
        good(
            "grant: an application with a certificate sends, and signs every request anew",
            application,
            "client_credentials",
        ),
        good(
            "grant: an application with a certificate sends with the older signature",
            Signing {
                algorithm: "RS256",
                ..application
            },
            "client_credentials",
        ),
        good(
            "grant: a refresh token is used with a certificate in place of a secret",
            Signing::by(By::Consent),
            "refresh_token",
        ),
        good(
            "grant: a service account sends for its mailbox",
            account,
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ),
        Case::with(
            "grant: a mailbox is connected with a certificate in place of a secret",
            Setup {
                granted: false,
                ..setup(Signing::by(By::Consent))
            },
            connects,
        ),
        refused(
            "grant: a key that is not the certificate's is told",
            Signing {
                key: Pair::Another,
                thumbprint: Some(THUMBPRINT),
                ..application
            },
            "the signature by the certificate's key was refused",
        ),
        refused(
            "grant: a certificate that was not uploaded is told",
            Signing {
                key: Pair::Another,
                ..application
            },
            "knows no certificate with this thumbprint; upload",
        ),
        refused(
            "grant: a service account without delegation is told where to delegate, and what",
            Signing {
                allowed: false,
                ..account
            },
            "with the scope https://mail.google.com/ in the Google Admin console",
        ),
        refused(
            "grant: a service account's key that was replaced is told",
            Signing {
                key: Pair::Another,
                ..account
            },
            "the service account's key was refused",
        ),
        Case::with(
            "grant: a mailbox that does not let the application in is told",
            setup(Signing {
                allowed: false,
                ..application
            }),
            |site| drop(check(site, Becomes::Person(&["auth_refused"]))),
        ),
        Case::with(
            "grant: an assertion that came too late is made anew",
            setup(Signing {
                clock_ahead: late,
                ..application
            }),
            |site| clock(site, "the time in the assertion"),
        ),
        Case::with(
            "grant: a service account's assertion that came too late is made anew",
            setup(Signing {
                clock_ahead: late,
                ..account
            }),
            |site| clock(site, "the time in the assertion"),
        ),
    ]
}

/// The first connection ends with its first message, so that the second asks for a token again.
fn setup(signing: Signing) -> Setup {
    Setup {
        connections: vec![Script::of([Fault::drop_after(Step::Content)])],
        signing: Some(signing),
        ..Setup::default()
    }
}

/// Two messages with a token each. An assertion that was presented before would be refused.
fn sends(site: &Site, grant_type: &str) {
    site.until_sent(&site.send());
    site.world.sandbox.expire_access_tokens(&site.address);
    site.until_sent(&site.send());
    assert_eq!(site.mails().len(), 2);
    let requests = site.token_requests();
    let seen: Vec<_> = requests
        .iter()
        .map(|request| (request.grant_type.as_str(), request.outcome.as_str()))
        .collect();
    assert_eq!(seen, [(grant_type, "issued"); 2]);
}

fn connects(site: &Site) {
    let browser = site.world.operator();
    let consent = browser.begin(&site.forms[0]).expect("a consent page");
    let back = allow(&site.world.sandbox, &consent, &site.address).expect("consent");
    let path = browser.path_of(&back).expect("an address of the Worker");
    let answer = browser.get(&path).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    site.until_sent(&site.send());
}

/// The operator reads what to do, and the mailbox waits for it.
fn told(site: &Site, words: &str) {
    let id = check(site, Becomes::Person(&["token_misconfigured"]));
    let story = site.story(&id);
    assert!(
        story.text("/health/detail").contains(words),
        "{:#}",
        story.0
    );
    assert_eq!(site.connections().len(), 0, "a connection without a token");
}

/// The clock is put right, and the message is sent.
fn clock(site: &Site, words: &str) {
    let id = check(site, Becomes::Deferred(&["token_unavailable"]));
    let story = site.story(&id);
    assert!(story.0.to_string().contains(words), "{:#}", story.0);
    let name = site.signer.as_deref().expect("a signer");
    site.world.sandbox.set_clock_ahead(name, Duration::ZERO);
    site.until_sent(&id);
}
