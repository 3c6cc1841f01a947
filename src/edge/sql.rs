//! Statements on an object's SQLite.

use worker::{SqlStorageValue, Storage};

use crate::app::ports::StoreFault;

/// A row, its values in the order of the statement's columns.
pub(super) type Row = Vec<SqlStorageValue>;

/// Executes one statement, or several without values, and reads all rows.
pub(super) fn exec(
    storage: &Storage,
    query: &str,
    values: Vec<SqlStorageValue>,
) -> Result<Vec<Row>, StoreFault> {
    let cursor = storage.sql().exec(query, values).map_err(|_| StoreFault)?;
    cursor
        .raw()
        .collect::<Result<_, _>>()
        .map_err(|_| StoreFault)
}

/// The first value of the first row, if it is a text.
pub(super) fn first_text(rows: Vec<Row>) -> Option<String> {
    match rows.into_iter().flatten().next() {
        Some(SqlStorageValue::String(text)) => Some(text),
        _ => None,
    }
}
