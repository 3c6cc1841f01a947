//! A message as people read it.

use std::borrow::Cow;

use mail_parser::{Address, Message, MessageParser, MimeHeaders as _, PartType};
use serde::Serialize;

use crate::inbox::Delivered;

/// Longest beginning of the text shown in the list, in characters.
const SNIPPET: usize = 160;

/// What the content says of itself. Nothing in it was checked by anyone.
#[derive(Debug, Default, Serialize)]
pub(super) struct Letter {
    pub(super) subject: String,
    /// The name, or the address where there is none.
    pub(super) from_name: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) cc: String,
    pub(super) reply_to: String,
    pub(super) message_id: Option<String>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    /// Names and values as they stand, unfolded.
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
pub(super) struct Attachment {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) octets: usize,
}

impl Attachment {
    pub(super) fn size(&self) -> String {
        size(self.octets)
    }
}

impl Letter {
    pub(super) fn read(message: &Delivered) -> Self {
        let Some(parsed) = MessageParser::default().parse(&message.raw) else {
            return Self::default();
        };
        Self {
            subject: parsed.subject().unwrap_or_default().trim().to_owned(),
            from_name: first_name(parsed.from())
                .unwrap_or_else(|| message.envelope.mail_from.clone()),
            from: addresses(parsed.from()),
            to: addresses(parsed.to()),
            cc: addresses(parsed.cc()),
            reply_to: addresses(parsed.reply_to()),
            message_id: parsed.message_id().map(ToOwned::to_owned),
            text: own_text(&parsed).map(Cow::into_owned),
            html: own_html(&parsed).map(Cow::into_owned),
            attachments: parsed.attachments().map(describe).collect(),
            headers: parsed
                .headers_raw()
                .map(|(name, value)| {
                    (
                        name.to_owned(),
                        value.split_whitespace().collect::<Vec<_>>().join(" "),
                    )
                })
                .collect(),
        }
    }

    /// The beginning of the text in one line.
    pub(super) fn snippet(&self) -> String {
        let text = self.text.as_deref().unwrap_or_default();
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(SNIPPET) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }
}

/// One attachment's name, type and octets.
pub(super) fn attachment(message: &Delivered, index: usize) -> Option<(Attachment, Vec<u8>)> {
    let parsed = MessageParser::default().parse(&message.raw)?;
    let part = parsed.attachments().nth(index)?;
    Some((describe(part), part.contents().to_vec()))
}

fn describe(part: &mail_parser::MessagePart<'_>) -> Attachment {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        },
    );
    let name = part.attachment_name().unwrap_or("unnamed").to_owned();
    Attachment {
        name,
        content_type,
        octets: part.contents().len(),
    }
}

/// The text part, if there is one: the parser would make one out of HTML.
fn own_text<'x>(message: &'x Message<'x>) -> Option<Cow<'x, str>> {
    let part = message.part(*message.text_body.first()?)?;
    match &part.body {
        PartType::Text(_) | PartType::Html(_) => message.body_text(0),
        _ => None,
    }
}

/// The HTML part, if there is one: the parser would make one out of text.
fn own_html<'x>(message: &'x Message<'x>) -> Option<Cow<'x, str>> {
    let part = message.part(*message.html_body.first()?)?;
    match &part.body {
        PartType::Html(html) => Some(Cow::Borrowed(html)),
        _ => None,
    }
}

fn addresses(header: Option<&Address<'_>>) -> String {
    let one = |address: &mail_parser::Addr<'_>| match (address.name(), address.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (None, Some(text)) | (Some(text), None) => text.to_owned(),
        (None, None) => String::new(),
    };
    header
        .map(|header| header.iter().map(one).collect::<Vec<_>>().join(", "))
        .unwrap_or_default()
}

fn first_name(header: Option<&Address<'_>>) -> Option<String> {
    let first = header?.first()?;
    first
        .name()
        .or_else(|| first.address())
        .map(ToOwned::to_owned)
}

/// `734 bytes`, `12 KB`, `3.4 MB`.
pub(super) fn size(octets: usize) -> String {
    match octets {
        0..1_000 => format!("{octets} bytes"),
        1_000..1_000_000 => format!("{} KB", octets.div_ceil(1_000)),
        _ => format!("{}.{} MB", octets / 1_000_000, octets % 1_000_000 / 100_000),
    }
}
