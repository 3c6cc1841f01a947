//! The search for secrets where none may be.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use crate::World;
use crate::site::{BODY_CANARY, OWNER, VISITOR};

/// Even so much of a secret is a leak.
const PREFIX_CHARS: usize = 8;

/// What the sandbox's refresh tokens and client secret begin with, and the API's keys.
const BEGINNINGS: [&str; 3] = ["refresh-", "secret-", "ep_"];

/// Something to search for.
pub struct Needle {
    what: String,
    octets: Vec<u8>,
}

impl Needle {
    fn new(what: impl Into<String>, octets: impl Into<Vec<u8>>) -> Self {
        Self {
            what: what.into(),
            octets: octets.into(),
        }
    }

    fn is_in(&self, octets: &[u8]) -> bool {
        memmem::find(octets, &self.octets).is_some()
    }
}

/// Tokens and keys, whole or in part, plain or in base64.
#[must_use]
pub fn secrets(world: &World) -> Vec<Needle> {
    let mut needles = Vec::new();
    for (name, value) in world.secrets.iter().chain(world.keys()) {
        let value = telling(value);
        // The beginning tells nothing; 8 characters beyond it would.
        let known = BEGINNINGS.iter().find(|start| value.starts_with(**start));
        let length = known.map_or(0, |start| start.len()) + PREFIX_CHARS;
        let prefix = &value[..length.min(value.len())];
        needles.push(Needle::new(name, prefix));
        needles.push(Needle::new(
            format!("{name} in base64"),
            whole_groups(prefix.as_bytes()),
        ));
    }
    // Access tokens are made as they are asked for, so it is their beginning that is searched:
    // as it is, and in base64 at each of the three places it can stand in a group.
    needles.push(Needle::new("an access token", "access-"));
    for shift in 0..3 {
        let encoded = STANDARD.encode([&b"\0\0"[..shift], b"access-".as_slice()].concat());
        // What depends on the octets around it is cut off.
        let (from, to) = ([0, 2, 3][shift], (shift + 7) * 8 / 6);
        needles.push(Needle::new(
            "an access token in base64",
            &encoded.as_bytes()[from..to],
        ));
    }
    // Every assertion begins so: `{"alg":"` in base64.
    needles.push(Needle::new("an assertion", "eyJhbGciOi"));
    needles.push(Needle::new("an AUTH response", "auth=Bearer"));
    // `user=` and what follows it in base64, as in XOAUTH2's response.
    needles.push(Needle::new(
        "an AUTH response in base64",
        whole_groups(b"user="),
    ));
    needles
}

/// The part of a secret that tells it from others. What a private key begins with, and the file that it
/// stands in, tell nothing: it is looked for from within its second line.
fn telling(value: &str) -> &str {
    const INTO_THE_SECOND_LINE: usize = 80;
    value
        .split_once("PRIVATE KEY-----")
        .map_or(value, |(_, key)| &key[INTO_THE_SECOND_LINE..])
}

/// The text of the enquiries.
#[must_use]
pub fn bodies() -> Vec<Needle> {
    vec![Needle::new("the text of an enquiry", BODY_CANARY)]
}

/// Addresses of people.
#[must_use]
pub fn people() -> Vec<Needle> {
    vec![
        Needle::new("the visitor's address", VISITOR),
        Needle::new("the owner's address", OWNER),
    ]
}

/// Base64 of as many octets as make whole groups: what follows cannot change it.
fn whole_groups(octets: &[u8]) -> Vec<u8> {
    let whole = octets.len() - octets.len() % 3;
    let mut encoded = STANDARD.encode(&octets[..whole]).into_bytes();
    if let [first, second, ..] = octets[whole..] {
        // Two octets more give two characters that are certain.
        let rest = STANDARD.encode([first, second, 0]).into_bytes();
        encoded.extend_from_slice(&rest[..2]);
    }
    encoded
}

/// Where something was found, one line each.
#[must_use]
pub fn search<'a>(
    place: &str,
    needles: &[Needle],
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut found = Vec::new();
    for piece in pieces {
        for needle in needles.iter().filter(|needle| needle.is_in(piece)) {
            let piece: String = String::from_utf8_lossy(piece).chars().take(300).collect();
            found.push(format!("{} in {place}: {piece:?}", needle.what));
        }
    }
    found
}

/// The contents of all files below `folder`.
#[must_use]
pub fn files(folder: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut contents = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            contents.extend(files(&path));
        } else {
            contents.extend(fs::read(&path));
        }
    }
    contents
}
