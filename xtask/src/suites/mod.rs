//! `cargo xtask test`: every check, in the order in which they fail soonest.

mod list;

use std::time::{Duration, Instant};

use crate::Result;
pub use list::SUITES;

/// One suite.
#[derive(Debug)]
pub struct Suite {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it proves, for the table.
    pub what: &'static str,
    /// Runs it, its output streaming.
    pub run: fn() -> Result<()>,
}

/// Runs the suites named, or all; stops at the first that fails. The table of minutes is printed
/// in either case.
///
/// # Errors
/// If a name is unknown or a suite fails.
pub fn run(names: &[String]) -> Result<()> {
    let chosen = choose(names)?;
    let mut took = Vec::new();
    let mut outcome = Ok(());
    for suite in chosen {
        println!("\n── {}: {}", suite.name, suite.what);
        let started = Instant::now();
        outcome = (suite.run)().map_err(|error| format!("{}: {error}", suite.name).into());
        took.push((suite.name, started.elapsed(), outcome.is_ok()));
        if outcome.is_err() {
            break;
        }
    }
    print!("{}", table(&took));
    outcome
}

fn choose(names: &[String]) -> Result<Vec<&'static Suite>> {
    if names.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let known = || {
        SUITES
            .iter()
            .map(|suite| suite.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    names
        .iter()
        .map(|name| {
            let suite = SUITES.iter().find(|suite| suite.name == name);
            suite.ok_or_else(|| format!("no suite {name:?}; there are {}", known()).into())
        })
        .collect()
}

fn table(took: &[(&str, Duration, bool)]) -> String {
    let minutes = |time: Duration| time.as_secs_f64() / 60.0;
    let mut out = format!("\n{:<12}{:>8}\n", "suite", "minutes");
    for (name, time, passed) in took {
        let mark = if *passed { "" } else { "  FAILED" };
        out += &format!("{name:<12}{:>8.2}{mark}\n", minutes(*time));
    }
    let all: Duration = took.iter().map(|(_, time, _)| *time).sum();
    out + &format!("{:<12}{:>8.2}\n", "together", minutes(all))
}

#[cfg(test)]
mod tests {
    use super::{Duration, choose, table};

    #[test]
    fn suites_run_in_the_order_they_are_named() {
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            choose(&wanted).map(|chosen| chosen.iter().map(|suite| suite.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["lint", "format"]).unwrap(), ["lint", "format"]);
        assert!(
            names(&["typo"])
                .unwrap_err()
                .to_string()
                .contains("format, ")
        );
    }

    #[test]
    fn the_table_says_minutes_and_what_failed() {
        let table = table(&[
            ("a", Duration::from_secs(90), true),
            ("b", Duration::ZERO, false),
        ]);
        assert!(table.contains("a               1.50\n"), "{table}");
        assert!(table.contains("b               0.00  FAILED\n"), "{table}");
        assert!(table.contains("together        1.50\n"), "{table}");
    }
}
