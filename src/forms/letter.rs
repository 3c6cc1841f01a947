//! The mail that a submission becomes.

use std::fmt::Write as _;

use super::{FieldError, Rejected, Submission};
use crate::mail::{BodyText, Draft, EmailAddress, HeaderText, Mailbox};

/// Names under which pages ask for the visitor's own name.
const NAME_FIELDS: [&str; 4] = ["name", "full_name", "fullname", "your-name"];

/// Names under which pages ask for the visitor's address.
const EMAIL_FIELDS: [&str; 2] = ["email", "e-mail"];

/// What the owner configured: everything about the mail that a visitor must not decide.
#[derive(Debug, Clone, Copy)]
pub struct Addressing<'a> {
    /// `From`.
    pub sender: &'a Mailbox,
    /// `To`.
    pub recipients: &'a [EmailAddress],
    /// `Subject`.
    pub subject: &'a HeaderText,
}

/// Writes the mail.
///
/// # Errors
/// When the visitor's address or name cannot stand in `Reply-To`.
pub fn compose(submission: &Submission, addressing: Addressing<'_>) -> Result<Draft, Rejected> {
    let mut errors = Vec::new();
    let reply_to = reply_to(submission, &mut errors);
    if !errors.is_empty() {
        return Err(Rejected::Fields(errors));
    }
    let text = BodyText::try_from(as_text(submission));
    let html = BodyText::try_from(as_html(submission));
    let (Ok(text), Ok(html)) = (text, html) else {
        return Err(Rejected::Fields(vec![FieldError::text("")]));
    };
    Ok(Draft {
        sender: addressing.sender.address.clone(),
        from: addressing.sender.clone(),
        to: addressing
            .recipients
            .iter()
            .cloned()
            .map(Mailbox::from)
            .collect(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: reply_to.into_iter().collect(),
        subject: addressing.subject.clone(),
        text: Some(text),
        html: Some(html),
        headers: Vec::new(),
        attachments: Vec::new(),
        auto_generated: true,
    })
}

fn reply_to(submission: &Submission, errors: &mut Vec<FieldError>) -> Option<Mailbox> {
    let display_name = NAME_FIELDS.iter().find_map(|field| {
        let name = HeaderText::try_from(submission.value(field)?);
        name.map_err(|_| errors.push(FieldError::text(field))).ok()
    });
    let address = EMAIL_FIELDS.iter().find_map(|field| {
        let address = submission.value(field)?.parse::<EmailAddress>();
        address
            .map_err(|_| errors.push(FieldError::email(field)))
            .ok()
    })?;
    Some(Mailbox {
        display_name,
        address,
    })
}

/// One field after another: short values beside their name, long ones below it.
fn as_text(submission: &Submission) -> String {
    let mut text = String::new();
    for field in &submission.fields {
        let value = field.value.trim_end();
        let layout = if value.contains('\n') {
            write!(text, "{}:\n\n{value}\n\n", field.name)
        } else {
            writeln!(text, "{}: {value}", field.name)
        };
        debug_assert!(layout.is_ok(), "writing to a String does not fail");
    }
    text
}

/// The same as a table. Everything a visitor sent is escaped.
fn as_html(submission: &Submission) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html><body style=\"font-family:sans-serif\">\n<table cellpadding=\"6\">\n",
    );
    for field in &submission.fields {
        html.push_str("<tr><th align=\"left\" valign=\"top\">");
        escape_into(&mut html, &field.name);
        html.push_str("</th>\n<td style=\"white-space:pre-wrap\">");
        escape_into(&mut html, field.value.trim_end());
        html.push_str("</td></tr>\n");
    }
    html.push_str("</table>\n</body></html>\n");
    html
}

fn escape_into(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::parse_urlencoded;

    fn draft(body: &str) -> Result<Draft, Rejected> {
        let sender = Mailbox::from("sales@shop.test".parse::<EmailAddress>().unwrap());
        let recipients = ["owner@shop.test".parse().unwrap()];
        let subject = HeaderText::try_from("Contact").unwrap();
        let addressing = Addressing {
            sender: &sender,
            recipients: &recipients,
            subject: &subject,
        };
        compose(&parse_urlencoded(body.as_bytes()).unwrap(), addressing)
    }

    #[test]
    fn the_mail_is_a_list_a_person_can_read() {
        let draft = draft("name=Ann&email=ann@x.test&message=Hello%0AWorld&ok=yes").unwrap();
        assert_eq!(
            draft.text.unwrap().as_str(),
            "name: Ann\nemail: ann@x.test\nmessage:\n\nHello\nWorld\n\nok: yes\n"
        );
        let reply_to = draft.reply_to.first().unwrap().clone();
        assert_eq!(reply_to.address.as_str(), "ann@x.test");
        assert_eq!(reply_to.display_name.unwrap().as_str(), "Ann");
    }

    #[test]
    fn f1_fields_that_name_recipients_or_headers_are_text() {
        let draft = draft(
            "to=evil@x.test&cc=evil@x.test&bcc=evil@x.test&_to=evil@x.test&recipient=evil@x.test\
             &from=evil@x.test&headers[Bcc]=evil@x.test&subject=Evil",
        )
        .unwrap();
        assert_eq!(
            draft.envelope().forward_paths,
            ["owner@shop.test".parse().unwrap()]
        );
        assert_eq!(draft.from.address.as_str(), "sales@shop.test");
        assert_eq!(draft.reply_to, []);
        assert_eq!(draft.subject.as_str(), "Contact");
        assert!(
            draft
                .text
                .unwrap()
                .as_str()
                .contains("headers[Bcc]: evil@x.test")
        );
    }

    #[test]
    fn f3_line_breaks_in_what_becomes_a_header_are_refused() {
        let errors = draft("name=x%0d%0aBcc:e@x.test&email=a@x.test&m=1").unwrap_err();
        assert_eq!(errors, Rejected::Fields(vec![FieldError::text("name")]));
        let errors = draft("email=a@x.test%0d%0aBcc:e@x.test&m=1").unwrap_err();
        assert_eq!(errors, Rejected::Fields(vec![FieldError::email("email")]));
        // Where it stays text, it is text.
        assert!(draft("city=x%0d%0aBcc:e@x.test").is_ok());
    }

    #[test]
    fn f4_the_visitors_address_is_one_address_or_an_error() {
        for email in [
            "no",
            "%22CEO%22+%3Ca@b.test%3E",
            "a@x.test,b@x.test",
            "a@x.test+b@x.test",
        ] {
            let errors = draft(&format!("email={email}&m=1")).unwrap_err();
            assert_eq!(
                errors,
                Rejected::Fields(vec![FieldError::email("email")]),
                "{email}"
            );
        }
        assert_eq!(draft("email=&m=1").unwrap().reply_to, []);
    }

    #[test]
    fn f12_markup_arrives_as_text() {
        let draft = draft("m=<script>alert(1)</script>%26<img src=x onerror='x'>").unwrap();
        let html = draft.html.unwrap();
        assert!(html.as_str().contains(
            "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&lt;img src=x onerror=&#39;x&#39;&gt;"
        ));
    }
}
