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

fn read(json: &str) -> Result<(Body, Files), BodyError> {
    let mut files = Files::default();
    Body::read(json.as_bytes(), &mut files).map(|body| (body, files))
}

fn message(attachments: Value) -> Value {
    json!({ "from": "a@b.test", "to": "c@d.test", "subject": "Größe", "text": "x\n", "attachments": attachments })
}

fn name(error: BodyError) -> (u16, &'static str) {
    match error {
        BodyError::Caller(error) => (error.status, error.name),
        BodyError::Storage => (0, "storage"),
    }
}

#[test]
fn files_are_taken_out_in_whatever_form_they_are() {
    let long: Vec<u8> = (0..=255).cycle().take(FILE_PIECE_OCTETS * 2 + 5).collect();
    let long64 = ::base64::Engine::encode(&::base64::engine::general_purpose::STANDARD, &long);
    let body = message(json!([
        { "content": "aGk=", "filename": "hi.txt" },
        { "filename": "octets", "content": [0, 255, 10], "content_id": "x" },
        { "content": { "data": [104, 105], "type": "Buffer" }, "filename": "b" },
        { "content": long64, "filename": "long" },
        { "content": "", "filename": "empty" },
    ]));
    let expected: [&[u8]; 5] = [b"hi", &[0, 255, 10], b"hi", &long, b""];
    let (read, files) = read(&body.to_string()).unwrap();
    let mut held = Held::default();
    let again = Body::read(body.to_string().as_bytes(), &mut held).unwrap();
    for (index, octets) in expected.into_iter().enumerate() {
        assert!(
            files.whole(index) == octets && held.take(index) == octets,
            "{index}"
        );
        assert_eq!(read.files[index], (index, Measure::of(octets)));
    }
    assert_eq!((&again.rest, &again.files), (&read.rest, &read.files));
    // What stands there instead says nothing of it.
    assert_eq!(
        read.rest["attachments"][3],
        json!({ "content": true, "filename": "long" })
    );
    assert_eq!(read.rest["subject"], body["subject"]);
}

#[test]
fn mistakes_are_the_callers() {
    let full = Value::Array(vec![json!({ "content": "aGk=" }); ATTACHMENTS + 1]);
    for (attachments, wrong) in [
        (json!("x"), "validation_error"),
        (json!({ "content": "aGk=" }), "validation_error"),
        (full, "validation_error"),
        (json!([null]), "invalid_attachment"),
        (json!([{}]), "invalid_attachment"),
        (json!([{ "content": null }]), "invalid_attachment"),
        (json!([{ "content": true }]), "invalid_attachment"),
        (json!([{ "content": "no base64!" }]), "invalid_attachment"),
        (json!([{ "content": [256] }]), "invalid_attachment"),
        (json!([{ "content": [1.5] }]), "invalid_attachment"),
        (json!([{ "content": [-1] }]), "invalid_attachment"),
        (json!([{ "content": ["1"] }]), "invalid_attachment"),
        (
            json!([{ "content": { "data": [1] } }]),
            "invalid_attachment",
        ),
        (
            json!([{ "content": { "type": "Buffer" } }]),
            "invalid_attachment",
        ),
        (
            json!([{ "content": { "type": "Bluffer", "data": [1] } }]),
            "invalid_attachment",
        ),
        (
            json!([{ "content": "aGk=", "path": "https://x" }]),
            "invalid_attachment",
        ),
    ] {
        let body = message(attachments);
        let read = read(&body.to_string())
            .and_then(|(body, _)| SendRequest::read(&body).map_err(BodyError::Caller));
        assert_eq!(
            read.map(drop).map_err(name),
            Err((422, wrong)),
            "{body:.200}"
        );
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
        let read = Body::read(bad, &mut Files::default())
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
    let error = Body::read(source, &mut Files::default()).map(drop);
    assert_eq!(error, Err(BodyError::Storage));
    let body = message(json!([{ "content": "aGk=" }])).to_string();
    let mut files = Files {
        broken: true,
        ..Files::default()
    };
    let error = Body::read(body.as_bytes(), &mut files).map(drop);
    assert_eq!(error, Err(BodyError::Storage));
}
