//! Where a Keeper stands: a row of its own, beside its credential's.

use worker::Storage;

use super::sql::{exec, first_text};
use crate::app::{
    Standing,
    ports::{StandingStore, StoreFault},
};

/// One row in the object's SQLite.
pub(super) struct SqliteStanding<'a> {
    pub(super) storage: &'a Storage,
}

impl StandingStore for SqliteStanding<'_> {
    fn standing(&self) -> Result<Standing, StoreFault> {
        let query =
            "CREATE TABLE IF NOT EXISTS standing (only INTEGER PRIMARY KEY, record TEXT NOT NULL);
            SELECT record FROM standing WHERE only = 1";
        let stored = first_text(exec(self.storage, query, vec![])?);
        Ok(stored
            .map(|stored| Standing::from_stored(&stored))
            .unwrap_or_default())
    }

    /// Behind [`Self::standing`], which sees to the table.
    fn set_standing(&self, standing: &Standing) -> Result<(), StoreFault> {
        let query = "INSERT OR REPLACE INTO standing (only, record) VALUES (1, ?)";
        exec(self.storage, query, vec![standing.to_stored().into()]).map(drop)
    }
}
