//! One message into a provider that misbehaves, and what must become of it.

use edgepost_e2e::story::Story;
use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::Fault;

/// What must become of the message.
#[derive(Debug, Clone, Copy)]
pub enum Becomes {
    /// Sent, and delivered once.
    Sent,
    /// Delivered once, and either sent or in doubt: what the server said last may be lost with the
    /// connection.
    SentOrInDoubt,
    /// The attempt is put off for one of these causes, and nothing was delivered.
    Deferred(&'static [&'static str]),
    /// The same, and it is tried again by itself within minutes.
    Soon(&'static [&'static str]),
    /// The same, and the mailbox waits for a person to change something.
    Person(&'static [&'static str]),
    /// Finally failed for this cause, and nothing was delivered.
    Failed(&'static str),
    /// In doubt for one of these causes; so many were delivered.
    InDoubt(&'static [&'static str], usize),
}

/// A case whose provider always does this.
pub fn case(name: impl Into<String>, fault: Fault, becomes: Becomes) -> Case {
    with(name, Setup::always(fault), becomes)
}

/// A case with this setup.
pub fn with(name: impl Into<String>, setup: Setup, becomes: Becomes) -> Case {
    Case::with(name, setup, move |site| {
        let _id = check(site, becomes);
    })
}

/// Sends a message and holds what becomes of it against what must; answers its identifier.
pub fn check(site: &Site, becomes: Becomes) -> String {
    let id = site.send();
    became(site, &id, becomes);
    id
}

/// Holds what becomes of a message that was sent against what must.
pub fn became(site: &Site, id: &str, becomes: Becomes) {
    match becomes {
        Becomes::Sent => {
            site.until_sent(id);
            assert_eq!(site.mails().len(), 1, "delivered");
        }
        Becomes::SentOrInDoubt => {
            site.until(id, "sent or in doubt", |story| {
                story.was("sent") || story.was("in_doubt")
            });
            assert_eq!(site.mails().len(), 1, "delivered");
        }
        Becomes::Deferred(causes) => ends_in(site, id, "deferred", causes, 0),
        Becomes::Soon(causes) => {
            ends_in(site, id, "deferred", causes, 0);
            let wait = wait(site, id);
            assert!(wait <= SOON, "tried again in {wait} s");
        }
        Becomes::Person(causes) => {
            ends_in(site, id, "deferred", causes, 0);
            let wait = wait(site, id);
            assert!(wait > SOON, "tried again in {wait} s");
            let story = site.story(id);
            let detail = story.text("/health/detail");
            assert!(!detail.is_empty(), "no advice: {:#}", story.0);
        }
        Becomes::Failed(cause) => {
            ends_in(site, id, "failed", &[cause], 0);
            assert_eq!(
                site.story(id).attempts(),
                1,
                "a permanent refusal is not tried again"
            );
        }
        Becomes::InDoubt(causes, delivered) => ends_in(site, id, "in_doubt", causes, delivered),
    }
}

/// Between the longest wait after the first few failures that pass by themselves and the first wait
/// for a person, in seconds.
const SOON: u32 = 600;

/// How long the message waits, once it does: while an attempt is under way nothing is due.
fn wait(site: &Site, id: &str) -> u32 {
    let waits = |story: &Story| story.wait().is_some();
    let story = site.until(id, "due again", waits);
    story.wait().expect("a wait")
}

fn ends_in(site: &Site, id: &str, state: &str, causes: &[&str], delivered: usize) {
    let story = site.until_event(id, state);
    for found in story.causes(state) {
        assert!(
            causes.contains(&found),
            "expected {causes:?}, found {found:?}: {:#}",
            story.0
        );
    }
    assert!(!story.was("sent"), "{:#}", story.0);
    assert_eq!(site.mails().len(), delivered, "delivered");
}
