//! The platform's Email Service, for alerts.
//! <https://developers.cloudflare.com/email-service/api/send-emails/workers-api/>

use worker::{Env, SendEmailBuilder};

use super::env::ALERT_EMAIL;
use crate::{
    app::ports::{EmailService, NotTold},
    mail::EmailAddress,
};

/// The binding, if there is one.
#[derive(Debug)]
pub(super) struct PlatformEmail<'a> {
    pub(super) env: &'a Env,
}

impl EmailService for PlatformEmail<'_> {
    async fn send(
        &self,
        from: &EmailAddress,
        to: &[EmailAddress],
        subject: &str,
        text: &str,
    ) -> Result<(), NotTold> {
        let to: Vec<String> = to.iter().map(|to| to.as_str().to_owned()).collect();
        let mail = SendEmailBuilder::new_with_str_and_slice(from.as_str(), &to, subject);
        mail.set_text(text);
        let binding = self.env.send_email(ALERT_EMAIL).map_err(|_| NotTold)?;
        let sent = binding.send_with_builder(&mail).await;
        sent.map(drop).map_err(|_| NotTold)
    }
}
