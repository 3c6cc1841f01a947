//! Messages read by Python's `email`, a parser that shares nothing with the one that wrote them.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgepost_sandbox::Delivered;
use serde_json::Value;

use crate::letter::{Letter, Part};

/// What a letter says that was read here.
pub const PARSER: &str = "Python";

const SCRIPT: &str = include_str!("../parse_mail.py");

/// Reads them all. `None` where there is no Python, which is said once, and which a CI may not be.
///
/// # Panics
/// If Python fails, or is missing in a CI.
#[must_use]
pub fn read(mails: &[Delivered]) -> Option<Vec<Letter>> {
    if !is_there() {
        return None;
    }
    let octets: Vec<_> = mails
        .iter()
        .map(|mail| STANDARD.encode(&mail.raw))
        .collect();
    let input = serde_json::to_vec(&octets).expect("JSON");
    let mut python = Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    // The script reads all before it writes anything: neither waits for the other.
    let mut stdin = python.stdin.take().expect("a pipe");
    stdin.write_all(&input).expect("read by Python");
    drop(stdin);
    let output = python.wait_with_output().expect("Python's answer");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Python: {said}");
    let letters: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let letters = letters.as_array().expect("a list");
    assert_eq!(letters.len(), mails.len());
    Some(letters.iter().map(letter).collect())
}

fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    let there = *THERE.get_or_init(|| {
        let version = Command::new("python3").arg("--version").output();
        let there = version.is_ok_and(|output| output.status.success());
        if !there {
            eprintln!("SKIPPED: there is no python3, so messages are read by one parser only");
        }
        there
    });
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        there || !in_ci,
        "a CI needs python3: it is the second parser"
    );
    there
}

fn letter(read: &Value) -> Letter {
    let pairs = |value: &Value| -> Vec<(String, String)> {
        let pairs = value.as_array().into_iter().flatten();
        pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
    };
    let addresses = read["addresses"].as_object().expect("an object");
    Letter {
        parser: PARSER,
        headers: pairs(&read["headers"]),
        addresses: addresses
            .iter()
            .map(|(name, list)| (name.clone(), pairs(list)))
            .collect(),
        body: part(&read["body"]),
    }
}

fn part(read: &Value) -> Part {
    let optional = |field: &str| read[field].as_str().map(str::to_owned);
    let list = |field: &str| read[field].as_array().cloned().unwrap_or_default();
    Part {
        content_type: text(&read["type"]),
        disposition: optional("disposition"),
        filename: optional("filename"),
        content_id: optional("content_id"),
        octets: STANDARD.decode(text(&read["octets"])).expect("base64"),
        parts: list("parts").iter().map(part).collect(),
        defects: list("defects").iter().map(text).collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
