//! A delivered message, parsed by a parser that is not the one that wrote it.

use edgepost_sandbox::Delivered;
use mail_parser::{Address, Message, MessageParser};

/// A parsed message.
pub struct Mail<'d> {
    message: Message<'d>,
    raw: &'d [u8],
}

impl<'d> Mail<'d> {
    /// # Panics
    /// If it is no message.
    #[must_use]
    pub fn parse(delivered: &'d Delivered) -> Self {
        let raw = delivered.raw.as_slice();
        let message = MessageParser::default().parse(raw);
        Self {
            message: message.expect("a message that parses"),
            raw,
        }
    }

    /// Addresses in From.
    #[must_use]
    pub fn from(&self) -> Vec<String> {
        addresses(self.message.from())
    }

    /// Addresses in To.
    #[must_use]
    pub fn to(&self) -> Vec<String> {
        addresses(self.message.to())
    }

    /// Addresses in Reply-To.
    #[must_use]
    pub fn reply_to(&self) -> Vec<String> {
        addresses(self.message.reply_to())
    }

    /// The subject, decoded.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.message.subject().unwrap_or_default()
    }

    /// Message-ID, without angle brackets.
    #[must_use]
    pub fn message_id(&self) -> &str {
        self.message.message_id().unwrap_or_default()
    }

    /// Whether there is a Date that can be read.
    #[must_use]
    pub fn has_date(&self) -> bool {
        self.message
            .date()
            .is_some_and(mail_parser::DateTime::is_valid)
    }

    /// Date, in seconds since the epoch.
    #[must_use]
    pub fn date(&self) -> Option<i64> {
        self.message.date().map(mail_parser::DateTime::to_timestamp)
    }

    /// The text, decoded, lines ended by LF.
    #[must_use]
    pub fn text(&self) -> String {
        self.message
            .body_text(0)
            .unwrap_or_default()
            .replace("\r\n", "\n")
    }

    /// The HTML part, decoded.
    #[must_use]
    pub fn html(&self) -> String {
        self.message.body_html(0).unwrap_or_default().into_owned()
    }

    /// Names of all header fields, in lower case and in order.
    #[must_use]
    pub fn header_names(&self) -> Vec<String> {
        self.message
            .headers()
            .iter()
            .map(|header| header.name().to_ascii_lowercase())
            .collect()
    }

    /// What RFC 5322 §2.3 and RFC 5321 §2.3.8 forbid in content, in words; empty for good content.
    #[must_use]
    pub fn faults_of_content(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for line in self.raw.split_inclusive(|&octet| octet == b'\n') {
            let body = line.strip_suffix(b"\r\n").unwrap_or_else(|| {
                faults.push("a line that does not end in CRLF".to_owned());
                line
            });
            if body.contains(&b'\r') || body.contains(&0) {
                faults.push("a bare CR or a NUL".to_owned());
            }
            if body.len() > 998 {
                faults.push(format!("a line of {} octets", body.len()));
            }
        }
        faults
    }
}

fn addresses(field: Option<&Address<'_>>) -> Vec<String> {
    let all = field.into_iter().flat_map(Address::iter);
    all.filter_map(|address| address.address())
        .map(str::to_owned)
        .collect()
}
