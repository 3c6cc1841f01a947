//! Attachments: what they are called, what they are, and what is in them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{AttachmentContent, header::is_encoded_word};
use crate::limits::{CONTENT_ID_CHARS, FILE_NAME_CHARS, MEDIA_TYPE_CHARS};

/// A file that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<FileName>,
    /// What it is.
    pub media_type: MediaType,
    /// The name by which the HTML refers to it, as `cid:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<ContentId>,
    /// What is in it.
    pub content: AttachmentContent,
}

/// Why an attachment cannot be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidAttachment {
    /// The file name.
    #[error(
        "a file name has 1 to {FILE_NAME_CHARS} characters, no control characters and no encoded text"
    )]
    FileName,
    /// The media type.
    #[error("content_type is a media type such as application/pdf, and not multipart")]
    MediaType,
    /// The content id.
    #[error(
        "content_id has 1 to {CONTENT_ID_CHARS} characters of ASCII, no spaces, quotes or angle brackets"
    )]
    ContentId,
    /// A message in a message that would have to be encoded, which RFC 2046 §5.2.1 forbids.
    #[error(
        "a message/rfc822 attachment is ASCII in lines of at most 998 octets; attach it as application/octet-stream instead"
    )]
    Message,
}

/// A file name without a path. What stood before the last slash or backslash is dropped, as a
/// reader's mail program would do or, worse, would not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FileName {
    type Error = InvalidAttachment;

    fn try_from(text: String) -> Result<Self, InvalidAttachment> {
        let name = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
        let fits = (1..=FILE_NAME_CHARS).contains(&name.chars().count());
        let shown = !name
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        // Readers decode it, and what it decodes to may have a path.
        let plain = fits && shown && !matches!(name, "." | "..") && !is_encoded_word(name);
        if plain {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidAttachment::FileName)
        }
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

/// `type/subtype; name=value…` (RFC 2045 §5.1), rebuilt from its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// `type/subtype`, in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The parameters, names in lower case.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// What a file of this name most likely is.
    pub fn guess(filename: Option<&FileName>) -> Self {
        let extension = filename.and_then(|name| name.as_str().rsplit_once('.'));
        let extension = extension.map(|(_, extension)| extension.to_ascii_lowercase());
        let essence = match extension.as_deref().unwrap_or_default() {
            "pdf" => "application/pdf",
            "zip" => "application/zip",
            "json" => "application/json",
            "doc" => "application/msword",
            "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "xls" => "application/vnd.ms-excel",
            "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            "webp" => "image/webp",
            "svg" => "image/svg+xml",
            "txt" => "text/plain",
            "csv" => "text/csv",
            "html" | "htm" => "text/html",
            "ics" => "text/calendar",
            "xml" => "application/xml",
            "mp3" => "audio/mpeg",
            "mp4" => "video/mp4",
            _ => "application/octet-stream",
        };
        Self {
            essence: essence.to_owned(),
            parameters: Vec::new(),
        }
    }
}

impl FromStr for MediaType {
    type Err = InvalidAttachment;

    fn from_str(text: &str) -> Result<Self, InvalidAttachment> {
        let invalid = InvalidAttachment::MediaType;
        if text.len() > MEDIA_TYPE_CHARS || !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(invalid);
        }
        let mut parts = text.split(';');
        let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        let (main, sub) = essence.split_once('/').ok_or(invalid)?;
        // A multipart needs parts, and would be read as a part of ours. Of messages in a message, only a
        // whole one can be one (RFC 2046 §5.2): a part of one, or its address elsewhere, cannot.
        let within = main == "multipart" || (main == "message" && sub != "rfc822");
        if !is_token(main) || !is_token(sub) || within {
            return Err(invalid);
        }
        let mut parameters = Vec::new();
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(invalid)?;
            let value = value
                .strip_prefix('"')
                .and_then(|v| v.strip_suffix('"'))
                .unwrap_or(value);
            let name = name.to_ascii_lowercase();
            // In RFC 2231's forms (`name*`, `name*0`) readers put values together again.
            let odd = !is_token(&name)
                || name.contains('*')
                || parameters.iter().any(|(other, _)| *other == name);
            let hidden = value.contains(['"', '\\']) || is_encoded_word(value);
            if odd || hidden || value.is_empty() || is_name_with_path(&name, value) {
                return Err(invalid);
            }
            parameters.push((name, value.to_owned()));
        }
        Ok(Self {
            essence,
            parameters,
        })
    }
}

/// A file's name that would be read as a path.
fn is_name_with_path(name: &str, value: &str) -> bool {
    matches!(name, "name" | "filename") && value.contains(['/', '\\'])
}

/// `token` of RFC 2045 §5.1.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b))
}

impl TryFrom<String> for MediaType {
    type Error = InvalidAttachment;

    fn try_from(text: String) -> Result<Self, InvalidAttachment> {
        text.parse()
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        let mut text = media_type.essence;
        for (name, value) in media_type.parameters {
            text.push_str(&format!("; {name}=\"{value}\""));
        }
        text
    }
}

/// The name of a part, without angle brackets (RFC 2392).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentId(String);

impl ContentId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ContentId {
    type Error = InvalidAttachment;

    fn try_from(text: String) -> Result<Self, InvalidAttachment> {
        let inner = text
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'));
        let id = inner.unwrap_or(&text);
        let plain = id
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"<>\"\\()[],;:".contains(&b));
        if plain && (1..=CONTENT_ID_CHARS).contains(&id.len()) {
            Ok(Self(id.to_owned()))
        } else {
            Err(InvalidAttachment::ContentId)
        }
    }
}

impl From<ContentId> for String {
    fn from(id: ContentId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a13_file_names_lose_their_path_and_nothing_else() {
        let name = |text: &str| FileName::try_from(text.to_owned()).map(String::from);
        assert_eq!(name("../../x").as_deref(), Ok("x"));
        assert_eq!(name("C:\\dir\\x.pdf").as_deref(), Ok("x.pdf"));
        assert_eq!(name("a\".pdf; x=\"y").as_deref(), Ok("a\".pdf; x=\"y"));
        assert_eq!(
            name("📎 Rechnung für März.pdf").as_deref(),
            Ok("📎 Rechnung für März.pdf")
        );
        assert_eq!(name(&"x".repeat(300)).map(|n| n.len()), Ok(300));
        for bad in [
            "",
            " ",
            "a/",
            "..",
            "x\r\ny",
            "x\u{2028}y",
            "=?utf-8?B?Li4vLi4vZXZpbC5leGU=?=",
            &"x".repeat(FILE_NAME_CHARS + 1),
        ] {
            assert_eq!(name(bad), Err(InvalidAttachment::FileName), "{bad:?}");
        }
    }

    #[test]
    fn media_types_are_rebuilt_from_their_parts() {
        let parse = |text: &str| text.parse::<MediaType>().map(String::from);
        assert_eq!(parse("Application/PDF").as_deref(), Ok("application/pdf"));
        assert_eq!(
            parse("text/calendar; method=REQUEST;charset=\"utf-8\"").as_deref(),
            Ok("text/calendar; method=\"REQUEST\"; charset=\"utf-8\"")
        );
        for bad in [
            "",
            "pdf",
            "a/",
            "/b",
            "a/b/c",
            "a/b; x",
            "a/b; x=\"",
            "multipart/mixed; boundary=x",
            "text/plain\r\nX: y",
            "text/plain; name=\"a\\\"b\"",
            "text/plain; a b=c",
            "text/plain; name=\"=?utf-8?B?Li4vZXZpbA==?=\"",
            "text/plain; name=../evil",
            "text/plain; name*0=a",
            "text/plain; name=a; NAME=b",
            "message/partial; id=x; number=1",
            "message/external-body; access-type=x",
            "tëxt/plain",
        ] {
            assert_eq!(parse(bad), Err(InvalidAttachment::MediaType), "{bad:?}");
        }
    }

    #[test]
    fn content_ids_are_ascii_names() {
        let id = |text: &str| ContentId::try_from(text.to_owned()).map(String::from);
        assert_eq!(id("<logo@x>").as_deref(), Ok("logo@x"));
        for bad in [
            "",
            "<>",
            "a b",
            "a>\r\nX: y",
            "a\"b",
            "ü",
            &"x".repeat(CONTENT_ID_CHARS + 1),
        ] {
            assert_eq!(id(bad), Err(InvalidAttachment::ContentId), "{bad:?}");
        }
    }
}
