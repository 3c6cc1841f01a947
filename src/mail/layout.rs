//! How a message's content is kept when it is too large to be kept as it is sent: in parts, each in
//! pieces, and how each part is written onto the wire.
//!
//! Attachments of a large request are kept as they are decoded, before anybody knows where in the
//! message they belong; the frame that holds them together is made when the whole request has been
//! read. So the order of the message is a list of its own.

use serde::{Deserialize, Serialize};

use super::{base64_lines, line_ends::LineEnds};

/// Names a part of a message's content among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartNumber(u16);

impl PartNumber {
    /// Content that is kept as it is sent, and the frame before the first attachment.
    pub const FIRST: Self = Self(0);
    /// The request that the message was read from. Gone once it has been read.
    pub const REQUEST: Self = Self(u16::MAX);

    /// The attachment at `index` of the request.
    pub fn file(index: usize) -> Self {
        Self(u16::try_from(index).unwrap_or(FRAMES).min(FRAMES) | FILES)
    }

    /// The frame between the attachments before and after.
    pub fn frame(index: usize) -> Self {
        Self(u16::try_from(index).unwrap_or(FRAMES).min(FRAMES))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// What is added to a file's number. Far above the number of attachments that a message may have.
const FILES: u16 = 0x4000;
/// The highest number of a frame's part.
const FRAMES: u16 = FILES - 1;

/// A piece of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The part.
    pub part: PartNumber,
    /// Which piece of it, from 0.
    pub piece: u32,
}

impl Place {
    /// A place from one number: the part above, the piece below, so that the pieces of a part stand
    /// together in their order.
    pub fn from_number(number: u64) -> Option<Self> {
        Some(Self {
            part: PartNumber(u16::try_from(number >> PIECE_BITS).ok()?),
            piece: u32::try_from(number & PIECE_MASK).ok()?,
        })
    }

    /// The place as one number.
    pub fn number(self) -> u64 {
        (u64::from(self.part.0) << PIECE_BITS) | (u64::from(self.piece) & PIECE_MASK)
    }
}

const PIECE_BITS: u32 = 24;
const PIECE_MASK: u64 = 0xff_ffff;

/// How a part is written onto the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// As it is kept.
    Identity,
    /// In lines of base64 (RFC 2045 §6.8).
    Base64,
    /// As text, its line ends made CRLF (RFC 2046 §5.2.1: a message in a message is not encoded).
    Text,
}

/// A part in the order of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which.
    pub number: PartNumber,
    /// How it is written.
    pub coding: Coding,
}

/// Writes the pieces of one part, in their order.
#[derive(Debug)]
pub enum PartWriter {
    /// As [`Coding::Identity`].
    Identity,
    /// As [`Coding::Base64`].
    Base64,
    /// As [`Coding::Text`].
    Text(LineEnds),
}

impl PartWriter {
    /// Begins a part.
    pub fn new(coding: Coding) -> Self {
        match coding {
            Coding::Identity => Self::Identity,
            Coding::Base64 => Self::Base64,
            Coding::Text => Self::Text(LineEnds::default()),
        }
    }

    /// The next piece as it is sent. All pieces but the last of a part in base64 are as long as
    /// [`FILE_PIECE_OCTETS`](crate::limits::FILE_PIECE_OCTETS).
    pub fn write(&mut self, piece: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Identity => piece,
            Self::Base64 => base64_lines::encode(&piece),
            Self::Text(line_ends) => line_ends.write(&piece),
        }
    }

    /// What ends the part.
    pub fn end(self) -> &'static [u8] {
        match self {
            Self::Identity | Self::Base64 => b"",
            Self::Text(line_ends) => line_ends.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{ATTACHMENTS, FILE_PIECE_OCTETS};

    #[test]
    fn places_are_numbers_in_their_order() {
        let parts = [
            PartNumber::FIRST,
            PartNumber::frame(1),
            PartNumber::frame(ATTACHMENTS),
            PartNumber::file(0),
            PartNumber::file(ATTACHMENTS),
            PartNumber::REQUEST,
        ];
        let places: Vec<Place> = parts
            .into_iter()
            .flat_map(|part| [0, 1, 70_000].map(|piece| Place { part, piece }))
            .collect();
        let numbers: Vec<u64> = places.iter().map(|place| place.number()).collect();
        assert!(
            numbers.windows(2).all(|pair| pair[0] < pair[1]),
            "{numbers:?}"
        );
        let back: Vec<_> = numbers
            .iter()
            .map(|n| Place::from_number(*n).unwrap())
            .collect();
        assert_eq!(back, places);
        // What was kept before there were parts is the first part.
        assert_eq!(places[1].number(), 1);
    }

    #[test]
    fn pieces_of_a_file_end_with_a_line() {
        assert_eq!(FILE_PIECE_OCTETS % base64_lines::OCTETS_PER_LINE, 0);
    }
}
