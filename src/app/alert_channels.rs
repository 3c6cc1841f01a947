//! The ways to the owner, and an alert in words.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    api_request::{ApiRequest, Idempotency},
    door::Outboxes,
    intake::{Accept, Accepted},
    ports::{Alerts, EmailService, HttpClient, NotTold},
    story::advice,
};
use crate::{
    api::Fingerprint,
    config::{AlertMail, Config, Name},
    mail::{BodyText, Draft, EmailAddress, HeaderText, Mailbox},
    outbox::{Alert, AlertKind, Channel, Source},
};

/// The channels for what one mailbox has to tell.
#[derive(Debug)]
pub struct AlertChannels<'a, H, O, M> {
    config: &'a Config,
    mailbox: &'a Name,
    http: &'a H,
    outboxes: &'a O,
    email: &'a M,
    channels: Vec<Channel>,
}

impl<'a, H, O, M> AlertChannels<'a, H, O, M> {
    /// The channels that are configured, less the mailbox itself: what cannot send cannot say so,
    /// and a mail about a mail that failed would be the next to fail.
    pub fn of(
        config: &'a Config,
        mailbox: &'a Name,
        http: &'a H,
        outboxes: &'a O,
        email: &'a M,
    ) -> Self {
        let alert = &config.alert;
        let by_mail = alert.mailbox.as_ref();
        let channels = [
            alert.hook.as_ref().map(|_| Channel::Url),
            by_mail
                .filter(|mail| mail.mailbox != *mailbox)
                .map(|_| Channel::Mailbox),
            alert.send_email.as_ref().map(|_| Channel::SendEmail),
        ];
        Self {
            config,
            mailbox,
            http,
            outboxes,
            email,
            channels: channels.into_iter().flatten().collect(),
        }
    }
}

impl<H: HttpClient, O: Outboxes, M: EmailService> Alerts for AlertChannels<'_, H, O, M> {
    fn channels(&self) -> &[Channel] {
        &self.channels
    }

    async fn tell(&self, channel: Channel, alert: &Alert, waiting: u64) -> Result<(), NotTold> {
        let words = Words::of(self.config, self.mailbox, alert, waiting);
        match channel {
            Channel::Url => self.post(&words).await,
            Channel::Mailbox => self.mail(&words).await,
            Channel::SendEmail => {
                let mail = self.config.alert.send_email.as_ref().ok_or(NotTold)?;
                let text = words.letter();
                self.email
                    .send(&mail.mailbox, &mail.to, &words.subject, &text)
                    .await
            }
        }
    }
}

impl<H: HttpClient, O: Outboxes, M> AlertChannels<'_, H, O, M> {
    async fn post(&self, words: &Words<'_>) -> Result<(), NotTold> {
        let hook = self.config.alert.hook.as_ref().ok_or(NotTold)?;
        let mut request = http::Request::post(hook.url.as_str())
            .header("content-type", "application/json")
            .header("user-agent", "edgepost");
        if let Some(name) = &hook.secret {
            let secret = self.config.secret(name).ok_or(NotTold)?;
            request = request.header("authorization", format!("Bearer {}", secret.expose()));
        }
        let body = words.json().to_string().into_bytes();
        let request = request.body(body).map_err(|_| NotTold)?;
        // It has been told with its status, however long it goes on talking.
        match self.http.status(request).await {
            Ok(200..300) => Ok(()),
            _ => Err(NotTold),
        }
    }

    /// By what an alert is recognised that is told once more, because it was not certain that it
    /// was: its words may have changed since.
    fn once(&self, alert: &Alert) -> Idempotency {
        Idempotency {
            scope: format!("alert/{}/{}", self.mailbox, alert.name()),
            fingerprint: Fingerprint::of(&Value::Null, &[]),
        }
    }

    async fn mail(&self, words: &Words<'_>) -> Result<(), NotTold> {
        let alert = words.alert;
        let AlertMail { mailbox, to } = self.config.alert.mailbox.as_ref().ok_or(NotTold)?;
        let through = self.config.mailboxes.get(mailbox).ok_or(NotTold)?;
        let draft = words.draft(&through.sender, to).ok_or(NotTold)?;
        let accept = Accept {
            mailbox: mailbox.clone(),
            source: Source(format!("alert/{}", self.mailbox)),
            draft,
            request: Some(ApiRequest {
                card: None,
                rate_limit: 0,
                idempotency: Some(self.once(alert)),
                scheduled_at: None,
            }),
            staged: None,
        };
        match self.outboxes.accept(&accept).await {
            Ok(answered) if matches!(answered.accepted, Accepted::Id(_)) => Ok(()),
            _ => Err(NotTold),
        }
    }
}

/// An alert in words. All of them are ours, but for the mailbox's name.
struct Words<'a> {
    alert: &'a Alert,
    mailbox: &'a Name,
    waiting: u64,
    subject: String,
    text: String,
    advice: &'static str,
    /// Where the messages' stories are, in the order of their identifiers.
    stories: Vec<String>,
}

impl<'a> Words<'a> {
    fn of(config: &Config, mailbox: &'a Name, alert: &'a Alert, waiting: u64) -> Self {
        let since = alert.since;
        let (subject, text, advice) = match alert.kind {
            AlertKind::MailboxDown => (
                format!("The mailbox {mailbox} cannot send"),
                format!(
                    "The mailbox {mailbox} cannot send mail since {since}. Messages that wait are kept, and sent when it works again."
                ),
                alert
                    .cause
                    .map_or("", |cause| advice(cause, alert.finding.as_ref())),
            ),
            AlertKind::MailboxUp => (
                format!("The mailbox {mailbox} sends again"),
                format!(
                    "The mailbox {mailbox} sends mail again, which it did not since {since}. Nothing is left to do."
                ),
                "",
            ),
            AlertKind::MessagesFailed => (
                format!("The mailbox {mailbox}: mail was not delivered"),
                format!(
                    "Of the messages handed to the mailbox {mailbox} since {since}, {} failed for good and {} are in doubt, which may or may not have arrived. Nothing more is tried.",
                    alert.failed, alert.in_doubt
                ),
                "read the story of each message: it says who refused it and why",
            ),
        };
        let at = config.public_url.as_ref();
        let story = |id| Some(format!("{}/admin/messages/{id}", at?.as_str()));
        Self {
            alert,
            mailbox,
            waiting,
            subject,
            text,
            advice,
            stories: alert.ids.iter().filter_map(story).collect(),
        }
    }

    /// As `docs/alerts.md` has it.
    fn json(&self) -> Value {
        let alert = self.alert;
        json!({
            "type": alert.kind,
            "mailbox": self.mailbox,
            "at": alert.at.to_string(),
            "since": alert.since.to_string(),
            "text": self.text,
            "cause": alert.cause,
            "finding": alert.finding,
            "advice": self.advice,
            "waiting": self.waiting,
            "failed": alert.failed,
            "in_doubt": alert.in_doubt,
            "ids": alert.ids,
            "url": self.stories.first(),
        })
    }

    /// As a mail says it.
    fn letter(&self) -> String {
        let mut letter = format!("{}\n", self.text);
        if !self.advice.is_empty() {
            let _ = write!(letter, "\nWhat to do: {}.\n", self.advice);
        }
        let _ = write!(letter, "\nMessages waiting: {}\n", self.waiting);
        if let Some(cause) = self.alert.cause {
            let _ = writeln!(letter, "Cause: {}", cause);
        }
        if !self.stories.is_empty() {
            let _ = writeln!(letter, "\nTheir stories, which the operator key opens:");
        }
        for story in &self.stories {
            let _ = writeln!(letter, "{story}");
        }
        letter
    }

    fn draft(&self, from: &Mailbox, to: &[EmailAddress]) -> Option<Draft> {
        Some(Draft {
            sender: from.address.clone(),
            from: from.clone(),
            to: to.iter().cloned().map(Mailbox::from).collect(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: Vec::new(),
            subject: HeaderText::try_from(self.subject.as_str()).ok()?,
            text: Some(BodyText::try_from(self.letter()).ok()?),
            html: None,
            headers: Vec::new(),
            attachments: Vec::new(),
            auto_generated: true,
        })
    }
}
