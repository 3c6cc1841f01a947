//! What a case works with: its own mailbox, form and provider.

use std::time::{Duration, Instant};

use edgepost_sandbox::{ConnectionRecord, Delivered, TokenRequest};
use xtask::http::Answer;

use crate::World;
use crate::api::{FRIENDS, Keys};
use crate::story::Story;

/// Longest wait for something that has to happen: a retry after at most a minute, on a busy
/// machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often the story is looked at: with all cases together still well below what wrangler
/// passes on.
const POLL: Duration = Duration::from_millis(400);

/// Who the form's mail goes to.
pub const OWNER: &str = "owner@shop.test";

/// Who fills in the form.
pub const VISITOR: &str = "ada@visitor.test";

/// In every enquiry, so that its text can be searched for where it must not be.
pub const BODY_CANARY: &str = "canary-of-the-body";

/// The visitor's message when a case has none of its own. Were it ever read as commands, a second
/// message would be sent: so every case proves that it is not.
pub const HOSTILE_BODY: &str = "canary-of-the-body\r\nQUIT\r\nRSET\r\nMAIL FROM:<evil@evil.test>\r\n\
                                RCPT TO:<evil@evil.test>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\nQUIT";

/// A case's own corner of the world.
pub struct Site<'w> {
    /// What it shares with all cases.
    pub world: &'w World,
    /// Names of its forms, and so of its mailboxes.
    pub forms: Vec<String>,
    /// Address of its account.
    pub address: String,
    /// Its submission port.
    pub port: u16,
    /// Its keys to the API, where it has any.
    pub keys: Option<&'w Keys>,
    /// What its application is known as to the provider, where it signs.
    pub signer: Option<String>,
}

impl Site<'_> {
    /// Fills in the form with the hostile body; answers the message's identifier.
    #[must_use]
    pub fn send(&self) -> String {
        self.send_text(HOSTILE_BODY)
    }

    /// Fills in the form with this message.
    #[must_use]
    pub fn send_text(&self, text: &str) -> String {
        self.send_fields(&[
            ("name", "Ada Lovelace"),
            ("email", VISITOR),
            ("message", text),
        ])
    }

    /// Fills in the form with these fields.
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn send_fields(&self, fields: &[(&str, &str)]) -> String {
        self.send_to(0, fields)
    }

    /// Fills in one of several forms.
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn send_to(&self, form: usize, fields: &[(&str, &str)]) -> String {
        let answer = self.post(form, fields, "application/json");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let json = answer.json().expect("JSON");
        assert_eq!(json["ok"], true, "{json}");
        json["id"].as_str().expect("an id").to_owned()
    }

    /// Posts the form as a client that accepts `accept`.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn post(&self, form: usize, fields: &[(&str, &str)], accept: &str) -> Answer {
        let path = format!("/f/{}", self.forms[form]);
        self.world.post(&path, fields, &[("accept", accept)])
    }

    /// What the operator is told of a message.
    ///
    /// # Panics
    /// If there is no story.
    #[must_use]
    pub fn story(&self, id: &str) -> Story {
        let answer = self.world.get_admin(&format!("/admin/messages/{id}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        Story(answer.json().expect("JSON"))
    }

    /// Waits until the story is as wanted.
    ///
    /// # Panics
    /// If that takes too long; shows the story.
    pub fn until(&self, id: &str, what: &str, wanted: impl Fn(&Story) -> bool) -> Story {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let story = self.story(id);
            if wanted(&story) {
                return story;
            }
            assert!(Instant::now() < deadline, "never {what}: {:#}", story.0);
            std::thread::sleep(POLL);
        }
    }

    /// Waits until the message is sent.
    pub fn until_sent(&self, id: &str) -> Story {
        self.until(id, "sent", |story| story.state() == "sent")
    }

    /// Waits until an attempt has ended in `state`, whatever came after it.
    pub fn until_event(&self, id: &str, state: &str) -> Story {
        self.until(id, state, |story| story.was(state))
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "never {what}");
            std::thread::sleep(POLL);
        }
    }

    /// The alerts about this case's first mailbox.
    ///
    /// # Panics
    /// If one is no JSON.
    #[must_use]
    pub fn alerts(&self) -> Vec<serde_json::Value> {
        let bodies = self.world.alerts().into_iter();
        let alerts = bodies.map(|body| serde_json::from_slice(&body).expect("JSON"));
        alerts
            .filter(|alert: &serde_json::Value| alert["mailbox"] == self.forms[0])
            .collect()
    }

    /// The messages that came through this case's port.
    #[must_use]
    pub fn mails(&self) -> Vec<Delivered> {
        self.world.sandbox.inbox_of(self.port)
    }

    /// The one message that came.
    ///
    /// # Panics
    /// If there is none or more than one.
    #[must_use]
    pub fn only_mail(&self) -> Delivered {
        let mails = self.mails();
        assert_eq!(mails.len(), 1, "messages delivered");
        mails.into_iter().next().expect("one")
    }

    /// The connections to this case's port.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionRecord> {
        self.world.sandbox.connections(self.port)
    }

    /// The token requests for this case's account.
    #[must_use]
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.world.sandbox.token_requests(&self.address)
    }

    /// How often AUTH was tried.
    #[must_use]
    pub fn auth_tries(&self) -> usize {
        let tries = |record: &ConnectionRecord| {
            record
                .commands
                .iter()
                .filter(|command| command.starts_with("AUTH"))
                .count()
        };
        self.connections().iter().map(tries).sum()
    }

    /// What holds of every case, whatever its provider did: no rule of SMTP broken, nothing but
    /// EHLO and STARTTLS in the clear, no recipient but the owner or, of the API, friends, not one
    /// command out of a body.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn assert_good_conduct(&self) {
        for record in self.connections() {
            assert!(
                record.violations.is_empty(),
                "violations: {:?}",
                record.violations
            );
            let plain = record.plaintext();
            for line in plain.split("\r\n").filter(|line| !line.is_empty()) {
                // A handshake that fails early is recorded as plaintext: it begins with octet 22.
                let handshake = line.starts_with('\u{16}');
                let expected = ["EHLO ", "HELO ", "STARTTLS", "QUIT"]
                    .iter()
                    .any(|w| line.starts_with(w));
                assert!(expected || handshake, "in the clear: {line:?}");
                if handshake {
                    break;
                }
            }
            for command in &record.commands {
                assert!(
                    !command.contains("evil"),
                    "a body was run as commands: {command}"
                );
            }
        }
        for mail in self.mails() {
            assert_eq!(mail.envelope.mail_from, self.address);
            let recipients: Vec<_> = mail
                .envelope
                .rcpt_to
                .iter()
                .map(|rcpt| &rcpt.address)
                .collect();
            if self.keys.is_some() {
                assert!(
                    recipients.iter().all(|address| address.ends_with(FRIENDS)),
                    "{recipients:?}"
                );
            } else {
                assert_eq!(recipients, [OWNER]);
            }
            let faults = crate::mail::Mail::parse(&mail).faults_of_content();
            assert!(faults.is_empty(), "content: {faults:?}");
        }
    }
}
