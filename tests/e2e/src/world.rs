//! One Worker with the mailboxes and forms of all its cases.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use edgepost_sandbox::{SMTP_SCOPE, Sandbox};
use serde_json::{Map, Value, json};
use xtask::browser::Browser;
use xtask::http::{Answer, Client};
use xtask::worker::{Neighbour, Worker, WorkerOptions};
use xtask::{Result, key, paths};

use crate::api::Keys;
use crate::case::{Case, Port};
use crate::signing::By;
use crate::site::{OWNER, Site};

/// The Worker and all that is known of it.
pub struct World {
    /// The stand-in provider.
    pub sandbox: Arc<Sandbox>,
    /// The Worker.
    pub worker: Worker,
    /// Its secrets, by name.
    pub secrets: Vec<(String, String)>,
    operator_key: String,
    name: String,
    /// What an alert is to present.
    hook_authorization: String,
    monitor_key: String,
    operator: OnceLock<Browser>,
    client: Client,
    corners: Vec<Corner>,
    answers: Mutex<Vec<String>>,
    turn: Mutex<()>,
}

/// What is around the cases of a Worker.
#[derive(Debug, Default)]
pub struct Around {
    /// Variables beside those of the cases.
    pub vars: Map<String, Value>,
    /// Other Workers of the account.
    pub neighbours: Vec<Neighbour>,
    /// Requests that the first wall lets through, where it is another number than is deployed.
    pub wall: Option<u32>,
}

/// What one case has in the configuration.
struct Corner {
    forms: Vec<String>,
    address: String,
    port: u16,
    keys: Option<Keys>,
    signer: Option<String>,
}

impl World {
    /// Opens the ports, makes the accounts and starts a Worker configured for all `cases`.
    ///
    /// # Errors
    /// If the Worker does not start.
    pub fn start(
        name: &str,
        sandbox: &Arc<Sandbox>,
        cases: &[Case],
        around: Around,
    ) -> Result<Self> {
        let (operator_key, monitor_key) = (key::fresh()?, key::fresh()?);
        let mut secrets = vec![
            ("ROOT_KEY".to_owned(), key::fresh()?),
            ("OPERATOR_KEY".to_owned(), operator_key.clone()),
            ("MONITOR_KEY".to_owned(), monitor_key.clone()),
            (
                "SECRET_CLIENT".to_owned(),
                sandbox.client_secret().to_owned(),
            ),
        ];
        let hook_secret = key::fresh()?;
        secrets.push(("SECRET_HOOK".to_owned(), hook_secret.clone()));
        let mut vars = around.vars;
        vars.insert(
            "ALERT".to_owned(),
            json!({ "url": sandbox.hook_url(name), "secret": "SECRET_HOOK" }),
        );
        let mut corners = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            corners.push(configure(
                name,
                number,
                case,
                sandbox,
                &mut vars,
                &mut secrets,
            )?);
        }
        let worker = Worker::start(WorkerOptions {
            vars,
            secrets: secrets.clone(),
            ca_pem: sandbox.ca_pem(),
            state: fresh_folder(name)?,
            port: None,
            neighbours: around.neighbours,
            wall: around.wall,
        })?;
        Ok(Self {
            sandbox: Arc::clone(sandbox),
            worker,
            secrets,
            operator_key,
            name: name.to_owned(),
            hook_authorization: format!("Bearer {hook_secret}"),
            monitor_key,
            operator: OnceLock::new(),
            client: Client::new(None)?,
            corners,
            answers: Mutex::default(),
            turn: Mutex::default(),
        })
    }

    /// The corner of the case with this number.
    #[must_use]
    pub fn site(&self, number: usize) -> Site<'_> {
        let corner = &self.corners[number];
        Site {
            world: self,
            forms: corner.forms.clone(),
            address: corner.address.clone(),
            port: corner.port,
            keys: corner.keys.as_ref(),
            signer: corner.signer.clone(),
        }
    }

    /// All keys to the API, by the names of their variables.
    pub fn keys(&self) -> impl Iterator<Item = &(String, String)> {
        let keys = self
            .corners
            .iter()
            .filter_map(|corner| corner.keys.as_ref());
        keys.flat_map(|keys| &keys.texts)
    }

    /// The bodies of all alerts so far.
    ///
    /// # Panics
    /// If one did not come as it should.
    #[must_use]
    pub fn alerts(&self) -> Vec<Vec<u8>> {
        let posts = self.sandbox.hook_posts(&self.name).into_iter();
        posts
            .map(|post| {
                assert_eq!(post.content_type.as_deref(), Some("application/json"));
                // Not shown if it is wrong: it is a secret.
                let right = post.authorization.as_ref() == Some(&self.hook_authorization);
                assert!(right, "an alert without its secret");
                post.body
            })
            .collect()
    }

    /// The operator's key.
    #[must_use]
    pub fn operator_key(&self) -> &str {
        &self.operator_key
    }

    /// For cases that cannot run beside each other, such as one that kills the Worker.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// GET by anyone.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = self
            .client
            .get(&format!("{}{path}", self.worker.url()), headers);
        self.record(answer.expect("an answer"))
    }

    /// GET by the operator. Not recorded: the operator may see everything but secrets.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn get_admin(&self, path: &str) -> Answer {
        let authorization = format!("Bearer {}", self.operator_key);
        let url = format!("{}{path}", self.worker.url());
        self.client
            .get(&url, &[("authorization", &authorization)])
            .expect("an answer")
    }

    /// The operator, who has signed in once for all cases: tries are counted.
    ///
    /// # Panics
    /// If that fails.
    pub fn operator(&self) -> &Browser {
        self.operator.get_or_init(|| self.sign_in())
    }

    /// Somebody else who has signed in.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn sign_in(&self) -> Browser {
        Browser::sign_in(&self.worker.url(), &self.operator_key).expect("signed in")
    }

    /// What a monitor is told.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn readiness(&self) -> Answer {
        let authorization = format!("Bearer {}", self.monitor_key);
        self.get("/readyz", &[("authorization", &authorization)])
    }

    /// POST of a form by anyone.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn post(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let answer =
            self.client
                .post_form(&format!("{}{path}", self.worker.url()), fields, headers);
        self.record(answer.expect("an answer"))
    }

    /// POST of these octets by anyone.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn post_octets(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.worker.url());
        let answer = self.client.post(&url, body, headers);
        self.record(answer.expect("an answer"))
    }

    /// GET by the owner of what is asked for. Not recorded: it is there to show the message.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn get_own(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.worker.url());
        self.client.get(&url, headers).expect("an answer")
    }

    /// Every answer so far, headers included, but the operator's and what owners read.
    #[must_use]
    pub fn answers(&self) -> Vec<String> {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn record(&self, answer: Answer) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(format!("{answer:?}"));
        answer
    }
}

fn configure(
    world: &str,
    number: usize,
    case: &Case,
    sandbox: &Sandbox,
    vars: &mut Map<String, Value>,
    secrets: &mut Vec<(String, String)>,
) -> Result<Corner> {
    let setup = &case.setup;
    let address = format!("{world}{number}@shop.test");
    let (scripts, then) = (setup.connections.clone(), setup.then.clone());
    let opened = if setup.implicit_tls {
        sandbox.open_smtps(scripts, then)
    } else {
        sandbox.open_smtp(scripts, then)
    };
    let port = opened?.port();
    let (smtp_host, smtp_port) = match setup.elsewhere {
        None => ("localhost", port),
        Some(server) => match server.port {
            Port::Number(port) => (server.host, port),
            Port::Closed => (server.host, xtask::ports::free()?),
        },
    };
    let smtp_tls = if setup.implicit_tls {
        "implicit"
    } else {
        "starttls"
    };
    let authorization_endpoint = if setup.federated {
        sandbox.federated_endpoint()
    } else {
        sandbox.authorization_endpoint()
    };
    sandbox.add_account(&address, setup.account.clone());
    let refresh_secret = format!("SECRET_REFRESH{number}");
    // Nobody consents to what an application does by a right of its own.
    let granted = setup.granted
        && setup
            .signing
            .is_none_or(|signing| signing.by == By::Consent);
    let signer = setup.signing.map(|_| format!("{world}_signer{number}"));
    if granted {
        let client = signer.as_deref().unwrap_or(sandbox.client_id());
        secrets.push((refresh_secret.clone(), sandbox.grant_to(client, &address)));
    }
    sandbox.script_token_endpoint(&address, (setup.token)(port), setup.token_then.clone());

    let mut forms = Vec::new();
    let keys = if setup.api {
        let keys = Keys::fresh(number, &address)?;
        vars.extend(keys.variables(&mailbox_name(number, 0)));
        Some(keys)
    } else {
        None
    };
    let aliases = keys.as_ref().map_or(Vec::new(), Keys::aliases);
    for mailbox in 0..setup.mailboxes {
        let name = mailbox_name(number, mailbox);
        let upper = name.to_uppercase();
        // No two mailboxes may have the same; the account is one.
        let address = match mailbox {
            0 => address.clone(),
            _ => address.replace('@', &format!("+{mailbox}@")),
        };
        let mut mailbox = json!({
            "address": address, "name": "The Shop", "provider": "custom",
            "client_id": sandbox.client_id(), "client_secret": "SECRET_CLIENT",
            "authorization_endpoint": authorization_endpoint, "issuer": sandbox.issuer(),
            "token_endpoint": sandbox.token_endpoint(), "scope": SMTP_SCOPE,
            "smtp_host": smtp_host, "smtp_port": smtp_port, "smtp_tls": smtp_tls,
            "aliases": aliases,
        });
        if let (Some(signing), Some(signer)) = (setup.signing, &signer) {
            signing.configure(signer, &address, sandbox, &mut mailbox, secrets)?;
        }
        if granted {
            mailbox["refresh_token"] = json!(refresh_secret);
        }
        let mut form = json!({ "mailbox": name, "to": [OWNER], "subject": "An enquiry" });
        if let Some(redirect) = setup.redirect {
            form["redirect"] = json!(redirect);
        }
        vars.insert(format!("MAILBOX_{upper}"), mailbox);
        vars.insert(format!("FORM_{upper}"), form);
        forms.push(name);
    }
    Ok(Corner {
        forms,
        address,
        port,
        keys,
        signer,
    })
}

fn mailbox_name(number: usize, mailbox: usize) -> String {
    format!("c{number}_{mailbox}")
}

/// Nothing of an earlier run may be found again.
fn fresh_folder(name: &str) -> Result<PathBuf> {
    let folder = paths::scratch().join("e2e").join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(folder),
    }
}
