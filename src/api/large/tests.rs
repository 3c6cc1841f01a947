use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::api::SendRequest;

/// Files in memory, which can fail.
#[derive(Default)]
struct Files {
    pieces: BTreeMap<(usize, u32), Vec<u8>>,
    broken: bool,
}

impl FileSink for Files {
    fn write(&mut self, index: usize, piece: u32, octets: Vec<u8>) -> Result<(), NotKept> {
        if self.broken {
            return Err(NotKept);
        }
        assert!(self.pieces.insert((index, piece), octets).is_none());
        Ok(())
    }
}

impl Files {
    /// The file at `index`, all pieces but the last of one length.
    fn whole(&self, index: usize) -> Vec<u8> {
        let pieces: Vec<_> = self.pieces.range((index, 0)..(index, u32::MAX)).collect();
        let last = pieces.len().saturating_sub(1);
        for (n, (_, piece)) in pieces.iter().enumerate() {
            assert!(piece.len() == FILE_PIECE_OCTETS || n == last && !piece.is_empty());
        }
        pieces
            .into_iter()
            .flat_map(|(_, piece)| piece.clone())
            .collect()
    }
}

fn read(json: &str) -> Result<(LargeBody, Files), LargeError> {
    let mut files = Files::default();
    LargeBody::read(json.as_bytes(), &mut files).map(|body| (body, files))
}

fn message(attachments: Value) -> Value {
    json!({ "from": "a@b.test", "to": "c@d.test", "subject": "Größe", "text": "x\n", "attachments": attachments })
}

fn name(error: LargeError) -> (u16, &'static str) {
    match error {
        LargeError::Caller(error) => (error.status, error.name),
        LargeError::Storage => (0, "storage"),
    }
}

#[test]
fn a_large_body_says_what_a_small_one_says() {
    let long: Vec<u8> = (0..=255).cycle().take(FILE_PIECE_OCTETS * 2 + 5).collect();
    let long64 = ::base64::Engine::encode(&::base64::engine::general_purpose::STANDARD, &long);
    let body = message(json!([
        { "content": "aGk=", "filename": "hi.txt" },
        { "filename": "octets", "content": [0, 255, 10], "content_id": "x" },
        { "content": { "data": [104, 105], "type": "Buffer" }, "filename": "b" },
        { "content": long64, "filename": "long" },
        { "content": "", "filename": "empty" },
    ]));
    let (large, files) = read(&body.to_string()).unwrap();
    assert_eq!(files.whole(0), b"hi");
    assert_eq!(files.whole(1), [0, 255, 10]);
    assert_eq!(files.whole(2), b"hi");
    assert_eq!(files.whole(3), long);
    assert_eq!(files.whole(4), b"");
    let small = SendRequest::read(&body).unwrap();
    let from_large = SendRequest::read_large(&large).unwrap();
    assert_eq!(
        from_large.fingerprint(&large.rest),
        small.fingerprint(&body)
    );
    let sender = || "a@b.test".parse().unwrap();
    let (card, mut draft) = small.into_parts(sender(), "key/x");
    let (large_card, large_draft) = from_large.into_parts(sender(), "key/x");
    for file in &mut draft.attachments {
        file.content = crate::mail::AttachmentContent::Kept(file.content.measured());
    }
    assert_eq!((large_card, large_draft), (card, draft));
}

#[test]
fn the_same_mistakes_are_answered_in_the_same_way() {
    let bodies = [
        json!(null),
        json!([]),
        json!("x"),
        json!({}),
        message(json!("x")),
        message(json!({ "content": "aGk=" })),
        message(json!([null])),
        message(json!([{}])),
        message(json!([{ "content": null }])),
        message(json!([{ "content": true }])),
        message(json!([{ "content": "no base64!" }])),
        message(json!([{ "content": [256] }])),
        message(json!([{ "content": [1.5] }])),
        message(json!([{ "content": [-1] }])),
        message(json!([{ "content": ["1"] }])),
        message(json!([{ "content": { "data": [1] } }])),
        message(json!([{ "content": { "type": "Buffer" } }])),
        message(json!([{ "content": { "type": "Bluffer", "data": [1] } }])),
        message(json!([{ "content": "aGk=", "path": "https://x" }])),
        message(Value::Array(vec![
            json!({ "content": "aGk=" });
            ATTACHMENTS + 1
        ])),
    ];
    for body in bodies {
        let small = SendRequest::read(&body).map_err(|error| (error.status, error.name));
        let large = read(&body.to_string())
            .and_then(|(large, _)| SendRequest::read_large(&large).map_err(LargeError::Caller))
            .map_err(name);
        assert_eq!(large.map(drop), small.map(drop), "{body:.200}");
    }
}

#[test]
fn a1_what_is_no_json_is_refused_as_such() {
    let deep = "[".repeat(100_000);
    let nested = format!("{{\"x\":{deep}");
    for bad in [
        "",
        " ",
        "{",
        "{\"a\":1",
        "{\"a\":1}x",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":01}",
        "{\"a\":1e}",
        "{\"attachments\":[{\"content\":\"aGk",
        "{\"attachments\":[{\"content\":[1,",
        "{\"attachments\":[{\"content\":\"a\u{0}\"}]}",
        "{\"attachments\":[],\"attachments\":[{\"content\":\"\"}],\"attachments\":[]}",
        "{\"attachments\":[{\"content\":\"\",\"content\":\"\"}]}",
        &deep,
        &nested,
    ] {
        let error = read(bad).map(drop).map_err(name);
        assert_eq!(error, Err((400, "validation_error")), "{bad:.60}");
    }
    let not_utf8: [&[u8]; 2] = [
        b"{\"a\":\"\xff\"}",
        b"{\"attachments\":[{\"content\":\"\xff\"}]}",
    ];
    for bad in not_utf8 {
        let read = LargeBody::read(bad, &mut Files::default())
            .map(drop)
            .map_err(name);
        assert_eq!(read, Err((400, "validation_error")));
    }
}

#[test]
fn what_would_have_to_be_held_in_memory_is_bounded() {
    let text = |length: usize| json!({ "html": "é".repeat(length / 2) }).to_string();
    assert!(read(&text(MESSAGE_TEXT_OCTETS - 10)).is_ok());
    let many = |count: usize| format!("{{\"x\":[{}0]}}", "0,".repeat(count));
    assert!(read(&many(JSON_VALUES - 10)).is_ok());
    let name_of = |length: usize| format!("{{\"{}\":1}}", "n".repeat(length));
    let white = format!("{{{}}}", " ".repeat(MESSAGE_TEXT_RAW_OCTETS));
    let in_buffer = format!(
        "{{\"attachments\":[{{\"content\":{{\"{}\":1}}}}]}}",
        "n".repeat(MESSAGE_TEXT_RAW_OCTETS)
    );
    for too_much in [
        text(MESSAGE_TEXT_OCTETS + 10),
        many(JSON_VALUES),
        name_of(MESSAGE_TEXT_OCTETS + 1),
        name_of(MESSAGE_TEXT_RAW_OCTETS * 2),
        white,
        in_buffer,
    ] {
        let error = read(&too_much).map(drop).map_err(name);
        assert_eq!(error, Err((413, "validation_error")), "{too_much:.60}");
    }
}

#[test]
fn storage_that_fails_is_nobodys_mistake_but_ours() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::Other.into())
        }
    }
    let source = b"{\"a\":".chain(Broken);
    let error = LargeBody::read(source, &mut Files::default()).map(drop);
    assert_eq!(error, Err(LargeError::Storage));
    let body = message(json!([{ "content": "aGk=" }])).to_string();
    let mut files = Files {
        broken: true,
        ..Files::default()
    };
    let error = LargeBody::read(body.as_bytes(), &mut files).map(drop);
    assert_eq!(error, Err(LargeError::Storage));
}
