//! What a bench works with: workerd, the stand-in provider, one mailbox and a key to it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use edgepost_sandbox::{AccountSettings, Options as SandboxOptions, Sandbox};
use serde_json::{Map, Value, json};

use crate::http::{Answer, Client};
use crate::workerd::{Options, Workerd};
use crate::{Result, key, paths};

/// The mailbox.
pub const MAILBOX: &str = "bench@sandbox.test";

/// Requests a second that no bench makes.
const UNLIMITED: u32 = 1_000_000;

/// How often somebody who waits looks again.
const POLL: Duration = Duration::from_millis(20);

/// A Worker that is measured.
#[derive(Debug)]
pub struct Rig {
    /// The provider.
    pub sandbox: Sandbox,
    /// The Worker.
    pub workerd: Workerd,
    /// Of the caller of each mailbox.
    authorizations: Vec<String>,
    operator: String,
    /// Removed last.
    _state: Folder,
}

impl Rig {
    /// Starts both; `build/` has to be there. Where the mailbox is not connected, messages are
    /// accepted and wait.
    ///
    /// # Errors
    /// If something does not start.
    pub fn start(connected: bool) -> Result<Self> {
        Self::with(connected, 1, AccountSettings::default())
    }

    /// The same with so many mailboxes of one address, which share its credential: each has an Outbox
    /// and a caller of its own.
    ///
    /// # Errors
    /// If something does not start.
    pub fn with(connected: bool, mailboxes: usize, account: AccountSettings) -> Result<Self> {
        let sandbox = Sandbox::start(SandboxOptions::default())?;
        sandbox.add_account(MAILBOX, account);
        let operator = key::fresh()?;
        let mailbox = json!({
            "address": MAILBOX, "provider": "custom",
            "client_id": sandbox.client_id(), "client_secret": "SECRET_CLIENT",
            "refresh_token": "SECRET_REFRESH",
            // Nobody listens on port 1.
            "token_endpoint": if connected { sandbox.token_endpoint() } else { "https://localhost:1/token".to_owned() },
            "scope": sandbox.scope(),
            "smtp_host": "localhost", "smtp_port": sandbox.smtp_port(),
        });
        let (mut vars, mut authorizations) = (Map::new(), Vec::new());
        for number in 0..mailboxes {
            let api_key = key::fresh_api()?;
            vars.insert(format!("MAILBOX_BENCH{number}"), mailbox.clone());
            vars.insert(
                format!("KEY_BENCH{number}"),
                json!({
                    "hash": key::api_hash(&api_key), "mailboxes": [format!("bench{number}")],
                    "rate_limit": UNLIMITED,
                }),
            );
            authorizations.push(format!("Bearer {api_key}"));
        }
        let secrets = vec![
            ("ROOT_KEY".to_owned(), key::fresh()?),
            ("OPERATOR_KEY".to_owned(), operator.clone()),
            (
                "SECRET_CLIENT".to_owned(),
                sandbox.client_secret().to_owned(),
            ),
            ("SECRET_REFRESH".to_owned(), sandbox.grant(MAILBOX)),
        ];
        let state = Folder::fresh()?;
        let workerd = Workerd::start(Options {
            vars,
            secrets,
            ca_pem: sandbox.ca_pem(),
            state: state.0.clone(),
        })?;
        Ok(Self {
            sandbox,
            workerd,
            authorizations,
            operator: format!("Bearer {operator}"),
            _state: state,
        })
    }

    /// Hands a message in.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn send(&self, client: &Client, body: &[u8]) -> Result<Answer> {
        self.send_through(0, client, body)
    }

    /// Hands a message in to one of several mailboxes, counted round.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn send_through(&self, mailbox: usize, client: &Client, body: &[u8]) -> Result<Answer> {
        let authorization = &self.authorizations[mailbox % self.authorizations.len()];
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
        ];
        client.post(&format!("{}/emails", self.workerd.url()), body, &headers)
    }

    /// Waits until the message is in a state that lasts, and tells its story.
    ///
    /// # Errors
    /// If that takes longer than `patience`.
    pub fn settled(&self, id: &str, patience: Duration) -> Result<Value> {
        let client = Client::new(None)?;
        let url = format!("{}/admin/messages/{id}", self.workerd.url());
        let deadline = Instant::now() + patience;
        loop {
            let story = client
                .get(&url, &[("authorization", &self.operator)])?
                .json()?;
            if !matches!(story["state"].as_str(), Some("queued" | "sending")) {
                return Ok(story);
            }
            if Instant::now() >= deadline {
                return Err(format!("not settled: {story:#}").into());
            }
            std::thread::sleep(POLL);
        }
    }
}

/// A message with a file of so many octets, or none.
#[must_use]
pub fn message(file: usize) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut body = json!({
        "from": MAILBOX, "to": "ada@friend.test", "subject": "Hello", "text": "Good morning",
    });
    if file > 0 {
        let octets: Vec<u8> = (0..=250).cycle().take(file).collect();
        body["attachments"] =
            json!([{ "filename": "file.bin", "content": STANDARD.encode(octets) }]);
    }
    body.to_string().into_bytes()
}

#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn fresh() -> Result<Self> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("bench-{}-{number}", std::process::id());
        let folder = paths::scratch().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Only disk space: not worth a word.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
