//! Refreshing, and scripted faults of the token endpoint.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

use edgepost_sandbox::{AccountSettings, TokenFault};

use crate::http::{refresh, token};
use crate::smtp::{ACCOUNT, connect, sandbox, secure};

#[test]
fn a_refresh_token_stays_unless_the_account_rotates() {
    let sandbox = sandbox();
    let first = sandbox.grant(ACCOUNT);
    let answer = refresh(&sandbox, &first);
    assert_eq!(
        (answer.status, answer.json().get("refresh_token")),
        (200, None)
    );

    sandbox.add_account(
        ACCOUNT,
        AccountSettings {
            rotate: true,
            lifetime: Duration::from_secs(5),
            ..AccountSettings::default()
        },
    );
    let json = refresh(&sandbox, &first).json();
    assert_eq!(json["expires_in"].as_u64(), Some(5));
    let second = json["refresh_token"].as_str().unwrap();
    assert_ne!(second, first);
    assert_eq!(
        refresh(&sandbox, &first).json()["error"],
        "invalid_grant",
        "the old one is dead"
    );
    assert_eq!(refresh(&sandbox, second).status, 200);
}

#[test]
fn a_revoked_grant_is_invalid() {
    let sandbox = sandbox();
    let refresh_token = sandbox.grant(ACCOUNT);
    sandbox.revoke(ACCOUNT);
    let answer = refresh(&sandbox, &refresh_token);
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (400, Some("invalid_grant"))
    );
    assert_eq!(
        refresh(&sandbox, &sandbox.grant(ACCOUNT)).status,
        200,
        "a new grant is good"
    );
}

#[test]
fn a_refresh_cannot_gain_scopes() {
    let sandbox = sandbox();
    let refresh_token = sandbox.grant(ACCOUNT);
    let with = |scope: &str| {
        token(
            &sandbox,
            &[
                ("grant_type", "refresh_token"),
                ("refresh_token", &refresh_token),
                ("scope", scope),
            ],
        )
    };
    assert_eq!(
        with(&format!("{} offline_access", sandbox.scope())).status,
        200
    );
    assert_eq!(
        with("https://sandbox.test/everything").json()["error"],
        "invalid_scope"
    );
}

#[test]
fn faults_come_in_order_and_then_the_default() {
    let sandbox = sandbox();
    let refresh_token = sandbox.grant(ACCOUNT);
    // Found by its token although it is revoked.
    sandbox.revoke(ACCOUNT);
    let busy = TokenFault::Status {
        code: 503,
        retry_after: Some("7".to_owned()),
        body: "{\"error\":\"busy\"}".to_owned(),
    };
    let faults = vec![
        busy,
        TokenFault::InvalidClient,
        TokenFault::Body("not json".to_owned()),
        TokenFault::Redirect("http://127.0.0.1:1/".to_owned()),
    ];
    sandbox.script_token_endpoint(ACCOUNT, faults, Some(TokenFault::InvalidGrant));
    let next = || refresh(&sandbox, &refresh_token);

    let answer = next();
    assert_eq!(
        (answer.status, answer.headers["retry-after"].as_str()),
        (503, "7")
    );
    assert_eq!(answer.json()["error"], "busy");
    let answer = next();
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (401, Some("invalid_client"))
    );
    let answer = next();
    assert_eq!((answer.status, answer.body.as_str()), (200, "not json"));
    let answer = next();
    assert_eq!(
        (answer.status, answer.headers["location"].as_str()),
        (302, "http://127.0.0.1:1/")
    );
    for _ in 0..2 {
        assert_eq!(next().json()["error"], "invalid_grant");
    }
    let outcomes: Vec<String> = sandbox
        .token_requests(ACCOUNT)
        .into_iter()
        .map(|request| request.outcome)
        .collect();
    let expected = [
        "status 503",
        "invalid_client",
        "body",
        "redirect",
        "invalid_grant",
        "invalid_grant",
    ];
    assert_eq!(outcomes, expected.map(|name| format!("fault: {name}")));
}

#[test]
fn a_stalled_endpoint_answers_nothing() {
    let sandbox = sandbox();
    let refresh_token = sandbox.grant(ACCOUNT);
    sandbox.script_token_endpoint(ACCOUNT, vec![TokenFault::Stall], None);
    let port = sandbox
        .issuer()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut stream = secure(&sandbox, connect(port)).unwrap();
    let body = format!("grant_type=refresh_token&refresh_token={refresh_token}");
    write!(
        stream,
        "POST /token HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
        .sock
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let waited = stream.read(&mut [0]).unwrap_err();
    assert!(
        matches!(waited.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{waited}"
    );
    assert_eq!(
        refresh(&sandbox, &refresh_token).status,
        200,
        "only that one request"
    );
}
