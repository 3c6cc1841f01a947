//! What is kept of a request so that it can be read back.

use serde::{Deserialize, Serialize};

/// A message as its caller wrote it, kept beside the message itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The version of this record's form.
    pub v: u8,
    /// The name of the API key that sent it: nobody else reads it.
    pub key: String,
    /// As given, with display names.
    pub from: String,
    /// As given.
    pub to: Vec<String>,
    /// As given.
    pub cc: Vec<String>,
    /// As given.
    pub bcc: Vec<String>,
    /// As given.
    pub reply_to: Vec<String>,
    /// As given.
    pub subject: String,
    /// As given; not what was made of it.
    pub html: Option<String>,
    /// As given; nothing where it was made from the HTML.
    pub text: Option<String>,
    /// Labels for the caller's own use; they are not sent.
    pub tags: Vec<Tag>,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Card {
    /// The version that is written.
    pub const VERSION: u8 = 1;

    /// Octets that its texts take as they are stored, which is as JSON.
    pub fn stored_octets(&self) -> usize {
        let lists = [&self.to, &self.cc, &self.bcc, &self.reply_to];
        let addresses = lists.into_iter().flatten();
        let tags = self.tags.iter().flat_map(|tag| [&tag.name, &tag.value]);
        let texts = [&self.html, &self.text].into_iter().flatten();
        let all = [&self.key, &self.from, &self.subject];
        let all = all.into_iter().chain(addresses).chain(tags).chain(texts);
        all.map(|text| escaped_octets(text)).sum()
    }
}

/// Octets of a text in JSON.
fn escaped_octets(text: &str) -> usize {
    let octets = text.bytes().map(|octet| match octet {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    });
    octets.sum()
}

#[cfg(test)]
mod tests {
    use super::escaped_octets;

    #[test]
    fn a_text_is_as_long_as_it_is_written() {
        let every: String = (0..=300_u32).filter_map(char::from_u32).collect();
        let written = serde_json::to_string(&every).unwrap();
        assert_eq!(escaped_octets(&every), written.len() - 2);
    }
}
