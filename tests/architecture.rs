//! The house rules that no compiler checks: which floor may name which, and what the core never
//! names.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

use std::{fs, path::Path};

/// Modules by floor: each may name those of lower floors and itself. A folder and the file of
/// its name are one module.
const FLOORS: [&[&str]; 7] = [
    &["limits", "time", "tls"],
    &["outcome", "secret"],
    &["access", "mail", "seal"],
    &["api", "forms", "oauth", "outbox", "pages", "smtp"],
    &["config"],
    &["app"],
    &["edge"],
];

/// What only `edge` may name.
const PLATFORM: [&str; 6] = [
    "worker::",
    "wasm_bindgen",
    "js_sys",
    "web_sys",
    "getrandom",
    "worker_sys",
];

/// What reads a clock, randomness or the environment.
const EFFECTS: [&str; 8] = [
    "SystemTime",
    "Instant::now",
    "std::env",
    "rand::",
    "thread_rng",
    "Date::now",
    "std::thread",
    "std::net",
];

/// The requests for tokens, which wait for whatever HTTP they are handed.
const TOKEN_REQUESTS: [&str; 5] = [
    "oauth/client_credentials.rs",
    "oauth/code.rs",
    "oauth/jwt_bearer.rs",
    "oauth/refresh.rs",
    "oauth/seam.rs",
];

/// Most lines a file may have: what a person can hold in the head.
const FILE_LINES: usize = 500;

struct Source {
    path: String,
    module: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources);
    assert!(sources.len() > 50, "only {} files found", sources.len());
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");
            let module = relative
                .split('/')
                .next()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source {
                path: relative,
                module,
                text,
            });
        }
    }
}

/// The code of a file that goes into the product: no comments, no unit tests.
fn product_code(source: &Source) -> String {
    if source.path.ends_with("tests.rs") {
        return String::new();
    }
    let code = source.text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The modules of ours that a piece of code names, by `crate::x` or inside `use crate::{x, …}`.
fn named_modules(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (_, rest) in code
        .match_indices("crate::")
        .map(|(at, found)| (at, &code[at + found.len()..]))
    {
        if let Some(list) = rest.strip_prefix('{') {
            // The first word of each item of the list, whatever braces the items have inside.
            let mut depth = 0;
            let mut item = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => named.push(std::mem::take(&mut item)),
                    _ if depth == 0 => item.push(c),
                    _ => {}
                }
            }
            named.push(item);
        } else {
            named.push(rest.to_owned());
        }
    }
    let word = |text: String| {
        text.trim()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    named
        .into_iter()
        .map(word)
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn a_module_names_only_lower_floors_and_itself() {
    for source in sources().iter().filter(|source| source.module != "lib") {
        let floor = floor_of(&source.module);
        let floor = floor.unwrap_or_else(|| panic!("{} stands on no floor", source.path));
        for named in named_modules(&product_code(source)) {
            let Some(other) = floor_of(&named) else {
                continue;
            };
            assert!(
                named == source.module || other < floor,
                "{} (floor {floor}) names {named} (floor {other})",
                source.path
            );
        }
    }
}

#[test]
fn the_reader_of_imports_sees_nested_lists() {
    let code =
        "use crate::{\n    limits::{A, B},\n    mail::C,\n};\nfn f(_: crate::smtp::Reply) {}";
    assert_eq!(named_modules(code), ["limits", "mail", "smtp"]);
}

#[test]
fn only_the_edge_names_the_platform() {
    for source in sources().iter().filter(|source| source.module != "edge") {
        let code = product_code(source);
        for name in PLATFORM {
            assert!(!code.contains(name), "{} names {name}", source.path);
        }
    }
}

#[test]
fn the_core_reads_no_clock_no_randomness_and_no_environment() {
    for source in sources().iter().filter(|source| source.module != "edge") {
        let code = product_code(source);
        for name in EFFECTS {
            assert!(!code.contains(name), "{} names {name}", source.path);
        }
    }
}

#[test]
fn only_mime_names_the_mime_library_and_only_oauth_the_oauth_library() {
    for source in sources() {
        let code = product_code(&source);
        assert!(
            source.path == "mail/mime.rs" || !code.contains("mail_builder"),
            "{}",
            source.path
        );
        assert!(
            source.module == "oauth" || !code.contains("oauth2::"),
            "{}",
            source.path
        );
    }
}

#[test]
fn asynchronous_code_stands_in_app_edge_and_the_token_requests() {
    for source in sources() {
        let may = matches!(source.module.as_str(), "app" | "edge")
            || TOKEN_REQUESTS.contains(&source.path.as_str());
        assert!(
            may || !product_code(&source).contains("async "),
            "{}",
            source.path
        );
    }
}

#[test]
fn no_file_is_longer_than_a_head_can_hold() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines", source.path);
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for source in sources()
        .iter()
        .filter(|source| !source.path.ends_with("tests.rs"))
    {
        assert!(source.text.starts_with("//!"), "{}", source.path);
    }
}
