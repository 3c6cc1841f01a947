//! Content in an Outbox's SQLite: of its messages, and of what may become one.

use worker::SqlStorageValue;

use super::sqlite::{SqliteStore, sql_time};
use crate::{
    app::ports::{ContentStore, StoreFault},
    mail::{PartNumber, Place},
    outbox::EmailId,
    time::UnixMillis,
};

impl ContentStore for SqliteStore {
    fn begin_staging(&self, id: EmailId, at: UnixMillis) -> Result<(), StoreFault> {
        let values = vec![id.to_string().into(), sql_time(at).into()];
        let query = "INSERT OR IGNORE INTO staging (id, at) VALUES (?, ?)";
        self.exec(query, values).map(drop)
    }

    fn stage(&self, id: EmailId, place: Place, octets: Vec<u8>) -> Result<(), StoreFault> {
        let values = vec![
            id.to_string().into(),
            number(place)?.into(),
            SqlStorageValue::Blob(octets),
        ];
        let query = "INSERT OR REPLACE INTO content (id, piece, octets) VALUES (?, ?, ?)";
        self.exec(query, values).map(drop)
    }

    fn piece(&self, id: EmailId, place: Place) -> Result<Option<Vec<u8>>, StoreFault> {
        let values = vec![id.to_string().into(), number(place)?.into()];
        let query = "SELECT octets FROM content WHERE id = ? AND piece = ?";
        let rows = self.exec(query, values)?;
        match rows.into_iter().flatten().next() {
            Some(SqlStorageValue::Blob(octets)) => Ok(Some(octets)),
            Some(_) => Err(StoreFault),
            None => Ok(None),
        }
    }

    fn drop_part(&self, id: EmailId, part: PartNumber) -> Result<(), StoreFault> {
        let first = number(Place { part, piece: 0 })?;
        let last = number(Place {
            part,
            piece: u32::MAX,
        })?;
        let values = vec![id.to_string().into(), first.into(), last.into()];
        let query = "DELETE FROM content WHERE id = ? AND piece BETWEEN ? AND ?";
        self.exec(query, values).map(drop)
    }

    fn discard(&self, id: EmailId) -> Result<(), StoreFault> {
        self.transaction(|| {
            let id = id.to_string();
            // Content of a message that is there is never dropped in this way.
            let query = "DELETE FROM content WHERE id = ?1
                AND NOT EXISTS (SELECT 1 FROM message WHERE id = ?1)";
            self.exec(query, vec![id.as_str().into()])?;
            self.exec("DELETE FROM staging WHERE id = ?", vec![id.into()])
                .map(drop)
        })
    }

    fn oldest_staging(&self) -> Result<Option<(EmailId, UnixMillis)>, StoreFault> {
        let rows = self.exec("SELECT id, at FROM staging ORDER BY at LIMIT 1", vec![])?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        match <[SqlStorageValue; 2]>::try_from(row) {
            Ok([SqlStorageValue::String(id), SqlStorageValue::Integer(at)]) => {
                let id = id.parse().map_err(|_| StoreFault)?;
                let at = UnixMillis::new(u64::try_from(at).map_err(|_| StoreFault)?);
                Ok(Some((id, at)))
            }
            _ => Err(StoreFault),
        }
    }
}

/// A place as SQLite keeps it.
pub(super) fn number(place: Place) -> Result<i64, StoreFault> {
    i64::try_from(place.number()).map_err(|_| StoreFault)
}
