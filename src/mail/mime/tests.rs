use super::*;
use crate::limits::FILE_PIECE_OCTETS;
use crate::mail::{AttachmentContent, BodyText, EmailAddress, FileName, HeaderText};

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

fn body(text: &str) -> Option<BodyText> {
    Some(BodyText::try_from(text.to_owned()).unwrap())
}

fn draft() -> Draft {
    Draft {
        sender: "sales@shop.test".parse().unwrap(),
        from: mailbox("Jürgen, Shop <sales@shop.test>"),
        to: vec![mailbox("owner@shop.test")],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: vec![mailbox("visitor@example.com")],
        subject: HeaderText::try_from("Contact form").unwrap(),
        text: body("Hello\n.\nworld"),
        html: None,
        headers: Vec::new(),
        attachments: Vec::new(),
        auto_generated: true,
    }
}

fn file(name: &str, media_type: &str, content_id: Option<&str>, content: &[u8]) -> Attachment {
    Attachment {
        filename: Some(FileName::try_from(name.to_owned()).unwrap()),
        media_type: media_type.parse().unwrap(),
        content_id: content_id.map(|id| id.to_owned().try_into().unwrap()),
        content: AttachmentContent::new(content.to_vec()),
    }
}

fn stamp() -> Stamp {
    Stamp {
        date: UnixMillis::new(1_795_339_800_000),
        message_id: MessageId::new(7, &"sales@shop.test".parse().unwrap()),
        boundary: 0xb0,
    }
}

fn render(draft: &Draft) -> String {
    let frame = frame(draft, &stamp()).unwrap();
    let whole: Vec<u8> = frame
        .read(draft)
        .flat_map(|piece| piece.into_owned())
        .collect();
    assert_eq!(
        frame.length(draft),
        whole.len() as u64,
        "the length was known beforehand"
    );
    assert!(whole == render_kept(draft), "the same from its parts");
    let text = String::from_utf8(whole).unwrap();
    assert!(text.is_ascii());
    assert!(text.ends_with("\r\n"), "nothing but its length may end it");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
    let mark = format!("=_file_{:032x}", 0xb0);
    assert!(!text.contains(&mark), "a mark was left: {text}");
    text
}

/// The same message from attachments that are kept in pieces, as a large one is.
fn render_kept(draft: &Draft) -> Vec<u8> {
    let mut kept = draft.clone();
    for file in &mut kept.attachments {
        file.content = AttachmentContent::Kept(file.content.measured());
    }
    let frame = frame(&kept, &stamp()).unwrap();
    let mut whole = Vec::new();
    for part in frame.layout(&kept) {
        let between = frame.between().find(|(number, _)| *number == part.number);
        let octets = match between {
            Some((_, octets)) => octets,
            None => draft.attachments[usize::from(part.number.get() - PartNumber::file(0).get())]
                .content
                .as_octets(),
        };
        let mut writer = crate::mail::PartWriter::new(part.coding);
        for piece in octets.chunks(FILE_PIECE_OCTETS) {
            whole.extend(writer.write(piece.to_vec()));
        }
        whole.extend(writer.end());
    }
    assert_eq!(frame.length(&kept), whole.len() as u64);
    whole
}

#[test]
fn a_text_mail_octet_by_octet() {
    assert_eq!(
        render(&draft()),
        "From: =?utf-8?Q?J=C3=BCrgen=2C_Shop?= <sales@shop.test>\r\n\
         To: <owner@shop.test>\r\n\
         Reply-To: <visitor@example.com>\r\n\
         Subject: Contact form\r\n\
         Message-ID: <00000000000000000000000000000007@shop.test>\r\n\
         Date: Sun, 22 Nov 2026 09:30:00 +0000\r\n\
         Auto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=\"utf-8\"\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Hello\r\n.\r\nworld\r\n"
    );
}

/// The structure of a message: the media types of its parts, in order and nested.
fn structure(draft: &Draft) -> String {
    let text = render(draft);
    let parsed = mail_parser::MessageParser::default()
        .parse(text.as_bytes())
        .unwrap();
    fn describe(message: &mail_parser::Message<'_>, part: u32) -> String {
        use mail_parser::MimeHeaders;
        let part = &message.parts[part as usize];
        let kind = part.content_type().unwrap();
        let name = format!("{}/{}", kind.ctype(), kind.subtype().unwrap());
        match &part.body {
            mail_parser::PartType::Multipart(children) => {
                let children: Vec<_> = children.iter().map(|n| describe(message, *n)).collect();
                format!("{name}({})", children.join(" "))
            }
            _ => name,
        }
    }
    describe(&parsed, 0)
}

#[test]
fn parts_are_nested_as_readers_expect() {
    let html = || body("<p>Hello</p><img src=\"cid:logo\">");
    let logo = || file("logo.png", "image/png", Some("logo"), b"png");
    let pdf = || file("a.pdf", "application/pdf", None, b"pdf");
    let with = |text: Option<BodyText>, html, attachments| {
        structure(&Draft {
            text,
            html,
            attachments,
            ..draft()
        })
    };
    assert_eq!(with(body("t"), None, vec![]), "text/plain");
    assert_eq!(with(None, html(), vec![]), "text/html");
    assert_eq!(
        with(body("t"), html(), vec![]),
        "multipart/alternative(text/plain text/html)"
    );
    assert_eq!(
        with(body("t"), html(), vec![logo()]),
        "multipart/alternative(text/plain multipart/related(text/html image/png))"
    );
    assert_eq!(
        with(body("t"), None, vec![pdf()]),
        "multipart/mixed(text/plain application/pdf)"
    );
    assert_eq!(
        with(body("t"), html(), vec![pdf(), logo()]),
        "multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png)) \
         application/pdf)"
    );
    // Without HTML nothing can refer to it, so it is a file like any other.
    assert_eq!(
        with(body("t"), None, vec![logo()]),
        "multipart/mixed(text/plain image/png)"
    );
    let invitation = file(
        "i.ics",
        "text/calendar; method=REQUEST",
        None,
        b"BEGIN:VCALENDAR",
    );
    assert_eq!(
        with(body("t"), None, vec![invitation]),
        "multipart/alternative(text/plain text/calendar)"
    );
}

/// The library builds the same message whole, attachments and all.
#[test]
fn splicing_makes_the_message_the_library_would_make() {
    let octets: Vec<u8> = (0..=255).cycle().take(500_000).collect();
    for length in [0, 1, 56, 57, 58, 1000, 500_000] {
        let content = &octets[..length];
        let draft = Draft {
            attachments: vec![file("ü.bin", "application/octet-stream", None, content)],
            auto_generated: false,
            reply_to: Vec::new(),
            ..draft()
        };
        let part = MimePart::new(
            ContentType::new("application/octet-stream").attribute("name", "ü.bin"),
            content.to_vec(),
        )
        .header(
            "Content-Disposition",
            ContentType::new("attachment").attribute("filename", "ü.bin"),
        );
        let content_type = ContentType::new("multipart/mixed")
            .attribute("boundary", format!("=_mixed_{:032x}", 0xb0));
        let mut whole = Vec::new();
        MessageBuilder::new()
            .from(("Jürgen, Shop", "sales@shop.test"))
            .to(vec!["owner@shop.test"])
            .subject("Contact form")
            .message_id(stamp().message_id.as_str().to_owned())
            .date(mail_builder::headers::date::Date::new(1_795_339_800))
            .body(MimePart::new(
                content_type,
                vec![MimePart::new("text/plain", "Hello\n.\nworld"), part],
            ))
            .serialize(&mut whole);
        // The library names the encoding before the disposition or after it; both are one set.
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.split("\r\n").map(str::to_owned).collect();
            let headers: Vec<_> = lines
                .iter()
                .filter(|l| l.starts_with("Content-"))
                .cloned()
                .collect();
            lines.retain(|line| !line.starts_with("Content-"));
            (lines.join("\r\n"), {
                let mut h = headers;
                h.sort();
                h
            })
        };
        let (ours, library) = (render(&draft), String::from_utf8(whole).unwrap());
        let ((our_rest, our_headers), (rest, headers)) = (sorted(&ours), sorted(&library));
        assert_eq!(our_headers, headers, "{length}");
        assert_eq!(our_rest.len(), rest.len(), "{length}");
        assert!(our_rest == rest, "{length}");
    }
}

#[test]
fn a17_blind_copies_stand_in_the_envelope_only() {
    let secret: EmailAddress = "secret@x.test".parse().unwrap();
    let draft = Draft {
        bcc: vec![secret.clone()],
        cc: vec![mailbox("Cc <cc@x.test>"), mailbox("owner@shop.test")],
        ..draft()
    };
    let text = render(&draft);
    assert!(!text.contains("secret@x.test") && !text.to_lowercase().contains("\r\nbcc:"));
    let everybody: Vec<String> = draft
        .envelope()
        .forward_paths
        .into_iter()
        .map(String::from)
        .collect();
    assert_eq!(everybody, ["owner@shop.test", "cc@x.test", "secret@x.test"]);
    // Blind copies alone are a message too.
    let alone = Draft {
        to: Vec::new(),
        cc: Vec::new(),
        bcc: vec![secret],
        ..draft
    };
    assert!(!render(&alone).contains("\r\nTo:"));
}

#[test]
fn a_message_in_a_message_is_not_encoded_or_not_sent() {
    let inner = b"From: a@x.test\nSubject: inner\n\nline\n.\n";
    let attach = |content: &[u8]| Draft {
        attachments: vec![file("m.eml", "message/rfc822", None, content)],
        ..draft()
    };
    let text = render(&attach(inner));
    assert!(text.contains("\r\n\r\nFrom: a@x.test\r\nSubject: inner\r\n\r\nline\r\n.\r\n"));
    for bad in ["Subject: ü\n\n", "\0", &"x".repeat(2000)] {
        assert_eq!(
            frame(&attach(bad.as_bytes()), &stamp()),
            Err(NotAMessage(0))
        );
    }
}

#[test]
fn no_body_makes_a_bare_cr_or_lf_a_long_line_or_an_eighth_bit() {
    for text in [
        "lone\rcr and lone\nlf\n\n.\n",
        &"x".repeat(5000),
        &"ü".repeat(3000),
        "MAIL FROM:<e@x.test>\r\n.\r\nQUIT\r\n",
        "tab\tform\u{c}feed\u{1b}escape",
        "--=_mixed_000000000000000000000000000000b1\r\n\r\nX: y",
        "=_file_000000000000000000000000000000b1_0_=",
    ] {
        let (text, html) = (body(text), body(text));
        let attachments = vec![file("a.txt", "text/plain", None, b"a\rb\nc\0")];
        // `render` asserts it.
        render(&Draft {
            text,
            html,
            attachments,
            ..draft()
        });
    }
}

#[test]
fn added_headers_and_long_ones_are_folded() {
    let references = (0..30)
        .map(|n| format!("<{n:016}@x.test>"))
        .collect::<Vec<_>>()
        .join(" ");
    let headers = vec![
        CustomHeader::new("X-Entity-Ref-ID", "123").unwrap(),
        CustomHeader::new("References", &references).unwrap(),
        CustomHeader::new("X-Note", "für dich").unwrap(),
        CustomHeader::new("X-Long", &"x".repeat(990)).unwrap(),
    ];
    let subject = HeaderText::try_from("s".repeat(998)).unwrap();
    let text = render(&Draft {
        headers,
        subject,
        ..draft()
    });
    assert!(text.contains("\r\nX-Entity-Ref-ID: 123\r\n"));
    assert!(text.contains("\r\nX-Note: =?utf-8?"));
    assert!(
        text.replace("\r\n ", " ")
            .contains(&format!("\r\nReferences: {references}\r\n"))
    );
}
