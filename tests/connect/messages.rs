//! A message's story.

use serde_json::Value;

use crate::world::{KEY, MONITOR_KEY, World, header, vars};

/// A message, and where its story is.
fn sent(world: &World) -> String {
    let browser = world.sign_in();
    assert_eq!(browser.post("/mailboxes/sales/test").status, 202);
    let id = *world.store.jobs.borrow().keys().next().unwrap();
    format!("/admin/messages/{id}")
}

#[test]
fn only_the_operator_reads_stories() {
    let world = World::new();
    let path = sent(&world);
    let good = format!("Bearer {KEY}");
    let good = ("authorization", good.as_str());
    let answer = world.ask("GET", &path, &[good], "");
    assert_eq!(answer.status, 200);
    let story: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&story["mailbox"], &story["stopped"]),
        (&"sales".into(), &Value::Null)
    );
    // Alerts name its address, and whoever reads them has a browser.
    assert_eq!(world.sign_in().get(&path).status, 200);
    let monitor = format!("Bearer {MONITOR_KEY}");
    let monitor = ("authorization", monitor.as_str());
    for headers in [
        &[][..],
        &[("authorization", "Bearer x")],
        &[monitor],
        &[good, good],
    ] {
        let answer = world.ask("GET", &path, headers, "");
        assert_eq!(answer.status, 401);
        assert_eq!(header(&answer, "www-authenticate"), Some("Bearer"));
        assert!(!answer.body.contains("shop.test"));
    }
    for id in ["00000000-0000-8000-8000-000000000000", "x", ".."] {
        let answer = world.ask("GET", &format!("/admin/messages/{id}"), &[good], "");
        assert_eq!(answer.status, 404, "{id}");
    }
    world.unreachable.set(true);
    assert_eq!(world.ask("GET", &path, &[good], "").status, 503);
}

#[test]
fn without_an_operator_key_there_are_no_stories() {
    let mut vars = vars();
    vars.as_object_mut().unwrap().remove("OPERATOR_KEY");
    let world = World::with(&vars, [(200, "{}")], Vec::new());
    let answer = world.ask("GET", "/admin/messages/x", &[], "");
    assert_eq!(answer, world.ask("GET", "/login/no/such/route", &[], ""));
    assert_eq!(answer.status, 404);
}
