//! `cargo xtask bench api`: the JSON door. Accepts a second and latency, CPU time a message, linear
//! memory by size.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::Load;
use super::rig::{Rig, message};
use super::table::table;
use crate::Result;
use crate::http::Client;

/// Messages for each figure of speed.
const MESSAGES: usize = 1_000;

/// Requests at a time.
const SIDE_BY_SIDE: [usize; 3] = [1, 8, 32];

/// Octets of the file that is attached: none, and from a small one to the largest message of 40 MiB
/// (57 octets become 78 in it).
const FILES: [usize; 8] = [
    0, 1_000, 100_000, 1_000_000, 5_000_000, 10_000_000, 25_000_000, 30_600_000,
];

/// Longest wait for a message to be sent.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures, and prints a table or JSON.
///
/// # Errors
/// If something does not run.
pub fn run(json: bool) -> Result<()> {
    let speed = speed()?;
    let cpu = cpu()?;
    let sizes = FILES.into_iter().map(by_size).collect::<Result<Vec<_>>>()?;
    if json {
        let all = json!({ "accepts": speed, "cpu": cpu, "by_size": sizes });
        println!("{all:#}");
        return Ok(());
    }
    println!("POST /emails, a small message, in workerd");
    let head = ["at a time", "a second", "p50 ms", "p99 ms"];
    print!(
        "{}",
        rows(
            &head,
            &["side_by_side", "a_second", "p50_ms", "p99_ms"],
            &speed
        )
    );
    println!("\nCPU time of the whole process, one message after another");
    println!(
        "  {} µs a message accepted, {} µs an empty request",
        cpu["accept_us"], cpu["empty_us"]
    );
    println!("\nOne message with a file, in a fresh process: linear memory is the most there was");
    let head = [
        "file",
        "message",
        "2xx ms",
        "sent ms",
        "CPU ms",
        "memory after 2xx",
        "when sent",
    ];
    let keys = [
        "file",
        "message",
        "accept_ms",
        "sent_ms",
        "cpu_ms",
        "accept_memory",
        "sent_memory",
    ];
    print!("{}", rows(&head, &keys, &sizes));
    Ok(())
}

fn rows(head: &[&str], keys: &[&str], values: &[Value]) -> String {
    let cell = |value: &Value| match value {
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    };
    let row = |value: &Value| keys.iter().map(|key| cell(&value[*key])).collect();
    table(head, &values.iter().map(row).collect::<Vec<_>>())
}

/// Accepts a second, and how long each takes.
fn speed() -> Result<Vec<Value>> {
    let rig = Rig::start(false)?;
    let body = message(0);
    let warm = MESSAGES / 10;
    Load::run(warm, 4, |client| rig.send(client, &body))?;
    SIDE_BY_SIDE
        .into_iter()
        .map(|side_by_side| {
            let load = Load::run(MESSAGES, side_by_side, |client| rig.send(client, &body))?;
            Ok(json!({
                "side_by_side": side_by_side,
                "a_second": load.rate().round(),
                "p50_ms": rounded(load.percentile(50)),
                "p99_ms": rounded(load.percentile(99)),
            }))
        })
        .collect()
}

/// CPU time of a message that is accepted, beside that of a request that does nothing.
fn cpu() -> Result<Value> {
    let rig = Rig::start(false)?;
    let body = message(0);
    let health = format!("{}/healthz", rig.workerd.url());
    let of = |request: &(dyn Fn(&Client) -> Result<crate::http::Answer> + Sync)| -> Result<u64> {
        Load::run(MESSAGES / 10, 1, request)?;
        let before = rig.workerd.cpu()?;
        Load::run(MESSAGES, 1, request)?;
        let spent = rig.workerd.cpu()?.saturating_sub(before);
        Ok(u64::try_from(spent.as_micros())? / MESSAGES as u64)
    };
    let empty = of(&|client| client.get(&health, &[]))?;
    let accept = of(&|client| rig.send(client, &body))?;
    Ok(json!({ "accept_us": accept, "empty_us": empty }))
}

/// One message in a fresh process.
fn by_size(file: usize) -> Result<Value> {
    let rig = Rig::start(true)?;
    let body = message(file);
    let before = rig.workerd.cpu()?;
    let began = Instant::now();
    let answer = rig.send(&Client::new(None)?, &body)?;
    let accepted = began.elapsed();
    if answer.status != 200 {
        return Err(format!("{}: {}", answer.status, answer.body).into());
    }
    let accept_memory = rig.workerd.linear_memory()?;
    let id = answer.json()?["id"].as_str().unwrap_or_default().to_owned();
    let story = rig.settled(&id, PATIENCE)?;
    let sent = story["state"] == "sent";
    Ok(json!({
        "file": file,
        "message": story["size"],
        "accept_ms": accepted.as_millis() as u64,
        "sent_ms": sent.then(|| began.elapsed().as_millis() as u64),
        "cpu_ms": rig.workerd.cpu()?.saturating_sub(before).as_millis() as u64,
        "accept_memory": accept_memory,
        "sent_memory": sent.then(|| rig.workerd.linear_memory()).transpose()?,
    }))
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
