//! What a caller may ask for, after the door has parsed it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Attachment, CustomHeader, EmailAddress, Envelope, HeaderText, Mailbox};

/// A message before it has a date, an identifier and a form on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// `MAIL FROM`: the mailbox that sends.
    pub sender: EmailAddress,
    /// `From`: the mailbox, or an alias that it may send as.
    pub from: Mailbox,
    /// `To`.
    pub to: Vec<Mailbox>,
    /// `Cc`.
    #[serde(default)]
    pub cc: Vec<Mailbox>,
    /// Who gets the message and stands in no header.
    #[serde(default)]
    pub bcc: Vec<EmailAddress>,
    /// `Reply-To`.
    #[serde(default)]
    pub reply_to: Vec<Mailbox>,
    /// `Subject`.
    pub subject: HeaderText,
    /// The body as plain text.
    pub text: Option<BodyText>,
    /// The same as HTML.
    pub html: Option<BodyText>,
    /// Further headers.
    #[serde(default)]
    pub headers: Vec<CustomHeader>,
    /// Files.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Written by a program and not by a person: `Auto-Submitted: auto-generated` (RFC 3834
    /// §5), which keeps vacation responders from answering the mailbox.
    pub auto_generated: bool,
}

impl Draft {
    /// The delivery list: every recipient once, in order.
    pub fn envelope(&self) -> Envelope {
        let named = self
            .to
            .iter()
            .chain(&self.cc)
            .map(|mailbox| &mailbox.address);
        let mut forward_paths: Vec<EmailAddress> = Vec::new();
        for address in named.chain(&self.bcc) {
            if !forward_paths.contains(address) {
                forward_paths.push(address.clone());
            }
        }
        Envelope {
            reverse_path: self.sender.clone(),
            forward_paths,
        }
    }
}

/// Lines of text with LF between them and no NUL, so that it can be written in any transfer
/// encoding without a bare CR or LF reaching the wire.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BodyText(String);

/// Why a text cannot be a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a body cannot hold the character NUL")]
pub struct InvalidBody;

impl BodyText {
    /// The text, lines ended by LF.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BodyText {
    type Error = InvalidBody;

    fn try_from(text: String) -> Result<Self, InvalidBody> {
        if text.contains('\0') {
            return Err(InvalidBody);
        }
        if !text.contains('\r') {
            return Ok(Self(text));
        }
        // CRLF first, so that it becomes one line end and not two.
        Ok(Self(text.replace("\r\n", "\n").replace('\r', "\n")))
    }
}

impl From<BodyText> for String {
    fn from(body: BodyText) -> Self {
        body.0
    }
}

/// A body is somebody's letter: `Debug` shows its size only.
impl std::fmt::Debug for BodyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BodyText({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_lf() {
        let body = BodyText::try_from("a\r\nb\rc\n\r\r\nd".to_owned()).unwrap();
        assert_eq!(body.as_str(), "a\nb\nc\n\n\nd");
        assert_eq!(BodyText::try_from("a\0b".to_owned()), Err(InvalidBody));
    }
}
