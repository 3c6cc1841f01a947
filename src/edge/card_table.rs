//! What the API keeps of messages, in an Outbox's SQLite.

use worker::{SqlStorageValue, Storage};

use crate::{
    api::Card,
    app::ports::{Cursor, StoreFault},
    outbox::Job,
};

/// A caller's messages from an identifier on. Both read along the index `card_key`, row by row, so a page
/// costs as many rows as it has messages, however many there are. Texts may be large and are left
/// where they are.
const OLDER: &str = "SELECT json_remove(card, '$.html', '$.text'),
        (SELECT record FROM message WHERE message.id = card.id)
    FROM card WHERE json_extract(card, '$.key') = ? AND id < ? ORDER BY id DESC";
const NEWER: &str = "SELECT json_remove(card, '$.html', '$.text'),
        (SELECT record FROM message WHERE message.id = card.id)
    FROM card WHERE json_extract(card, '$.key') = ? AND id > ? ORDER BY id ASC";

/// Behind every identifier.
const END: &str = "~";

/// Gives a caller's messages one after another. Rows are read when they are asked for: what `take` does
/// not want is never read.
pub(super) fn listed(
    storage: &Storage,
    key: &str,
    from: Cursor,
    take: &mut dyn FnMut(&Job, &Card) -> bool,
) -> Result<(), StoreFault> {
    let (query, id) = match from {
        Cursor::Newest => (OLDER, END.to_owned()),
        Cursor::OlderThan(id) => (OLDER, id.to_string()),
        Cursor::NewerThan(id) => (NEWER, id.to_string()),
    };
    let values = vec![SqlStorageValue::from(key), id.into()];
    let rows = storage.sql().exec(query, values).map_err(|_| StoreFault)?;
    for row in rows.raw() {
        let row = row.map_err(|_| StoreFault)?;
        let Ok(
            [
                SqlStorageValue::String(card),
                SqlStorageValue::String(record),
            ],
        ) = <[SqlStorageValue; 2]>::try_from(row)
        else {
            return Err(StoreFault);
        };
        let card = serde_json::from_str::<Card>(&card).ok();
        let card = card.filter(|card| card.v == Card::VERSION);
        let (Some(card), Ok(job)) = (card, Job::from_stored(&record)) else {
            continue;
        };
        if !take(&job, &card) {
            break;
        }
    }
    Ok(())
}
