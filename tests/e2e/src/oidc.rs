//! A Worker with mailboxes at authorization servers that nobody here wrote (`tests/e2e/oidc`), and a
//! person who consents there. The sandbox is only the mail server: it takes a token if its issuer
//! says that it is good (RFC 7662).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edgepost_sandbox::{Options, Sandbox, Script, ServerIdentity, TokenVerdict};
use serde_json::{Map, Value, json};
use xtask::browser::Browser;
use xtask::http::{Answer, Client};
use xtask::process::{Group, supervised};
use xtask::worker::{Worker, WorkerOptions};
use xtask::{Result, key, paths, ports};

use crate::site::{OWNER, VISITOR};

/// The scope that lets a token send.
const SCOPE: &str = "smtp";

/// The client that asks whether a token is good.
const MAIL_SERVER: &str = "mail-server";

/// The client that signs, with an RSA key that is of use in tests and nowhere else.
pub const BY_KEY: &str = "by-key";
const KEY: &str = include_str!("../../fixtures/keys/application.key");

/// Longest wait for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often it is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Most redirects between the Worker and its callback: sign in, consent, and what is between.
const REDIRECTS: usize = 12;

/// A mailbox: its name, the server (0 or 1) that its tokens come from, and its client there.
#[derive(Debug, Clone, Copy)]
pub struct Mailbox {
    /// Its name, and that of its form.
    pub name: &'static str,
    /// Which server.
    pub server: usize,
    /// `client_id`.
    pub client: &'static str,
}

/// Everything that runs.
pub struct Rig {
    /// The mail server.
    pub sandbox: Sandbox,
    /// The Worker.
    pub worker: Worker,
    /// Somebody who is signed in to it.
    pub operator: Browser,
    issuers: Vec<String>,
    ports: BTreeMap<&'static str, u16>,
    operator_key: String,
    secrets: Secrets,
    /// Trusts the authority of the two servers and no other.
    client: Client,
    anyone: Client,
    _provider: Group,
}

struct Secrets {
    client: String,
    mail_server: String,
}

impl Rig {
    /// Starts the servers and a Worker with these mailboxes.
    ///
    /// # Errors
    /// If one of them does not start.
    pub fn start(mailboxes: &[Mailbox]) -> Result<Self> {
        let sandbox = Sandbox::start(Options::default())?;
        let identity = ServerIdentity::generate()?;
        let folder = paths::scratch().join("e2e").join("oidc");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let port = ports::free()?;
        let servers = [ports::free()?, ports::free()?];
        let issuers: Vec<String> = servers
            .iter()
            .map(|port| format!("https://localhost:{port}"))
            .collect();
        let secrets = Secrets {
            client: key::fresh()?,
            mail_server: key::fresh()?,
        };
        let setup = json!({
            "ports": servers,
            "scope": SCOPE,
            "mailServerSecret": secrets.mail_server,
            "clients": clients(mailboxes, &format!("http://localhost:{port}"), &secrets),
        });
        let provider = start_provider(&folder, &identity, setup)?;
        let client = Client::new(Some(&identity.authority_pem))?;
        let asking = (client.clone(), issuers.clone(), secrets.mail_server.clone());
        sandbox.verify_tokens_by(move |user, token| {
            let (client, issuers, secret) = &asking;
            let verdicts = issuers.iter().map(|issuer| {
                let known = introspect(client, issuer, secret, token);
                known.map_or(TokenVerdict::Bad, |known| verdict(&known, user))
            });
            let known = verdicts.into_iter().find(|it| *it != TokenVerdict::Bad);
            known.unwrap_or(TokenVerdict::Bad)
        });

        let operator_key = key::fresh()?;
        let worker_secrets = vec![
            ("ROOT_KEY".to_owned(), key::fresh()?),
            ("OPERATOR_KEY".to_owned(), operator_key.clone()),
            ("SECRET_CLIENT".to_owned(), secrets.client.clone()),
            // As `.dev.vars` can hold it: on one line.
            ("SECRET_KEY".to_owned(), KEY.replace('\n', " ")),
        ];
        let (mut vars, mut own_ports) = (Map::new(), BTreeMap::new());
        for mailbox in mailboxes {
            let smtp = sandbox.open_smtp(Vec::new(), Script::none())?.port();
            own_ports.insert(mailbox.name, smtp);
            let upper = mailbox.name.to_uppercase();
            let mut entry = json!({
                "address": address(mailbox.name), "provider": "custom",
                // Nothing but the issuer: where everything is, it says itself.
                "issuer": issuers[mailbox.server], "scope": format!("openid {SCOPE} offline_access"),
                "client_id": mailbox.client,
                "smtp_host": "localhost", "smtp_port": smtp, "smtp_tls": "starttls",
            });
            let (field, secret) = match mailbox.client {
                BY_KEY => ("private_key", "SECRET_KEY"),
                _ => ("client_secret", "SECRET_CLIENT"),
            };
            entry[field] = json!(secret);
            vars.insert(format!("MAILBOX_{upper}"), entry);
            let form = json!({ "mailbox": mailbox.name, "to": [OWNER], "subject": "An enquiry" });
            vars.insert(format!("FORM_{upper}"), form);
        }
        let worker = Worker::start(WorkerOptions {
            vars,
            secrets: worker_secrets,
            ca_pem: &format!("{}\n{}", sandbox.ca_pem(), identity.authority_pem),
            state: folder.join("worker"),
            port: Some(port),
            neighbours: Vec::new(),
            wall: None,
        })?;
        let operator = Browser::sign_in(&worker.url(), &operator_key)?;
        Ok(Self {
            sandbox,
            worker,
            operator,
            issuers,
            ports: own_ports,
            operator_key,
            secrets,
            client,
            anyone: Client::new(None)?,
            _provider: provider,
        })
    }

    /// The name that a server goes by.
    #[must_use]
    pub fn issuer(&self, server: usize) -> &str {
        &self.issuers[server]
    }

    /// Begins to connect a mailbox, signs in at the server as its owner, consents, and answers the
    /// path of the callback with all that the server put into it.
    ///
    /// # Panics
    /// If it does not get that far.
    #[must_use]
    pub fn consented(&self, mailbox: &str) -> String {
        let begun = self.operator.begin(mailbox).expect("a consent page");
        let back = self
            .consent(&begun, &address(mailbox))
            .expect("a way back to the Worker");
        self.operator.path_of(&back).expect("the Worker's address")
    }

    /// Connects a mailbox.
    ///
    /// # Panics
    /// If it is not connected.
    pub fn connect(&self, mailbox: &str) {
        let callback = self.consented(mailbox);
        let answer = self.operator.get(&callback).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// What a person does at the server, by its own pages.
    fn consent(&self, begun: &str, account: &str) -> Result<String> {
        let (mut url, mut jar) = (begun.to_owned(), BTreeMap::new());
        let ours = self.worker.url();
        for _ in 0..REDIRECTS {
            let mut answer = self.client.get(&url, &[("cookie", &cookies(&jar))])?;
            keep_cookies(&mut jar, &answer);
            if answer.status == 200 {
                let login = answer.body.contains(r#"name="prompt" value="login""#);
                let prompt = if login { "login" } else { "consent" };
                let fields = [("prompt", prompt), ("login", account), ("password", "x")];
                let headers = [("cookie", cookies(&jar))];
                let headers = headers
                    .each_ref()
                    .map(|(name, value)| (*name, value.as_str()));
                answer = self.client.post_form(&url, &fields, &headers)?;
                keep_cookies(&mut jar, &answer);
            }
            let Some(next) = answer.header("location") else {
                return Err(
                    format!("the server answered {}: {}", answer.status, answer.body).into(),
                );
            };
            if next.starts_with(&ours) {
                return Ok(next.to_owned());
            }
            url = absolute(&url, next);
        }
        Err("too many redirects".into())
    }

    /// Fills in the mailbox's form; answers the message's identifier.
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn send(&self, mailbox: &str) -> String {
        let url = format!("{}/f/{mailbox}", self.worker.url());
        let fields = [("name", "Ada"), ("email", VISITOR), ("message", "Hello")];
        let answer = self
            .anyone
            .post_form(&url, &fields, &[("accept", "application/json")])
            .expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let json = answer.json().expect("JSON");
        json["id"].as_str().expect("an id").to_owned()
    }

    /// The messages that arrived from a mailbox.
    #[must_use]
    pub fn arrived(&self, mailbox: &str) -> usize {
        self.sandbox.inbox_of(self.ports[mailbox]).len()
    }

    /// Waits until so many have.
    ///
    /// # Panics
    /// If they do not.
    pub fn until_arrived(&self, mailbox: &str, messages: usize) {
        wait_until(&format!("{messages} messages of {mailbox}"), || {
            self.arrived(mailbox) >= messages
        });
        assert_eq!(self.arrived(mailbox), messages);
    }

    /// What the operator is told of a message.
    ///
    /// # Panics
    /// If there is no story.
    #[must_use]
    pub fn story(&self, id: &str) -> Value {
        let authorization = format!("Bearer {}", self.operator_key);
        let url = format!("{}/admin/messages/{id}", self.worker.url());
        let headers = [("authorization", authorization.as_str())];
        let answer = self.anyone.get(&url, &headers).expect("an answer");
        answer.json().expect("JSON")
    }

    /// The token requests of a mailbox with this grant type, as the server saw them.
    ///
    /// # Panics
    /// If the server does not tell.
    #[must_use]
    pub fn token_requests(&self, server: usize, mailbox: &str, grant_type: &str) -> Vec<Value> {
        let all = self.control(server, "requests", mailbox);
        let all = all.as_array().expect("a list").iter();
        let own = all.filter(|it| {
            it["account"] == address(mailbox).as_str() && it["grant_type"] == grant_type
        });
        own.cloned().collect()
    }

    /// All token requests that a server refused.
    ///
    /// # Panics
    /// If the server does not tell.
    #[must_use]
    pub fn refusals(&self, server: usize) -> Vec<Value> {
        let all = self.control(server, "requests", "");
        let all = all.as_array().expect("a list").iter();
        all.filter(|it| it["outcome"] != "issued")
            .cloned()
            .collect()
    }

    /// The tokens that a mailbox's owner was issued, `access` or `refresh`, oldest first.
    ///
    /// # Panics
    /// If the server does not tell.
    #[must_use]
    pub fn tokens(&self, server: usize, mailbox: &str, kind: &str) -> Vec<String> {
        let tokens = self.control(server, "tokens", mailbox);
        let tokens = tokens[kind].as_array().expect("a list").iter();
        tokens
            .map(|it| it.as_str().expect("a token").to_owned())
            .collect()
    }

    /// Ends all access tokens of a mailbox's owner; refresh tokens stay good.
    ///
    /// # Panics
    /// If the server does not do it.
    pub fn end_access_tokens(&self, server: usize, mailbox: &str) {
        let ended = self.control(server, "end-access-tokens", mailbox);
        assert!(ended["ended"].as_u64() > Some(0), "{ended}");
    }

    /// Whether a token is good, as its issuer says.
    ///
    /// # Panics
    /// If it does not say.
    #[must_use]
    pub fn is_active(&self, server: usize, token: &str) -> bool {
        let secret = &self.secrets.mail_server;
        let known = introspect(&self.client, self.issuer(server), secret, token);
        known.expect("an answer")["active"] == true
    }

    /// Presents a refresh token as somebody who has stolen it and the client's secret.
    ///
    /// # Panics
    /// If there is no answer.
    #[must_use]
    pub fn replay(&self, mailbox: Mailbox, refresh_token: &str) -> Answer {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("client_id", mailbox.client),
            ("client_secret", self.secrets.client.as_str()),
        ];
        let url = format!("{}/token", self.issuer(mailbox.server));
        self.client
            .post_form(&url, &fields, &[])
            .expect("an answer")
    }

    fn control(&self, server: usize, door: &str, mailbox: &str) -> Value {
        let account = address(mailbox);
        let url = format!("{}/control/{door}?account={account}", self.issuer(server));
        let answer = self.client.get(&url, &[]).expect("an answer");
        answer.json().expect("JSON")
    }
}

/// Waits until something holds.
///
/// # Panics
/// If that takes too long.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never {what}");
        std::thread::sleep(POLL);
    }
}

/// The address of a mailbox, by which its owner is known at the server too.
fn address(mailbox: &str) -> String {
    format!("{mailbox}@shop.test")
}

fn clients(mailboxes: &[Mailbox], worker: &str, secrets: &Secrets) -> Vec<Value> {
    let redirects: Vec<String> = mailboxes
        .iter()
        .map(|mailbox| format!("{worker}/oauth/callback/custom/{}", mailbox.name))
        .collect();
    let client = |id: &str, method: &str| {
        json!({
            "client_id": id, "client_secret": secrets.client, "redirect_uris": redirects,
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": method,
        })
    };
    // It has no secret: what is known of its key, the servers make of the key.
    let mut by_key = client(BY_KEY, "private_key_jwt");
    by_key["token_endpoint_auth_signing_alg"] = json!("PS256");
    by_key["private_key"] = json!(KEY);
    vec![
        client("by-post", "client_secret_post"),
        client("by-basic", "client_secret_basic"),
        by_key,
    ]
}

fn start_provider(folder: &Path, identity: &ServerIdentity, mut setup: Value) -> Result<Group> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, &identity.certificate_pem)?;
    std::fs::write(&key, &identity.key_pem)?;
    setup["certificate"] = json!(certificate);
    setup["key"] = json!(key);
    let mut command = supervised("node");
    command
        .arg(paths::root().join("tests/e2e/oidc/provider.mjs"))
        .env("OIDC_SETUP", setup.to_string());
    let group = Group::spawn(command)?;
    let deadline = Instant::now() + PATIENCE;
    while !group.lines().iter().any(|line| line == "ready") {
        if group.has_ended() || Instant::now() > deadline {
            let lines = group.lines().join("\n");
            return Err(format!("the authorization servers did not start:\n{lines}").into());
        }
        std::thread::sleep(POLL);
    }
    Ok(group)
}

/// RFC 7662.
fn introspect(client: &Client, issuer: &str, secret: &str, token: &str) -> Result<Value> {
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("{MAIL_SERVER}:{secret}"))
    );
    let url = format!("{issuer}/token/introspection");
    client
        .post_form(&url, &[("token", token)], &[("authorization", &basic)])?
        .json()
}

fn verdict(known: &Value, user: &str) -> TokenVerdict {
    let scope = known["scope"].as_str().unwrap_or_default();
    if known["active"] != true || known["sub"] != user {
        TokenVerdict::Bad
    } else if scope.split(' ').any(|scope| scope == SCOPE) {
        TokenVerdict::Good
    } else {
        TokenVerdict::WrongScope
    }
}

fn cookies(jar: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("; ")
}

fn keep_cookies(jar: &mut BTreeMap<String, String>, answer: &Answer) {
    for (_, cookie) in answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
    {
        let pair = cookie.split(';').next().unwrap_or_default();
        match pair.split_once('=') {
            Some((name, "")) => drop(jar.remove(name)),
            Some((name, value)) => drop(jar.insert(name.to_owned(), value.to_owned())),
            None => {}
        }
    }
}

/// `next` as it is meant at `base`.
fn absolute(base: &str, next: &str) -> String {
    if !next.starts_with('/') {
        return next.to_owned();
    }
    let origin: Vec<&str> = base.splitn(4, '/').take(3).collect();
    format!("{}{next}", origin.join("/"))
}
