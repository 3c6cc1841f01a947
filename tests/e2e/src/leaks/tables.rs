//! The tables of databases, read by a program that knows their format.

use std::fs;
use std::path::Path;

use xtask::{Context, Result, paths, tools};

use super::evidence::collect;
use super::{Piece, Place};

/// Tables of an Outbox in which a message's text may stand: its content, and a message of the API
/// as its caller wrote it.
const WITH_CONTENT: [&str; 2] = ["content", "card"];

/// Writes each table of the databases below `from` into a file below `to`; answers them with the
/// number of rows.
pub(super) fn dump(from: &Path, to: &Path) -> Result<(Vec<Piece>, u64)> {
    fs::create_dir_all(to)?;
    let mut databases = Vec::new();
    collect(from, &mut databases)?;
    databases.retain(|file| file.extension().is_some_and(|kind| kind == "sqlite"));
    // By a file: the names of hundreds would be too long for a command line.
    let list: Vec<String> = databases
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let list_file = to.with_extension("list");
    fs::write(&list_file, list.join("\n"))?;
    let output = tools::command("node")
        .arg("--no-warnings")
        .arg(paths::root().join("tests/e2e/src/leaks/dump.mjs"))
        .args([&list_file, &to.to_path_buf()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let rows = String::from_utf8_lossy(&output.stdout);
    let rows = rows
        .trim()
        .parse()
        .context(|| format!("no number: {rows:?}"))?;
    let mut files = Vec::new();
    collect(to, &mut files)?;
    let pieces = files.iter().map(|file| {
        let label = file.file_name().unwrap_or_default().to_string_lossy();
        Ok(Piece::new(place_of(&label), label, fs::read(file)?))
    });
    Ok((pieces.collect::<Result<_>>()?, rows))
}

/// Of `edgepost-Outbox.<object>.<table>`.
fn place_of(label: &str) -> Place {
    let table = label.rsplit('.').next().unwrap_or_default();
    match label.contains("-Outbox.") {
        true if WITH_CONTENT.contains(&table) => Place::OutboxContent,
        true => Place::OutboxRecord,
        false => Place::Vault,
    }
}
