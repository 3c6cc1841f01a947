//! Servers that cannot be reached. To a Worker the platform says the same of a name that is not
//! found, of a connection that is refused and of a way that is not there: there is no connection.

use edgepost_e2e::{Case, Port, Server, Setup, Site};

use super::outcome::{Becomes, check};

/// A name that the DNS never has (RFC 6761 §6.4), which a resolver may take its time to say.
const NOWHERE: Server = Server {
    host: "smtp.nowhere.invalid",
    port: Port::Number(587),
};

const NOBODY_LISTENS: Server = Server {
    host: "localhost",
    port: Port::Closed,
};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, server) in [
        ("the name is not in the DNS", NOWHERE),
        ("the connection is refused", NOBODY_LISTENS),
    ] {
        let setup = || Setup {
            elsewhere: Some(server),
            ..Setup::default()
        };
        cases.push(Case::with(format!("S18 {what}"), setup(), |site| {
            reason(site, "no connection");
        }));
        cases.push(Case::with(
            format!("S18 {what}, implicit TLS"),
            setup().over_tls(),
            |site| reason(site, "no connection"),
        ));
    }
    cases
}

/// Tried again by itself, and the operator reads what is the matter.
fn reason(site: &Site, words: &str) {
    let id = check(site, Becomes::Soon(&["connect_failed"]));
    let story = site.story(&id);
    let last = story.events().last().expect("an event")["detail"].clone();
    let detail = last.as_str().expect("a reason");
    assert!(detail.contains(words), "{detail}");
    assert!(detail.contains("smtp_host"), "{detail}");
}
