//! What the search of whole worlds came to.

use std::path::PathBuf;

use xtask::{Result, paths};

use super::{Canary, Kind, Needles, Piece, Place, Report, canaries, everything};
use crate::World;
use crate::given::Given;

/// Of all worlds that were searched.
pub struct Findings {
    /// Each of them.
    pub worlds: Vec<Finding>,
}

/// Of one world.
pub struct Finding {
    /// What was searched for.
    pub needles: Needles,
    /// What was found.
    pub report: Report,
    /// Bodies and subjects found where they may be: nought would mean that nothing was read.
    pub content: usize,
    /// Rows of the objects' tables.
    pub rows: u64,
    /// Values in KV.
    pub values: usize,
    /// The log.
    pub log: Vec<String>,
    /// The answers.
    pub answers: Vec<Given>,
    /// Where what it stored still lies.
    pub state: PathBuf,
}

impl Findings {
    /// Stops the Workers and searches all they have left behind.
    ///
    /// # Errors
    /// If something cannot be read.
    pub fn of(worlds: &[&World]) -> Result<Self> {
        let finding = |world: &&World| {
            world.worker.stop();
            let needles = Needles::new(canaries(world));
            let (mut pieces, stored) = everything(world, &scratch(world.name()))?;
            pieces.extend(stored.pieces);
            let content = content_of(needles.canaries(), &pieces);
            Ok(Finding {
                report: needles.search(&pieces),
                needles,
                content,
                rows: stored.rows,
                values: stored.values,
                log: world.worker.log(),
                answers: world.answers(),
                state: world.worker.state_dir(),
            })
        };
        let worlds = worlds.iter().map(finding).collect::<Result<_>>()?;
        Ok(Self { worlds })
    }

    /// Pieces of a place that were searched, in each world.
    #[must_use]
    pub fn searched(&self, place: Place) -> Vec<usize> {
        let count = |world: &Finding| world.report.searched.get(&place).copied();
        self.worlds
            .iter()
            .map(|world| count(world).unwrap_or_default())
            .collect()
    }

    /// What was where it may not be, a line each.
    #[must_use]
    pub fn leaks(&self, places: &[Place]) -> Vec<String> {
        let worlds = self.worlds.iter();
        worlds
            .flat_map(|world| places.iter().flat_map(|place| world.report.of(*place)))
            .collect()
    }
}

/// Fails where anything of a world leaked: for suites that have no report of their own.
///
/// # Errors
/// Says what leaked.
pub fn none(world: &World) -> Result<()> {
    let findings = Findings::of(&[world])?;
    let leaks = findings.leaks(&Place::ALL);
    if findings.worlds[0].rows == 0 || findings.worlds[0].log.is_empty() {
        return Err("there was nothing to search".into());
    }
    if leaks.is_empty() {
        return Ok(());
    }
    Err(format!("{} leaks, such as:\n{}", leaks.len(), leaks[0]).into())
}

/// Where copies of a world's databases are read.
#[must_use]
pub fn scratch(world: &str) -> PathBuf {
    paths::scratch().join("leaks").join(world)
}

/// How often a message's text is in the tables that may hold it.
fn content_of(canaries: &[Canary], pieces: &[Piece]) -> usize {
    let content = canaries.iter().filter(|it| it.kind == Kind::Content);
    let needles = Needles::new(content.cloned().collect());
    let tables = pieces
        .iter()
        .filter(|piece| piece.place == Place::OutboxContent);
    // Where nothing may be, everything that is there is found.
    let as_if: Vec<Piece> = tables
        .map(|piece| Piece::new(Place::Log, "content", piece.octets.clone()))
        .collect();
    needles.search(&as_if).hits.len()
}
