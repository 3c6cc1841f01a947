//! The browser of this machine.

use std::path::PathBuf;

/// What names a browser, where it is another than the one that is found.
const VARIABLE: &str = "CHROME";

/// What Chromium and its kin are called on `PATH`.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Where macOS has them, which does so on no `PATH`.
const APPLICATIONS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// Chromium or Google Chrome.
///
/// # Errors
/// Says what is missing, where there is none.
pub fn find() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let named = PathBuf::from(named);
        return match named.is_file() {
            true => Ok(named),
            false => Err(format!("{VARIABLE} is {}, no file", named.display())),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let on_path = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = on_path
        .chain(APPLICATIONS.map(PathBuf::from))
        .find(|program| program.is_file());
    found.ok_or_else(|| format!("no Chromium or Google Chrome on PATH (or name one in {VARIABLE})"))
}
