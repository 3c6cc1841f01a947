//! A running server, and what it has taken.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use edgepost::tls::TlsMode;
use edgepost_sandbox::ServerIdentity;
use serde_json::Value;
use xtask::process::Group;
use xtask::{Context, Result, tools};

use crate::servers::Plan;

/// Longest wait until a server listens, or is done with what it was sent. Both take less than a
/// second on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at meanwhile.
const POLL: Duration = Duration::from_millis(20);

/// How many lines of a log go with a failure.
const TAIL_LINES: usize = 30;

/// The supervisor and the daemon: more than these are connections and deliveries under way.
const IDLE_EXIM: usize = 2;

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Exim, with or without what it can be told not to offer.
    Exim {
        /// CHUNKING (RFC 3030).
        chunking: bool,
        /// PIPELINING (RFC 2920).
        pipelining: bool,
    },
    /// The npm package.
    SmtpServer,
    /// The Python package.
    Aiosmtpd,
}

impl Kind {
    /// Whether it is one of the Exims.
    #[must_use]
    pub fn is_exim(self) -> bool {
        matches!(self, Self::Exim { .. })
    }
}

/// The one mechanism of AUTH that a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Google's and Microsoft's.
    Xoauth2,
    /// RFC 7628.
    OauthBearer,
}

impl Mechanism {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

/// A message that a server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Who it is from.
    pub from: String,
    /// Who it is for.
    pub to: Vec<String>,
    /// Header and body with CRLF line ends.
    pub content: Vec<u8>,
}

/// A running server. Dropping it stops it with everything it started.
pub struct Server {
    pub(crate) plan: Plan,
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
    pub(crate) identity: Arc<ServerIdentity>,
    pub(crate) group: Group,
    /// How many of the accepted messages were told.
    told: Mutex<usize>,
}

impl Server {
    /// Waits until it listens.
    pub(crate) fn started(
        plan: Plan,
        port: u16,
        folder: PathBuf,
        identity: &Arc<ServerIdentity>,
        group: Group,
    ) -> Result<Self> {
        let server = Self {
            plan,
            port,
            folder,
            identity: Arc::clone(identity),
            group,
            told: Mutex::new(0),
        };
        server.wait_until("it listens", |server| {
            if server.kind().is_exim() {
                std::net::TcpStream::connect(("127.0.0.1", server.port)).is_ok()
            } else {
                server.events("listening").count() == 1
            }
        })?;
        Ok(server)
    }

    /// Which server it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.plan.kind
    }

    /// When TLS begins on its port.
    #[must_use]
    pub fn tls(&self) -> TlsMode {
        self.plan.tls
    }

    /// How it takes a token.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        self.plan.mechanism
    }

    /// Where it listens on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority that its certificate is of.
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.identity.authority_pem
    }

    /// What it has taken since this was asked last, once it is done with every connection.
    ///
    /// # Panics
    /// If it does not get done, or what it has taken cannot be read.
    #[must_use]
    pub fn accepted(&self) -> Vec<Accepted> {
        self.wait_until("every connection is closed", Self::is_idle)
            .expect("an idle server");
        let all = self.all_accepted().expect("the messages taken");
        let mut told = self.told.lock().expect("no case has failed here");
        let fresh = all[*told..].to_vec();
        *told = all.len();
        fresh
    }

    fn is_idle(&self) -> bool {
        if self.kind().is_exim() {
            self.group.size().is_ok_and(|size| size <= IDLE_EXIM)
        } else {
            self.events("opened").count() == self.events("closed").count()
        }
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            if self.group.has_ended() || Instant::now() >= deadline {
                return Err(format!("{what}: never. Its log:\n{}", self.log()).into());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn log(&self) -> String {
        let mut log = self.group.lines().join("\n");
        for name in ["journal", "log/main", "log/panic"] {
            log += &fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        }
        tools::tail(&log, TAIL_LINES)
    }

    /// Events of one kind in the journal that our own scripts keep.
    fn events(&self, kind: &'static str) -> impl Iterator<Item = Value> {
        let journal = fs::read_to_string(self.folder.join("journal")).unwrap_or_default();
        let events: Vec<Value> = journal
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|event: &Value| event.get(kind).is_some())
            .collect();
        events.into_iter()
    }

    fn all_accepted(&self) -> Result<Vec<Accepted>> {
        if self.kind().is_exim() {
            let log = fs::read_to_string(self.folder.join("log/main")).unwrap_or_default();
            let arrivals = log.lines().filter(|line| line.contains(" <= "));
            arrivals.map(|line| self.arrival(line)).collect()
        } else {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let accepted = self.events("accepted").map(|event| {
                let to = event["to"].as_array().into_iter().flatten();
                Ok(Accepted {
                    from: text(&event["from"]),
                    to: to.map(text).collect(),
                    content: read(&self.folder.join(text(&event["accepted"])))?,
                })
            });
            accepted.collect()
        }
    }

    /// Exim's line for a message that it took: `DATE TIME ID <= FROM … for TO TO`.
    fn arrival(&self, line: &str) -> Result<Accepted> {
        let words: Vec<&str> = line.split(' ').collect();
        let (_, to) = line.rsplit_once(" for ").ok_or("no recipients")?;
        let [_, _, id, _, from, ..] = words.as_slice() else {
            return Err(format!("not understood: {line}").into());
        };
        Ok(Accepted {
            from: (*from).to_owned(),
            to: to.split(' ').map(str::to_owned).collect(),
            content: read(&self.folder.join("mail").join(id))?,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Below the project's own folder it may be looked at afterwards.
        if !self.folder.starts_with(xtask::paths::scratch()) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A message as delivered, its line ends made CRLF again: Exim stores and writes LF.
fn read(path: &Path) -> Result<Vec<u8>> {
    let content = fs::read(path).context(|| format!("cannot read {}", path.display()))?;
    let mut out = Vec::with_capacity(content.len());
    for &octet in &content {
        if octet == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(octet);
    }
    Ok(out)
}
