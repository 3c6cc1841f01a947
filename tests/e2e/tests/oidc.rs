//! The Worker in workerd against authorization servers of npm `oidc-provider`, found by their
//! metadata: what the sandbox does because we wrote it, these do because the standards say so.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use edgepost_e2e::oidc::{BY_KEY, Mailbox, Rig, wait_until};
use libtest_mimic::{Arguments, Trial};
use xtask::http::query_value;

/// After so long what a code brought counts as old: it lives two seconds longer than the margin at
/// which a token is renewed.
const UNTIL_OLD: Duration = Duration::from_millis(2_500);

/// Messages at once.
const AT_ONCE: usize = 20;

type Check = fn(&Rig, Mailbox);

const CASES: [(&str, Mailbox, Check); 7] = [
    (
        "O4 O6 oidc: found by its metadata, connected with PKCE, and mail is sent",
        at_first("connected"),
        connected,
    ),
    (
        "O4 oidc: a verifier that the server refuses stores nothing",
        at_first("verifier"),
        wrong_verifier,
    ),
    (
        "O6 oidc: an answer without iss or with another's asks nobody for a token",
        at_first("mixup"),
        mixed_up,
    ),
    (
        "K4 K5 oidc: 20 at once with an old token cost one refresh, and a used refresh token is never presented",
        at_first("rotated"),
        rotated,
    ),
    (
        "oidc: what is disconnected is over at the server too",
        at_first("revoked"),
        revoked,
    ),
    (
        "oidc: OpenID Connect's metadata alone, and HTTP Basic where nothing else is taken",
        Mailbox {
            name: "basic",
            server: 1,
            client: "by-basic",
        },
        by_basic,
    ),
    (
        "oidc: a client that signs: code, refresh and revocation, each with an assertion of its own",
        Mailbox {
            name: "keyed",
            server: 0,
            client: BY_KEY,
        },
        by_key,
    ),
];

const fn at_first(name: &'static str) -> Mailbox {
    Mailbox {
        name,
        server: 0,
        client: "by-post",
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(CASES.len());
    let rig: Arc<OnceLock<Rig>> = Arc::default();
    if !arguments.list {
        match start() {
            Ok(started) => drop(rig.set(started)),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    let trials = CASES.map(|(name, mailbox, check)| {
        let rig = Arc::clone(&rig);
        Trial::test(name, move || {
            check(rig.get().expect("the rig was started"), mailbox);
            Ok(())
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.into());
    if conclusion.has_failed()
        && let Some(rig) = rig.get()
    {
        eprintln!(
            "The Worker's log, its last lines:\n{}",
            rig.worker.log_tail(40)
        );
    }
    conclusion.exit_code()
}

fn start() -> xtask::Result<Rig> {
    xtask::tools::ensure()?;
    xtask::build::ensure_built()?;
    Rig::start(&CASES.map(|(_, mailbox, _)| mailbox))
}

fn connected(rig: &Rig, mailbox: Mailbox) {
    let begun = rig.operator.begin(mailbox.name).expect("a consent page");
    // The address that the metadata names, and no other was configured.
    let expected = format!("{}/auth?", rig.issuer(0));
    assert!(begun.starts_with(&expected), "{begun}");
    let method = query_value(&begun, "code_challenge_method");
    assert_eq!(method.as_deref(), Some("S256"));
    let callback = rig.consented(mailbox.name);
    assert_eq!(
        query_value(&callback, "iss").as_deref(),
        Some(rig.issuer(0))
    );
    let answer = rig.operator.get(&callback).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let _ = rig.send(mailbox.name);
    rig.until_arrived(mailbox.name, 1);
    let requests = rig.token_requests(0, mailbox.name, "authorization_code");
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0]["proof"], "client_secret_post");
    // Once more is once too often, and harms nothing.
    let again = rig.operator.get(&callback).expect("an answer");
    assert_eq!(again.status, 400, "{}", again.body);
    let _ = rig.send(mailbox.name);
    rig.until_arrived(mailbox.name, 2);
}

fn wrong_verifier(rig: &Rig, mailbox: Mailbox) {
    // The code of one consent with the state, and so the verifier, of another.
    let (one, other) = (rig.consented(mailbox.name), rig.consented(mailbox.name));
    let value = |callback: &str, name: &str| query_value(callback, name).expect("a value");
    let crossed = one.replace(&value(&one, "state"), &value(&other, "state"));
    let answer = rig.operator.get(&crossed).expect("an answer");
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("invalid_grant"), "{}", answer.body);
    // It was the verifier and nothing else.
    let refusals = rig.refusals(0);
    let verifier = |it: &serde_json::Value| it["detail"].to_string().contains("PKCE");
    assert!(refusals.iter().any(verifier), "{refusals:?}");
    let id = rig.send(mailbox.name);
    wait_until("deferred", || rig.story(&id)["state"] == "deferred");
    assert_eq!(
        rig.story(&id)["health"]["cause"],
        "reauthorisation_required"
    );
    assert_eq!(rig.arrived(mailbox.name), 0);
}

fn mixed_up(rig: &Rig, mailbox: Mailbox) {
    let iss = |server| xtask::http::encode_form(&[("iss", rig.issuer(server))]);
    for stranger in [String::new(), format!("&{}", iss(1))] {
        let callback = rig.consented(mailbox.name);
        let changed = callback.replace(&format!("&{}", iss(0)), &stranger);
        assert_ne!(changed, callback);
        let answer = rig.operator.get(&changed).expect("an answer");
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains("RFC 9207"), "{}", answer.body);
    }
    let asked = rig.token_requests(0, mailbox.name, "authorization_code");
    assert!(asked.is_empty(), "{asked:?}");
    rig.connect(mailbox.name);
}

fn rotated(rig: &Rig, mailbox: Mailbox) {
    let name = mailbox.name;
    let refreshes = || rig.token_requests(0, name, "refresh_token");
    rig.connect(name);
    std::thread::sleep(UNTIL_OLD);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| rig.send(name));
        }
    });
    rig.until_arrived(name, AT_ONCE);
    let first = refreshes();
    assert_eq!(first.len(), 1, "{first:?}");
    // K4: the next refresh presents the token that came with the first, or the grant would be over.
    rig.end_access_tokens(0, name);
    let _ = rig.send(name);
    rig.until_arrived(name, AT_ONCE + 1);
    let second = refreshes();
    assert_eq!(second.len(), 2, "{second:?}");
    assert!(
        second.iter().all(|it| it["outcome"] == "issued"),
        "{second:?}"
    );
    // That it would be: a used token ends the whole grant at this server, and we then say so and keep
    // the mail.
    let used = rig.tokens(0, name, "refresh");
    assert_eq!(used.len(), 3, "one of the code, one of each refresh");
    assert_eq!(rig.replay(mailbox, &used[0]).status, 400);
    assert!(!rig.is_active(0, &used[2]));
    let id = rig.send(name);
    wait_until("deferred", || rig.story(&id)["state"] == "deferred");
    assert_eq!(
        rig.story(&id)["health"]["cause"],
        "reauthorisation_required"
    );
    assert_eq!(rig.arrived(name), AT_ONCE + 1);
}

fn revoked(rig: &Rig, mailbox: Mailbox) {
    let name = mailbox.name;
    rig.connect(name);
    let _ = rig.send(name);
    rig.until_arrived(name, 1);
    let tokens = [
        rig.tokens(0, name, "refresh"),
        rig.tokens(0, name, "access"),
    ]
    .concat();
    assert_eq!(tokens.len(), 2);
    assert!(tokens.iter().all(|token| rig.is_active(0, token)));
    let path = format!("/mailboxes/{name}/disconnect");
    let answer = rig.operator.press(&path).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.body.contains("has taken its grant back"),
        "{}",
        answer.body
    );
    assert!(tokens.iter().all(|token| !rig.is_active(0, token)));
    let id = rig.send(name);
    wait_until("deferred", || rig.story(&id)["state"] == "deferred");
    assert_eq!(rig.arrived(name), 1);
}

fn by_basic(rig: &Rig, mailbox: Mailbox) {
    proves_itself_by(rig, mailbox, "client_secret_basic");
}

/// The server takes no assertion twice.
fn by_key(rig: &Rig, mailbox: Mailbox) {
    proves_itself_by(rig, mailbox, "private_key_jwt");
}

/// From the consent to the disconnecting, with a refresh between.
fn proves_itself_by(rig: &Rig, mailbox: Mailbox, proof: &str) {
    let (name, server) = (mailbox.name, mailbox.server);
    rig.connect(name);
    rig.end_access_tokens(server, name);
    let _ = rig.send(name);
    rig.until_arrived(name, 1);
    for grant_type in ["authorization_code", "refresh_token"] {
        let requests = rig.token_requests(server, name, grant_type);
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert_eq!(requests[0]["outcome"], "issued", "{requests:?}");
        assert_eq!(requests[0]["proof"], proof);
    }
    let path = format!("/mailboxes/{name}/disconnect");
    let answer = rig.operator.press(&path).expect("an answer");
    assert!(
        answer.body.contains("has taken its grant back"),
        "{}",
        answer.body
    );
}
