//! A message's content as it is sent, read from where it is kept, a piece at a time.

use super::ports::{ContentStore, StoreFault};
use crate::{
    mail::{Coding, Part, PartNumber, PartWriter, Place},
    outbox::{EmailId, Job},
};

/// Reads one message's content from beginning to end.
#[derive(Debug)]
pub struct ContentReader<'a, S> {
    store: &'a S,
    id: EmailId,
    /// What is left, the next first.
    parts: std::vec::IntoIter<Part>,
    part: Option<(PartNumber, PartWriter)>,
    piece: u32,
}

impl<'a, S: ContentStore> ContentReader<'a, S> {
    /// Begins at the beginning.
    pub fn new(store: &'a S, job: &Job) -> Self {
        let mut parts = job.layout.clone();
        if parts.is_empty() {
            parts.push(Part {
                number: PartNumber::FIRST,
                coding: Coding::Identity,
            });
        }
        Self {
            store,
            id: job.id,
            parts: parts.into_iter(),
            part: None,
            piece: 0,
        }
    }

    /// The next octets, or none after the last.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(&mut self) -> Result<Option<Vec<u8>>, StoreFault> {
        loop {
            let Some((number, mut writer)) = self.part.take() else {
                let Some(part) = self.parts.next() else {
                    return Ok(None);
                };
                self.part = Some((part.number, PartWriter::new(part.coding)));
                self.piece = 0;
                continue;
            };
            let place = Place {
                part: number,
                piece: self.piece,
            };
            let octets = match self.store.piece(self.id, place)? {
                Some(octets) => {
                    self.piece = self.piece.saturating_add(1);
                    let octets = writer.write(octets);
                    self.part = Some((number, writer));
                    octets
                }
                None => writer.end().to_vec(),
            };
            if !octets.is_empty() {
                return Ok(Some(octets));
            }
        }
    }
}
