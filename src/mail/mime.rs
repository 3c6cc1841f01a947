//! The octets of a message. The only file that knows `mail_builder`.
//!
//! The library writes the frame: headers, text, and the structure of parts. Attachments are not
//! given to it; where one belongs it writes a mark, and the attachment's own octets are spliced in
//! there when the message is read out, piece by piece, so that a message is never whole in memory.
//!
//! ```text
//! multipart/mixed                 when there are attachments
//! ├─ multipart/alternative        when there is more than one form
//! │  ├─ text/plain
//! │  ├─ multipart/related         when the HTML refers to attachments by content id
//! │  │  ├─ text/html
//! │  │  └─ image/png, inline
//! │  └─ text/calendar; method=…   an invitation
//! └─ application/pdf, attachment
//! ```

use std::borrow::Cow;

use mail_builder::{
    MessageBuilder,
    headers::{
        HeaderType, address::Address, content_type::ContentType, message_id, raw::Raw, text::Text,
    },
    mime::MimePart,
};

use super::{
    Attachment, AttachmentContent, Coding, CustomHeader, Draft, Mailbox, MessageId, Part,
    PartNumber, base64_lines, line_ends::LineEnds,
};
use crate::{limits::HEADER_WORD_OCTETS, time::UnixMillis};

/// What makes a message this one and no other. Always given: the library would make its own from
/// a clock and a counter, the same in every isolate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// `Date`.
    pub date: UnixMillis,
    /// `Message-ID`.
    pub message_id: MessageId,
    /// 128 random bits that separate the parts; nobody who writes text into a body can know them.
    pub boundary: u128,
}

/// A message without its attachments: the octets between them, and which comes where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The octets before the first attachment, between each two, and after the last.
    between: Vec<Vec<u8>>,
    /// The attachments in the order of the message, by their place in the draft.
    order: Vec<usize>,
}

/// The attachment at this place says that it is a message, and would have to be encoded, which
/// RFC 2046 §5.2.1 forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAMessage(pub usize);

/// Octets of an attachment that are read at a time: a multiple of a line's.
const PIECE_OCTETS: usize = base64_lines::OCTETS_PER_LINE * 4096;

/// Builds the frame: lines ended by CRLF, none over 998 octets, 7-bit, no blind copies.
///
/// # Errors
/// When an attachment cannot stand in a message as what it says it is.
pub fn frame(draft: &Draft, stamp: &Stamp) -> Result<Frame, NotAMessage> {
    let odd =
        |file: &Attachment| is_message(file) && file.content.measured().text_length().is_none();
    if let Some(index) = draft.attachments.iter().position(odd) {
        return Err(NotAMessage(index));
    }
    let mut message = MessageBuilder::new().from(address(&draft.from));
    if !draft.to.is_empty() {
        message = message.to(list(&draft.to));
    }
    if !draft.cc.is_empty() {
        message = message.cc(list(&draft.cc));
    }
    if !draft.reply_to.is_empty() {
        message = message.reply_to(list(&draft.reply_to));
    }
    message = message
        .subject(draft.subject.as_str())
        .message_id(stamp.message_id.as_str())
        // In our own words, which have one length: a message that is rescheduled gets another date.
        .header("Date", Raw::new(stamp.date.to_rfc_5322()));
    if draft.auto_generated {
        message = message.header("Auto-Submitted", Raw::new("auto-generated"));
    }
    for header in &draft.headers {
        message = message.header(header.name(), header_value(header));
    }
    let mut octets = Vec::new();
    message
        .body(Structure { draft, stamp }.body())
        .serialize(&mut octets);
    // Where it is handed over by its length (BDAT), nothing else would end the last line.
    if !octets.ends_with(b"\r\n") {
        octets.extend_from_slice(b"\r\n");
    }
    Ok(splice(&octets, draft.attachments.len(), stamp))
}

impl Frame {
    /// How many octets the message has, known before any of them is read.
    pub fn length(&self, draft: &Draft) -> u64 {
        let between: usize = self.between.iter().map(Vec::len).sum();
        let files = self
            .order
            .iter()
            .filter_map(|index| draft.attachments.get(*index));
        files
            .map(encoded_length)
            .fold(between as u64, u64::saturating_add)
    }

    /// The frame's own octets, by the number of the part that they are.
    pub fn between(&self) -> impl Iterator<Item = (PartNumber, &[u8])> {
        let numbers = (0..).map(PartNumber::frame);
        numbers.zip(self.between.iter().map(Vec::as_slice))
    }

    /// The same, given away.
    pub fn into_between(self) -> impl Iterator<Item = (PartNumber, Vec<u8>)> {
        (0..).map(PartNumber::frame).zip(self.between)
    }

    /// The parts in the order of the message, where the attachments are kept elsewhere.
    pub fn layout(&self, draft: &Draft) -> Vec<Part> {
        let files = self.order.iter().map(|index| Part {
            number: PartNumber::file(*index),
            coding: match draft.attachments.get(*index) {
                Some(file) if is_message(file) => Coding::Text,
                _ => Coding::Base64,
            },
        });
        let files = files.map(Some).chain(std::iter::once(None));
        let frames = self.between().map(|(number, _)| Part {
            number,
            coding: Coding::Identity,
        });
        frames
            .zip(files)
            .flat_map(|(frame, file)| std::iter::once(frame).chain(file))
            .collect()
    }

    /// The message, piece by piece, where the attachments are here.
    pub fn read<'a>(&'a self, draft: &'a Draft) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let files = self
            .order
            .iter()
            .filter_map(|index| draft.attachments.get(*index));
        let files = files.map(Some).chain(std::iter::once(None));
        self.between.iter().zip(files).flat_map(|(before, file)| {
            let before = std::iter::once(Cow::Borrowed(before.as_slice()));
            before.chain(file.into_iter().flat_map(pieces))
        })
    }
}

/// How many octets an attachment has in the message.
fn encoded_length(file: &Attachment) -> u64 {
    match &file.content {
        AttachmentContent::Here(octets) if !is_message(file) => {
            base64_lines::encoded_length(octets.len() as u64)
        }
        content => {
            let measured = content.measured();
            match measured.text_length() {
                Some(length) if is_message(file) => length,
                _ => measured.base64_length(),
            }
        }
    }
}

/// An attachment's octets as they stand in the message.
fn pieces(file: &Attachment) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let message = is_message(file);
    let whole = message.then(|| plain(file.content.as_octets()));
    let encoded = if message {
        &[]
    } else {
        file.content.as_octets()
    };
    let encoded = encoded
        .chunks(PIECE_OCTETS)
        .map(|piece| Cow::Owned(base64_lines::encode(piece)));
    whole.map(Cow::Owned).into_iter().chain(encoded)
}

/// A message in a message is not encoded (RFC 2046 §5.2.1); only its line ends are made CRLF.
fn plain(octets: &[u8]) -> Vec<u8> {
    let mut line_ends = LineEnds::default();
    let mut lines = line_ends.write(octets);
    lines.extend_from_slice(line_ends.end());
    lines
}

fn is_message(file: &Attachment) -> bool {
    file.media_type.essence() == "message/rfc822"
}

/// What a file is to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It goes along.
    Attached,
    /// The HTML shows it, by its content id. Without HTML nothing can.
    Inline,
    /// It is the message in another form: an invitation (RFC 5546), which calendars find there.
    Alternative,
}

/// The tree of parts.
struct Structure<'a> {
    draft: &'a Draft,
    stamp: &'a Stamp,
}

impl<'a> Structure<'a> {
    fn body(&self) -> MimePart<'a> {
        let rest = self.files(Role::Attached);
        self.around("mixed", self.alternatives(), rest)
    }

    /// RFC 2046 §5.1.4: the richest form last. Pictures stand with the HTML that shows them, so
    /// that who reads the text has none of them.
    fn alternatives(&self) -> MimePart<'a> {
        let text = self.draft.text.as_ref();
        let text = text.map(|text| MimePart::new("text/plain", text.as_str()));
        let html = self.draft.html.as_ref().map(|html| {
            let html = MimePart::new("text/html", html.as_str());
            self.around("related", html, self.files(Role::Inline))
        });
        let mut forms: Vec<_> = text.into_iter().chain(html).collect();
        if forms.is_empty() {
            forms.push(MimePart::new("text/plain", ""));
        }
        forms.extend(self.files(Role::Alternative));
        if forms.len() > 1 {
            return self.multipart("alternative", forms);
        }
        forms
            .pop()
            .unwrap_or_else(|| MimePart::new("text/plain", ""))
    }

    fn files(&self, role: Role) -> Vec<MimePart<'a>> {
        let files = self.draft.attachments.iter().enumerate();
        let files = files.filter(|(_, file)| self.role(file) == role);
        files.map(|(n, file)| self.file(n, file, role)).collect()
    }

    fn role(&self, file: &Attachment) -> Role {
        let mut parameters = file.media_type.parameters().iter();
        if file.media_type.essence() == "text/calendar"
            && parameters.any(|(name, _)| name == "method")
        {
            Role::Alternative
        } else if self.draft.html.is_some() && file.content_id.is_some() {
            Role::Inline
        } else {
            Role::Attached
        }
    }

    fn around(&self, kind: &str, first: MimePart<'a>, rest: Vec<MimePart<'a>>) -> MimePart<'a> {
        if rest.is_empty() {
            return first;
        }
        let mut parts = vec![first];
        parts.extend(rest);
        self.multipart(kind, parts)
    }

    fn multipart(&self, kind: &str, parts: Vec<MimePart<'a>>) -> MimePart<'a> {
        // `=_` stands in no encoded text (RFC 2045 §6.7), so no line of a part can be a boundary.
        let boundary = format!("=_{}_{:032x}", kind, self.stamp.boundary);
        let mut content_type = ContentType::new(format!("multipart/{kind}"));
        if kind == "related" {
            // Required (RFC 2387 §3.1): what the first part is.
            content_type = content_type.attribute("type", "text/html");
        }
        MimePart::new(content_type.attribute("boundary", boundary), parts)
    }

    fn file(&self, number: usize, file: &'a Attachment, role: Role) -> MimePart<'a> {
        let mut content_type = ContentType::new(file.media_type.essence());
        for (name, value) in file.media_type.parameters() {
            content_type = content_type.attribute(name.as_str(), value.as_str());
        }
        // Old readers look for the name here.
        let named = file
            .media_type
            .parameters()
            .iter()
            .any(|(name, _)| name == "name");
        if let Some(name) = file
            .filename
            .as_ref()
            .filter(|_| !named && !is_message(file))
        {
            content_type = content_type.attribute("name", name.as_str());
        }
        let mut disposition = ContentType::new(match role {
            Role::Attached => "attachment",
            Role::Inline | Role::Alternative => "inline",
        });
        if let Some(name) = &file.filename {
            disposition = disposition.attribute("filename", name.as_str());
        }
        // Octets, not text: text would be given a charset.
        let mut part = MimePart::new(content_type, mark(number, self.stamp).into_bytes())
            .header("Content-Disposition", disposition)
            .transfer_encoding(if is_message(file) { "7bit" } else { "base64" });
        if let Some(id) = &file.content_id {
            part = part.header("Content-ID", message_id::MessageId::new(id.as_str()));
        }
        part
    }
}

/// What stands in the frame where an attachment belongs. Random, so that no text can hold it.
fn mark(number: usize, stamp: &Stamp) -> String {
    format!("{}{number}{MARK_END}", mark_begin(stamp))
}

fn mark_begin(stamp: &Stamp) -> String {
    format!("=_file_{:032x}_", stamp.boundary)
}

const MARK_END: &str = "_=";

/// Takes the marks out of the frame.
fn splice(octets: &[u8], files: usize, stamp: &Stamp) -> Frame {
    // One look over the text for what all marks begin with, however many there are.
    let begin = mark_begin(stamp).into_bytes();
    let mut marks: Vec<(usize, usize, usize)> = Vec::with_capacity(files);
    for (at, window) in octets.windows(begin.len()).enumerate() {
        if marks.len() == files || window != begin.as_slice() {
            continue;
        }
        let behind = at.saturating_add(begin.len());
        let rest = octets.get(behind..).unwrap_or_default();
        let digits: Vec<u8> = rest
            .iter()
            .copied()
            .take_while(u8::is_ascii_digit)
            .collect();
        let number = std::str::from_utf8(&digits)
            .ok()
            .and_then(|digits| digits.parse().ok());
        if let Some(number) = number {
            let end = behind
                .saturating_add(digits.len())
                .saturating_add(MARK_END.len());
            marks.push((at, end, number));
        }
    }
    let mut between = Vec::with_capacity(files.saturating_add(1));
    let mut from = 0;
    for (at, end, _) in &marks {
        between.push(octets.get(from..*at).unwrap_or_default().to_vec());
        from = *end;
    }
    between.push(octets.get(from..).unwrap_or_default().to_vec());
    Frame {
        between,
        order: marks.into_iter().map(|(_, _, number)| number).collect(),
    }
}

/// ASCII is folded at its spaces and nothing else is done to it: identifiers and addresses in it
/// must stay what they are. Anything else is encoded (RFC 2047).
fn header_value(header: &CustomHeader) -> HeaderType<'_> {
    let longest_word = header
        .value()
        .split(' ')
        .map(str::len)
        .max()
        .unwrap_or_default();
    if header.value().is_ascii() && longest_word < HEADER_WORD_OCTETS {
        Raw::new(header.value()).into()
    } else {
        Text::new(header.value()).into()
    }
}

fn list(mailboxes: &[Mailbox]) -> Address<'_> {
    Address::new_list(mailboxes.iter().map(address).collect())
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    let name = mailbox.display_name.as_ref().map(super::HeaderText::as_str);
    Address::new_address(name, mailbox.address.as_str())
}

#[cfg(test)]
mod tests;
