//! The configuration of a Worker run on this machine, derived from the one that is deployed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Neighbour;
use crate::{Context, Result, paths};

/// Writes `wrangler.json`, `.dev.vars` and a copy of the bundle into `folder`.
///
/// A copy, because a later build would replace the files under a running Worker.
pub(super) fn write(
    folder: &Path,
    vars: Map<String, Value>,
    secrets: &[(String, String)],
    wall: Option<u32>,
) -> Result<PathBuf> {
    let deployed = fs::read_to_string(paths::root().join("wrangler.toml"))
        .context(|| "cannot read wrangler.toml".to_owned())?;
    let mut config = derive(&deployed, vars)?;
    if let Some(limit) = wall {
        config["ratelimits"][0]["simple"]["limit"] = json!(limit);
    }
    copy_bundle(&folder.join("build"))?;
    fs::write(folder.join(".dev.vars"), dev_vars(secrets)?)?;
    let path = folder.join("wrangler.json");
    fs::write(&path, serde_json::to_vec_pretty(&config)?)?;
    Ok(path)
}

/// Writes the configuration and the script of another Worker into `folder`.
pub(super) fn write_neighbour(folder: &Path, neighbour: &Neighbour) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    fs::copy(&neighbour.script, folder.join("index.js"))
        .context(|| format!("no {}", neighbour.script.display()))?;
    let mut config = neighbour.config.clone();
    config.insert("main".to_owned(), json!("index.js"));
    config.insert("no_bundle".to_owned(), json!(true));
    let path = folder.join("wrangler.json");
    fs::write(&path, serde_json::to_vec_pretty(&config)?)?;
    Ok(path)
}

fn derive(deployed: &str, vars: Map<String, Value>) -> Result<Value> {
    let deployed: toml::Table = deployed.parse().context(|| "wrangler.toml".to_owned())?;
    let mut config = serde_json::to_value(deployed)?;
    let fields = config.as_object_mut().ok_or("wrangler.toml is no table")?;
    // The bundle is built already, by us and as it is deployed: not once more by wrangler.
    fields.remove("build");
    fields.insert("no_bundle".to_owned(), json!(true));
    fields.insert("main".to_owned(), json!("build/index.js"));
    fields.insert("vars".to_owned(), Value::Object(vars));
    Ok(config)
}

/// `NAME='value'` lines: nothing between single quotes is changed by whoever reads it, and a key has
/// lines. What would need an escape all the same is refused, not guessed at.
fn dev_vars(secrets: &[(String, String)]) -> Result<String> {
    let mut out = String::new();
    for (name, value) in secrets {
        if value.contains(|c: char| (c.is_control() && c != '\n') || matches!(c, '\'' | '$')) {
            return Err(format!("secret {name} holds a character .dev.vars cannot").into());
        }
        out += &format!("{name}='{value}'\n");
    }
    Ok(out)
}

fn copy_bundle(to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in ["index.js", "index_bg.wasm"] {
        fs::copy(paths::bundle().join(name), to.join(name))
            .context(|| format!("no build/{name}, run `cargo xtask build`"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{derive, dev_vars, paths};
    use serde_json::{Map, json};

    #[test]
    fn only_the_build_and_the_variables_differ_from_what_is_deployed() {
        let deployed = "main = \"x.js\"\ncompatibility_date = \"2026-11-01\"\n[build]\ncommand = \"b\"\n\
                        [vars]\nA = \"old\"\n[[kv_namespaces]]\nbinding = \"TOKENS\"\n";
        let vars = Map::from_iter([("B".to_owned(), json!({"c": 1}))]);
        let expected = json!({
            "main": "build/index.js", "no_bundle": true, "compatibility_date": "2026-11-01",
            "vars": {"B": {"c": 1}}, "kv_namespaces": [{"binding": "TOKENS"}],
        });
        assert_eq!(derive(deployed, vars).unwrap(), expected);
    }

    #[test]
    fn the_wall_counts_as_long_as_the_refused_are_told_to_wait() {
        let deployed = std::fs::read_to_string(paths::root().join("wrangler.toml")).unwrap();
        let config = derive(&deployed, Map::new()).unwrap();
        let wall = &config["ratelimits"][0];
        assert_eq!(wall["name"], "API_WALL");
        let period = edgepost::limits::API_WALL_PERIOD.as_secs();
        assert_eq!(wall["simple"]["period"], period);
    }

    #[test]
    fn a_secret_that_needs_an_escape_is_refused_without_being_shown() {
        assert_eq!(
            dev_vars(&[("A".into(), "b-_=".into())]).unwrap(),
            "A='b-_='\n"
        );
        let message = dev_vars(&[("A".into(), "hush'".into())])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("secret A") && !message.contains("hush"),
            "{message}"
        );
    }
}
