//! How the mailboxes are, and what can be done with one that is connected.

use edgepost::outbox::Health;
use edgepost::outcome::{Cause, Failure, Trouble};
use serde_json::{Value, json};

use crate::{
    support::NOW,
    world::{KEY, MONITOR_KEY, World, header, vars},
};

const GOOD: &str = "code=good";

/// A world with one mailbox.
fn one() -> World {
    let mut vars = vars();
    vars.as_object_mut().unwrap().remove("MAILBOX_OTHER");
    World::with(
        &vars,
        [(200, crate::world::GRANTED)],
        vec![crate::world::letting_in(); 3],
    )
}

pub(crate) fn ready(world: &World, key: &str) -> (u16, Value) {
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", authorization.as_str())];
    let answer = world.ask("GET", "/readyz", &headers, "");
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

#[test]
fn a_monitor_is_told_what_needs_a_person() {
    let world = one();
    let (status, body) = ready(&world, MONITOR_KEY);
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    assert_eq!(body["mailboxes"][0]["connected"], false);
    assert_eq!(body["mailboxes"][0]["needs_person"], true);

    let browser = world.sign_in();
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 200);
    let (status, body) = ready(&world, MONITOR_KEY);
    assert_eq!((status, &body["ready"]), (200, &json!(true)), "{body}");
    assert_eq!(ready(&world, KEY).0, 200);

    for (cause, trouble, needs_person) in [
        (Cause::SmtpAuthDisabled, Trouble::Configuration, true),
        (Cause::ConnectFailed, Trouble::Transient, false),
    ] {
        let failure = Failure::of_mailbox(cause, trouble);
        let settings = world
            .config
            .settings_of(&world.config.mailboxes[&"sales".parse().unwrap()]);
        let down = Health::Up.after_failure(&failure, &settings, NOW, 0);
        world.store.health.replace(down);
        let (status, body) = ready(&world, MONITOR_KEY);
        let mailbox = &body["mailboxes"][0];
        assert_eq!(status, 503);
        assert_eq!(mailbox["cause"], json!(cause));
        assert_eq!(mailbox["needs_person"], needs_person);
        assert_eq!(mailbox["detail"], cause.advice());
        let board = browser.get("/operator").body;
        assert!(board.contains(&cause.to_string()), "{board}");
    }
}

#[test]
fn a_monitors_key_opens_nothing_else() {
    let world = one();
    assert_eq!(ready(&world, "wrong").0, 401);
    world.clock.advance(std::time::Duration::from_secs(60));
    let authorization = format!("Bearer {MONITOR_KEY}");
    let headers = [("authorization", authorization.as_str())];
    for (method, path) in [
        ("GET", "/operator"),
        ("POST", "/mailboxes/sales/test"),
        ("POST", "/mailboxes/sales/connect"),
        ("GET", "/oauth/callback/google"),
    ] {
        assert_eq!(world.ask(method, path, &headers, "").status, 401, "{path}");
    }
    world.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(world.try_login(MONITOR_KEY).status, 403);
}

#[test]
fn a_fault_in_the_configuration_is_not_ready() {
    let mut vars = vars();
    vars["MAILBOX_FAULTY"] = json!({ "address": "no" });
    let world = World::with(&vars, [(200, "{}")], Vec::new());
    let (status, body) = ready(&world, KEY);
    assert_eq!(
        (status, &body["configuration"]),
        (503, &json!("misconfigured"))
    );
    let faulty = body["mailboxes"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&faulty["mailbox"], &faulty["needs_person"]),
        (&json!("faulty"), &json!(true))
    );
    assert!(world.sign_in().get("/operator").body.contains("faulty"));
}

#[test]
fn a_keeper_that_does_not_answer_is_not_taken_for_connected() {
    let world = one();
    world.unreachable.set(true);
    let (status, body) = ready(&world, KEY);
    assert_eq!(
        (status, &body["mailboxes"][0]["connected"]),
        (503, &Value::Null)
    );
}

#[test]
fn a_test_message_goes_from_the_mailbox_to_itself() {
    let world = one();
    let browser = world.sign_in();
    let answer = browser.post("/mailboxes/sales/test");
    assert_eq!(answer.status, 202, "{}", answer.body);
    let jobs = world.store.jobs.borrow();
    let (id, job) = jobs.iter().next().unwrap();
    assert!(answer.body.contains(&id.to_string()));
    assert_eq!(job.reverse_path.as_str(), "sales@shop.test");
    let to: Vec<_> = job
        .recipients
        .iter()
        .map(|to| to.address.as_str())
        .collect();
    assert_eq!(to, ["sales@shop.test"]);
    let sent = String::from_utf8(world.store.sent(*id)).unwrap();
    assert!(sent.contains("Auto-Submitted: auto-generated"), "{sent}");
}

#[test]
fn a_mailbox_that_is_disconnected_has_nothing_left() {
    let world = one();
    let browser = world.sign_in();
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 200);
    assert!(world.has_grant());
    let answer = browser.post("/mailboxes/sales/disconnect");
    assert_eq!((answer.status, header(&answer, "location")), (200, None));
    assert!(!world.has_grant());
    // Given back to the provider, after what it was granted with.
    let requests = world.provider.requests.borrow().clone();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].contains("canary-refresh"), "{}", requests[1]);
    assert!(world.cache.values.borrow().values().all(Vec::is_empty));
    let (_, body) = ready(&world, KEY);
    assert_eq!(body["mailboxes"][0]["connected"], false);
    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", bearer.as_str())];
    let answer = world.ask("POST", "/mailboxes/sales/disconnect", &headers, "");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"connected":false,"revoked":false}"#)
    );
}
