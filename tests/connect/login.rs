//! Signing in and out, and who may do nothing.

use std::time::Duration;

use edgepost::app::Response;

use crate::{
    support::Writes,
    world::{BROWSER, FORM, KEY, MONITOR_KEY, PUBLIC, World, assert_operators_page, header, vars},
};

/// Every route, and a method that it has.
const ROUTES: [(&str, &str); 8] = [
    ("GET", "/login"),
    ("POST", "/login"),
    ("POST", "/logout"),
    ("GET", "/operator"),
    ("POST", "/mailboxes/sales/connect"),
    ("POST", "/mailboxes/sales/disconnect"),
    ("POST", "/mailboxes/sales/test"),
    ("GET", "/oauth/callback/google"),
];

#[test]
fn h9_without_an_operator_key_there_are_no_such_routes() {
    let mut vars = vars();
    vars.as_object_mut().unwrap().remove("OPERATOR_KEY");
    let world = World::with(&vars, [(200, "{}")], Vec::new());
    let authorization = format!("Bearer {KEY}");
    let headers = [("authorization", authorization.as_str()), BROWSER];
    for (method, path) in ROUTES {
        let answer = world.ask(method, path, &headers, "");
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer,
            world.ask(method, "/login/no/such/route", &headers, "")
        );
    }
    // What is for monitors is not the operator's.
    let monitor = format!("Bearer {MONITOR_KEY}");
    let ready = |key: &str| world.ask("GET", "/readyz", &[("authorization", key)], "");
    assert_eq!(ready(&monitor).status, 503);
    assert_eq!(ready(&authorization).status, 401);
}

#[test]
fn h9_a_stranger_gets_nothing_done_and_other_methods_are_named() {
    let world = World::new();
    let strangers: [&[(&str, &str)]; 4] = [
        &[BROWSER],
        &[],
        &[("authorization", "Bearer wrong"), BROWSER],
        &[("cookie", "__Host-edgepost=AAAA"), ("origin", PUBLIC)],
    ];
    for (method, path) in ROUTES.iter().skip(2) {
        for headers in strangers {
            let answer = world.ask(method, path, headers, "");
            let away = header(&answer, "location") == Some("/login");
            assert!(
                answer.status == 401 || *path == "/operator" && away,
                "{path}: {}",
                answer.status
            );
        }
    }
    for (method, path, allow) in [
        ("DELETE", "/login", "GET, HEAD, POST"),
        ("GET", "/logout", "POST"),
        ("GET", "/mailboxes/sales/connect", "POST"),
        ("PUT", "/operator", "GET, HEAD"),
        ("HEAD", "/oauth/callback/google", "GET"),
        ("POST", "/oauth/callback/google", "GET"),
    ] {
        let answer = world.ask(method, path, &[], "");
        assert_eq!(
            (answer.status, header(&answer, "allow")),
            (405, Some(allow)),
            "{path}"
        );
    }
    for path in [
        "/mailboxes",
        "/mailboxes/sales",
        "/oauth/x",
        "/operator/config",
    ] {
        assert_eq!(world.ask("POST", path, &[], "").status, 404, "{path}");
    }
    assert_eq!(world.token_requests(), 0);
    assert!(world.registry.record.borrow().is_none());
}

#[test]
fn the_key_opens_and_nothing_else_does() {
    let world = World::new();
    let page = world.ask("GET", "/login", &[BROWSER], "");
    assert_eq!(page.status, 200);
    assert_operators_page(&page);
    for key in ["", "x", &KEY[1..], &format!("{KEY}x"), "%00"] {
        let answer = world.try_login(key);
        assert_eq!((answer.status, header(&answer, "set-cookie")), (403, None));
        assert_operators_page(&answer);
        world.clock.advance(Duration::from_secs(60));
    }
    let browser = world.sign_in();
    let board = browser.get("/operator");
    assert_operators_page(&board);
    // A form goes to ourselves and nowhere else: the way to a provider is a link.
    let policy = header(&board, "content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self';"), "{policy}");
    let out = browser.post("/logout");
    assert_eq!(out.status, 303);
    assert!(header(&out, "set-cookie").unwrap().contains("Max-Age=0"));
}

#[test]
fn a_script_signs_in_with_json() {
    let world = World::new();
    let login = |key: &str, origin: Option<&str>| -> Response {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(origin.map(|origin| ("origin", origin)));
        world.ask(
            "POST",
            "/login",
            &headers,
            &format!("{{\"key\":\"{key}\"}}"),
        )
    };
    assert_eq!(login("x", None).status, 403);
    assert_eq!(login(KEY, Some("https://evil.test")).status, 403);
    let answer = login(KEY, None);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("\"csrf\""), "{}", answer.body);
    assert!(header(&answer, "set-cookie").is_some());
}

#[test]
fn wrong_keys_are_counted_and_lock_nobody_out() {
    let world = World::new();
    for _ in 0..5 {
        assert_eq!(world.try_login("wrong").status, 403);
    }
    let answer = world.try_login("wrong");
    assert_eq!(
        (answer.status, header(&answer, "retry-after")),
        (429, Some("60"))
    );
    // Whoever has the key gets in all the same, and without the Registry too.
    assert_eq!(world.try_login(KEY).status, 303);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.try_login("wrong").status, 403);
    world.registry.writes.set(Writes::Fail);
    assert_eq!(world.try_login("wrong").status, 503);
    assert_eq!(world.try_login(KEY).status, 303);
}

#[test]
fn a_form_of_another_site_does_nothing() {
    let world = World::new();
    let browser = world.sign_in();
    let csrf = format!("csrf={}", browser.csrf);
    let cookie = ("cookie", browser.cookie.as_str());
    let tries: [(&[(&str, &str)], &str); 6] = [
        (&[cookie, FORM, BROWSER], &csrf),
        (
            &[cookie, FORM, BROWSER, ("origin", "https://evil.test")],
            &csrf,
        ),
        (&[cookie, FORM, BROWSER, ("origin", "null")], &csrf),
        (&[cookie, FORM, BROWSER, ("origin", PUBLIC)], ""),
        (&[cookie, FORM, BROWSER, ("origin", PUBLIC)], "csrf=x"),
        (
            &[cookie, FORM, BROWSER, ("origin", PUBLIC)],
            &format!("{csrf}&{csrf}"),
        ),
    ];
    for path in [
        "/mailboxes/sales/connect",
        "/mailboxes/sales/test",
        "/logout",
    ] {
        for (headers, body) in tries {
            let answer = world.ask("POST", path, headers, body);
            assert_eq!(answer.status, 403, "{path} {body}");
        }
    }
    assert!(world.store.jobs.borrow().is_empty());
    // Another site's form would sign its reader in as somebody else.
    let headers = [FORM, BROWSER, ("origin", "https://evil.test")];
    let answer = world.ask("POST", "/login", &headers, &format!("key={KEY}"));
    assert_eq!((answer.status, header(&answer, "set-cookie")), (403, None));
}

#[test]
fn a_session_goes_on_while_it_is_used() {
    let world = World::new();
    let mut browser = world.sign_in();
    assert_eq!(header(&browser.get("/operator"), "set-cookie"), None);
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(50 * 60));
        let answer = browser.get("/operator");
        assert_eq!(answer.status, 200);
        let cookie = header(&answer, "set-cookie").unwrap();
        browser.cookie = cookie.split(';').next().unwrap().to_owned();
    }
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(browser.get("/operator").status, 303);
}

#[test]
fn a_body_that_is_too_long_is_not_read() {
    let world = World::new();
    let answer = world.try_login(&"x".repeat(5000));
    assert_eq!(answer.status, 413);
    assert!(answer.body.contains("OPERATOR_BODY_OCTETS"));
}
