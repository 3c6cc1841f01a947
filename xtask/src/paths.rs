//! Where things are in the checkout.

use std::path::{Path, PathBuf};

/// The root of the workspace. `cargo` names our own folder at run time; the compiled-in name serves
/// a binary that was started without it.
#[must_use]
pub fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let workspace = own
        .as_deref()
        .and_then(|folder| folder.ancestors().find(|f| is_root(f)));
    workspace.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        Path::to_path_buf,
    )
}

fn is_root(folder: &Path) -> bool {
    folder.join("wrangler.toml").is_file() && folder.join("Cargo.lock").is_file()
}

/// Cargo's target folder, also when the environment moves it.
#[must_use]
pub fn target() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target)
}

/// Where we keep what we write: stamps, and the state of Workers run on this machine.
#[must_use]
pub fn scratch() -> PathBuf {
    target().join("edgepost")
}

/// The tools that cargo installs for us.
#[must_use]
pub fn tools() -> PathBuf {
    root().join(".tools")
}

/// The programs that npm installs for us.
#[must_use]
pub fn npm_bin() -> PathBuf {
    root().join("node_modules/.bin")
}

/// What worker-build writes.
#[must_use]
pub fn bundle() -> PathBuf {
    root().join("build")
}
