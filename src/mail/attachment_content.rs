//! What is in an attachment: its octets, or where they are kept and what is known of them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{base64_lines, line_ends::LineEnds};
use crate::limits::TEXT_LINE_OCTETS;

/// The octets of an attachment. In base64 wherever they are written as text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AttachmentContent {
    /// Here.
    Here(Vec<u8>),
    /// In the Outbox, under the number of the attachment.
    Kept(Measured),
}

impl AttachmentContent {
    /// Takes the octets.
    pub fn new(octets: Vec<u8>) -> Self {
        Self::Here(octets)
    }

    /// The octets, if they are here.
    pub fn as_octets(&self) -> &[u8] {
        match self {
            Self::Here(octets) => octets,
            Self::Kept(_) => &[],
        }
    }

    /// Whether they are in the Outbox.
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// What there is to know of them without looking at them again.
    pub fn measured(&self) -> Measured {
        match self {
            Self::Here(octets) => Measure::of(octets),
            Self::Kept(measured) => measured.clone(),
        }
    }
}

/// What is known of the octets of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// How many there are.
    octets: u64,
    /// How many they are as lines of text, if they can stand in a message as they are.
    text: Option<u64>,
    /// What tells them from others: SHA-256.
    digest: [u8; 32],
}

impl Measured {
    /// Octets in lines of base64.
    pub fn base64_length(&self) -> u64 {
        base64_lines::encoded_length(self.octets)
    }

    /// Octets as lines of text, if it is that: ASCII in lines that every server takes.
    pub fn text_length(&self) -> Option<u64> {
        self.text
    }

    fn write(&self) -> String {
        let text = self.text.map(|length| length.to_string());
        let digest = STANDARD.encode(self.digest);
        format!("{}:{}:{digest}", self.octets, text.unwrap_or_default())
    }

    fn read(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let octets = fields.next()?.parse().ok()?;
        let text = match fields.next()? {
            "" => None,
            length => Some(length.parse().ok()?),
        };
        let digest = STANDARD.decode(fields.next()?).ok()?.try_into().ok()?;
        fields.next().is_none().then_some(Self {
            octets,
            text,
            digest,
        })
    }

    /// SHA-256 of the octets.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// Measures octets as they pass.
#[derive(Debug, Default)]
pub struct Measure {
    octets: u64,
    /// Octets with every line end a CRLF, so far.
    text: u64,
    line: usize,
    not_text: bool,
    line_ends: LineEnds,
    digest: Sha256,
}

impl Measure {
    /// Measures octets that are all here.
    pub fn of(octets: &[u8]) -> Measured {
        let mut measure = Self::default();
        measure.add(octets);
        measure.end()
    }

    /// Adds the next ones.
    pub fn add(&mut self, octets: &[u8]) {
        self.octets = self.octets.saturating_add(octets.len() as u64);
        self.digest.update(octets);
        if self.not_text {
            return;
        }
        let lines = self.line_ends.write(octets);
        self.text = self.text.saturating_add(lines.len() as u64);
        for &octet in &lines {
            match octet {
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line = self.line.saturating_add(1),
            }
            if !octet.is_ascii() || octet == 0 || self.line > TEXT_LINE_OCTETS {
                self.not_text = true;
                return;
            }
        }
    }

    /// What they came to.
    pub fn end(self) -> Measured {
        let end = self.line_ends.end().len() as u64;
        Measured {
            octets: self.octets,
            text: (!self.not_text).then(|| self.text.saturating_add(end)),
            digest: self.digest.finalize().into(),
        }
    }
}

/// What is written before the measures of octets that are not here; in base64 there is no colon.
const KEPT: &str = "kept:";

/// The text is no attachment's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("neither base64 nor the measures of a file")]
pub struct InvalidContent;

impl TryFrom<String> for AttachmentContent {
    type Error = InvalidContent;

    fn try_from(text: String) -> Result<Self, InvalidContent> {
        match text.strip_prefix(KEPT) {
            Some(measures) => Measured::read(measures)
                .map(Self::Kept)
                .ok_or(InvalidContent),
            None => STANDARD
                .decode(text)
                .map(Self::Here)
                .map_err(|_| InvalidContent),
        }
    }
}

impl From<AttachmentContent> for String {
    fn from(content: AttachmentContent) -> Self {
        match content {
            AttachmentContent::Here(octets) => STANDARD.encode(octets),
            AttachmentContent::Kept(measured) => format!("{KEPT}{}", measured.write()),
        }
    }
}

impl std::fmt::Debug for AttachmentContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(octets) => write!(f, "AttachmentContent({} octets)", octets.len()),
            Self::Kept(measured) => write!(f, "AttachmentContent({} octets kept)", measured.octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_in_pieces_is_what_is_measured_whole() {
        let long = format!("a\r\n{}\nb", "x".repeat(TEXT_LINE_OCTETS));
        let too_long = format!("a\r\n{}\nb", "x".repeat(TEXT_LINE_OCTETS + 1));
        let texts: [&[u8]; 7] = [
            b"",
            b"a",
            b"a\rb\nc\r\n",
            long.as_bytes(),
            too_long.as_bytes(),
            b"a\0",
            "ü".as_bytes(),
        ];
        for text in texts {
            let whole = Measure::of(text);
            for at in 0..=text.len() {
                let mut measure = Measure::default();
                measure.add(&text[..at]);
                measure.add(&text[at..]);
                assert_eq!(measure.end(), whole, "{text:.10?} split at {at}");
            }
        }
        assert_eq!(Measure::of(b"a\rb\nc\r\n").text_length(), Some(9));
        assert_eq!(Measure::of(b"a").text_length(), Some(3));
        assert!(Measure::of(long.as_bytes()).text_length().is_some());
        for bad in [too_long.as_bytes(), b"a\0", "ü".as_bytes()] {
            assert_eq!(Measure::of(bad).text_length(), None);
        }
    }

    #[test]
    fn both_forms_are_written_and_read() {
        for content in [
            AttachmentContent::new(vec![0, 1, 255]),
            AttachmentContent::Kept(Measure::of(b"abc")),
            AttachmentContent::Kept(Measure::of(b"\0")),
        ] {
            let text = serde_json::to_string(&content).unwrap();
            assert_eq!(
                serde_json::from_str::<AttachmentContent>(&text).unwrap(),
                content
            );
        }
    }
}
