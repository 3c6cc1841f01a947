//! One message into a provider that misbehaves, and what must become of it.

use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::Fault;

/// What must become of the message.
#[derive(Debug, Clone, Copy)]
pub enum Becomes {
    /// Sent, and delivered once.
    Sent,
    /// The attempt is put off for one of these causes, and nothing was delivered.
    Deferred(&'static [&'static str]),
    /// Finally failed for this cause, and nothing was delivered.
    Failed(&'static str),
    /// In doubt for one of these causes; so many were delivered.
    InDoubt(&'static [&'static str], usize),
}

/// A case whose provider always does this.
pub fn case(name: impl Into<String>, fault: Fault, becomes: Becomes) -> Case {
    Case::with(name, Setup::always(fault), move |site| {
        let _id = check(site, becomes);
    })
}

/// Sends a message and holds what becomes of it against what must; answers its identifier.
pub fn check(site: &Site, becomes: Becomes) -> String {
    let id = site.send();
    match becomes {
        Becomes::Sent => {
            site.until_sent(&id);
            assert_eq!(site.mails().len(), 1, "delivered");
        }
        Becomes::Deferred(causes) => ends_in(site, &id, "deferred", causes, 0),
        Becomes::Failed(cause) => {
            ends_in(site, &id, "failed", &[cause], 0);
            assert_eq!(
                site.story(&id).attempts(),
                1,
                "a permanent refusal is not tried again"
            );
        }
        Becomes::InDoubt(causes, delivered) => ends_in(site, &id, "in_doubt", causes, delivered),
    }
    id
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
