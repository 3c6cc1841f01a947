//! Connecting a mailbox in a browser, from the list of mailboxes to the consent page and back.

use std::time::{Duration, Instant};

use edgepost_e2e::{Case, Setup, Site};
use xtask::browser::{Browser, allow, way_out};
use xtask::http::{Answer, encode_form, query_value};

/// What had to wait for the mailbox is sent within this, and not when the mailbox would have been
/// probed next, which is a quarter of an hour later.
const AT_ONCE: Duration = Duration::from_secs(60);

pub fn cases() -> Vec<Case> {
    let case = |name: &str, check: fn(&Site)| Case::with(name, Setup::not_connected(), check);
    vec![
        case(
            "O4 O9 operator: a mailbox is connected with PKCE, its queue goes on, and a reload changes nothing",
            connected,
        ),
        case(
            "O1 O2 O3 O6 O7 operator: a callback that is none asks the provider nothing",
            bad_callbacks,
        ),
        case(
            "O4 operator: a verifier that the provider refuses stores nothing",
            wrong_verifier,
        ),
        case(
            "O5 operator: no header gets into the address to come back to",
            forged_host,
        ),
        case(
            "O8 operator: consent by another account is refused and stores nothing",
            another_account,
        ),
        case(
            "H9 operator: a stranger reaches none of the operator's routes",
            strangers,
        ),
        Case::new("operator: a monitor is told how each mailbox is", monitor),
        Case::new(
            "operator: a mailbox that is disconnected sends nothing until it is connected again",
            disconnected,
        ),
    ]
}

/// Comes back from the consent page as `account`.
fn consented(site: &Site, browser: &Browser, account: &str) -> String {
    let consent = browser.begin(&site.forms[0]).expect("a consent page");
    let back = allow(&site.world.sandbox, &consent, account).expect("consent");
    browser.path_of(&back).expect("an address of the Worker")
}

/// What each answer of the provider has in its query (RFC 9207).
fn issuer(site: &Site) -> String {
    encode_form(&[("iss", &site.world.sandbox.issuer())])
}

fn get(browser: &Browser, path: &str) -> Answer {
    browser.get(path).expect("an answer")
}

fn assert_operators_page(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // A form has to be sent with our origin, and not with the `null` that `no-referrer` makes of it.
    let referrer = if answer.body.contains("<form") {
        "same-origin"
    } else {
        "no-referrer"
    };
    assert_eq!(answer.header("referrer-policy"), Some(referrer));
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
}

fn connected(site: &Site) {
    let browser = site.world.operator();
    let id = site.send();
    let waiting = site.until_event(&id, "deferred");
    assert_eq!(waiting.text("/health/cause"), "reauthorisation_required");
    let consent = browser.begin(&site.forms[0]).expect("a consent page");
    let method = query_value(&consent, "code_challenge_method");
    assert_eq!(method.as_deref(), Some("S256"));
    assert_eq!(
        query_value(&consent, "login_hint").as_deref(),
        Some(site.address.as_str())
    );
    let back = allow(&site.world.sandbox, &consent, &site.address).expect("consent");
    let path = browser.path_of(&back).expect("an address of the Worker");

    let since = Instant::now();
    let answer = get(browser, &path);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_operators_page(&answer);
    assert!(answer.body.contains(&site.address), "{}", answer.body);
    site.until_sent(&id);
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
    assert_eq!(site.mails().len(), 1);
    // The token of the exchange was used, and none was asked for beside it.
    assert_eq!(site.token_requests().len(), 1);
    let again = get(browser, &path);
    assert_eq!(again.status, 400, "{}", again.body);
    assert!(again.body.contains("already used"), "{}", again.body);
    assert_eq!(site.token_requests().len(), 1);
    site.until_sent(&site.send());
}

fn bad_callbacks(site: &Site) {
    let browser = site.world.operator();
    let good = consented(site, browser, &site.address);
    let (callback, _) = good.split_once('?').expect("a query");
    let value = |name| query_value(&good, name).expect("a value");
    let (state, code) = (value("state"), value("code"));
    // O2: nobody, and somebody with a cookie of their own making.
    assert_eq!(
        site.world.get(&good, &[("accept", "text/html")]).status,
        401
    );
    let made_up = [("cookie", "__Host-edgepost=AQcHBwcH")];
    assert_eq!(site.world.get(&good, &made_up).status, 401);
    // O1: no state, a wrong one, twice, and another session.
    let long = "x".repeat(6_000);
    for query in [
        format!("code={code}"),
        format!("code={code}&state="),
        format!("code={code}&state=x{state}"),
        format!("code={code}&state={state}&state={state}"),
        // O3
        format!("state={state}"),
        format!("state={state}&code="),
        format!("state={state}&code=a%0D%0Ab"),
        format!("state={state}&code={code}&code={code}"),
        format!("state={state}&code={long}"),
        // O7, with a state that is nobody's.
        "state=x&error=%3Cscript%3E".to_owned(),
    ] {
        let answer = get(browser, &format!("{callback}?{query}"));
        assert_eq!(answer.status, 400, "{query:.60}: {}", answer.body);
        assert_operators_page(&answer);
        assert!(!answer.body.contains("<script"), "{}", answer.body);
    }
    assert_eq!(get(&site.world.sign_in(), &good).status, 400);
    assert_eq!(site.token_requests().len(), 0);
    // O6: used up by an answer that names another issuer.
    let foreign = format!("{callback}?code={code}&state={state}&iss=https%3A%2F%2Fevil.test");
    assert_eq!(get(browser, &foreign).status, 400);
    assert_eq!(get(browser, &good).status, 400);
    // And one by an answer that names none, which this provider's always do.
    let nameless =
        consented(site, browser, &site.address).replace(&format!("&{}", issuer(site)), "");
    assert!(!nameless.contains("iss="), "{nameless}");
    assert_eq!(get(browser, &nameless).status, 400);
    // O7
    let consent = browser.begin(&site.forms[0]).expect("a consent page");
    let state = query_value(&consent, "state").expect("a state");
    let words = "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let iss = issuer(site);
    let denied = get(browser, &format!("{callback}?state={state}&{iss}&{words}"));
    assert_eq!(denied.status, 400);
    assert_operators_page(&denied);
    assert!(denied.body.contains("access_denied") && !denied.body.contains("<script"));
    assert_eq!(site.token_requests().len(), 0);
    assert_eq!(site.connections().len(), 0);
}

fn wrong_verifier(site: &Site) {
    let browser = site.world.operator();
    // The code of one consent with the state, and so the verifier, of another.
    let one = consented(site, browser, &site.address);
    let other = consented(site, browser, &site.address);
    let (callback, _) = one.split_once('?').expect("a query");
    let code = query_value(&one, "code").expect("a code");
    let state = query_value(&other, "state").expect("a state");
    let iss = issuer(site);
    let answer = get(
        browser,
        &format!("{callback}?code={code}&state={state}&{iss}"),
    );
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("invalid_grant"), "{}", answer.body);
    assert_eq!(site.token_requests().len(), 1);
    let id = site.send();
    let story = site.until_event(&id, "deferred");
    assert_eq!(story.text("/health/cause"), "reauthorisation_required");
    assert_eq!(site.connections().len(), 0);
}

fn forged_host(site: &Site) {
    let (browser, url) = (site.world.operator(), site.world.worker.url());
    let own = browser.begin(&site.forms[0]).expect("a consent page");
    let address = query_value(&own, "redirect_uri").expect("an address");
    assert!(address.starts_with(&url), "{address}");
    let path = format!("/mailboxes/{}/connect", site.forms[0]);
    let headers = [
        ("cookie", browser.cookie.as_str()),
        ("origin", url.as_str()),
        ("accept", "text/html"),
        ("x-forwarded-host", "evil.test"),
        ("forwarded", "host=evil.test"),
    ];
    let fields = [
        ("csrf", browser.csrf.as_str()),
        ("redirect_uri", "https://evil.test/"),
    ];
    let answer = site.world.post(&path, &fields, &headers);
    let consent = way_out(&answer.body).expect("a consent page");
    assert_eq!(query_value(&consent, "redirect_uri"), Some(address));
    // Another site's page, with the operator's cookie.
    let foreign = [
        ("cookie", browser.cookie.as_str()),
        ("origin", "https://evil.test"),
        ("accept", "text/html"),
    ];
    assert_eq!(site.world.post(&path, &fields, &foreign).status, 403);
}

fn another_account(site: &Site) {
    let browser = site.world.operator();
    let other = format!("other-{}", site.address);
    let id = site.send();
    site.until_event(&id, "deferred");
    let answer = get(browser, &consented(site, browser, &other));
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains(&site.address), "{}", answer.body);
    assert_eq!(site.world.sandbox.token_requests(&other).len(), 1);
    // It got as far as AUTH, and nothing was kept.
    assert_eq!(site.auth_tries(), 1);
    let board = get(browser, "/operator").body;
    assert_eq!(state_on(&board, &site.address), "Not connected.");
    // Whoever it belongs to can still connect it.
    let right = get(browser, &consented(site, browser, &site.address));
    assert_eq!(right.status, 200, "{}", right.body);
    site.until_sent(&id);
}

/// What the list of mailboxes says of one.
fn state_on(board: &str, address: &str) -> String {
    let (_, rest) = board
        .split_once(&format!("<h2>{address}</h2>"))
        .expect("the mailbox");
    let sentence = rest.split("<p").nth(2).expect("its state");
    let (_, text) = sentence.split_once('>').expect("its text");
    text.split('<').next().unwrap_or_default().to_owned()
}

fn strangers(site: &Site) {
    let name = &site.forms[0];
    for action in ["connect", "disconnect", "test"] {
        let path = format!("/mailboxes/{name}/{action}");
        assert_eq!(site.world.post(&path, &[], &[]).status, 401, "{path}");
        assert_eq!(site.world.get(&path, &[]).status, 405, "{path}");
    }
    for (path, status) in [
        ("/operator", 401),
        ("/readyz", 401),
        ("/oauth/callback/custom?code=x&state=y", 401),
        ("/mailboxes", 404),
        ("/oauth/token", 404),
        ("/admin", 404),
        ("/config", 404),
        ("/emails/../operator/x", 404),
    ] {
        let answer = site.world.get(path, &[]);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let login = [("key", "wrong")];
    let elsewhere = [("origin", "https://evil.test")];
    assert_eq!(site.world.post("/login", &login, &elsewhere).status, 403);
    assert_eq!(site.connections().len(), 0);
}

fn monitor(site: &Site) {
    site.until_sent(&site.send());
    let answer = site.world.readiness();
    let json = answer.json().expect("JSON");
    let mailboxes = json["mailboxes"].as_array().expect("a list");
    let own = mailboxes
        .iter()
        .find(|mailbox| mailbox["mailbox"] == site.forms[0].as_str())
        .expect("the mailbox");
    assert_eq!(own["ready"], true, "{own}");
    // Others are made not to work.
    let all = mailboxes.iter().all(|mailbox| mailbox["ready"] == true);
    assert_eq!(answer.status, if all { 200 } else { 503 });
}

fn disconnected(site: &Site) {
    let browser = site.world.operator();
    site.until_sent(&site.send());
    let path = format!("/mailboxes/{}/disconnect", site.forms[0]);
    let answer = browser.press(&path).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = site.send();
    let story = site.until_event(&id, "deferred");
    assert_eq!(story.text("/health/cause"), "reauthorisation_required");
    assert_eq!(site.mails().len(), 1);
    let answer = get(browser, &consented(site, browser, &site.address));
    assert_eq!(answer.status, 200, "{}", answer.body);
    site.until_sent(&id);
}
