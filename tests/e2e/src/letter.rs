//! A delivered message as more than one parser reads it, in one form.

use std::collections::BTreeMap;

use edgepost_sandbox::Delivered;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use crate::python;

/// A message, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// By whom.
    pub parser: &'static str,
    /// All header fields in order, names in lower case, values decoded.
    pub headers: Vec<(String, String)>,
    /// Those that hold addresses: names and addresses.
    pub addresses: BTreeMap<String, Vec<(String, String)>>,
    /// The content.
    pub body: Part,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `type/subtype`, in lower case.
    pub content_type: String,
    /// `inline` or `attachment`.
    pub disposition: Option<String>,
    /// As the reader would save it.
    pub filename: Option<String>,
    /// Without angle brackets.
    pub content_id: Option<String>,
    /// The content, its transfer encoding undone; of text that is no file in UTF-8.
    pub octets: Vec<u8>,
    /// Of a multipart.
    pub parts: Vec<Part>,
    /// What the parser found wrong.
    pub defects: Vec<String>,
}

/// Every message as each parser reads it.
///
/// # Panics
/// If one is no message, or a parser finds a defect in it.
#[must_use]
pub fn read(mails: &[Delivered]) -> Vec<Letter> {
    let mut letters: Vec<Letter> = mails.iter().map(by_mail_parser).collect();
    letters.extend(python::read(mails).into_iter().flatten());
    for letter in &letters {
        letter.body.assert_sound(letter.parser);
    }
    letters
}

impl Letter {
    /// Names of all header fields, sorted.
    #[must_use]
    pub fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The value of the only header of that name.
    ///
    /// # Panics
    /// If there is none, or more than one.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(own, _)| own == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => value,
            _ => panic!("{}: {name} in {:?}", self.parser, self.headers),
        }
    }

    /// Names and addresses in a field.
    #[must_use]
    pub fn people(&self, field: &str) -> Vec<(&str, &str)> {
        let people = self.addresses.get(field).into_iter().flatten();
        people
            .map(|(name, address)| (name.as_str(), address.as_str()))
            .collect()
    }

    /// Whether a field holds this one person. Python before 3.13 keeps the white space between two
    /// encoded words of a name, against RFC 2047 §6.2: there it does not count.
    #[must_use]
    pub fn is_only(&self, field: &str, name: &str, address: &str) -> bool {
        let comparable = |name: &str| -> String {
            let kept = |c: &char| self.parser != python::PARSER || !c.is_whitespace();
            name.chars().filter(kept).collect()
        };
        let people = self.people(field);
        matches!(people[..], [(own, at)] if at == address && comparable(own) == comparable(name))
    }

    /// The text of the first part of that type that is no file.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn text_of(&self, content_type: &str) -> String {
        let part = self.body.find(content_type);
        part.unwrap_or_else(|| panic!("no {content_type} in {:#?}", self.body))
            .text()
    }
}

impl Part {
    /// The content as text, LF between lines. What ends the last line is the message's, not the
    /// text's.
    #[must_use]
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.octets).replace("\r\n", "\n");
        text.trim_end_matches('\n').to_owned()
    }

    /// The tree in one line, such as `multipart/mixed(text/plain, application/pdf)`.
    #[must_use]
    pub fn outline(&self) -> String {
        if self.parts.is_empty() {
            return self.content_type.clone();
        }
        let parts: Vec<_> = self.parts.iter().map(Self::outline).collect();
        format!("{}({})", self.content_type, parts.join(", "))
    }

    /// All files, in order.
    #[must_use]
    pub fn files(&self) -> Vec<&Self> {
        let own = self.disposition.is_some().then_some(self);
        let below = self.parts.iter().flat_map(Self::files);
        own.into_iter().chain(below).collect()
    }

    fn find(&self, content_type: &str) -> Option<&Self> {
        if self.content_type == content_type && self.disposition.is_none() {
            return Some(self);
        }
        self.parts.iter().find_map(|part| part.find(content_type))
    }

    fn assert_sound(&self, parser: &str) {
        assert!(self.defects.is_empty(), "{parser}: {:?}", self.defects);
        for part in &self.parts {
            part.assert_sound(parser);
        }
    }
}

fn by_mail_parser(mail: &Delivered) -> Letter {
    let message = MessageParser::default().parse(&mail.raw);
    let message = message.expect("a message that parses");
    let fields = [
        ("from", message.from()),
        ("to", message.to()),
        ("cc", message.cc()),
        ("bcc", message.bcc()),
        ("reply-to", message.reply_to()),
        ("sender", message.sender()),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, field)| Some((name.to_owned(), people(field?))));
    Letter {
        parser: "mail-parser",
        headers: headers(&message),
        addresses: fields.collect(),
        body: part(&message, &message.parts[0]),
    }
}

fn headers(message: &Message<'_>) -> Vec<(String, String)> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let fields = message.headers().iter().map(|header| {
        let name = header.name().to_ascii_lowercase();
        let nth = seen.entry(name.clone()).or_default();
        let values = message.header_as(header.name.clone(), mail_parser::HeaderForm::Text);
        let value = values.get(*nth).and_then(|value| value.as_text());
        *nth += 1;
        (name, value.unwrap_or_default().to_owned())
    });
    fields.collect()
}

fn people(field: &Address<'_>) -> Vec<(String, String)> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let people = field.iter();
    people
        .map(|person| (text(person.name()), text(person.address())))
        .collect()
}

fn part(message: &Message<'_>, own: &MessagePart<'_>) -> Part {
    let content_type = own.content_type().map(|kind| match &kind.c_subtype {
        Some(subtype) => format!("{}/{subtype}", kind.c_type).to_ascii_lowercase(),
        None => kind.c_type.to_ascii_lowercase(),
    });
    let parts = match &own.body {
        PartType::Multipart(numbers) => numbers.as_slice(),
        _ => &[],
    };
    let parts = parts.iter().filter_map(|number| message.part(*number));
    let disposition = own.content_disposition();
    Part {
        content_type: content_type.unwrap_or_default(),
        disposition: disposition.map(|value| value.c_type.to_ascii_lowercase()),
        filename: own.attachment_name().map(str::to_owned),
        content_id: own.content_id().map(str::to_owned),
        octets: match &own.body {
            PartType::Multipart(_) => Vec::new(),
            _ => own.contents().to_vec(),
        },
        parts: parts.map(|child| part(message, child)).collect(),
        defects: if own.is_encoding_problem {
            vec!["an encoding problem".to_owned()]
        } else {
            Vec::new()
        },
    }
}
