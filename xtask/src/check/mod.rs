//! `cargo xtask check`: what a deploy would find out too late.
//!
//! The variables go through the Worker's own configuration module; what is added here are the
//! platform's limits and which secrets have to be set.

mod certificates;
mod mailboxes;
mod stand_in;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use edgepost::config::Config;
use serde_json::Value;

use crate::{Context, Error, Result, paths};

/// Most octets of one variable or secret, on every plan.
/// <https://developers.cloudflare.com/workers/platform/limits/>
const VARIABLE_OCTETS: usize = 5 * 1024;

/// The binding of the platform's Email Service that alerts are mailed through.
const ALERT_EMAIL: &str = "ALERT_EMAIL";

/// Which limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// Workers Free.
    #[default]
    Free,
    /// Workers Paid.
    Paid,
}

impl Plan {
    /// Most variables and secrets together, per Worker. Same source as above.
    fn most_variables(self) -> usize {
        match self {
            Self::Free => 64,
            Self::Paid => 128,
        }
    }
}

impl FromStr for Plan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "free" => Ok(Self::Free),
            "paid" => Ok(Self::Paid),
            other => Err(format!("no plan {other:?}: expected `free` or `paid`").into()),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What is wrong, each naming the variable and the field.
    pub problems: Vec<String>,
    /// What has to be done before a deploy.
    pub notes: Vec<String>,
    counted: usize,
}

impl Report {
    fn add(&mut self, mut other: Self) {
        self.problems.append(&mut other.problems);
        self.notes.append(&mut other.notes);
    }
}

/// Checks `wrangler.toml`, or `config`, with the `.dev.vars` beside it; prints what it finds.
///
/// # Errors
/// If there is a problem.
pub fn run(plan: Plan, config: Option<PathBuf>) -> Result<()> {
    let config = config.unwrap_or_else(|| paths::root().join("wrangler.toml"));
    let vars = read_vars(&config)?;
    let secrets = read_secrets(&config.with_file_name(".dev.vars"))?;
    let ending = certificates::ending(&vars, certificates::now());
    let mut report = check(plan, vars, secrets);
    report.add(ending);
    check_bindings(&config, &mut report)?;
    for note in &report.notes {
        println!("note: {note}");
    }
    for problem in &report.problems {
        println!("problem: {problem}");
    }
    println!(
        "{} variables and secrets of {}",
        report.counted,
        plan.most_variables()
    );
    match report.problems.len() {
        0 => {
            println!("configuration in order");
            Ok(())
        }
        1 => Err("1 problem".into()),
        many => Err(format!("{many} problems").into()),
    }
}

/// `secrets` is `None` when nobody wrote them down: then those that are referred to are taken as
/// set.
fn check(
    plan: Plan,
    mut vars: BTreeMap<String, Value>,
    secrets: Option<BTreeMap<String, String>>,
) -> Report {
    let mut report = Report::default();
    let mut wanted = BTreeSet::from(["ROOT_KEY".to_owned()]);
    vars.values()
        .for_each(|value| collect_secret_names(value, &mut wanted));
    let misplaced: Vec<String> = vars
        .keys()
        .filter(|name| is_secret(name))
        .cloned()
        .collect();
    for name in misplaced {
        let cure = format!("remove it and run `wrangler secret put {name}`");
        report.problems.push(format!(
            "{name}: a secret must not stand among the variables; {cure}"
        ));
    }
    match secrets {
        Some(secrets) => {
            vars.extend(
                secrets
                    .into_iter()
                    .map(|(name, value)| (name, Value::from(value))),
            );
        }
        None => {
            for name in wanted {
                report.notes.push(format!(
                    "{name} must be set with `wrangler secret put {name}`"
                ));
                stand_in::set(&mut vars, name);
            }
        }
    }
    if !vars.contains_key("OPERATOR_KEY") {
        report
            .notes
            .push("without OPERATOR_KEY there are no operator's routes".to_owned());
    }
    let parsed = Config::parse(&vars);
    if parsed.stop.is_some() {
        report
            .notes
            .push("STOP is set: nothing is sent as long as it is (docs/emergency.md)".to_owned());
    }
    if parsed.alert.is_empty() {
        report.notes.push(
            "nobody is told when a mailbox needs a person or a message fails; set [vars.ALERT]"
                .to_owned(),
        );
    }
    report.notes.extend(mailboxes::notes(&parsed));
    report
        .problems
        .extend(parsed.problems.iter().map(ToString::to_string));
    check_limits(plan, &vars, &mut report);
    report
}

fn check_limits(plan: Plan, vars: &BTreeMap<String, Value>, report: &mut Report) {
    for (name, value) in vars {
        let octets = match value {
            Value::String(text) => text.len(),
            other => other.to_string().len(),
        };
        if octets > VARIABLE_OCTETS {
            report.problems.push(format!(
                "{name}: {octets} octets, {VARIABLE_OCTETS} at most"
            ));
        }
    }
    report.counted = vars.len();
    let most = plan.most_variables();
    if report.counted > most {
        let count = report.counted;
        report.problems.push(format!(
            "{count} variables and secrets, {most} at most on this plan"
        ));
    }
}

fn is_secret(name: &str) -> bool {
    name.starts_with("SECRET_") || matches!(name, "ROOT_KEY" | "ROOT_KEY_PREVIOUS" | "OPERATOR_KEY")
}

fn collect_secret_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with("SECRET_") => drop(names.insert(text.clone())),
        Value::Array(values) => values
            .iter()
            .for_each(|value| collect_secret_names(value, names)),
        Value::Object(map) => map
            .values()
            .for_each(|value| collect_secret_names(value, names)),
        _ => {}
    }
}

/// The platform's Email Service is a binding: without it, what is configured to use it cannot.
fn check_bindings(config: &Path, report: &mut Report) -> Result<()> {
    let table = read_table(config)?;
    let wanted = table
        .get("vars")
        .and_then(|vars| vars.get("ALERT")?.get("send_email_from"));
    let bindings = table.get("send_email").and_then(toml::Value::as_array);
    let bound = bindings
        .into_iter()
        .flatten()
        .any(|binding| binding.get("name").and_then(toml::Value::as_str) == Some(ALERT_EMAIL));
    if wanted.is_some() && !bound {
        report.problems.push(format!(
            "ALERT.send_email_from: needs a binding, [[send_email]] with name = \"{ALERT_EMAIL}\""
        ));
    }
    Ok(())
}

fn read_table(config: &Path) -> Result<toml::Table> {
    let text =
        fs::read_to_string(config).context(|| format!("cannot read {}", config.display()))?;
    text.parse().context(|| format!("{}", config.display()))
}

fn read_vars(config: &Path) -> Result<BTreeMap<String, Value>> {
    match read_table(config)?.get("vars") {
        None => Ok(BTreeMap::new()),
        Some(vars) => Ok(serde_json::from_value(serde_json::to_value(vars)?)?),
    }
}

/// `NAME=value` lines, `#` for comments. The value is bare or in quotes, and goes on over the lines until
/// they end, as a key does.
fn read_secrets(path: &Path) -> Result<Option<BTreeMap<String, String>>> {
    match fs::read_to_string(path) {
        Ok(text) => parse_secrets(&text).map(Some),
        Err(_) => Ok(None),
    }
}

fn parse_secrets(text: &str) -> Result<BTreeMap<String, String>> {
    let mut secrets = BTreeMap::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| format!(".dev.vars, line {}: {what}", number + 1);
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| wrong("expected NAME=value"))?;
        let value = value.trim();
        let value = match ['"', '\'']
            .iter()
            .find_map(|q| Some((*q, value.strip_prefix(*q)?)))
        {
            None => value.to_owned(),
            Some((quote, first)) => {
                let mut value = first.to_owned();
                while !value.ends_with(quote) {
                    let (_, next) = lines.next().ok_or_else(|| wrong("a quote does not end"))?;
                    value = format!("{value}\n{}", next.trim_end());
                }
                value.pop();
                value
            }
        };
        secrets.insert(name.trim().to_owned(), value);
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests;
