//! Everything a world has left behind, in pieces.

use std::fs;
use std::path::{Path, PathBuf};

use xtask::{Context, Result};

use super::{Place, tables};
use crate::World;
use crate::given::{Audience, Given};

/// Something to search, and where it was.
#[derive(Debug, Clone)]
pub struct Piece {
    /// What kind of place it was in.
    pub place: Place,
    /// Which one.
    pub label: String,
    /// It.
    pub octets: Vec<u8>,
}

impl Piece {
    /// Octets of a place.
    pub fn new(place: Place, label: impl Into<String>, octets: impl Into<Vec<u8>>) -> Self {
        Self {
            place,
            label: label.into(),
            octets: octets.into(),
        }
    }
}

/// What a state folder holds.
#[derive(Debug)]
pub struct Stored {
    /// Files and tables.
    pub pieces: Vec<Piece>,
    /// Rows of the objects' tables.
    pub rows: u64,
    /// Values in KV that are not empty.
    pub values: usize,
}

/// Everything of a world whose Worker has stopped; `scratch` is for copies.
///
/// # Errors
/// If the state folder cannot be read.
pub fn everything(world: &World, scratch: &Path) -> Result<(Vec<Piece>, Stored)> {
    let mut pieces = Vec::new();
    for line in world.worker.log() {
        let listed = line.starts_with("env.") && line.ends_with("local");
        let place = if listed { Place::Listing } else { Place::Log };
        pieces.push(Piece::new(place, "the log", line));
    }
    pieces.extend(world.answers().iter().map(answer));
    for alert in world.alerts() {
        pieces.push(Piece::new(Place::Alert, "an alert", alert));
    }
    Ok((pieces, stored(&world.worker.state_dir(), scratch)?))
}

/// An answer as it was seen.
#[must_use]
pub fn answer(given: &Given) -> Piece {
    let place = match given.audience {
        Audience::Anyone => Place::AnswerToAnyone,
        Audience::Owner => Place::AnswerToOwner,
        Audience::Operator => Place::AnswerToOperator,
    };
    let mut text = format!("{}\n", given.answer.status);
    for (name, value) in &given.answer.headers {
        text += &format!("{name}: {value}\n");
    }
    Piece::new(place, "an answer", text + &given.answer.body)
}

/// The files below `data`, and the tables of its databases.
///
/// # Errors
/// If they cannot be read.
pub fn stored(data: &Path, scratch: &Path) -> Result<Stored> {
    let mut files = Vec::new();
    collect(data, &mut files)?;
    let mut pieces = Vec::new();
    let mut values = 0;
    for file in &files {
        let octets = fs::read(file)?;
        let label = file.strip_prefix(data).unwrap_or(file);
        let label = label.display().to_string();
        let place = if label.contains("/kv/") {
            Place::Kv
        } else if label.contains("-Outbox/") {
            Place::OutboxFile
        } else {
            Place::OtherFile
        };
        values += usize::from(label.contains("/blobs/") && !octets.is_empty());
        pieces.push(Piece::new(place, label, octets));
    }
    // Opening a database writes to it, so a copy is opened.
    match fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let copy = scratch.join("databases");
    for file in files.iter().filter(|file| is_of_object(file)) {
        let to = copy.join(file.strip_prefix(data).unwrap_or(file));
        fs::create_dir_all(to.parent().unwrap_or(&copy))?;
        fs::copy(file, &to).context(|| format!("cannot copy {}", file.display()))?;
    }
    let (tables, rows) = tables::dump(&copy, &scratch.join("tables"))?;
    pieces.extend(tables);
    Ok(Stored {
        pieces,
        rows,
        values,
    })
}

/// A database of a Durable Object, or the log of writes beside it.
fn is_of_object(file: &Path) -> bool {
    let name = file.to_string_lossy();
    name.contains("/do/") && (name.ends_with(".sqlite") || name.ends_with(".sqlite-wal"))
}

pub(super) fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
