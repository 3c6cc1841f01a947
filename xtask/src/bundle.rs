//! The release bundle holds nothing of the sandbox.
//!
//! The Worker has no test switch; should one ever grow, it would have to name the stand-in
//! provider somehow. So the bundle is searched for everything that names it.

use std::fs;
use std::path::Path;

use memchr::memmem;

use crate::demo::ports as demo_ports;
use crate::{Context, Result, paths};

/// Searches every file of `build/`.
///
/// # Errors
/// Names each file and what was found in it; also if there is nothing to search.
pub fn run() -> Result<()> {
    let mut files = Vec::new();
    collect(&paths::bundle(), &mut files)?;
    if !files
        .iter()
        .any(|(name, _)| name.ends_with("index_bg.wasm"))
    {
        return Err("build/ holds no Worker: run `cargo xtask build`".into());
    }
    let traces = traces();
    let mut found = Vec::new();
    for (name, octets) in &files {
        found.extend(
            search(octets, &traces)
                .into_iter()
                .map(|t| format!("{name} holds {t:?}")),
        );
    }
    if !found.is_empty() {
        return Err(format!("the bundle is not clean:\n  {}", found.join("\n  ")).into());
    }
    println!(
        "{} files of build/ searched for {} traces of the sandbox: none",
        files.len(),
        traces.len()
    );
    Ok(())
}

fn traces() -> Vec<String> {
    let mut traces = vec![
        edgepost_sandbox::MARKER.to_owned(),
        edgepost_sandbox::AUTHORITY_SUBJECT.to_owned(),
    ];
    traces.extend(demo_ports::SANDBOX.map(|port| format!(":{port}")));
    traces.push("sandbox.test".to_owned());
    traces
}

fn search<'t>(octets: &[u8], traces: &'t [String]) -> Vec<&'t str> {
    let holds = |trace: &&str| memmem::find(octets, trace.as_bytes()).is_some();
    traces.iter().map(String::as_str).filter(holds).collect()
}

fn collect(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in fs::read_dir(folder).context(|| "no build/: run `cargo xtask build`".to_owned())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push((path.display().to_string(), fs::read(&path)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{search, traces};

    #[test]
    fn a_trace_is_found_wherever_it_is() {
        let traces = traces();
        assert_eq!(search(b"smtp://localhost:8587/", &traces), [":8587"]);
        let marked = format!("\0\0{}\0", edgepost_sandbox::MARKER);
        assert_eq!(
            search(marked.as_bytes(), &traces),
            [edgepost_sandbox::MARKER]
        );
        assert_eq!(
            search(b"smtp.office365.com:587", &traces),
            <[&str; 0]>::default()
        );
    }
}
