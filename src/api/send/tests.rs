use serde_json::json;

use super::*;

/// Reads a body that is all here.
fn read(body: &Value) -> Result<SendRequest, ApiError> {
    let mut files = Held::default();
    match Body::read(body.to_string().as_bytes(), &mut files) {
        Ok(body) => SendRequest::read(&body).map(|request| request.holding(files)),
        Err(crate::api::BodyError::Caller(error)) => Err(error),
        Err(crate::api::BodyError::Storage) => panic!("nothing is stored"),
    }
}

fn minimal() -> Value {
    json!({ "from": "Acme <a@acme.test>", "to": "d@e.test", "subject": "Hi", "text": "x" })
}

fn with(field: &str, value: Value) -> Result<SendRequest, ApiError> {
    let mut body = minimal();
    body[field] = value;
    read(&body)
}

fn draft(body: &Value) -> Draft {
    let request = read(body).unwrap();
    request.into_parts("a@acme.test".parse().unwrap(), "shop").1
}

#[test]
fn a_string_is_a_list_of_one_and_null_is_nothing() {
    let mut body = minimal();
    body["cc"] = json!(["c@e.test", "C <c@e.test>"]);
    body["bcc"] = json!("b@e.test");
    body["reply_to"] = Value::Null;
    body["html"] = Value::Null;
    let draft = draft(&body);
    let everybody: Vec<String> = draft
        .envelope()
        .forward_paths
        .into_iter()
        .map(String::from)
        .collect();
    assert_eq!(everybody, ["d@e.test", "c@e.test", "b@e.test"]);
    assert_eq!((draft.reply_to.len(), draft.html), (0, None));
}

#[test]
fn a2_wrong_types_name_their_field() {
    for body in [json!(null), json!([]), json!("x"), json!(5)] {
        assert_eq!(read(&body).unwrap_err().name, "validation_error");
    }
    for (field, value) in [
        ("to", json!(5)),
        ("to", json!({})),
        ("to", json!([null])),
        ("to", json!([])),
        ("subject", json!([])),
        ("subject", json!("a\nb")),
        ("from", json!("no address")),
        ("text", json!(1)),
        ("text", json!("a\u{0}b")),
        ("headers", json!([])),
        ("headers", json!({ "X-A": 1 })),
        ("headers", json!({ "Bcc": "e@x.test" })),
        ("tags", json!([{ "name": "a b", "value": "c" }])),
        ("tags", json!([{ "name": "a" }])),
        ("attachments", json!({})),
        ("bcc", json!("a@x.test, b@x.test")),
    ] {
        let error = with(field, value.clone()).unwrap_err();
        assert_eq!(error.status, 422, "{field}: {value}");
        assert!(
            error.message.contains(&format!("`{field}`")),
            "{}",
            error.message
        );
    }
}

#[test]
fn a3_missing_fields_are_named() {
    for field in ["from", "to", "subject", "text"] {
        let mut body = minimal();
        body.as_object_mut().unwrap().remove(field);
        let error = read(&body).unwrap_err();
        assert_eq!((error.status, error.name), (422, "missing_required_field"));
        assert!(error.message.contains(field), "{}", error.message);
    }
}

#[test]
fn a4_at_most_fifty_each_and_everybody_once() {
    let many: Vec<_> = (0..51).map(|n| format!("r{n}@e.test")).collect();
    assert_eq!(with("to", json!(many)).unwrap_err().status, 422);
    let mut body = minimal();
    body["to"] = json!(["d@e.test", "D <d@E.test>"]);
    assert_eq!(draft(&body).envelope().forward_paths.len(), 1);
}

#[test]
fn what_is_known_and_unsupported_is_refused_and_what_nobody_knows_is_named() {
    for field in ["scheduled_at", "template", "topic_id"] {
        let error = with(field, json!("x")).unwrap_err();
        assert!(
            error.status == 422 && error.message.contains(field),
            "{error:?}"
        );
    }
    assert_eq!(with("wurst", json!(1)).unwrap().ignored, ["wurst"]);
    assert!(
        with("scheduled_at", Value::Null)
            .unwrap()
            .ignored
            .is_empty()
    );
}

#[test]
fn text_is_made_from_html_unless_there_is_one_or_none_is_wanted() {
    let made = |text: Value| {
        let mut body = minimal();
        body["html"] = json!("<p>Hello</p>");
        body["text"] = text;
        draft(&body).text.map(String::from)
    };
    assert_eq!(made(Value::Null).unwrap().trim(), "Hello");
    assert_eq!(made(json!("own")).as_deref(), Some("own"));
    assert_eq!(made(json!("")), None);
}

#[test]
fn a14_content_in_every_form_that_clients_send() {
    let content = |value: Value| {
        let attachment = json!([{ "filename": "a.txt", "content": value }]);
        with("attachments", attachment).map(|request| request.attachments[0].content.clone())
    };
    let octets = AttachmentContent::new(vec![104, 105, 255, 254]);
    for value in [
        json!("aGn//g=="),
        json!("aGn//g"),
        json!("aGn_\n_g==\r\n"),
        json!([104, 105, 255, 254]),
        json!({ "type": "Buffer", "data": [104, 105, 255, 254] }),
    ] {
        assert_eq!(content(value.clone()), Ok(octets.clone()), "{value}");
    }
    assert_eq!(content(json!("")), Ok(AttachmentContent::new(vec![])));
    for value in [
        json!("a"),
        json!("a*b="),
        json!([256]),
        json!([-1]),
        json!({ "type": "Buffer" }),
        json!({ "type": "Buffer", "data": { "type": "Buffer", "data": [1] } }),
        json!(5),
    ] {
        assert_eq!(
            content(value.clone()).unwrap_err().name,
            "invalid_attachment",
            "{value}"
        );
    }
}

#[test]
fn a11_a_path_is_never_fetched() {
    for path in [
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "https://x.test/a.pdf",
        "data:,x",
    ] {
        let attachment = json!([{ "filename": "a", "path": path }]);
        assert_eq!(
            with("attachments", attachment).unwrap_err().name,
            "invalid_attachment"
        );
        let attachment = json!([{ "filename": "a", "path": path, "content": "aGk=" }]);
        assert_eq!(
            with("attachments", attachment).unwrap_err().name,
            "invalid_attachment"
        );
    }
}

#[test]
fn attachments_are_what_they_say_or_what_their_name_says() {
    let first = |attachment: Value| {
        let request = with("attachments", json!([attachment])).unwrap();
        request.attachments[0].clone()
    };
    let guessed = first(json!({ "filename": "a.PDF", "content": "" }));
    assert_eq!(guessed.media_type.essence(), "application/pdf");
    let said = first(json!({ "filename": "a.pdf", "content": "", "contentType": "image/png" }));
    assert_eq!(said.media_type.essence(), "image/png");
    let named = first(json!({ "content": "", "inline_content_id": "<logo>" }));
    assert_eq!(named.content_id.unwrap().as_str(), "logo");
}
