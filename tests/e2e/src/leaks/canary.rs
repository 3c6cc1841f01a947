//! What is searched for, and in which forms it could have been written down.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use xtask::http::encode;

use crate::World;
use crate::api::{FRIEND, SUBJECT_CANARY};
use crate::site::{BODY_CANARY, OWNER, VISITOR};

/// Even so much of a secret is a leak.
pub(super) const PIECE_OCTETS: usize = 8;

/// What secrets begin with that their makers mark. It tells nothing; what follows would.
const BEGINNINGS: [&str; 5] = ["refresh-", "secret-", "access-", "code-", "ep_"];

/// How much of a session's cookie, from its end, is our signature: what is before it names the
/// session and opens nothing.
const SIGNATURE_CHARS: usize = 40;

/// What something is, and so where it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A key, a token, or what could be exchanged for one.
    Secret,
    /// What a browser holds while somebody is signed in, or on the way to a consent.
    Session,
    /// What a message says.
    Content,
    /// The address of somebody who sends or receives.
    Person,
}

/// Something that is searched for.
#[derive(Debug, Clone)]
pub struct Canary {
    /// What it is.
    pub kind: Kind,
    /// What it is called; many may be called the same.
    pub what: String,
    /// Its beginning, as far as it says something.
    pub piece: Vec<u8>,
}

impl Canary {
    /// The beginning of `text`.
    #[must_use]
    pub fn new(kind: Kind, what: impl Into<String>, text: &str) -> Self {
        let known = BEGINNINGS.iter().find(|known| text.starts_with(**known));
        let text = &text.as_bytes()[known.map_or(0, |known| known.len())..];
        Self {
            kind,
            what: what.into(),
            piece: text[..text.len().min(PIECE_OCTETS)].to_vec(),
        }
    }
}

/// Everything that is known of a world and should not be known of it by others.
#[must_use]
pub fn canaries(world: &World) -> Vec<Canary> {
    let mut all = Vec::new();
    for (name, value) in world.secrets.iter().chain(world.keys()) {
        all.push(Canary::new(Kind::Secret, name, value));
    }
    for secret in world.sandbox.secrets() {
        let kind = match secret.what {
            "state" => Kind::Session,
            _ => Kind::Secret,
        };
        all.push(Canary::new(kind, secret.what, &secret.text));
    }
    // As XOAUTH2 and OAUTHBEARER write them, before they are base64.
    for text in ["auth=Bearer ".to_owned(), format!("user={}0", world.name())] {
        all.push(Canary::new(Kind::Secret, "an AUTH response", &text));
    }
    for browser in world.browsers() {
        let from = browser.cookie.len().saturating_sub(SIGNATURE_CHARS);
        let cookie = &browser.cookie[from..];
        all.push(Canary::new(Kind::Session, "a session's cookie", cookie));
        all.push(Canary::new(
            Kind::Session,
            "a session's code",
            &browser.csrf,
        ));
    }
    for (what, text) in [("a body", BODY_CANARY), ("a subject", SUBJECT_CANARY)] {
        all.push(Canary::new(Kind::Content, what, text));
    }
    for (what, text) in [
        ("a visitor's address", VISITOR),
        ("an owner's address", OWNER),
        ("a recipient's address", FRIEND),
    ] {
        all.push(Canary::new(Kind::Person, what, text));
    }
    all
}

/// The ways in which octets are written down, each with its name. Every one is at least as long as
/// what it stands for.
#[must_use]
pub fn forms(piece: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("as it is", piece.to_vec())];
    let mut add = |name, form: Vec<u8>| {
        if !forms.iter().any(|(_, known)| *known == form) {
            forms.push((name, form));
        }
    };
    for engine in [&STANDARD, &URL_SAFE] {
        // At each of the three places it can stand in a group; what depends on the octets around it
        // is cut off.
        for shift in 0..3 {
            let encoded = engine.encode([&b"\0\0"[..shift], piece].concat());
            let (from, to) = ([0, 2, 3][shift], (shift + piece.len()) * 8 / 6);
            add("base64", encoded.as_bytes()[from..to].to_vec());
        }
    }
    let each = |write: fn(&u8) -> String| piece.iter().map(write).collect::<String>().into_bytes();
    add("hex", each(|octet| format!("{octet:02x}")));
    add("hex", each(|octet| format!("{octet:02X}")));
    add("percent", each(|octet| format!("%{octet:02X}")));
    add("percent", each(|octet| format!("%{octet:02x}")));
    if let Ok(text) = std::str::from_utf8(piece) {
        add("percent", encode(text).into_bytes());
    }
    forms
}
