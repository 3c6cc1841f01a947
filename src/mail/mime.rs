//! The octets of a message. The only file that knows `mail_builder`.

use mail_builder::{
    MessageBuilder,
    headers::{address::Address, content_type::ContentType, date::Date, raw::Raw},
    mime::MimePart,
};

use super::{Draft, Mailbox, MessageId};
use crate::time::UnixMillis;

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

/// Writes the message: lines ended by CRLF, none over 998 octets, 7-bit, no blind copies.
pub fn render(draft: &Draft, stamp: &Stamp) -> Vec<u8> {
    let date = i64::try_from(stamp.date.as_seconds()).unwrap_or(i64::MAX);
    let mut message = MessageBuilder::new()
        .from(address(&draft.from))
        .to(Address::new_list(draft.to.iter().map(address).collect()))
        .subject(draft.subject.as_str())
        .message_id(stamp.message_id.as_str())
        .date(Date::new(date));
    if let Some(reply_to) = &draft.reply_to {
        message = message.reply_to(address(reply_to));
    }
    if draft.auto_generated {
        message = message.header("Auto-Submitted", Raw::new("auto-generated"));
    }
    let text = MimePart::new("text/plain", draft.text.as_str());
    let body = match &draft.html {
        None => text,
        Some(html) => MimePart::new(
            ContentType::new("multipart/alternative")
                .attribute("boundary", format!("=_{:032x}", stamp.boundary)),
            // RFC 2046 §5.1.4: the richest form last.
            vec![text, MimePart::new("text/html", html.as_str())],
        ),
    };
    let mut content = Vec::new();
    message.body(body).serialize(&mut content);
    content
}

fn address(mailbox: &Mailbox) -> Address<'_> {
    Address::new_address(
        mailbox.display_name.as_ref().map(super::HeaderText::as_str),
        mailbox.address.as_str(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{BodyText, HeaderText};

    fn draft() -> Draft {
        Draft {
            from: Mailbox {
                display_name: Some(HeaderText::try_from("Jürgen, Shop").unwrap()),
                address: "sales@shop.test".parse().unwrap(),
            },
            to: vec![Mailbox::from(
                "owner@shop.test"
                    .parse::<crate::mail::EmailAddress>()
                    .unwrap(),
            )],
            reply_to: Some(Mailbox::from(
                "visitor@example.com"
                    .parse::<crate::mail::EmailAddress>()
                    .unwrap(),
            )),
            subject: HeaderText::try_from("Contact form").unwrap(),
            text: BodyText::try_from("Hello\n.\nworld".to_owned()).unwrap(),
            html: None,
            auto_generated: true,
        }
    }

    fn stamp() -> Stamp {
        Stamp {
            date: UnixMillis::new(1_795_339_800_000),
            message_id: MessageId::new(7, &"sales@shop.test".parse().unwrap()),
            boundary: 0xb0,
        }
    }

    #[test]
    fn a_text_mail_octet_by_octet() {
        let content = String::from_utf8(render(&draft(), &stamp())).unwrap();
        assert_eq!(
            content,
            "From: =?utf-8?Q?J=C3=BCrgen=2C_Shop?= <sales@shop.test>\r\n\
             To: <owner@shop.test>\r\n\
             Subject: Contact form\r\n\
             Message-ID: <00000000000000000000000000000007@shop.test>\r\n\
             Date: Sun, 22 Nov 2026 09:30:00 +0000\r\n\
             Reply-To: <visitor@example.com>\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=\"utf-8\"\r\n\
             Content-Transfer-Encoding: 7bit\r\n\
             \r\n\
             Hello\r\n.\r\nworld"
        );
    }

    #[test]
    fn text_and_html_are_alternatives_between_our_boundary() {
        let html = Some(BodyText::try_from("<p>Hello</p>".to_owned()).unwrap());
        let content = String::from_utf8(render(&Draft { html, ..draft() }, &stamp())).unwrap();
        let boundary = "=_000000000000000000000000000000b0";
        assert!(content.contains("multipart/alternative"));
        assert_eq!(content.matches(&format!("\r\n--{boundary}")).count(), 3);
        let (plain, rich) = (content.find("text/plain"), content.find("text/html"));
        assert!(plain < rich);
    }

    #[test]
    fn no_body_makes_a_bare_cr_or_lf_a_long_line_or_an_eighth_bit() {
        for body in [
            "lone\rcr and lone\nlf\n\n.\n",
            &"x".repeat(5000),
            &"ü".repeat(3000),
            "MAIL FROM:<e@x.test>\r\n.\r\nQUIT\r\n",
            "tab\tform\u{c}feed\u{1b}escape",
        ] {
            let text = BodyText::try_from(body.to_owned()).unwrap();
            let html = Some(text.clone());
            let content = render(
                &Draft {
                    text,
                    html,
                    ..draft()
                },
                &stamp(),
            );
            let text = String::from_utf8(content).unwrap();
            assert!(text.is_ascii());
            let unpaired = text.replace("\r\n", "");
            assert!(!unpaired.contains(['\r', '\n', '\0']), "{body:.20?}");
            assert!(text.split("\r\n").all(|line| line.len() <= 998));
        }
    }
}
