//! The Worker in workerd itself, without wrangler around it: for what is measured, since wrangler
//! costs more than what it is measured beside.
//!
//! It is the release build and nothing but that, in one process. A window into its isolate tells how
//! large its linear memory is.

mod config;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::http::Client;
use crate::process::{Group, supervised};
use crate::{Context, Result, paths, ports, tools};
use config::Parts;

/// Longest wait for the first answer.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a starting Worker is asked.
const POLL: Duration = Duration::from_millis(20);

/// What a Worker is started with.
#[derive(Debug)]
pub struct Options<'a> {
    /// The variables. `PUBLIC_URL` is added unless it is there.
    pub vars: Map<String, Value>,
    /// Secrets, by name.
    pub secrets: Vec<(String, String)>,
    /// The certificate authority the Worker trusts beside the public ones, as PEM.
    pub ca_pem: &'a str,
    /// A folder for its configuration and everything it stores.
    pub state: PathBuf,
}

/// A running workerd. Dropping it stops it.
#[derive(Debug)]
pub struct Workerd {
    port: u16,
    probe_port: u16,
    group: Group,
}

impl Workerd {
    /// Starts it and waits until it answers. `build/` has to be there.
    ///
    /// # Errors
    /// If it does not answer in time; with the end of its log.
    pub fn start(options: Options<'_>) -> Result<Self> {
        let Options {
            mut vars,
            secrets,
            ca_pem,
            state,
        } = options;
        let (port, probe_port) = (ports::free()?, ports::free()?);
        vars.entry("PUBLIC_URL")
            .or_insert_with(|| Value::from(url(port)));
        fs::create_dir_all(state.join("data"))?;
        for name in ["index.js", "index_bg.wasm"] {
            fs::copy(paths::bundle().join(name), state.join(name))
                .context(|| format!("no build/{name}, run `cargo xtask build`"))?;
        }
        for (name, module) in [
            ("probe.mjs", include_str!("probe.mjs")),
            ("memory.mjs", include_str!("memory.mjs")),
            ("cache.mjs", include_str!("cache.mjs")),
        ] {
            fs::write(state.join(name), module)?;
        }
        let config = config::text(&Parts {
            vars: &vars,
            secrets: &secrets,
            ca_pem,
            port,
            probe_port,
            deployed: &fs::read_to_string(paths::root().join("wrangler.toml"))?,
        })?;
        fs::write(state.join("config.capnp"), config)?;
        let mut command = supervised(program()?);
        command.args(["serve", "config.capnp"]).current_dir(&state);
        let workerd = Self {
            port,
            probe_port,
            group: Group::spawn(command)?,
        };
        workerd.wait_until_ready()?;
        Ok(workerd)
    }

    fn wait_until_ready(&self) -> Result<()> {
        let client = Client::new(None)?;
        let health = format!("{}/healthz", self.url());
        let deadline = Instant::now() + START_TIMEOUT;
        while client.get(&health, &[]).is_err() {
            if self.group.has_ended() || Instant::now() >= deadline {
                let log = tools::tail(&self.log().join("\n"), 30);
                return Err(format!("workerd did not answer:\n{log}").into());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Where it is reached, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Octets of the isolate's linear memory: the most there was, since it never shrinks.
    ///
    /// # Errors
    /// If it does not tell.
    pub fn linear_memory(&self) -> Result<u64> {
        let answer = Client::new(None)?.get(&url(self.probe_port), &[])?;
        let memory = answer.json()?["linear_memory"].as_u64();
        memory.ok_or_else(|| format!("no size: {}", answer.body).into())
    }

    /// The CPU time of all its threads so far.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn cpu(&self) -> Result<Duration> {
        // The process that was started is its supervisor.
        let supervisor = self.group.id();
        let children = format!("/proc/{supervisor}/task/{supervisor}/children");
        let children =
            fs::read_to_string(&children).context(|| format!("cannot read {children}"))?;
        let tasks = format!("/proc/{}/task", children.trim());
        let mut nanos = 0;
        for task in fs::read_dir(&tasks).context(|| format!("cannot read {tasks}"))? {
            // A thread may end between the list and the look.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            let on_cpu = text.split_whitespace().next().unwrap_or_default();
            nanos += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Everything it printed so far, line by line.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.group.lines()
    }
}

/// The program itself: what npm links to is a script that starts it, and would be what is measured.
fn program() -> Result<String> {
    let scope = paths::root().join("node_modules/@cloudflare");
    for entry in fs::read_dir(&scope).context(|| format!("cannot read {}", scope.display()))? {
        let program = entry?.path().join("bin/workerd");
        if program.is_file() {
            return Ok(program.display().to_string());
        }
    }
    Err("npm has no workerd for this machine".into())
}

fn url(port: u16) -> String {
    format!("http://localhost:{port}")
}
