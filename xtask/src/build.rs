//! `cargo xtask build`: the Worker as it is deployed, and how large it is.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::{Context, Result, paths, strip, tools};

/// What a bundle should weigh at most, gzip, script and module together: it keeps a cold start
/// short.
pub const GZIP_GOAL: usize = 350 * 1024;

/// What a bundle may weigh at most, so that it does not grow unnoticed on its way to the goal.
pub const GZIP_BUDGET: usize = 660 * 1024;

/// What a bundle consists of.
const PARTS: [&str; 2] = ["index_bg.wasm", "index.js"];

/// How large one part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its name in `build/`.
    pub name: &'static str,
    /// Octets.
    pub raw: usize,
    /// Octets after gzip at its default level.
    pub gzip: usize,
}

/// Installs the tools, builds, prints the sizes.
///
/// # Errors
/// If it does not build, or weighs more than the budget.
pub fn run() -> Result<()> {
    tools::ensure()?;
    ensure_built()?;
    let sizes = sizes()?;
    print!("{}", table(&sizes));
    std::io::stdout().flush()?;
    within_budget(&sizes)
}

/// Builds `build/` unless it is what the sources make already.
///
/// Cargo decides whether the sources changed; what follows it (bindings, wasm-opt, the bundler) is
/// left out when its input, its tools and its output are as they were.
///
/// # Errors
/// If it does not build.
pub fn ensure_built() -> Result<()> {
    compile()?;
    let stamp = paths::scratch().join("build.stamp");
    if stamp_of_now().is_some_and(|now| fs::read_to_string(&stamp).ok() == Some(now)) {
        return Ok(());
    }
    let bin = paths::tools().join("bin");
    let status = tools::command("worker-build")
        .arg("--release")
        // Named, or worker-build downloads its own.
        .env("WASM_BINDGEN_BIN", bin.join("wasm-bindgen"))
        .env("WASM_OPT_BIN", paths::npm_bin().join("wasm-opt"))
        .env("ESBUILD_BIN", paths::npm_bin().join("esbuild"))
        .status()
        .context(|| "cannot start worker-build".to_owned())?;
    if !status.success() {
        return Err(format!("worker-build failed ({status})").into());
    }
    strip::function_names(&paths::bundle().join("index_bg.wasm"))?;
    let now = stamp_of_now().ok_or("worker-build wrote no bundle")?;
    fs::create_dir_all(paths::scratch())?;
    fs::write(stamp, now)?;
    Ok(())
}

/// The step of worker-build that takes the time, run in the same way so that it is not done twice.
fn compile() -> Result<()> {
    let status = Command::new("cargo")
        .args([
            "build",
            "--lib",
            "--release",
            "--target",
            tools::WASM_TARGET,
        ])
        .env("WASM_BINDGEN_USE_JS_SYS", "1")
        .current_dir(paths::root())
        .status()
        .context(|| "cannot start cargo".to_owned())?;
    if status.success() {
        Ok(())
    } else {
        Err("the Worker does not compile".into())
    }
}

fn compiled_module() -> PathBuf {
    paths::target()
        .join(tools::WASM_TARGET)
        .join("release/edgepost.wasm")
}

/// `None` while something is missing.
fn stamp_of_now() -> Option<String> {
    let tools = paths::tools().join(".crates.toml");
    let npm = paths::root().join("package-lock.json");
    // Holds the arguments of wasm-opt.
    let manifest = paths::root().join("Cargo.toml");
    let mut files = vec![compiled_module(), manifest, tools, npm];
    files.extend(PARTS.map(|part| paths::bundle().join(part)));
    let mut hash = Sha256::new();
    for file in files {
        hash.update(Sha256::digest(fs::read(file).ok()?));
    }
    Some(tools::hex(&hash.finalize()))
}

/// The sizes of what is in `build/`.
///
/// # Errors
/// If a part is missing.
pub fn sizes() -> Result<Vec<Size>> {
    let size = |name: &'static str| -> Result<Size> {
        let octets = fs::read(paths::bundle().join(name)).context(|| format!("no build/{name}"))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&octets)?;
        Ok(Size {
            name,
            raw: octets.len(),
            gzip: encoder.finish()?.len(),
        })
    };
    PARTS.into_iter().map(size).collect()
}

fn table(sizes: &[Size]) -> String {
    let mut out = format!("{:<16}{:>12}{:>12}\n", "build/", "bytes", "gzip");
    for size in sizes {
        out += &format!("{:<16}{:>12}{:>12}\n", size.name, size.raw, size.gzip);
    }
    let raw: usize = sizes.iter().map(|size| size.raw).sum();
    out += &format!("{:<16}{:>12}{:>12}\n", "together", raw, together(sizes));
    out + &format!("{:<16}{:>12}{:>12}\n", "goal", "", GZIP_GOAL)
}

fn together(sizes: &[Size]) -> usize {
    sizes.iter().map(|size| size.gzip).sum()
}

fn within_budget(sizes: &[Size]) -> Result<()> {
    let gzip = together(sizes);
    if gzip <= GZIP_BUDGET {
        return Ok(());
    }
    let over = gzip - GZIP_BUDGET;
    Err(format!("the bundle is {over} octets over its budget of {GZIP_BUDGET} (gzip)").into())
}

#[cfg(test)]
mod tests {
    use super::{GZIP_BUDGET, Size, within_budget};

    #[test]
    fn the_budget_counts_all_parts() {
        let half = Size {
            name: "half",
            raw: 0,
            gzip: GZIP_BUDGET / 2,
        };
        assert!(within_budget(&[half, half]).is_ok());
        let message = within_budget(&[half, half, Size { gzip: 3, ..half }]).unwrap_err();
        assert!(message.to_string().contains("3 octets over"), "{message}");
    }
}
