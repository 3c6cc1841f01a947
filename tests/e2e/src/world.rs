//! One Worker with the mailboxes and forms of all its cases.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use edgepost_sandbox::Sandbox;
use serde_json::{Map, Value, json};
use xtask::browser::Browser;
use xtask::http::{Answer, Client};
use xtask::worker::{Neighbour, Worker, WorkerOptions};
use xtask::{Result, key, paths};

use crate::case::Case;
use crate::corner::{Corner, configure};
use crate::given::{Audience, Given};
use crate::site::Site;

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
    browsers: Mutex<Vec<Browser>>,
    client: Client,
    corners: Vec<Corner>,
    answers: Mutex<Vec<Given>>,
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
            browsers: Mutex::default(),
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
        let asked = format!("{path} {headers:?}");
        self.record(Audience::Anyone, asked, answer.expect("an answer"))
    }

    /// GET by the operator.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn get_admin(&self, path: &str) -> Answer {
        let authorization = format!("Bearer {}", self.operator_key);
        let url = format!("{}{path}", self.worker.url());
        let answer = self.client.get(&url, &[("authorization", &authorization)]);
        self.record(
            Audience::Operator,
            path.to_owned(),
            answer.expect("an answer"),
        )
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
        let browser = Browser::sign_in(&self.worker.url(), &self.operator_key).expect("signed in");
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        browsers.push(browser.clone());
        browser
    }

    /// Everybody who has signed in.
    #[must_use]
    pub fn browsers(&self) -> Vec<Browser> {
        let browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        browsers.clone()
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
        let asked = format!("{path} {headers:?} {fields:?}");
        self.record(Audience::Anyone, asked, answer.expect("an answer"))
    }

    /// POST of these octets by anyone.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn post_octets(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.worker.url());
        let answer = self.client.post(&url, body, headers);
        let body = String::from_utf8_lossy(body);
        let asked = format!("{path} {headers:?} {body}");
        self.record(Audience::Anyone, asked, answer.expect("an answer"))
    }

    /// GET by the owner of what is asked for.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn get_own(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.worker.url());
        let answer = self.client.get(&url, headers);
        self.record(Audience::Owner, path.to_owned(), answer.expect("an answer"))
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every answer so far.
    #[must_use]
    pub fn answers(&self) -> Vec<Given> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = answers.clone();
        for browser in self.browsers() {
            let own = browser.answers().into_iter();
            all.extend(own.map(|answer| Given {
                audience: Audience::Operator,
                asked: String::new(),
                answer,
            }));
        }
        all
    }

    pub(crate) fn record(&self, audience: Audience, asked: String, answer: Answer) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(Given {
            audience,
            asked,
            answer: answer.clone(),
        });
        answer
    }
}

/// Nothing of an earlier run may be found again.
fn fresh_folder(name: &str) -> Result<PathBuf> {
    let folder = paths::scratch().join("e2e").join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(folder),
    }
}
