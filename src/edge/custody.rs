//! The one record of an object that keeps one, its alarm, and what is remembered beside it.

use worker::Storage;

use super::{
    alarm,
    sql::{exec, first_text},
};
use crate::{
    app::ports::{StoreFault, TokenCustody},
    time::UnixMillis,
};

/// One row in the object's SQLite.
pub(super) struct SqliteCustody {
    pub(super) storage: Storage,
}

impl TokenCustody for SqliteCustody {
    fn load(&self) -> Result<Option<String>, StoreFault> {
        let query = "CREATE TABLE IF NOT EXISTS credential (only INTEGER PRIMARY KEY, record TEXT NOT NULL);
            SELECT record FROM credential WHERE only = 1";
        Ok(first_text(exec(&self.storage, query, vec![])?))
    }

    /// Behind [`Self::load`], which sees to the table.
    fn store(&self, record: &str) -> Result<(), StoreFault> {
        let query = "INSERT OR REPLACE INTO credential (only, record) VALUES (1, ?)";
        exec(&self.storage, query, vec![record.into()]).map(drop)
    }

    /// A row of its own, so that it is no part of the record that holds a grant.
    fn load_metadata(&self) -> Option<String> {
        let query = "CREATE TABLE IF NOT EXISTS metadata (only INTEGER PRIMARY KEY, document TEXT NOT NULL);
            SELECT document FROM metadata WHERE only = 1";
        first_text(exec(&self.storage, query, vec![]).ok()?)
    }

    /// Behind [`Self::load_metadata`].
    fn store_metadata(&self, metadata: &str) {
        let query = "INSERT OR REPLACE INTO metadata (only, document) VALUES (1, ?)";
        // Lost, it is asked for once more.
        drop(exec(&self.storage, query, vec![metadata.into()]));
    }

    fn arm(&self, at: Option<UnixMillis>) -> Result<(), StoreFault> {
        alarm::arm(&self.storage, at)
    }
}
