//! Packages of Python, in a folder of ours: nothing of the system's Python is touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::{hex, install, install::Job, lock};
use crate::{Context, Result, paths};

/// How much of a fingerprint names a folder.
const NAME_CHARS: usize = 16;

/// Whether there is a Python that can install packages.
#[must_use]
pub fn has_pip() -> bool {
    let pip = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output();
    pip.is_ok_and(|output| output.status.success())
}

/// The folder with the packages that a file of requirements names, each with its version and
/// digest: what `PYTHONPATH` is to say. Installs them the first time.
///
/// # Errors
/// If they cannot be installed; with the end of the log.
pub fn python_packages(requirements: &Path) -> Result<PathBuf> {
    let wanted =
        fs::read(requirements).context(|| format!("cannot read {}", requirements.display()))?;
    let mut name = hex(&Sha256::digest(&wanted));
    name.truncate(NAME_CHARS);
    let folder = paths::tools().join("python").join(name);
    let _lock = lock()?;
    if folder.is_dir() {
        return Ok(folder);
    }
    // Under another name until it is whole.
    let unfinished = folder.with_extension("unfinished");
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--require-hashes"])
        .args(["--only-binary", ":all:", "--upgrade", "--target"])
        .arg(&unfinished)
        .arg("--requirement")
        .arg(requirements);
    let what = "Python packages".to_owned();
    install::run_all(vec![Job::new("python", what, command)])?;
    fs::rename(&unfinished, &folder)?;
    Ok(folder)
}
