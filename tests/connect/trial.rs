//! What becomes of a grant that could not be proved, and of one that has ended.

use edgepost::{
    app::{Mailboxes, ports::OutboxStore},
    limits::RETRY_FIRST,
    outbox::Health,
};
use serde_json::json;

use crate::{
    board::ready,
    support::{Move::Hear, NOW, Writes, until},
    world::{GRANTED, KEY, World, assert_operators_page, letting_in, refusing, vars},
};

const GOOD: &str = "code=4%2Fgood";
const STANDS: &str = "The consent itself stands";
const GONE: &str = r#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#;

fn one_mailbox() -> serde_json::Value {
    let mut vars = vars();
    vars.as_object_mut().unwrap().remove("MAILBOX_OTHER");
    vars
}

#[test]
fn a_mail_server_that_cannot_be_asked_leaves_the_grant_on_trial_and_the_page_says_so() {
    let world = World::with(&one_mailbox(), [(200, GRANTED)], Vec::new());
    let browser = world.sign_in();
    let answer = browser.back(&browser.connect(), GOOD);
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_operators_page(&answer);
    assert!(answer.body.contains("on trial"), "{}", answer.body);
    assert!(!world.has_grant());
    assert!(world.cache.values.borrow().is_empty());
    let board = browser.get("/operator").body;
    assert!(board.contains("A new grant: "), "{board}");
    // It is tried again by itself, and what waits goes on.
    world.clock.advance(RETRY_FIRST);
    world.server.parts.borrow_mut().push_back(letting_in());
    world.ring();
    assert!(world.has_grant());
    assert_eq!(*world.resumed.borrow(), [("sales".to_owned(), 1)]);
    let (status, body) = ready(&world, KEY);
    assert_eq!(
        (status, &body["mailboxes"][0]["trial"]),
        (200, &json!(null))
    );
}

#[test]
fn a_grant_that_works_goes_on_while_another_is_on_trial_and_when_it_fails() {
    let world = World::with(&one_mailbox(), [(200, GRANTED)], vec![letting_in()]);
    let browser = world.sign_in();
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 200);
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 202);
    let (status, body) = ready(&world, KEY);
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["mailboxes"][0]["trial"], "has yet to prove good");
    world.clock.advance(RETRY_FIRST);
    world.server.parts.borrow_mut().push_back(refusing());
    world.ring();
    let (status, body) = ready(&world, KEY);
    assert_eq!(status, 200, "{body}");
    let why = body["mailboxes"][0]["trial"].as_str().unwrap();
    assert_ne!(why, "has yet to prove good");
    let escaped = browser.get("/operator").body;
    assert!(escaped.contains("A new grant: "), "{escaped}");
}

#[test]
fn o8_a_grant_that_is_not_kept_is_given_back_unless_another_may_hang_on_it() {
    let world = World::with(
        &vars(),
        [(200, GRANTED)],
        vec![refusing(), letting_in(), refusing()],
    );
    let browser = world.sign_in();
    let answer = browser.back(&browser.connect(), GOOD);
    assert_eq!(answer.status, 422);
    assert!(!answer.body.contains(STANDS), "{}", answer.body);
    let requests = world.provider.requests.borrow().clone();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[1].starts_with("token=canary-refresh&"),
        "{requests:?}"
    );

    assert_eq!(browser.back(&browser.connect(), GOOD).status, 200);
    let answer = browser.back(&browser.connect(), GOOD);
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains(STANDS), "{}", answer.body);
    // Nothing was given back: what works may be of the same consent.
    assert_eq!(world.token_requests(), 4);
}

#[test]
fn a_grant_that_could_not_be_stored_is_not_kept_later_either() {
    let world = World::new();
    let browser = world.sign_in();
    let consent = browser.connect();
    world.custody.writes.set(Writes::Fail);
    let answer = browser.back(&consent, GOOD);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("Nothing was kept"));
    world.custody.writes.set(Writes::Work);
    let (_, body) = ready(&world, KEY);
    assert_eq!(body["mailboxes"][1]["connected"], false, "{body}");
    assert!(!world.has_grant());
    let requests = world.provider.requests.borrow().clone();
    assert!(
        requests[1].starts_with("token=canary-refresh&"),
        "{requests:?}"
    );
}

#[test]
fn k7_a_grant_that_has_ended_is_seen_before_a_visitor_meets_it() {
    let world = World::with(
        &one_mailbox(),
        [(200, GRANTED), (400, GONE)],
        vec![letting_in()],
    );
    let browser = world.sign_in();
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 200);
    assert_eq!(ready(&world, KEY).0, 200);
    let check = world.custody.alarm.get().unwrap();
    assert_eq!(check.since(NOW).as_secs(), 24 * 3600);
    world.clock.set(check);
    world.ring();
    // A monitor, the operator, and the owner.
    let (status, body) = ready(&world, KEY);
    let mailbox = &body["mailboxes"][0];
    assert_eq!((status, &mailbox["needs_person"]), (503, &json!(true)));
    assert_eq!(mailbox["cause"], "reauthorisation_required");
    let browser = world.sign_in();
    let board = browser.get("/operator").body;
    assert!(board.contains("Does not send any more"), "{board}");
    assert_eq!(world.store.alerts().unwrap().due_at(), Some(check));
    assert_eq!(world.store.alarm.get(), Some(check));
    // The Outbox itself is up: what is in flight is not held up by it.
    assert_eq!(*world.store.health.borrow(), Health::Up);
    // Connected again, nothing is left of it.
    world
        .provider
        .answers
        .replace([(200, GRANTED.to_owned())].into());
    world.server.parts.borrow_mut().push_back(letting_in());
    assert_eq!(browser.back(&browser.connect(), GOOD).status, 200);
    assert_eq!(ready(&world, KEY).0, 200);
}

#[test]
fn an_applications_mailboxes_all_hear_that_it_was_disconnected() {
    let application = |address: &str| {
        json!({
            "address": address, "provider": "microsoft", "tenant": "shop.test",
            "grant": "application", "client_id": "client", "client_secret": "SECRET_CLIENT",
        })
    };
    let mut vars = vars();
    vars["MAILBOX_SALES"] = application("sales@shop.test");
    vars["MAILBOX_OTHER"] = application("other@shop.test");
    vars["MAILBOX_THIRD"] =
        json!({ "address": "third@shop.test", "provider": "google", "client_id": "x" });
    let world = World::with(&vars, [(200, GRANTED)], Vec::new());
    let browser = world.sign_in();
    assert_eq!(
        browser.post("/mailboxes/sales/disconnect?all=yes").status,
        200
    );
    let resumed = [("other".to_owned(), 1), ("sales".to_owned(), 1)];
    assert_eq!(*world.resumed.borrow(), resumed);
}

/// A disconnect that comes while the mail server is asked.
async fn disconnected_meanwhile(world: &World) {
    until(|| world.server.connections.get() > 0).await;
    let sales = "sales".parse().unwrap();
    Mailboxes::disconnect(world, &sales).await.unwrap();
}

#[test]
fn a_connect_that_a_disconnect_has_overtaken_is_given_back_and_not_kept() {
    for parts in [vec![letting_in()], vec![vec![Hear]]] {
        let world = World::with(&one_mailbox(), [(200, GRANTED)], parts);
        let browser = world.sign_in();
        let consent = browser.connect();
        world
            .during
            .set(Some(|world| Box::pin(disconnected_meanwhile(world))));
        let answer = browser.back(&consent, GOOD);
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert!(
            answer.body.contains("disconnected or connected anew"),
            "{}",
            answer.body
        );
        assert!(!answer.body.contains(STANDS), "{}", answer.body);
        let requests = world.provider.requests.borrow().clone();
        assert!(
            requests[1].starts_with("token=canary-refresh&"),
            "{requests:?}"
        );
        // Nothing connects by itself later.
        world.clock.advance(RETRY_FIRST);
        world.server.parts.borrow_mut().push_back(letting_in());
        world.ring();
        assert!(!world.has_grant());
        assert!(world.resumed.borrow().is_empty());
        assert_eq!(world.token_requests(), 2);
    }
}

#[test]
fn s4_a_stop_during_a_connect_keeps_the_grant_and_uses_it_no_further() {
    // Between the exchange and the proof, and after the proof.
    for (stop, sessions) in [((1, 0), 0), ((1, 1), 1)] {
        let world = World::with(&one_mailbox(), [(200, GRANTED)], vec![letting_in(); 2]);
        let browser = world.sign_in();
        let consent = browser.connect();
        world.stop_after.set(Some(stop));
        let answer = browser.back(&consent, GOOD);
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert_eq!(world.server.connections.get(), sessions);
        assert!(!world.has_grant());
        assert!(world.cache.values.borrow().is_empty());
        assert!(world.resumed.borrow().is_empty());
        world.clock.advance(RETRY_FIRST);
        world.ring();
        assert_eq!(world.token_requests(), 1);
        world.stop_after.set(None);
        world.ring();
        assert!(world.has_grant());
    }
}

#[test]
fn s4_a_stop_during_a_trial_goes_no_further() {
    for (stop, sessions) in [((2, 0), 0), ((2, 2), 2)] {
        let world = World::with(&one_mailbox(), [(200, GRANTED)], vec![vec![Hear]]);
        let browser = world.sign_in();
        assert_eq!(browser.back(&browser.connect(), GOOD).status, 202);
        let before = world.server.connections.get();
        world.clock.advance(RETRY_FIRST);
        world
            .server
            .parts
            .borrow_mut()
            .extend([letting_in(), letting_in()]);
        world.stop_after.set(Some(stop));
        world.ring();
        assert_eq!(world.server.connections.get(), before.max(sessions));
        assert_eq!(world.token_requests(), 2);
        assert!(!world.has_grant());
        assert!(world.resumed.borrow().is_empty());
        world.stop_after.set(None);
        world.ring();
        assert!(world.has_grant());
    }
}
