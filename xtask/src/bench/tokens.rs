//! `cargo xtask bench tokens`: how often the provider is asked for an access token, and who waits for
//! that. Counts, so what is expected is known, and another figure is a fault.
//!
//! What happens at once happens in workerd. A day of nobody using a mailbox cannot be waited for: the
//! same core is driven through it on a virtual clock, by a test of its own.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use edgepost_sandbox::AccountSettings;
use serde_json::{Value, json};

use super::load::Load;
use super::rig::{MAILBOX, Rig, message};
use super::table::table;
use crate::http::Client;
use crate::{Context, Result, paths};

/// Outboxes. A mailbox's own grant serves one; only an application's serves several.
const OUTBOXES: usize = 1;

/// Messages handed in while nobody has a token.
const COLD: usize = 1_000;

/// Messages handed in when every Outbox holds a token that the server refuses.
const REFUSED: usize = 100;

/// Requests at a time.
const SIDE_BY_SIDE: usize = 32;

/// An access token that is renewed soon: it is fresh for all but its last 120 seconds, and renewed
/// ahead of that by half of what is left. With 240 seconds that half would be a trace below the least
/// lead there is, for the time of the request goes off.
const LIFETIME: Duration = Duration::from_secs(300);

/// When a token of [`LIFETIME`] has been renewed, at the latest.
const RENEWED: Duration = Duration::from_secs(105);

/// When it is not fresh any more.
const STALE: Duration = Duration::from_secs(181);

/// Longest wait for messages to arrive.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often somebody who waits looks again.
const POLL: Duration = Duration::from_millis(100);

/// The test that drives the core through days.
const VIRTUAL: &str = "figures::a_day_of_idling_and_the_moment_of_expiry";

/// A figure beside what it has to be.
struct Count {
    what: String,
    how: &'static str,
    figure: u64,
    expected: u64,
}

/// Counts, and prints a table or JSON.
///
/// # Errors
/// If something does not run, or a count is not what it has to be.
pub fn run(json: bool) -> Result<()> {
    let mut counts = at_once()?;
    let (expiry, latencies) = expiry()?;
    counts.extend(expiry);
    counts.extend(days()?);
    if json {
        let rows: Vec<Value> = counts.iter().map(Count::json).collect();
        let all = json!({
            "command": "cargo xtask bench tokens --json", "counts": rows, "latency_ms": latencies,
        });
        println!("{all:#}");
    } else {
        println!("cargo xtask bench tokens: requests to the token endpoint");
        let rows: Vec<_> = counts.iter().map(Count::row).collect();
        print!("{}", table(&["", "where", "counted", "expected"], &rows));
        println!("\nFrom POST to sent, in workerd, a connection for each message: {latencies}");
    }
    let wrong = counts.iter().find(|count| count.figure != count.expected);
    match wrong {
        Some(count) => {
            Err(format!("{}: {}, not {}", count.what, count.figure, count.expected).into())
        }
        None => Ok(()),
    }
}

impl Count {
    fn json(&self) -> Value {
        json!({ "what": self.what, "where": self.how, "counted": self.figure, "expected": self.expected })
    }

    fn row(&self) -> Vec<String> {
        let (figure, expected) = (self.figure.to_string(), self.expected.to_string());
        vec![self.what.clone(), self.how.to_owned(), figure, expected]
    }
}

/// A cold cache, and then an incident.
fn at_once() -> Result<Vec<Count>> {
    let rig = Rig::with(true, OUTBOXES, AccountSettings::default())?;
    let body = message(0);
    let next = AtomicUsize::new(0);
    let send =
        |client: &Client| rig.send_through(next.fetch_add(1, Ordering::Relaxed), client, &body);
    Load::run(COLD, SIDE_BY_SIDE, send)?;
    delivered(&rig, COLD)?;
    let cold = requests(&rig);
    // Every Outbox has the token in its memory, and the cache has it too.
    rig.sandbox.expire_access_tokens(MAILBOX);
    Load::run(REFUSED, SIDE_BY_SIDE, send)?;
    delivered(&rig, COLD + REFUSED)?;
    let incident = requests(&rig) - cold;
    Ok(vec![
        Count {
            what: format!("{COLD} sends on a cold cache"),
            how: "workerd",
            figure: cold,
            expected: 1,
        },
        Count {
            what: format!("a token refused with {REFUSED} messages in flight"),
            how: "workerd",
            figure: incident,
            expected: 1,
        },
    ])
}

/// A token that ends while its mailbox is in use.
fn expiry() -> Result<(Vec<Count>, Value)> {
    let account = AccountSettings {
        lifetime: LIFETIME,
        rotate: true,
        ..AccountSettings::default()
    };
    let rig = Rig::with(true, 1, account)?;
    let began = Instant::now();
    let cold = timed(&rig)?;
    let before = timed(&rig)?;
    let first = requests(&rig);
    // Nobody sends: what comes now is the Keeper's own doing.
    while requests(&rig) == first && began.elapsed() < RENEWED {
        std::thread::sleep(POLL);
    }
    let renewed = requests(&rig) - first;
    std::thread::sleep(STALE.saturating_sub(began.elapsed()));
    let asked = requests(&rig);
    let at_expiry = timed(&rig)?;
    let waited = requests(&rig) - asked;
    let after = timed(&rig)?;
    let counts = vec![
        Count {
            what: "a token in use, renewed before it ends".to_owned(),
            how: "workerd",
            figure: renewed,
            expected: 1,
        },
        Count {
            what: "waited for by the send at the moment of expiry".to_owned(),
            how: "workerd",
            figure: waited,
            expected: 0,
        },
    ];
    let latencies = json!({
        "cold_cache": cold, "token_in_memory": before, "at_expiry": at_expiry, "after_it": after,
    });
    Ok((counts, latencies))
}

/// What the core does on a virtual clock.
fn days() -> Result<Vec<Count>> {
    let mut command = Command::new("cargo");
    command.current_dir(paths::root()).args([
        "test",
        "--quiet",
        "-p",
        "edgepost",
        "--no-default-features",
        "--test",
        "tokens",
        "--",
        "--exact",
        VIRTUAL,
        "--nocapture",
    ]);
    let output = command.output().context(|| "cannot run cargo".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mark = "figures ";
    let figures = text.lines().find_map(|line| line.split_once(mark));
    let (_, figures) = figures.ok_or_else(|| {
        let log = String::from_utf8_lossy(&output.stderr);
        format!("the core did not say:\n{text}\n{log}")
    })?;
    let figures: Value = serde_json::from_str(figures)?;
    let figure = |name: &str| {
        let figure = figures[name].as_u64();
        figure.ok_or_else(|| format!("the core did not say {name}"))
    };
    Ok(vec![
        Count {
            what: "a day of a mailbox that nobody uses".to_owned(),
            how: "core, virtual clock",
            figure: figure("idle_day")?,
            expected: 1,
        },
        Count {
            what: "waited for by 24 sends, one an hour, but the first".to_owned(),
            how: "core, virtual clock",
            figure: figure("hourly_sends_waiting")?,
            expected: 0,
        },
    ])
}

/// Requests to the token endpoint so far.
fn requests(rig: &Rig) -> u64 {
    rig.sandbox.token_requests(MAILBOX).len() as u64
}

/// Waits for so many messages since the sandbox began. They are counted by the number of the newest: the
/// inbox keeps no more than [`INBOX_CAPACITY`](edgepost_sandbox::INBOX_CAPACITY).
fn delivered(rig: &Rig, messages: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let inbox = rig.sandbox.inbox();
        let arrived = inbox.last().map_or(0, |newest| newest.id);
        if arrived >= messages as u64 {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("only {arrived} of {messages} messages arrived").into());
        }
        std::thread::sleep(POLL);
    }
}

/// Milliseconds from handing a message in until it is sent.
fn timed(rig: &Rig) -> Result<u64> {
    let began = Instant::now();
    let answer = rig.send(&Client::new(None)?, &message(0))?;
    let id = answer.json()?["id"].as_str().unwrap_or_default().to_owned();
    let story = rig.settled(&id, PATIENCE)?;
    if story["state"] != "sent" {
        return Err(format!("not sent: {story:#}").into());
    }
    Ok(began.elapsed().as_millis() as u64)
}
