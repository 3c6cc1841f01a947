//! From the form to the inbox, and what a visitor cannot do.

use edgepost_e2e::mail::Mail;
use edgepost_e2e::site::{BODY_CANARY, OWNER, VISITOR};
use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::{AuthForm, Ending};

/// Where one form sends browsers.
const THANKS: &str = "https://shop.test/thanks";

pub fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "form: an enquiry arrives as a mail that can be answered",
            enquiry_arrives,
        ),
        Case::new("form: a browser gets a page", browser_gets_a_page),
        Case::with(
            "form: a browser is sent where the owner says",
            Setup {
                redirect: Some(THANKS),
                ..Setup::default()
            },
            browser_is_redirected,
        ),
        Case::new("form: a blank form sends nothing", blank_form),
        Case::new(
            "F1 no field adds a recipient or changes the sender",
            recipients_are_fixed,
        ),
        Case::new(
            "F3 line breaks in a name add no header",
            no_header_injection,
        ),
        Case::new(
            "F4 an invalid address of the visitor is refused",
            visitor_address_is_checked,
        ),
        Case::new("F12 markup arrives as text", markup_is_text),
    ]
}

fn enquiry_arrives(site: &Site) {
    let id = site.send_fields(&[
        ("name", "Zoë Müller"),
        ("email", VISITOR),
        ("message", "canary-of-the-body\r\nDo you ship to Zürich? 🙂"),
        ("order", "4711"),
    ]);
    let story = site.until_sent(&id);
    let delivered = site.only_mail();
    let mail = Mail::parse(&delivered);
    assert_eq!(mail.from(), [site.address.as_str()]);
    assert_eq!(mail.to(), [OWNER]);
    assert_eq!(mail.reply_to(), [VISITOR]);
    assert_eq!(mail.subject(), "An enquiry");
    assert!(mail.has_date());
    assert!(mail.message_id().contains('@'), "{:?}", mail.message_id());
    assert!(
        story.text("/message_id").contains(mail.message_id()),
        "{:#}",
        story.0
    );
    for part in ["Zoë Müller", "Do you ship to Zürich? 🙂", "4711"] {
        assert!(mail.text().contains(part), "{part:?} in {:?}", mail.text());
    }

    let records = site.connections();
    assert_eq!(records.len(), 1, "connections");
    let tls = records[0].tls.as_ref().expect("TLS");
    assert_eq!(
        (tls.version.as_deref(), tls.sni.as_deref()),
        (Some("TLSv1_3"), Some("localhost"))
    );
    let auth = records[0].auth.as_ref().expect("AUTH");
    assert_eq!((auth.mechanism.as_str(), auth.reply), ("XOAUTH2", 235));
    assert_eq!(auth.user, site.address);
    let auth_line = records[0]
        .commands
        .iter()
        .find(|line| line.starts_with("AUTH"))
        .expect("AUTH");
    let inline = auth_line.split(' ').count() > 2;
    assert_eq!(
        auth.form,
        if inline {
            AuthForm::Inline
        } else {
            AuthForm::TwoStep
        },
        "{auth_line}"
    );
    assert_eq!(site.token_requests().len(), 1, "token requests");
    assert!(
        matches!(records[0].ending, None | Some(Ending::Quit)),
        "{:?}",
        records[0].ending
    );
}

fn browser_gets_a_page(site: &Site) {
    let answer = post_as_browser(site, &enquiry());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/html"), "{kind}");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    wait_for_mail(site);
}

fn browser_is_redirected(site: &Site) {
    let answer = post_as_browser(site, &enquiry());
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(THANKS))
    );
    wait_for_mail(site);
}

fn blank_form(site: &Site) {
    for fields in [vec![], vec![("name", ""), ("message", " \r\n")]] {
        let answer = site.post(0, &fields, "application/json");
        assert_eq!(answer.status, 422, "{}", answer.body);
        let json = answer.json().unwrap();
        assert_eq!(json["ok"], false);
        let error = &json["errors"][0];
        assert!(
            error["field"].is_string() && error["code"].is_string(),
            "{json}"
        );
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{json}"
        );
        assert_eq!(post_as_browser(site, &fields).status, 422);
    }
    nothing_happened(site);
}

fn recipients_are_fixed(site: &Site) {
    let evil = "evil@evil.test";
    let mut fields = enquiry();
    for name in [
        "to",
        "cc",
        "bcc",
        "_to",
        "recipient",
        "from",
        "sender",
        "headers[Bcc]",
        "reply-to",
    ] {
        fields.push((name, evil));
    }
    let id = site.send_fields(&fields);
    site.until_sent(&id);
    let delivered = site.only_mail();
    // `assert_good_conduct` looks at the envelope; here it is the header.
    let mail = Mail::parse(&delivered);
    assert_eq!(mail.from(), [site.address.as_str()]);
    assert_eq!(mail.to(), [OWNER]);
    assert_eq!(mail.reply_to(), [VISITOR]);
    let names = mail.header_names();
    assert!(
        !names
            .iter()
            .any(|name| matches!(name.as_str(), "cc" | "bcc" | "sender")),
        "{names:?}"
    );
}

fn no_header_injection(site: &Site) {
    let breaks = [
        "\r\n", "\n", "\r", "\r\n\t", "\u{b}", "\u{c}", "\0", "\u{85}", "\u{2028}", "%0d%0a",
    ];
    let mut accepted = 0;
    for line_break in breaks {
        let name = format!("x{line_break}Bcc: evil@evil.test");
        let fields = [
            ("name", name.as_str()),
            ("email", VISITOR),
            ("message", BODY_CANARY),
        ];
        let answer = site.post(0, &fields, "application/json");
        match answer.status {
            200 => accepted += 1,
            422 => {}
            other => panic!("{other} for {line_break:?}: {}", answer.body),
        }
    }
    // What is no control character is only a strange name.
    assert!(accepted >= 1, "`%0d%0a` is text like any other");
    wait_for_mails(site, accepted);
    for delivered in site.mails() {
        let names = Mail::parse(&delivered).header_names();
        assert!(!names.contains(&"bcc".to_owned()), "{names:?}");
    }
}

fn visitor_address_is_checked(site: &Site) {
    let invalid = [
        "nobody",
        "@visitor.test",
        "ada@",
        "\"CEO\" <ada@visitor.test>",
        "ada@visitor.test, bob@visitor.test",
        "ada@visitor.test\r\nBcc: evil@evil.test",
        "ada@visitor.test>\r\nRCPT TO:<evil@evil.test",
        "\"xclow3n@gmail.com x\"@internal.domain",
        "ada@vis itor.test",
        "ada@xn--aaa-.test",
    ];
    for address in invalid {
        let fields = [
            ("name", "Ada"),
            ("email", address),
            ("message", BODY_CANARY),
        ];
        let answer = site.post(0, &fields, "application/json");
        assert_eq!(answer.status, 422, "{address:?}: {}", answer.body);
        let json = answer.json().unwrap();
        assert_eq!(json["errors"][0]["field"], "email", "{address:?}: {json}");
    }
    nothing_happened(site);
}

fn markup_is_text(site: &Site) {
    let text = "canary-of-the-body <script>alert(1)</script> <img src=x onerror=alert(1)>";
    let id = site.send_text(text);
    site.until_sent(&id);
    let delivered = site.only_mail();
    let mail = Mail::parse(&delivered);
    assert!(mail.text().contains(text), "{:?}", mail.text());
    let html = mail.html();
    assert!(
        html.contains("&lt;script&gt;") && html.contains("&lt;img"),
        "{html}"
    );
    assert!(
        !html.contains("<script") && !html.contains("<img"),
        "{html}"
    );
}

fn enquiry() -> Vec<(&'static str, &'static str)> {
    vec![
        ("name", "Ada Lovelace"),
        ("email", VISITOR),
        ("message", BODY_CANARY),
    ]
}

fn post_as_browser(site: &Site, fields: &[(&str, &str)]) -> xtask::http::Answer {
    site.post(
        0,
        fields,
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    )
}

fn wait_for_mail(site: &Site) {
    wait_for_mails(site, 1);
}

fn wait_for_mails(site: &Site, count: usize) {
    site.wait_until("delivered", || site.mails().len() >= count);
    assert_eq!(site.mails().len(), count);
}

/// A refused enquiry costs neither a token nor a connection.
fn nothing_happened(site: &Site) {
    assert_eq!(site.token_requests().len(), 0, "token requests");
    assert_eq!(site.connections().len(), 0, "connections");
}
