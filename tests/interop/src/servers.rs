//! Which servers there are, and how each is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use edgepost::tls::TlsMode;
use edgepost_sandbox::ServerIdentity;
use xtask::process::{Group, supervised};
use xtask::{Context, Result, paths, ports, tools};

use crate::server::{Kind, Mechanism, Server};

const EXIM_CONFIG: &str = include_str!("../servers/exim.conf");

/// A server to be.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What the tests call it.
    pub name: &'static str,
    /// Which it is.
    pub kind: Kind,
    /// When TLS begins.
    pub tls: TlsMode,
    /// How it takes a token.
    pub mechanism: Mechanism,
}

/// All of them.
#[must_use]
pub fn plans() -> Vec<Plan> {
    let plan = |name, kind| Plan {
        name,
        kind,
        tls: TlsMode::StartTls,
        mechanism: Mechanism::Xoauth2,
    };
    let over_tls = |name, kind| Plan {
        tls: TlsMode::Implicit,
        ..plan(name, kind)
    };
    let bearer = |name, kind| Plan {
        mechanism: Mechanism::OauthBearer,
        ..plan(name, kind)
    };
    let exim = |chunking, pipelining| Kind::Exim {
        chunking,
        pipelining,
    };
    vec![
        plan("exim", exim(true, true)),
        plan("exim-without-chunking", exim(false, true)),
        plan("exim-without-pipelining", exim(true, false)),
        plan("exim-without-either", exim(false, false)),
        over_tls("exim-over-tls", exim(true, true)),
        bearer("exim-oauthbearer", exim(true, true)),
        plan("smtp-server", Kind::SmtpServer),
        over_tls("smtp-server-over-tls", Kind::SmtpServer),
        plan("aiosmtpd", Kind::Aiosmtpd),
        bearer("aiosmtpd-oauthbearer", Kind::Aiosmtpd),
    ]
}

impl Plan {
    /// What this machine lacks for it.
    #[must_use]
    pub fn lacks(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Exim { .. } => exim()
                .is_none()
                .then_some("there is no Exim (on Debian: exim4-daemon-light)"),
            Kind::SmtpServer => None,
            Kind::Aiosmtpd => {
                (!tools::has_pip()).then_some("there is no python3 with pip to install it")
            }
        }
    }

    /// Starts it on a free port and waits until it listens.
    ///
    /// # Errors
    /// If it does not; with the end of its log.
    pub fn start(&self, identity: &Arc<ServerIdentity>) -> Result<Server> {
        let port = ports::free()?;
        let as_root = self.kind.is_exim() && id("-u")? == "0";
        let folder = if as_root {
            // Exim gives up being root, and may then not see into our own folders.
            let name = format!("edgepost-{}-{}", self.name, std::process::id());
            std::env::temp_dir().join(name)
        } else {
            paths::scratch().join("interop").join(self.name)
        };
        // What a run before this one left there.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).context(|| format!("cannot create {}", folder.display()))?;
        fs::write(folder.join("certificate.pem"), &identity.certificate_pem)?;
        fs::write(folder.join("key.pem"), &identity.key_pem)?;
        let command = match self.kind {
            Kind::Exim { .. } => exim_command(*self, &folder, port, as_root)?,
            Kind::SmtpServer => {
                let mut command = supervised("node");
                let script = script("smtp-server.mjs");
                command.arg(script).arg(port.to_string()).arg(&folder);
                if self.tls == TlsMode::Implicit {
                    command.arg("secure");
                }
                command
            }
            Kind::Aiosmtpd => {
                let packages = tools::python_packages(&script("requirements.txt"))?;
                let mut command = supervised("python3");
                let script = script("aiosmtpd_server.py");
                command.arg(script).arg(port.to_string()).arg(&folder);
                command
                    .arg(self.mechanism.name())
                    .env("PYTHONPATH", packages)
                    .env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
        };
        let group = Group::spawn(command)?;
        Server::started(*self, port, folder, identity, group)
            .context(|| format!("{} did not start", self.name))
    }
}

fn script(name: &str) -> PathBuf {
    paths::root().join("tests/interop/servers").join(name)
}

fn exim_command(plan: Plan, folder: &Path, port: u16, as_root: bool) -> Result<Command> {
    let exim = exim().ok_or("there is no Exim")?;
    let hosts = |offered: bool| if offered { "*" } else { "" };
    let Kind::Exim {
        chunking,
        pipelining,
    } = plan.kind
    else {
        return Err("this is no Exim".into());
    };
    let over_tls = match plan.tls {
        TlsMode::StartTls => String::new(),
        TlsMode::Implicit => port.to_string(),
    };
    // What comes before the framing of the token, as a pattern.
    let who = match plan.mechanism {
        Mechanism::Xoauth2 => r"user=[^\x01]+",
        Mechanism::OauthBearer => r"n,a=[^\x01]+,",
    };
    let user = if as_root {
        // The user that the package was built with.
        String::new()
    } else {
        format!("exim_user = {}\nexim_group = {}", id("-u")?, id("-g")?)
    };
    let config = EXIM_CONFIG
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@PORT@", &port.to_string())
        .replace("@USER@", &user)
        .replace("@CHUNKING@", hosts(chunking))
        .replace("@PIPELINING@", hosts(pipelining))
        .replace("@OVER_TLS@", &over_tls)
        .replace("@MECHANISM@", plan.mechanism.name())
        .replace("@WHO@", who);
    let path = folder.join("exim.conf");
    for inner in ["spool", "log", "mail"] {
        fs::create_dir(folder.join(inner))?;
    }
    if as_root {
        let told = output(Command::new(&exim).args(["-bP", "exim_user"]))?;
        let user = told
            .split_whitespace()
            .last()
            .ok_or("Exim names no user of its own")?;
        output(Command::new("chown").arg("-R").arg(user).arg(folder))?;
    }
    // Not among what was given away: Exim takes no configuration that others can write.
    fs::write(&path, config)?;
    let mut command = supervised(exim);
    command.arg("-C").arg(path).arg("-bdf");
    Ok(command)
}

/// Where Exim is. Its folder is in few people's `PATH`.
fn exim() -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&search).chain([PathBuf::from("/usr/sbin")]);
    let mut programs = folders.flat_map(|folder| [folder.join("exim4"), folder.join("exim")]);
    programs.find(|program| program.is_file())
}

fn id(option: &str) -> Result<String> {
    output(Command::new("id").arg(option))
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .context(|| format!("cannot run {:?}", command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{:?}: {said}", command.get_program()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
