//! A Worker that is killed, and one that is configured in part wrongly.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::TokenFault;
use serde_json::{Map, Value, json};

/// The name of a form whose mailbox has a fault.
const FAULTY: &str = "faulty";

pub fn cases() -> Vec<Case> {
    // The token endpoint holds the message back: thanked for, and no connection opened.
    let held_back = Setup {
        token: |_| vec![TokenFault::Stall],
        ..Setup::default()
    };
    vec![
        Case::with(
            "D1 what was thanked for survives a kill and is delivered once",
            held_back,
            killed_before_delivery,
        ),
        Case::new(
            "D1 a message sent before a kill is not sent again",
            killed_after_delivery,
        ),
        Case::new(
            "config: a faulty mailbox disables only itself",
            faulty_mailbox,
        ),
    ]
}

/// A mailbox whose address is none, and a form that uses it.
pub fn faulty_vars() -> Map<String, Value> {
    let mailbox = json!({ "address": "nobody", "provider": "google", "client_id": "x" });
    let form = json!({ "mailbox": FAULTY, "to": ["owner@shop.test"] });
    Map::from_iter([
        ("MAILBOX_FAULTY".to_owned(), mailbox),
        ("FORM_FAULTY".to_owned(), form),
    ])
}

fn killed_before_delivery(site: &Site) {
    let _turn = site.world.turn();
    let id = site.send();
    site.wait_until("held back at the token endpoint", || {
        !site.token_requests().is_empty()
    });
    assert_eq!(site.connections().len(), 0, "connections");
    kill(site);
    let story = site.until_sent(&id);
    assert_eq!(site.mails().len(), 1, "{:#}", story.0);
}

fn killed_after_delivery(site: &Site) {
    let _turn = site.world.turn();
    let id = site.send();
    site.until_sent(&id);
    kill(site);
    // Another message wakes the mailbox's queue with all that is in it.
    let second = site.send();
    site.until_sent(&second);
    assert_eq!(site.story(&id).state(), "sent");
    assert_eq!(site.mails().len(), 2);
}

fn kill(site: &Site) {
    site.world.worker.kill_workerd().expect("killed");
    site.world.worker.wait_until_ready().expect("started again");
}

fn faulty_mailbox(site: &Site) {
    let _turn = site.world.turn();
    let answer = site.world.get("/healthz", &[]);
    assert_eq!((answer.status, answer.body.trim()), (503, "misconfigured"));
    let fields = [
        ("name", "Ada"),
        ("email", "ada@visitor.test"),
        ("message", "canary-of-the-body"),
    ];
    let path = format!("/f/{FAULTY}");
    let answer = site
        .world
        .post(&path, &fields, &[("accept", "application/json")]);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("misconfigured"), "{}", answer.body);
    // The visitor learns nothing of what is wrong.
    assert!(!answer.body.contains("MAILBOX_FAULTY") && !answer.body.contains("nobody"));
    site.until_sent(&site.send());
}
