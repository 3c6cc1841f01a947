//! `POST /emails`: the request, read into types that cannot hold a bad value.

use serde_json::Value;

use super::{ApiError, Body, Card, Fingerprint, Held, ScheduledAt, Tag, reader::Reader};
use crate::{
    limits::{ATTACHMENTS, CUSTOM_HEADERS, RECIPIENTS_PER_FIELD, TAG_CHARS, TAGS},
    mail::{
        Attachment, AttachmentContent, BodyText, CustomHeader, Draft, EmailAddress, FileName,
        HeaderText, Mailbox, Measured, MediaType,
    },
};

/// The fields that are understood.
const KNOWN: [&str; 12] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "html",
    "text",
    "headers",
    "attachments",
    "tags",
    "scheduled_at",
];

/// Fields of Resend's that would change what happens and are not supported: refused, because
/// leaving them out would do something else than was asked.
const UNSUPPORTED: [&str; 2] = ["template", "topic_id"];

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// `From`, as asked; whether the caller may is decided elsewhere.
    pub from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    bcc: Vec<Mailbox>,
    reply_to: Vec<Mailbox>,
    subject: HeaderText,
    text: Option<BodyText>,
    html: Option<BodyText>,
    headers: Vec<CustomHeader>,
    attachments: Vec<Attachment>,
    tags: Vec<Tag>,
    /// When it is to be sent, if not at once.
    pub scheduled_at: Option<ScheduledAt>,
    /// Fields that nobody knows: ignored, and named in the answer.
    pub ignored: Vec<String>,
}

impl SendRequest {
    /// Reads one message.
    ///
    /// # Errors
    /// The first field that is wrong or missing.
    pub fn read(body: &Body) -> Result<Self, ApiError> {
        let reader = Reader::new(body.fields()?);
        if let Some(field) = UNSUPPORTED.iter().find(|field| reader.get(field).is_some()) {
            return Err(ApiError::unsupported(field));
        }
        let from = mailbox("from", reader.required_text("from")?)?;
        let to = mailboxes(&reader, "to")?;
        if reader.get("to").is_none() {
            return Err(ApiError::missing("to"));
        }
        if to.is_empty() {
            return Err(ApiError::invalid(
                "to",
                "it must name at least one recipient",
            ));
        }
        let subject = HeaderText::try_from(reader.required_text("subject")?)
            .map_err(|error| ApiError::invalid("subject", error))?;
        let text = body_text(&reader, "text")?;
        let html = body_text(&reader, "html")?;
        if text.is_none() && html.is_none() {
            return Err(ApiError::missing("html` or `text"));
        }
        Ok(Self {
            from,
            to,
            cc: mailboxes(&reader, "cc")?,
            bcc: mailboxes(&reader, "bcc")?,
            reply_to: mailboxes(&reader, "reply_to")?,
            subject,
            text,
            html,
            headers: headers(&reader)?,
            attachments: attachments(&reader, &body.files)?,
            tags: tags(&reader)?,
            scheduled_at: reader.time("scheduled_at")?,
            ignored: ignored(&reader),
        })
    }

    /// The same request with its files in it.
    #[must_use]
    pub fn holding(mut self, mut files: Held) -> Self {
        for (index, file) in self.attachments.iter_mut().enumerate() {
            file.content = AttachmentContent::Here(files.take(index));
        }
        self
    }

    /// What tells this request from others, whichever way it was read. `body` is what it was read
    /// from.
    pub fn fingerprint(&self, body: &Value) -> Fingerprint {
        let digests = self.attachments.iter();
        let digests = digests.map(|file| *file.content.measured().digest());
        Fingerprint::of(body, &digests.collect::<Vec<_>>())
    }

    /// The card and the draft: sent by `sender`, asked for by `key`.
    pub fn into_parts(self, sender: EmailAddress, key: &str) -> (Card, Draft) {
        let written = |mailboxes: &[Mailbox]| mailboxes.iter().map(ToString::to_string).collect();
        let given = |body: &Option<BodyText>| body.clone().map(String::from);
        let card = Card {
            v: Card::VERSION,
            key: key.to_owned(),
            from: self.from.to_string(),
            to: written(&self.to),
            cc: written(&self.cc),
            bcc: written(&self.bcc),
            reply_to: written(&self.reply_to),
            subject: self.subject.as_str().to_owned(),
            html: given(&self.html),
            text: given(&self.text),
            tags: self.tags,
        };
        // A text of nothing is the caller's way to say that there shall be none.
        let text = match self.text {
            Some(text) if text.as_str().is_empty() && self.html.is_some() => None,
            Some(text) => Some(text),
            None => self.html.as_ref().map(BodyText::from_html),
        };
        let draft = Draft {
            sender,
            from: self.from,
            to: self.to,
            cc: self.cc,
            bcc: self
                .bcc
                .into_iter()
                .map(|mailbox| mailbox.address)
                .collect(),
            reply_to: self.reply_to,
            subject: self.subject,
            text,
            html: self.html,
            headers: self.headers,
            attachments: self.attachments,
            auto_generated: false,
        };
        (card, draft)
    }
}

/// The fields of attachments that are understood.
const ATTACHMENT_FIELDS: [&str; 8] = [
    "content",
    "filename",
    "name",
    "content_type",
    "contentType",
    "content_id",
    "inline_content_id",
    "path",
];

/// The fields that nobody knows, those of attachments and tags too.
fn ignored(reader: &Reader<'_>) -> Vec<String> {
    let mut ignored = reader.others(&[&KNOWN[..], &UNSUPPORTED[..]].concat());
    for (field, known) in [
        ("attachments", &ATTACHMENT_FIELDS[..]),
        ("tags", &["name", "value"]),
    ] {
        let list = reader.get(field).and_then(Value::as_array);
        let objects = list.into_iter().flatten().filter_map(Value::as_object);
        for name in objects.flat_map(|fields| Reader::new(fields).others(known)) {
            let name = format!("{field}[].{name}");
            if !ignored.contains(&name) {
                ignored.push(name);
            }
        }
    }
    ignored
}

fn mailbox(field: &str, text: &str) -> Result<Mailbox, ApiError> {
    text.parse()
        .map_err(|error: crate::mail::InvalidMailbox| ApiError::invalid(field, error))
}

fn mailboxes(reader: &Reader<'_>, field: &str) -> Result<Vec<Mailbox>, ApiError> {
    let texts = reader.texts(field, RECIPIENTS_PER_FIELD)?;
    texts.into_iter().map(|text| mailbox(field, text)).collect()
}

fn body_text(reader: &Reader<'_>, field: &str) -> Result<Option<BodyText>, ApiError> {
    let text = reader
        .text(field)?
        .map(|text| BodyText::try_from(text.to_owned()))
        .transpose();
    text.map_err(|error| ApiError::invalid(field, error))
}

fn headers(reader: &Reader<'_>) -> Result<Vec<CustomHeader>, ApiError> {
    let Some(value) = reader.get("headers") else {
        return Ok(Vec::new());
    };
    let wrong = || ApiError::invalid("headers", "it must be an object of strings");
    let map = value.as_object().ok_or_else(wrong)?;
    if map.len() > CUSTOM_HEADERS {
        let most = format_args!("it has at most {CUSTOM_HEADERS} entries").to_string();
        return Err(ApiError::invalid("headers", most));
    }
    let mut names: Vec<_> = map.keys().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    if names
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
    {
        return Err(ApiError::invalid(
            "headers",
            "the same header is there twice",
        ));
    }
    map.iter()
        .map(|(name, value)| {
            let value = value.as_str().ok_or_else(wrong)?;
            // The name is not repeated if it is none: it may hold anything.
            CustomHeader::new(name, value).map_err(|error| ApiError::invalid("headers", error))
        })
        .collect()
}

fn tags(reader: &Reader<'_>) -> Result<Vec<Tag>, ApiError> {
    let Some(value) = reader.get("tags") else {
        return Ok(Vec::new());
    };
    let wrong = || {
        let what = "it must be a list of name and value, each of 1 to 256 letters, digits, _ and -";
        ApiError::invalid("tags", what)
    };
    let list = value
        .as_array()
        .filter(|list| list.len() <= TAGS)
        .ok_or_else(wrong)?;
    let plain = |value: Option<&Value>| {
        let text = value?.as_str()?;
        let fits = (1..=TAG_CHARS).contains(&text.len());
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        (fits && plain).then(|| text.to_owned())
    };
    list.iter()
        .map(|tag| {
            let name = plain(tag.get("name")).ok_or_else(wrong)?;
            let value = plain(tag.get("value")).ok_or_else(wrong)?;
            Ok(Tag { name, value })
        })
        .collect()
}

/// What a content has to be.
pub(super) const NOT_CONTENT: &str =
    "`content` must be base64, a list of octets, or a Buffer as JSON";

fn attachments(
    reader: &Reader<'_>,
    files: &[(usize, Measured)],
) -> Result<Vec<Attachment>, ApiError> {
    let Some(value) = reader.get("attachments") else {
        return Ok(Vec::new());
    };
    let list = value
        .as_array()
        .ok_or_else(|| ApiError::invalid("attachments", "it must be a list"))?;
    if list.len() > ATTACHMENTS {
        let most = format!("it has at most {ATTACHMENTS} entries");
        return Err(ApiError::invalid("attachments", most));
    }
    list.iter()
        .enumerate()
        .map(|(index, value)| attachment(index, value, files))
        .collect()
}

fn attachment(
    index: usize,
    value: &Value,
    files: &[(usize, Measured)],
) -> Result<Attachment, ApiError> {
    let wrong = |what: &dyn std::fmt::Display| ApiError::attachment(index, what);
    let fields = value
        .as_object()
        .ok_or_else(|| wrong(&"it must be an object"))?;
    let reader = Reader::new(fields);
    if reader.get("path").is_some() {
        return Err(wrong(
            &"`path` is not supported, because it would fetch from anywhere; send `content`",
        ));
    }
    // Two spellings of each, of older and newer clients.
    let text = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| reader.get(name));
        match value.map(Value::as_str) {
            None => Ok(None),
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => Err(wrong(&format_args!("`{}` must be a string", names[0]))),
        }
    };
    let filename = text(["filename", "name"])?
        .map(FileName::try_from)
        .transpose();
    let filename = filename.map_err(|error| wrong(&error))?;
    let media_type = text(["content_type", "contentType"])?
        .map(MediaType::try_from)
        .transpose();
    let media_type = media_type.map_err(|error| wrong(&error))?;
    let content_id = text(["content_id", "inline_content_id"])?
        .map(TryInto::try_into)
        .transpose();
    let content_id = content_id.map_err(|error: crate::mail::InvalidAttachment| wrong(&error))?;
    let content = files.iter().find(|(place, _)| *place == index);
    let (_, measured) = content.ok_or_else(|| wrong(&"`content` is missing"))?;
    Ok(Attachment {
        media_type: media_type.unwrap_or_else(|| MediaType::guess(filename.as_ref())),
        filename,
        content_id,
        content: AttachmentContent::Kept(measured.clone()),
    })
}

#[cfg(test)]
mod tests;
