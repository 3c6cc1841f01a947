//! The Worker in `wrangler dev`, for the demo and the end-to-end tests.
//!
//! It is the release build with the bindings and migrations of the root `wrangler.toml`; only the
//! variables differ. The folder given as state holds all it writes.

mod config;

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::http::{Answer, Client};
use crate::process::{Group, supervised};
use crate::{Context, Result, ports, tools};

/// Longest wait for the first answer. A start takes 2 s alone; several at once on two cores, with
/// a compiler beside them, take ten times that.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// How often a starting Worker is asked.
const POLL: Duration = Duration::from_millis(100);

/// How many lines of log go with a failure to start.
const TAIL_LINES: usize = 30;

/// What a Worker is started with.
#[derive(Debug)]
pub struct WorkerOptions<'a> {
    /// The variables. `PUBLIC_URL` is added unless it is there.
    pub vars: Map<String, Value>,
    /// Secrets, by name.
    pub secrets: Vec<(String, String)>,
    /// The certificate authority the Worker trusts beside the public ones, as PEM.
    pub ca_pem: &'a str,
    /// A folder for its configuration and everything it stores. What a Worker before it left
    /// there is still there for this one.
    pub state: PathBuf,
    /// The port, or any free one.
    pub port: Option<u16>,
    /// Other Workers of the same account, running beside it. The first is the one that answers at
    /// the port, and has to pass on what is not for itself, `/healthz` among it.
    pub neighbours: Vec<Neighbour>,
    /// Requests that the first wall lets through, where it is another number than is deployed.
    pub wall: Option<u32>,
}

/// Another Worker of the same account.
#[derive(Debug)]
pub struct Neighbour {
    /// Its configuration, as wrangler reads it, without `main`.
    pub config: Map<String, Value>,
    /// Its one file.
    pub script: PathBuf,
}

/// A running Worker. Dropping it stops it with everything it started.
#[derive(Debug)]
pub struct Worker {
    port: u16,
    state: PathBuf,
    group: Group,
}

impl Worker {
    /// Starts it and waits until it answers. `build/` has to be there.
    ///
    /// # Errors
    /// If it does not answer in time; with the end of its log.
    pub fn start(options: WorkerOptions<'_>) -> Result<Self> {
        let port = options.port.map_or_else(ports::free, Ok)?;
        let state = options.state;
        fs::create_dir_all(&state).context(|| format!("cannot create {}", state.display()))?;
        let mut vars = options.vars;
        vars.entry("PUBLIC_URL")
            .or_insert_with(|| Value::from(url(port)));
        let mut configs = Vec::new();
        for (number, neighbour) in options.neighbours.iter().enumerate() {
            let folder = state.join(format!("neighbour-{number}"));
            configs.push(config::write_neighbour(&folder, neighbour)?);
        }
        configs.push(config::write(&state, vars, &options.secrets, options.wall)?);
        let ca = state.join("authority.pem");
        fs::write(&ca, options.ca_pem)?;

        let mut command = supervised(crate::paths::npm_bin().join("wrangler"));
        command
            .arg("dev")
            .args(
                configs
                    .iter()
                    .flat_map(|config| [OsStr::new("--config"), config.as_os_str()]),
            )
            .args(["--local", "--ip", "127.0.0.1", "--port"])
            .arg(port.to_string())
            .arg("--inspector-port")
            .arg(ports::free()?.to_string())
            .arg("--persist-to")
            .arg(state.join(DATA))
            .args(["--show-interactive-dev-session", "false"])
            .current_dir(&state)
            .env("NODE_EXTRA_CA_CERTS", ca)
            // Workers on one machine find each other through these folders: ours are alone.
            .env("WRANGLER_REGISTRY_PATH", state.join("registry"))
            .env("WRANGLER_CACHE_DIR", state.join("cache"));
        let worker = Self {
            port,
            group: Group::spawn(command)?,
            state,
        };
        worker.wait_until_ready()?;
        Ok(worker)
    }

    /// Waits until the Worker itself answers, not wrangler for it.
    ///
    /// # Errors
    /// If that does not happen in time, or wrangler has ended.
    pub fn wait_until_ready(&self) -> Result<()> {
        let client = Client::new(None)?;
        let health = format!("{}/healthz", self.url());
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if client.get(&health, &[]).as_ref().is_ok_and(is_health) {
                return Ok(());
            }
            let ended = self.group.has_ended();
            if ended || Instant::now() >= deadline {
                let why = if ended {
                    "wrangler has ended"
                } else {
                    "the Worker did not answer"
                };
                return Err(format!("{why}:\n{}", self.log_tail(TAIL_LINES)).into());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Where it is reached, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Everything wrangler and the Worker printed so far, line by line.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.group.lines()
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        tools::tail(&self.log().join("\n"), lines)
    }

    /// The folder of everything the Worker has stored.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.state.join(DATA)
    }

    /// Kills the runtime with SIGKILL, as a power cut would. Wrangler starts another by itself,
    /// after some time without any.
    ///
    /// # Errors
    /// If there is none to kill.
    pub fn kill_workerd(&self) -> Result<()> {
        self.group.kill_member(|arguments| {
            arguments.contains("workerd") && arguments.contains(" serve ")
                // Wrangler runs a second one, its proxy, which listens on our port.
                && !arguments.contains(&format!("entry=127.0.0.1:{}", self.port))
        })
    }

    /// Stops it and waits until nothing of it is left but its log and what it has stored.
    pub fn stop(&self) {
        self.group.stop();
    }
}

/// The folder below the state folder that wrangler persists to.
const DATA: &str = "data";

fn url(port: u16) -> String {
    format!("http://localhost:{port}")
}

fn is_health(answer: &Answer) -> bool {
    matches!(
        (answer.status, answer.body.trim()),
        (200, "ok") | (503, "misconfigured")
    )
}
