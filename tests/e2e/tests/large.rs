//! Large messages through the real doors, in workerd itself: the linear memory of the isolate is a
//! constant, whatever the size of the message.

use std::time::Duration;

use xtask::bench::{Rig, message};
use xtask::http::Client;

/// Octets of linear memory that no message takes more of.
const MEMORY: u64 = 8 * 1024 * 1024;

/// By how much a message seven times as large may take more.
const GROWTH: u64 = 1024 * 1024;

/// Longest wait for a message to be sent, by a sandbox that is not built for speed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Hands a message in whose file has so many octets, waits until it is sent, and tells how much
/// linear memory there was at most.
fn peak(file: usize) -> u64 {
    let rig = Rig::start(true).expect("workerd");
    let answer = rig.send(&Client::new(None).expect("a client"), &message(file));
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.json().expect("JSON")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let story = rig.settled(&id, PATIENCE).expect("settled");
    assert_eq!(story["state"], "sent", "{story:#}");
    let mails = rig.sandbox.inbox();
    assert_eq!(mails.len(), 1);
    let parsed = mail_parser::MessageParser::default()
        .parse(&mails[0].raw)
        .expect("a message");
    let attached = parsed.attachment(0).expect("a file").contents();
    let sent: Vec<u8> = (0..=250).cycle().take(file).collect();
    assert!(attached == sent, "the file arrived as it was sent");
    rig.workerd.linear_memory().expect("a size")
}

#[test]
fn memory_does_not_grow_with_the_message() {
    xtask::tools::ensure().expect("tools");
    xtask::build::ensure_built().expect("a bundle");
    // As messages, 5 MB and 34: the most that the stand-in provider takes.
    let small = peak(3_650_000);
    let large = peak(25_000_000);
    println!("linear memory: {small} and {large} octets");
    assert!(large <= MEMORY, "{large} octets");
    assert!(
        large.saturating_sub(small) <= GROWTH,
        "{small} and {large} octets"
    );
}
