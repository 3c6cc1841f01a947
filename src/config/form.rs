//! `[vars.FORM_*]`: a web form and where its enquiries go.

use super::{HttpsUrl, Name, Origin, fields::Fields};
use crate::{
    limits::FORM_RECIPIENTS,
    mail::{EmailAddress, HeaderText},
};

/// The subject of an enquiry when the form names none.
const DEFAULT_SUBJECT: &str = "New enquiry from your website";

/// A web form.
#[derive(Debug, Clone)]
pub struct FormConfig {
    /// The mailbox its mail is sent through.
    pub mailbox: Name,
    /// Who gets it. Nothing that a visitor sends can add to it.
    pub to: Vec<EmailAddress>,
    /// The subject of the mail.
    pub subject: HeaderText,
    /// Where a browser goes after a success; without it a page of ours says thanks.
    pub redirect: Option<HttpsUrl>,
    /// The web pages whose scripts may read our answers.
    pub origins: Vec<Origin>,
}

impl FormConfig {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mailbox: Option<Name> = fields.required("mailbox");
        let to: Vec<EmailAddress> = fields.list("to");
        if to.is_empty() {
            fields.problem("to", "must name at least one recipient");
        } else if to.len() > FORM_RECIPIENTS {
            fields.problem(
                "to",
                format!("must name at most {FORM_RECIPIENTS} recipients"),
            );
        }
        let subject = HeaderText::try_from(fields.text("subject").unwrap_or(DEFAULT_SUBJECT))
            .map_err(|error| fields.problem("subject", error.to_string()))
            .ok();
        let redirect = fields.optional("redirect");
        let origins = fields.list("origins");
        Some(Self {
            mailbox: mailbox?,
            to,
            subject: subject?,
            redirect,
            origins,
        })
    }
}
