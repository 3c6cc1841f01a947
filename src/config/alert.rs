//! `[vars.ALERT]`: how the owner is told that something needs them.

use std::collections::BTreeMap;

use super::{HttpsUrl, MailboxConfig, Name, SecretName, fields::Fields};
use crate::{limits::ALERT_RECIPIENTS, mail::EmailAddress, secret::Secret};

/// The channels that are configured without fault. Every alert goes to all of them.
#[derive(Debug, Clone, Default)]
pub struct AlertConfig {
    /// An address that takes JSON.
    pub hook: Option<AlertHook>,
    /// A mailbox that mails it.
    pub mailbox: Option<AlertMail<Name>>,
    /// The platform's Email Service, by the address it mails from.
    pub send_email: Option<AlertMail<EmailAddress>>,
}

/// An address that takes JSON.
#[derive(Debug, Clone)]
pub struct AlertHook {
    /// Where to.
    pub url: HttpsUrl,
    /// The secret that is presented as a bearer token.
    pub secret: Option<SecretName>,
}

/// A mail: through what, and to whom.
#[derive(Debug, Clone)]
pub struct AlertMail<By> {
    /// What sends it.
    pub mailbox: By,
    /// Who gets it.
    pub to: Vec<EmailAddress>,
}

impl AlertConfig {
    /// Whether nobody would ever be told.
    pub fn is_empty(&self) -> bool {
        self.hook.is_none() && self.mailbox.is_none() && self.send_email.is_none()
    }

    pub(super) fn read(fields: &mut Fields<'_>, secrets: &BTreeMap<SecretName, Secret>) -> Self {
        let url: Option<HttpsUrl> = fields.optional("url");
        let secret = MailboxConfig::read_secret(fields, "secret", secrets);
        let mailbox: Option<Name> = fields.optional("mailbox");
        let send_email: Option<EmailAddress> = fields.optional("send_email_from");
        let to: Vec<EmailAddress> = fields.list("to");
        if secret.is_some() && url.is_none() {
            fields.problem("secret", "is for `url`, which is not there");
        }
        if to.len() > ALERT_RECIPIENTS {
            let most = format!("must name at most {ALERT_RECIPIENTS} recipients");
            fields.problem("to", most);
        }
        let mailed = fields.take("mailbox").is_some() || fields.take("send_email_from").is_some();
        match (mailed, to.is_empty()) {
            (true, true) => fields.problem("to", "must name at least one recipient"),
            (false, false) => {
                fields.problem(
                    "to",
                    "is for `mailbox` or `send_email_from`, of which there is none",
                );
            }
            _ => {}
        }
        let can_be_mailed = !to.is_empty() && to.len() <= ALERT_RECIPIENTS;
        let addressed = can_be_mailed.then_some(to);
        Self {
            hook: url
                // Without what it is to present it would be turned away.
                .filter(|_| fields.take("secret").is_none() || secret.is_some())
                .map(|url| AlertHook { url, secret }),
            mailbox: mailbox
                .zip(addressed.clone())
                .map(|(mailbox, to)| AlertMail { mailbox, to }),
            send_email: send_email
                .zip(addressed)
                .map(|(mailbox, to)| AlertMail { mailbox, to }),
        }
    }
}
