//! What the API keeps of messages and of requests, in an Outbox's SQLite.

use worker::SqlStorageValue;

use super::{
    sql::first_text,
    sqlite::{SqliteStore, sql_time},
};
use crate::{
    api::{Card, Fingerprint},
    app::ports::{Cursor, Remembered, StoreFault},
    limits::IDEMPOTENCY_WINDOW,
    outbox::{EmailId, Job},
    time::UnixMillis,
};

/// A caller's next messages from an identifier on. Both read along the index `card_key`, so they cost as
/// many rows as they give, however many there are. Texts may be large and are left where they are.
const OLDER: &str = "SELECT id, json_remove(card, '$.html', '$.text'),
        (SELECT record FROM message WHERE message.id = card.id)
    FROM card WHERE json_extract(card, '$.key') = ? AND id < ? ORDER BY id DESC LIMIT 10";
const NEWER: &str = "SELECT id, json_remove(card, '$.html', '$.text'),
        (SELECT record FROM message WHERE message.id = card.id)
    FROM card WHERE json_extract(card, '$.key') = ? AND id > ? ORDER BY id ASC LIMIT 10";

/// Behind every identifier.
const END: &str = "~";

impl SqliteStore {
    pub(super) fn write_card(&self, id: String, card: &Card) -> Result<(), StoreFault> {
        let card = serde_json::to_string(card).map_err(|_| StoreFault)?;
        let query = "INSERT INTO card (id, card) VALUES (?, ?)";
        self.exec(query, vec![id.into(), card.into()]).map(drop)
    }

    pub(super) fn read_card(&self, id: EmailId) -> Result<Option<Card>, StoreFault> {
        let query = "SELECT card FROM card WHERE id = ?";
        let Some(card) = first_text(self.exec(query, vec![id.to_string().into()])?) else {
            return Ok(None);
        };
        match serde_json::from_str::<Card>(&card) {
            Ok(card) if card.v == Card::VERSION => Ok(Some(card)),
            _ => Err(StoreFault),
        }
    }

    /// Gives a caller's messages one after another. They are read a few at a time: a card may have hundreds
    /// of long names.
    pub(super) fn list_cards(
        &self,
        key: &str,
        from: Cursor,
        take: &mut dyn FnMut(&Job, &Card) -> bool,
    ) -> Result<(), StoreFault> {
        let (query, mut last) = match from {
            Cursor::Newest => (OLDER, END.to_owned()),
            Cursor::OlderThan(id) => (OLDER, id.to_string()),
            Cursor::NewerThan(id) => (NEWER, id.to_string()),
        };
        loop {
            let rows = self.exec(query, vec![key.into(), last.as_str().into()])?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let Ok(
                    [
                        SqlStorageValue::String(id),
                        SqlStorageValue::String(card),
                        SqlStorageValue::String(record),
                    ],
                ) = <[SqlStorageValue; 3]>::try_from(row)
                else {
                    return Err(StoreFault);
                };
                last = id;
                let card = serde_json::from_str::<Card>(&card).ok();
                let card = card.filter(|card| card.v == Card::VERSION);
                if let (Some(card), Ok(job)) = (card, Job::from_stored(&record))
                    && !take(&job, &card)
                {
                    return Ok(());
                }
            }
        }
    }

    /// Remembers a request, and forgets those that are older than the window.
    pub(super) fn write_request(
        &self,
        asked: Remembered<'_>,
        now: UnixMillis,
    ) -> Result<(), StoreFault> {
        let Remembered { request, answer } = asked;
        let window = u64::try_from(IDEMPOTENCY_WINDOW.as_millis()).unwrap_or(u64::MAX);
        let oldest = UnixMillis::new(now.as_millis().saturating_sub(window));
        self.exec(
            "DELETE FROM idempotency WHERE at <= ?",
            vec![sql_time(oldest).into()],
        )?;
        let values = vec![
            request.scope.as_str().into(),
            sql_time(now).into(),
            request.fingerprint.as_str().into(),
            answer.into(),
        ];
        let query = "INSERT INTO idempotency (scope, at, fingerprint, id) VALUES (?, ?, ?, ?)";
        self.exec(query, values).map(drop)
    }

    pub(super) fn remembered_request(
        &self,
        scope: &str,
        now: UnixMillis,
    ) -> Result<Option<(Fingerprint, String)>, StoreFault> {
        let query = "SELECT at, fingerprint, id FROM idempotency WHERE scope = ?";
        let rows = self.exec(query, vec![scope.into()])?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        match <[SqlStorageValue; 3]>::try_from(row) {
            Ok(
                [
                    SqlStorageValue::Integer(at),
                    SqlStorageValue::String(fingerprint),
                    SqlStorageValue::String(answer),
                ],
            ) => {
                let at = UnixMillis::new(u64::try_from(at).map_err(|_| StoreFault)?);
                let fresh = now.since(at) < IDEMPOTENCY_WINDOW;
                Ok(fresh.then_some((Fingerprint::from_stored(fingerprint), answer)))
            }
            _ => Err(StoreFault),
        }
    }
}
