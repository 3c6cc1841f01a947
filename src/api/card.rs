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
}
