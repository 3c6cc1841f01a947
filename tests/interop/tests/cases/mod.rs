//! All cases, by topic.

mod auth;
mod closed;
mod commands;
mod content;
mod control;
mod refused;
mod tls;

use edgepost_interop::{Accepted, Kind, Mail, Server};

/// A case, which runs on several servers.
pub struct Case {
    /// Beginning with the case's identifier.
    pub name: &'static str,
    /// What is done and looked at. Panics when it is not as promised.
    pub check: Check,
}

/// On what.
pub enum Check {
    /// On each server of these kinds.
    Each(fn(Kind) -> bool, fn(&Server)),
    /// On these two, one after the other.
    Pair(&'static str, &'static str, fn(&Server, &Server)),
}

impl Case {
    fn new(name: &'static str, check: fn(&Server)) -> Self {
        Self::on(|_| true, name, check)
    }

    fn on(kinds: fn(Kind) -> bool, name: &'static str, check: fn(&Server)) -> Self {
        let check = Check::Each(kinds, check);
        Self { name, check }
    }
}

pub fn all() -> Vec<Case> {
    let topics = [
        content::cases(),
        refused::cases(),
        auth::cases(),
        closed::cases(),
        commands::cases(),
        control::cases(),
        tls::cases(),
    ];
    topics.into_iter().flatten().collect()
}

/// The message as it must have arrived.
fn arrived(mail: &Mail) -> Accepted {
    Accepted {
        from: mail.from.clone(),
        to: mail.to.clone(),
        content: in_lines(&mail.content),
    }
}

/// What the content is once every line ends with CRLF: CR and LF alone end one too, for whoever
/// let them through would let a server decide what they are.
fn in_lines(content: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    format!("{}\r\n", text.replace('\n', "\r\n")).into_bytes()
}

/// Compares texts, for a difference that can be read.
fn assert_only(accepted: &[Accepted], mail: &Mail) {
    let text = |all: &[Accepted]| -> Vec<_> {
        let shown = |one: &Accepted| {
            let content = String::from_utf8_lossy(&one.content).into_owned();
            (one.from.clone(), one.to.clone(), content)
        };
        all.iter().map(shown).collect()
    };
    assert_eq!(text(accepted), text(&[arrived(mail)]));
}
