//! `cargo xtask demo`: a form, the Worker, a stand-in provider and one mail between them.
//!
//! Everything runs on this machine and nothing leaves it. What happens is what happens after a
//! deploy: the operator signs in and connects the mailbox, the account consents, a visitor fills in a form, the mail
//! goes out by SMTP with OAuth2, and the operator reads its story.

pub mod ports;
mod story;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use edgepost_sandbox::{Delivered, Options, SampleSite, Sandbox};
use serde_json::{Map, Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::browser::Browser;
use crate::http::Client;
use crate::worker::{Worker, WorkerOptions};
use crate::{Context, Result, build, key, paths, tools};
use ports::Ports;

/// The account that is connected, and whose mail is sent.
const MAILBOX: &str = "shop@sandbox.test";

/// Who the form's mail goes to.
const OWNER: &str = "owner@sandbox.test";

/// Longest wait for the mail to arrive: a first try takes half a second, and one that is put off
/// would show its reason by then.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest wait for the story to say what the inbox shows already.
const STORY_TIMEOUT: Duration = Duration::from_secs(3);

/// How often the story is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How much of the Worker's log goes with a failure.
const LOG_LINES: usize = 40;

/// What happens when the mail has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything stays up until Ctrl-C.
    Stay,
    /// Everything is taken down.
    Once,
}

/// Runs it.
///
/// # Errors
/// If anything does not come up, or the mail does not arrive.
pub fn run(mode: Mode) -> Result<()> {
    step("tools");
    tools::ensure()?;
    step("the Worker (compiling takes a minute the first time)");
    build::ensure_built()?;

    let ports = Ports::choose()?;
    let sandbox = Sandbox::start(Options {
        web_port: ports.web,
        https_port: ports.https,
        smtp_port: ports.smtp,
        ..Options::default()
    })
    .context(|| "the stand-in provider did not start".to_owned())?;
    sandbox.add_account(MAILBOX, edgepost_sandbox::AccountSettings::default());

    let public_url = format!("http://localhost:{}", ports.worker);
    step("wrangler dev");
    let operator_key = key::fresh()?;
    // Before the Worker, so that it is removed after it has stopped.
    let folder = Folder::create();
    let worker = Worker::start(WorkerOptions {
        vars: vars(&sandbox, &public_url),
        secrets: vec![
            ("ROOT_KEY".to_owned(), key::fresh()?),
            ("OPERATOR_KEY".to_owned(), operator_key.clone()),
            (
                "SECRET_DEMO_CLIENT".to_owned(),
                sandbox.client_secret().to_owned(),
            ),
        ],
        ca_pem: sandbox.ca_pem(),
        state: folder.0.clone(),
        neighbours: Vec::new(),
        wall: None,
        port: Some(ports.worker),
    })?;
    sandbox.set_site(SampleSite {
        form_action: format!("{public_url}/f/contact"),
    });

    step(&format!(
        "the operator connects {MAILBOX}, which consents: authorization code with PKCE"
    ));
    Browser::sign_in(&public_url, &operator_key)?
        .connect(&sandbox, "demo", MAILBOX)
        .map_err(|error| failure(&worker, &error.to_string()))?;

    let result = deliver(&worker, &sandbox, &operator_key);
    if mode == Mode::Once || result.is_err() {
        return result;
    }
    println!("\n  A shop's contact form:  {}/site/", sandbox.web_url());
    println!("  The inbox it fills:     {}/", sandbox.web_url());
    println!("  Its mailboxes:          {public_url}/operator");
    println!("  The operator's key:     {operator_key}");
    println!("\nCtrl-C ends it; nothing stays behind.");
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    signals.forever().next();
    println!("\nstopping");
    Ok(())
}

fn step(what: &str) {
    println!("• {what}");
}

fn vars(sandbox: &Sandbox, public_url: &str) -> Map<String, Value> {
    let mailbox = json!({
        "address": MAILBOX, "name": "The Shop", "provider": "custom",
        "client_id": sandbox.client_id(), "client_secret": "SECRET_DEMO_CLIENT",
        "authorization_endpoint": sandbox.authorization_endpoint(), "issuer": sandbox.issuer(),
        "token_endpoint": sandbox.token_endpoint(), "scope": sandbox.scope(),
        "smtp_host": "localhost", "smtp_port": sandbox.smtp_port(),
    });
    let form = json!({
        "mailbox": "demo", "to": [OWNER], "subject": "Enquiry from the shop",
        "origins": [sandbox.web_url()],
    });
    Map::from_iter([
        ("PUBLIC_URL".to_owned(), json!(public_url)),
        ("MAILBOX_DEMO".to_owned(), mailbox),
        ("FORM_CONTACT".to_owned(), form),
    ])
}

/// The Worker's state, gone with the demo: its keys are new each time, so nobody could read it.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Self {
        Self(paths::scratch().join(format!("demo-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Only disk space: not worth a word.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One visitor fills in the form; the mail has to arrive.
fn deliver(worker: &Worker, sandbox: &Sandbox, operator_key: &str) -> Result<()> {
    step("a visitor fills in the form");
    let started = Instant::now();
    let answer = Client::new(None)?.post_form(
        &format!("{}/f/contact", worker.url()),
        &[
            ("name", "Ada Lovelace"),
            ("email", "ada@visitor.test"),
            (
                "message",
                "Good morning,\r\n\r\ndo you still have the blue teapot?\r\n\r\nAda",
            ),
        ],
        &[
            ("accept", "application/json"),
            ("origin", &sandbox.web_url()),
        ],
    )?;
    let id = answer
        .json()
        .ok()
        .and_then(|json| Some(json.get("id")?.as_str()?.to_owned()));
    let Some(id) = id.filter(|_| answer.status == 200) else {
        return Err(failure(
            worker,
            &format!("the form was answered {}: {}", answer.status, answer.body),
        ));
    };
    println!("  thanked after {} ms", started.elapsed().as_millis());
    let arrived = sandbox.wait_for_mail(sandbox.smtp_port(), ARRIVAL_TIMEOUT);
    let after = started.elapsed();
    let story = story_of(worker, operator_key, &id, arrived.is_some());
    let told = story
        .as_ref()
        .map_or_else(|error| format!("  no story: {error}\n"), story::render);
    let Some(mail) = arrived else {
        return Err(failure(worker, &format!("the mail did not arrive\n{told}")));
    };
    println!(
        "  in the inbox after {} ms: {}",
        after.as_millis(),
        described(&mail)
    );
    step("its story, as the operator reads it");
    print!("{told}");
    story.map(drop)
}

fn described(mail: &Delivered) -> String {
    let to: Vec<&str> = mail
        .envelope
        .rcpt_to
        .iter()
        .map(|rcpt| rcpt.address.as_str())
        .collect();
    let tls = mail
        .tls
        .as_ref()
        .and_then(|tls| tls.version.as_deref())
        .unwrap_or("no TLS");
    let auth = mail
        .auth
        .as_ref()
        .map_or("no AUTH", |auth| auth.mechanism.as_str());
    format!(
        "{} octets for {} over {tls} with {auth}",
        mail.raw.len(),
        to.join(", ")
    )
}

/// The story; of a mail that has arrived, the story that says so.
fn story_of(worker: &Worker, operator_key: &str, id: &str, arrived: bool) -> Result<Value> {
    let client = Client::new(None)?;
    let url = format!("{}/admin/messages/{id}", worker.url());
    let authorization = format!("Bearer {operator_key}");
    let deadline = Instant::now() + STORY_TIMEOUT;
    loop {
        let answer = client.get(&url, &[("authorization", &authorization)])?;
        if answer.status != 200 {
            return Err(format!("answered {}: {}", answer.status, answer.body).into());
        }
        let story = answer.json()?;
        if !arrived || story["state"] == "sent" {
            return Ok(story);
        }
        if Instant::now() >= deadline {
            return Err(format!("the mail is in the inbox, its story is not: {story:#}").into());
        }
        std::thread::sleep(POLL);
    }
}

fn failure(worker: &Worker, what: &str) -> crate::Error {
    format!("{what}\nThe Worker's log:\n{}", worker.log_tail(LOG_LINES)).into()
}
