//! What stands in a body stays in the body.

use edgepost_e2e::mail::Mail;
use edgepost_e2e::site::BODY_CANARY;
use edgepost_e2e::{Case, Setup, Site};
use edgepost_sandbox::Fault;

/// Ends of data as one server or another has taken them, and the one of RUSTSEC-2021-0069.
const ENDS: [&str; 10] = [
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r\n.\r",
    "\r.\r\n",
    "\n.\r",
    "\r.\n",
    "\r\n.\r\n",
    "\r\n\r\n.\r\n",
];

pub fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new(
        "S2 a NUL in a body never reaches the wire",
        no_nul,
    )];
    // Content goes by BDAT as it is, and by DATA with its dots doubled. That every line ends in
    // CRLF, has at most 998 octets and no NUL is looked at in every case.
    for (form, faults) in [("BDAT", vec![]), ("DATA", vec![Fault::without("CHUNKING")])] {
        cases.push(Case::with(
            format!("S1 a body that ends and goes on as commands is one message, {form}"),
            Setup::all(faults.clone()),
            one_message_each,
        ));
        cases.push(Case::with(
            format!("S2 dots, long lines and odd line ends arrive as they are, {form}"),
            Setup::all(faults),
            text_is_kept,
        ));
    }
    cases
}

fn one_message_each(site: &Site) {
    let mut ids = Vec::new();
    for end in ENDS
        .into_iter()
        .chain(["\r\n.\r\nMAIL FROM:<evil@evil.test>"])
    {
        let commands = "MAIL FROM:<evil@evil.test>\r\nRCPT TO:<evil@evil.test>\r\nDATA\r\nevil";
        ids.push(site.send_text(&format!("{BODY_CANARY}{end}{commands}{end}QUIT\r\n")));
    }
    for id in &ids {
        site.until_sent(id);
    }
    let mails = site.mails();
    assert_eq!(mails.len(), ids.len(), "one message for each enquiry");
    for delivered in &mails {
        let text = Mail::parse(delivered).text();
        for part in [
            BODY_CANARY,
            "MAIL FROM:<evil@evil.test>",
            "RCPT TO:<evil@evil.test>",
            "QUIT",
        ] {
            assert!(text.contains(part), "{part:?} in {text:?}");
        }
    }
}

fn text_is_kept(site: &Site) {
    let long = "x".repeat(2_000);
    let lines = [
        BODY_CANARY,
        ".",
        "..",
        "...",
        ".leading",
        "From the start",
        &long,
        "tab\there",
        "é",
        "",
    ];
    let id = site.send_text(&lines.join("\r\n"));
    site.until_sent(&id);
    let delivered = site.only_mail();
    let text = Mail::parse(&delivered).text();
    let expected = lines.join("\n");
    assert!(text.contains(expected.trim_end()), "{text:?}");
}

/// Refused or taken out: either is well, as long as no server sees it.
fn no_nul(site: &Site) {
    let text = format!("{BODY_CANARY}\r\n\0.\r\nevil");
    let fields = [
        ("name", "Ada"),
        ("email", "ada@visitor.test"),
        ("message", text.as_str()),
    ];
    let answer = site.post(0, &fields, "application/json");
    assert!(
        matches!(answer.status, 200 | 422),
        "{}: {}",
        answer.status,
        answer.body
    );
    // A message behind it proves that the queue has passed it.
    let id = site.send();
    site.until_sent(&id);
    let expected = if answer.status == 200 { 2 } else { 1 };
    site.wait_until("delivered", || site.mails().len() >= expected);
    assert!(site.mails().iter().all(|mail| !mail.raw.contains(&0)));
}
