//! The operator stops everything, with mail on its way.

use std::time::{Duration, SystemTime};

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{Fault, Script, Speaker, Step};
use serde_json::Value;

/// No MAIL is heard later than this.
const PROMISED: Duration = Duration::from_secs(60);

/// How late the server answers content.
const LATE_MILLIS: u64 = 8_000;

pub fn cases() -> Vec<Case> {
    vec![
        Case::with(
            "STOP ends a session that waits, holds over a kill, and loses nothing",
            Setup::once(Fault::stall(Step::Rcpt)),
            waiting_session,
        ),
        Case::with(
            "D8 STOP waits for the answer to a message that was handed over",
            Setup {
                connections: vec![Script::of([Fault::delay(Step::Content, LATE_MILLIS)])],
                ..Setup::default()
            },
            handed_over,
        ),
    ]
}

fn now_millis() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(now.expect("after 1970").as_millis()).expect("a time")
}

/// Tells the Worker; answers when it had answered.
fn tell(site: &Site, what: &str) -> u64 {
    let answer = site.world.post_admin(&format!("/admin/{what}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json = answer.json().expect("JSON");
    assert_eq!(json["silent"], Value::Array(Vec::new()), "{json}");
    let outbox = Value::from(format!("outbox/{}", site.forms[0]));
    assert!(
        json["answered"]
            .as_array()
            .expect("a list")
            .contains(&outbox),
        "{json}"
    );
    now_millis()
}

/// What the client said to the server later than that.
fn said_after(site: &Site, at_ms: u64, word: &str) -> usize {
    let connections = site.connections();
    let lines = connections
        .iter()
        .flat_map(|connection| &connection.dialogue);
    lines
        .filter(|line| line.speaker == Speaker::Client && line.at_ms > at_ms)
        .filter(|line| line.text.starts_with(word))
        .count()
}

fn said(site: &Site, word: &str) -> usize {
    said_after(site, 0, word)
}

fn open_connections(site: &Site) -> usize {
    let connections = site.connections();
    connections
        .iter()
        .filter(|one| one.ended_ms.is_none())
        .count()
}

fn waiting_session(site: &Site) {
    let _turn = site.world.turn();
    let mut ids = vec![site.send(), site.send()];
    site.wait_until("a recipient is named", || said(site, "RCPT") > 0);
    let stopped = tell(site, "stop");
    site.wait_until("the session is left", || open_connections(site) == 0);
    assert!(now_millis() - stopped < 5_000, "the session was left late");

    // Mail is taken and kept, whatever dies meanwhile.
    ids.push(site.send());
    let connections = site.connections().len();
    let tokens = site.token_requests().len();
    site.world.worker.kill_workerd().expect("killed");
    site.world.worker.wait_until_ready().expect("started again");
    ids.push(site.send());
    let ready = site.world.readiness();
    let body = ready.json().expect("JSON");
    assert_eq!(
        (ready.status, &body["cause"]),
        (503, &Value::from("stopped")),
        "{body}"
    );
    let board = site
        .world
        .sign_in()
        .get("/operator")
        .expect("an answer")
        .body;
    assert!(board.contains("Everything is stopped"), "{board}");
    std::thread::sleep(PROMISED);
    assert_eq!(said_after(site, stopped, "MAIL"), 0);
    assert_eq!(site.connections().len(), connections);
    assert_eq!(site.token_requests().len(), tokens);
    for id in &ids {
        let story = site.story(id);
        assert!(
            ["queued", "deferred"].contains(&story.state()),
            "{:#}",
            story.0
        );
        assert_ne!(story.text("/stopped"), "");
        assert!(!story.was("in_doubt"), "{:#}", story.0);
    }

    tell(site, "start");
    for id in &ids {
        site.until_sent(id);
    }
    assert_eq!(site.mails().len(), ids.len());
}

fn handed_over(site: &Site) {
    let _turn = site.world.turn();
    let ids = [site.send(), site.send()];
    site.wait_until("content is handed over", || site.mails().len() == 1);
    let stopped = tell(site, "stop");
    site.wait_until("the session is left", || open_connections(site) == 0);
    assert!(now_millis() - stopped < LATE_MILLIS + 5_000);
    // The answer was waited for, and leave was taken of the server.
    assert_eq!(said_after(site, stopped, "QUIT"), 1);
    assert_eq!(said_after(site, stopped, "MAIL"), 0);
    let states = || ids.iter().map(|id| site.story(id).state().to_owned());
    site.wait_until("the first is sent", || {
        states().any(|state| state == "sent")
    });
    assert!(states().any(|state| state == "queued"));
    tell(site, "start");
    for id in &ids {
        let story = site.until_sent(id);
        assert_eq!(story.attempts(), 1, "{:#}", story.0);
    }
    assert_eq!(site.mails().len(), 2);
}
