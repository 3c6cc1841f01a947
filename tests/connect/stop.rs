//! The operator stops everything, and one of several mailboxes of an application.

use std::time::Duration;

use edgepost::{
    app::{
        ObjectName, Registrar, RegistryAnswer, RegistryQuestion, Response, Word,
        ports::StandingStore,
    },
    limits::REGISTRY_OBJECTS,
};
use serde_json::{Value, json};

use crate::{
    support::NOW,
    world::{KEY, World, assert_operators_page, header, hidden, vars},
};

fn by_script(world: &World, method: &str, path: &str) -> (u16, Value) {
    let authorization = format!("Bearer {KEY}");
    let answer = world.ask(method, path, &[("authorization", &authorization)], "");
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

fn told(world: &World) -> Vec<String> {
    world
        .told
        .borrow()
        .iter()
        .map(|(name, _)| name.clone())
        .collect()
}

fn knows(world: &World, name: ObjectName) {
    let question = RegistryQuestion::Enter(name);
    let answer = world.clock.run(Registrar::ask(world, &question));
    assert!(
        matches!(answer, Ok(RegistryAnswer::Entered { .. })),
        "{answer:?}"
    );
}

#[test]
fn a_stop_reaches_everything_that_is_configured_or_was_ever_used() {
    let world = World::new();
    knows(&world, ObjectName::outbox("gone"));
    knows(&world, ObjectName::keeper("grant/of-old"));
    let (status, body) = by_script(&world, "POST", "/admin/stop");
    assert_eq!(
        (status, &body["stopped"], &body["silent"]),
        (200, &json!(true), &json!([]))
    );
    let names = told(&world);
    for name in [
        "outbox/sales",
        "outbox/other",
        "outbox/gone",
        "keeper/grant/of-old",
    ] {
        assert!(names.iter().any(|told| told == name), "{name} of {names:?}");
        assert!(
            body["answered"].as_array().unwrap().contains(&json!(name)),
            "{name}"
        );
    }
    // A Keeper for each of the two that are configured, and nobody twice.
    assert_eq!(names.len(), 6, "{names:?}");
    // Who sends is stopped first.
    let first_keeper = names
        .iter()
        .position(|name| name.starts_with("keeper"))
        .unwrap();
    assert_eq!(first_keeper, 3, "{names:?}");
    assert!(world.store.standing().unwrap().stopped.is_some());

    let (status, body) = by_script(&world, "GET", "/readyz");
    assert_eq!((status, &body["cause"]), (503, &json!("stopped")));
    assert_eq!(body["mailboxes"][1]["cause"], "stopped", "{body}");
    assert_eq!(body["registry"], "ok");
    let board = world.sign_in().get("/operator").body;
    assert!(board.contains("Everything is stopped"), "{board}");

    world.told.borrow_mut().clear();
    let (status, body) = by_script(&world, "POST", "/admin/start");
    assert_eq!((status, &body["stopped"]), (200, &json!(false)));
    assert!(
        told(&world)[0].starts_with("keeper"),
        "those who give tokens are started first"
    );
    assert!(
        world
            .told
            .borrow()
            .iter()
            .all(|(_, word)| *word == Word::Start)
    );
    assert_eq!(world.store.standing().unwrap().stopped, None);
    assert_eq!(by_script(&world, "GET", "/readyz").1["cause"], Value::Null);
}

#[test]
fn who_does_not_answer_is_named_and_holds_up_nobody() {
    let world = World::new();
    world.silent.borrow_mut().push("outbox/other".to_owned());
    world.silent.borrow_mut().push("registry".to_owned());
    let (status, body) = by_script(&world, "POST", "/admin/stop");
    assert_eq!(
        (status, &body["silent"]),
        (503, &json!(["registry", "outbox/other"]))
    );
    assert!(world.clock.now_since(NOW) <= Duration::from_secs(30));
    assert!(world.store.standing().unwrap().stopped.is_some());
    // Nor does it keep the state from being told.
    let (status, body) = by_script(&world, "GET", "/readyz");
    assert_eq!(
        (status, &body["registry"]),
        (503, &json!("does not answer"))
    );
    world.silent.borrow_mut().clear();
    let (status, body) = by_script(&world, "POST", "/admin/stop");
    assert_eq!((status, &body["silent"]), (200, &json!([])));
}

#[test]
fn a_person_is_asked_whether_it_is_meant() {
    let world = World::new();
    let browser = world.sign_in();
    assert!(
        browser
            .get("/operator")
            .body
            .contains("href=\"/operator/stop\"")
    );
    let page = browser.get("/operator/stop");
    assert_operators_page(&page);
    assert_eq!(hidden(&page.body, "csrf"), browser.csrf);
    assert!(told(&world).is_empty(), "no GET changes anything");
    assert!(
        page.body.contains("action=\"/admin/stop\""),
        "{}",
        page.body
    );
    let answer = browser.post("/admin/stop");
    assert_operators_page(&answer);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("Everything is stopped") && answer.body.contains("outbox/sales"));
    world.silent.borrow_mut().push("outbox/other".to_owned());
    let answer = browser.post("/admin/start");
    assert_eq!(answer.status, 503);
    assert!(
        answer.body.contains("No answer: outbox/other"),
        "{}",
        answer.body
    );
}

#[test]
fn the_configurations_stop_is_told_and_cannot_be_started_away() {
    let mut vars = vars();
    vars["STOP"] = json!("1");
    let world = World::with(&vars, [(200, "{}")], Vec::new());
    let (status, body) = by_script(&world, "GET", "/readyz");
    assert_eq!((status, &body["cause"]), (503, &json!("stopped")));
    assert!(
        body["mailboxes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["cause"] == "stopped")
    );
    assert_eq!(by_script(&world, "POST", "/admin/start").0, 409);
    assert!(told(&world).is_empty());
}

#[test]
fn what_is_used_for_the_first_time_while_everything_is_stopped_is_stopped_too() {
    let world = World::new();
    by_script(&world, "POST", "/admin/stop");
    let fresh = crate::support::MemoryStore::new();
    let enter = edgepost::app::enter(ObjectName::outbox("new"), &fresh, &world, &world.clock);
    assert_eq!(world.clock.run(enter), Ok(true));
    let standing = fresh.standing().unwrap();
    assert!(standing.entered && standing.stopped.is_some());
}

#[test]
fn an_object_enters_once_and_a_registry_that_is_away_holds_nobody_up() {
    let world = World::new();
    let fresh = crate::support::MemoryStore::new();
    let enter = || edgepost::app::enter(ObjectName::outbox("new"), &fresh, &world, &world.clock);
    world.silent.borrow_mut().push("registry".to_owned());
    assert_eq!(world.clock.run(enter()), Ok(false));
    assert!(world.clock.now_since(NOW) <= Duration::from_secs(5));
    world.silent.borrow_mut().clear();
    assert_eq!(world.clock.run(enter()), Ok(true));
    // From now on nobody is asked.
    world.silent.borrow_mut().push("registry".to_owned());
    assert_eq!(world.clock.run(enter()), Ok(true));
}

#[test]
fn a_registry_that_is_full_refuses_and_says_so() {
    let world = World::new();
    for number in 0..REGISTRY_OBJECTS {
        knows(&world, ObjectName::outbox(&number.to_string()));
    }
    let one_more = RegistryQuestion::Enter(ObjectName::outbox("more"));
    let answer = world.clock.run(Registrar::ask(&world, &one_more));
    assert_eq!(answer, Ok(RegistryAnswer::Full));
    knows(&world, ObjectName::outbox("7"));
}

/// Two mailboxes of one application, which share its credential.
fn application() -> World {
    let mailbox = |address: &str| {
        json!({
            "address": address, "provider": "microsoft", "tenant": "shop.test", "client_id": "client",
            "client_secret": "SECRET_CLIENT", "grant": "application",
        })
    };
    let mut vars = vars();
    vars["MAILBOX_SALES"] = mailbox("sales@shop.test");
    vars["MAILBOX_OTHER"] = mailbox("other@shop.test");
    let world = World::with(&vars, [(200, "{}")], Vec::new());
    assert!(world.config.is_sound(), "{:?}", world.config.problems);
    world
}

#[test]
fn one_mailbox_of_an_application_is_disconnected_and_the_credential_stays_for_the_others() {
    let world = application();
    let browser = world.sign_in();
    let answer: Response = browser.post("/mailboxes/sales/disconnect");
    assert_operators_page(&answer);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("<li>other</li>"), "{}", answer.body);
    assert!(
        answer.body.contains("/mailboxes/sales/disconnect?all=yes"),
        "{}",
        answer.body
    );
    assert_eq!(
        *world.told.borrow(),
        [("outbox/sales".to_owned(), Word::Disconnect)]
    );
    let record = world.custody.record.borrow().clone();
    assert!(
        record.is_none_or(|record| record.contains("\"disconnected\":false")),
        "the Keeper was not told"
    );
    assert!(world.store.standing().unwrap().disconnected);
    let board = browser.get("/operator").body;
    assert!(
        board.contains("Not connected.") && board.contains("/mailboxes/sales/connect"),
        "{board}"
    );

    let (status, body) = by_script(&world, "POST", "/mailboxes/sales/disconnect");
    assert_eq!((status, &body["shared_with"]), (200, &json!(["other"])));
    // It is taken up again without anybody's consent.
    assert_eq!(browser.post("/mailboxes/sales/connect").status, 200);
    assert!(!world.store.standing().unwrap().disconnected);
    assert_eq!(browser.post("/mailboxes/sales/connect").status, 422);
}

#[test]
fn all_mailboxes_of_an_application_are_disconnected_where_that_is_meant() {
    let world = application();
    let browser = world.sign_in();
    let answer = browser.post("/mailboxes/sales/disconnect?all=yes");
    assert_eq!((answer.status, header(&answer, "location")), (200, None));
    let mut told = world.told.borrow().clone();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let both = ["outbox/other", "outbox/sales"].map(|name| (name.to_owned(), Word::Forget(1)));
    assert_eq!(told, both);
    let record = world.custody.record.borrow().clone().unwrap();
    assert!(record.contains("\"disconnected\":true"), "{record}");
}
