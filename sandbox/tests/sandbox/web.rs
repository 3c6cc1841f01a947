//! The pages and the JSON API.

use edgepost_sandbox::{ConnectionRecord, MARKER, SampleSite, Sandbox};
use serde_json::json;

use crate::http::{Request, refresh};
use crate::smtp::{ACCOUNT, Dialogue, Secure, connect, sandbox};

fn deliver(sandbox: &Sandbox, content: &str) -> u64 {
    let mut smtp = Secure::at_content(sandbox, sandbox.smtp_port());
    smtp.expect(&format!("{content}\r\n."), "250");
    sandbox.inbox().last().unwrap().id
}

fn get(sandbox: &Sandbox, path: &str) -> crate::http::Answer {
    Request::get(path).send(sandbox, &sandbox.web_url())
}

#[test]
fn mail_cannot_put_markup_into_a_page() {
    let sandbox = sandbox();
    let hostile = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>";
    let id = deliver(
        &sandbox,
        &format!(
            "From: \"{hostile}\" <a@example.test>\r\nSubject: {hostile}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{hostile}\r\n\
             --b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=\"<script>.html\"\r\n\r\n\
             {hostile}\r\n--b--"
        ),
    );
    for view in [
        "/".to_owned(),
        format!("/messages/{id}"),
        format!("/messages/{id}?view=source"),
        format!("/messages/{id}?view=details"),
        "/connections".to_owned(),
    ] {
        let page = get(&sandbox, &view);
        assert_eq!(page.status, 200, "{view}");
        assert!(!page.body.contains("<script>"), "{view}: {}", page.body);
        assert!(!page.body.contains("<img"), "{view}: {}", page.body);
        let policy = &page.headers["content-security-policy"];
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
    assert!(
        get(&sandbox, "/").body.contains("&#60;script&#62;"),
        "it is shown, as text"
    );
    let file = get(&sandbox, &format!("/messages/{id}/attachments/0"));
    assert_eq!(file.headers["content-type"], "application/octet-stream");
    assert!(file.headers["content-disposition"].starts_with("attachment;"));
}

#[test]
fn html_mail_is_shown_where_it_can_do_nothing() {
    let sandbox = sandbox();
    let id = deliver(
        &sandbox,
        "Subject: x\r\nContent-Type: text/html\r\n\r\n<p onclick=x()>hello</p>",
    );
    let page = get(&sandbox, &format!("/messages/{id}"));
    assert!(
        page.body
            .contains(&format!("<iframe sandbox src=\"/messages/{id}/html\"")),
        "{}",
        page.body
    );
    let frame = get(&sandbox, &format!("/messages/{id}/html"));
    assert!(frame.body.contains("hello"));
    let policy = &frame.headers["content-security-policy"];
    assert!(
        policy.starts_with("sandbox; default-src 'none';"),
        "{policy}"
    );
}

#[test]
fn the_api_tells_what_is_there() {
    let sandbox = sandbox();
    let content =
        "From: Shop <shop@sandbox.test>\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nhello\r\n";
    let id = deliver(&sandbox, content.trim_end());
    let list = get(&sandbox, "/api/messages");
    assert_eq!(list.headers["x-edgepost-sandbox"], MARKER);
    let list = list.json();
    assert_eq!(
        (&list[0]["id"], &list[0]["subject"]),
        (&json!(id), &json!("grüße"))
    );
    assert_eq!(
        list[0]["envelope"]["rcpt_to"][0]["address"],
        "a@example.test"
    );
    let one = get(&sandbox, &format!("/api/messages/{id}")).json();
    assert_eq!(one["letter"]["text"].as_str().map(str::trim), Some("hello"));
    assert_eq!(
        get(&sandbox, &format!("/api/messages/{id}/raw")).body,
        content
    );
    let records: Vec<ConnectionRecord> =
        serde_json::from_str(&get(&sandbox, "/api/connections").body).unwrap();
    assert_eq!(records[0].plaintext(), "EHLO client.test\r\nSTARTTLS\r\n");
    assert_eq!(
        Request::delete("/api/messages")
            .send(&sandbox, &sandbox.web_url())
            .status,
        204
    );
    assert_eq!(get(&sandbox, "/api/messages").json(), json!([]));
    assert_eq!(get(&sandbox, &format!("/api/messages/{id}")).status, 404);
}

#[test]
fn the_api_does_what_the_handle_does() {
    let sandbox = sandbox();
    let post = |path: &str, body| {
        Request::post(path)
            .json(&body)
            .send(&sandbox, &sandbox.web_url())
    };
    let account =
        json!({"address": "new@sandbox.test", "lifetime_seconds": 9, "refuse": {"next": 2}});
    assert_eq!(post("/api/accounts", account).status, 201);
    let grant = post("/api/accounts/new@sandbox.test/grant", json!(null)).json();
    let refresh_token = grant["refresh_token"].as_str().unwrap();
    assert_eq!(refresh(&sandbox, refresh_token).json()["expires_in"], 9);
    assert_eq!(
        post(
            "/api/accounts/new@sandbox.test/token-faults",
            json!({"faults": ["invalid_client"]})
        )
        .status,
        204
    );
    assert_eq!(refresh(&sandbox, refresh_token).status, 401);
    assert_eq!(
        post("/api/accounts/new@sandbox.test/revoke", json!(null)).status,
        204
    );
    assert_eq!(
        refresh(&sandbox, refresh_token).json()["error"],
        "invalid_grant"
    );
    assert_eq!(
        post("/api/accounts/nobody@sandbox.test/revoke", json!(null)).status,
        404
    );

    let fault = json!({"reply": {"step": "greeting", "text": "421 4.3.2 Later"}});
    let opened = post(
        "/api/listeners",
        json!({"scripts": [{"faults": [fault]}], "then": {}}),
    );
    let port = u16::try_from(opened.json()["port"].as_u64().unwrap()).unwrap();
    assert_eq!(
        Dialogue::new(connect(port)).reply().unwrap(),
        "421 4.3.2 Later\r\n"
    );
    assert!(
        Dialogue::new(connect(port))
            .reply()
            .unwrap()
            .starts_with("220")
    );
    assert_eq!(
        post(&format!("/api/listeners/{port}/close"), json!(null)).status,
        204
    );
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(
        post(&format!("/api/listeners/{port}/reopen"), json!(null)).status,
        204
    );
    assert!(
        Dialogue::new(connect(port))
            .reply()
            .unwrap()
            .starts_with("220")
    );
}

#[test]
fn only_this_machine_is_served() {
    let sandbox = sandbox();
    let rebound = Request::get("/")
        .header("host", "sandbox.example.test")
        .send(&sandbox, &sandbox.web_url());
    assert_eq!(rebound.status, 421);
    let foreign = Request::delete("/api/messages").header("origin", "https://example.test");
    assert_eq!(foreign.send(&sandbox, &sandbox.web_url()).status, 403);
    let path = format!("/api/accounts/{ACCOUNT}/revoke");
    let foreign = Request::post(path).header("origin", "null");
    assert_eq!(foreign.send(&sandbox, &sandbox.web_url()).status, 403);
}

#[test]
fn the_sample_site_posts_where_it_is_told() {
    let sandbox = sandbox();
    assert_eq!(get(&sandbox, "/site/").status, 404);
    sandbox.set_site(SampleSite {
        form_action: "http://localhost:8787/f/contact?a=1&b=\"2\"".to_owned(),
    });
    let page = get(&sandbox, "/site/");
    assert!(
        page.body
            .contains("action=\"http://localhost:8787/f/contact?a=1&#38;b=&#34;2&#34;\""),
        "{}",
        page.body
    );
    sandbox.set_site(SampleSite {
        form_action: "javascript:alert(1)".to_owned(),
    });
    assert_eq!(get(&sandbox, "/site/").status, 500);
}

#[test]
fn a_hook_remembers_what_is_posted_to_it() {
    let sandbox = sandbox();
    let post = |name: &str| {
        Request::post(format!("/hook/{name}"))
            .header("authorization", "Bearer x")
            .json(&json!({ "a": name }))
            .send(&sandbox, &sandbox.issuer())
    };
    assert_eq!((post("one").status, post("two").status), (204, 204));
    assert!(sandbox.hook_url("one").ends_with("/hook/one"));
    let posts = sandbox.hook_posts("one");
    assert_eq!(
        (posts.len(), posts[0].body.as_slice()),
        (1, br#"{"a":"one"}"#.as_slice())
    );
    assert_eq!(posts[0].authorization.as_deref(), Some("Bearer x"));
    assert_eq!(posts[0].content_type.as_deref(), Some("application/json"));
}
