//! The tools a build and a local run need, in the versions the checkout names.
//!
//! Each version stands in one place: worker-build's here, wasm-bindgen's in `Cargo.lock`, the rest
//! in `package.json`. What is there already costs no network and some milliseconds.

mod install;
mod python;

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::{Context, Result, paths};
use install::Job;
pub use python::{has_pip, python_packages};

/// The builder that belongs to the `worker` crate in Cargo.toml.
const WORKER_BUILD_VERSION: &str = "0.8.7";

/// What Workers run as.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Installs whatever is missing or of another version; asks nothing.
///
/// # Errors
/// Names the tool that could not be installed, with the end of its log.
pub fn ensure() -> Result<()> {
    let _lock = lock()?;
    let jobs = missing()?;
    if jobs.is_empty() {
        return Ok(());
    }
    for job in &jobs {
        eprintln!("tools: installing {} (log: {})", job.what, shown(&job.log));
    }
    let npm = jobs.iter().any(|job| job.name == "npm");
    install::run_all(jobs)?;
    if npm {
        fs::write(npm_stamp(), npm_fingerprint()?)?;
    }
    Ok(())
}

/// Two commands started at the same time must not install on top of each other.
fn lock() -> Result<File> {
    fs::create_dir_all(paths::tools())?;
    let lock = File::create(paths::tools().join("lock"))?;
    lock.lock().context(|| "cannot lock .tools".to_owned())?;
    Ok(lock)
}

/// Installs `cargo-fuzz`, which nothing else here needs.
///
/// # Errors
/// If that is not possible, with the end of its log.
pub fn ensure_cargo_fuzz(version: &str) -> Result<()> {
    if has_cargo_tool("cargo-fuzz", version) {
        return Ok(());
    }
    let _lock = lock()?;
    let job = Job::cargo_install("cargo-fuzz", version, &["--locked"]);
    eprintln!("tools: installing {} (log: {})", job.what, shown(&job.log));
    install::run_all(vec![job])
}

fn missing() -> Result<Vec<Job>> {
    let mut jobs = Vec::new();
    if !has_wasm_target() {
        let mut command = Command::new("rustup");
        command.args(["target", "add", WASM_TARGET]);
        jobs.push(Job::new(
            "rustup",
            format!("the Rust target {WASM_TARGET}"),
            command,
        ));
    }
    let wasm_bindgen = locked_version("wasm-bindgen")?;
    if !has_cargo_tool("worker-build", WORKER_BUILD_VERSION) {
        jobs.push(Job::cargo_install(
            "worker-build",
            WORKER_BUILD_VERSION,
            &["--locked"],
        ));
    }
    // Without `--locked`: the lock file it ships names crates that were withdrawn.
    if !has_cargo_tool("wasm-bindgen-cli", &wasm_bindgen) {
        jobs.push(Job::cargo_install("wasm-bindgen-cli", &wasm_bindgen, &[]));
    }
    if fs::read_to_string(npm_stamp()).ok() != Some(npm_fingerprint()?) {
        let mut command = Command::new("npm");
        command.arg("ci").env("npm_config_engine_strict", "false");
        jobs.push(Job::new(
            "npm",
            "wrangler, Node and the rest of package.json from npm".to_owned(),
            command,
        ));
    }
    Ok(jobs)
}

/// The last `lines` lines.
#[must_use]
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(paths::root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn has_wasm_target() -> bool {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(paths::root())
        .output();
    sysroot.is_ok_and(|out| {
        let sysroot = PathBuf::from(String::from_utf8_lossy(&out.stdout).trim());
        sysroot
            .join("lib/rustlib")
            .join(WASM_TARGET)
            .join("lib")
            .is_dir()
    })
}

/// Whether cargo's own record of `.tools` names that version.
fn has_cargo_tool(name: &str, version: &str) -> bool {
    let record = fs::read_to_string(paths::tools().join(".crates.toml")).unwrap_or_default();
    let program = if name == "wasm-bindgen-cli" {
        "wasm-bindgen"
    } else {
        name
    };
    record.contains(&format!("\"{name} {version} ("))
        && paths::tools().join("bin").join(program).is_file()
}

/// The version of a crate in `Cargo.lock`.
fn locked_version(name: &str) -> Result<String> {
    let lock = fs::read_to_string(paths::root().join("Cargo.lock"))
        .context(|| "cannot read Cargo.lock".to_owned())?;
    let lock: toml::Table = lock
        .parse()
        .context(|| "Cargo.lock is damaged".to_owned())?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    packages
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(toml::Value::as_str) == Some(name))
        .and_then(|package| package.get("version")?.as_str())
        .map(str::to_owned)
        .ok_or_else(|| format!("Cargo.lock does not name {name}").into())
}

/// Inside `node_modules`, so that it goes when that goes.
fn npm_stamp() -> PathBuf {
    paths::root().join("node_modules/.edgepost-stamp")
}

fn npm_fingerprint() -> Result<String> {
    let mut hash = Sha256::new();
    for name in ["package.json", "package-lock.json"] {
        hash.update(fs::read(paths::root().join(name)).context(|| format!("cannot read {name}"))?);
    }
    Ok(hex(&hash.finalize()))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// `PATH` with our tools first: wrangler needs a newer Node than many systems have.
#[must_use]
pub fn search_path() -> OsString {
    let mut folders = vec![paths::npm_bin(), paths::tools().join("bin")];
    folders.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    std::env::join_paths(folders).unwrap_or_default()
}

/// A command that finds our tools first and leaves the network alone.
#[must_use]
pub fn command(program: &str) -> Command {
    let own = paths::npm_bin().join(program);
    let mut command = if own.is_file() {
        Command::new(own)
    } else {
        Command::new(program)
    };
    command
        .current_dir(paths::root())
        .env("PATH", search_path())
        .envs([
            ("WRANGLER_SEND_METRICS", "false"),
            ("WRANGLER_SEND_ERROR_REPORTS", "false"),
            // The banner is what asks the registry for a newer version.
            ("WRANGLER_HIDE_BANNER", "true"),
            ("WRANGLER_WRITE_LOGS", "false"),
            // Properties of a request as Cloudflare would add them, fetched from there by default.
            ("CLOUDFLARE_CF_FETCH_ENABLED", "false"),
            // Its recorder of traces would keep copies of what the Worker is asked and answers.
            ("X_LOCAL_OBSERVABILITY", "false"),
            ("X_LOCAL_EXPLORER", "false"),
            ("NO_COLOR", "1"),
            ("FORCE_COLOR", "0"),
        ]);
    command
}

#[cfg(test)]
mod tests {
    use super::{locked_version, tail};

    #[test]
    fn the_bindings_tool_follows_the_lock_file() {
        let version = locked_version("wasm-bindgen").unwrap();
        assert!(version.starts_with("0.2."), "{version}");
        assert!(locked_version("no-such-crate").is_err());
    }

    #[test]
    fn a_tail_is_the_last_lines_or_all_there_are() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
