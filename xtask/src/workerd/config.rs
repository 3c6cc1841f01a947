//! The configuration of workerd, in its own language.
//! <https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp>

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::{Context, Result};

/// What the text is made of.
pub(super) struct Parts<'a> {
    pub(super) vars: &'a Map<String, Value>,
    pub(super) secrets: &'a [(String, String)],
    pub(super) ca_pem: &'a str,
    pub(super) port: u16,
    pub(super) probe_port: u16,
    pub(super) deployed: &'a str,
}

/// The whole text. The folder beside it has the modules, and `data` for what is stored.
pub(super) fn text(parts: &Parts<'_>) -> Result<String> {
    let deployed: toml::Table = parts
        .deployed
        .parse()
        .context(|| "wrangler.toml".to_owned())?;
    let date = deployed
        .get("compatibility_date")
        .and_then(toml::Value::as_str)
        .ok_or("wrangler.toml has no compatibility date")?;
    let mut bindings = String::new();
    for (name, value) in parts.vars {
        let value = match value {
            Value::String(text) => format!("text = {}", quoted(text)),
            other => format!("json = {}", quoted(&other.to_string())),
        };
        writeln!(bindings, "    (name = {}, {value}),", quoted(name))?;
    }
    for (name, secret) in parts.secrets {
        writeln!(
            bindings,
            "    (name = {}, text = {}),",
            quoted(name),
            quoted(secret)
        )?;
    }
    Ok(format!(
        r#"using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "cache", worker = .cache),
    (name = "data", disk = (path = "data", writable = true)),
    (name = "internet", network = (
      allow = ["public", "private"],
      tlsOptions = (trustBrowserCas = true, trustedCertificates = [{ca}])
    )),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:{port}", http = (), service = "main"),
    (name = "probe", address = "127.0.0.1:{probe_port}", http = (), service = (name = "main", entrypoint = "Probe")),
  ],
);

const main :Workerd.Worker = (
  modules = [
    (name = "probe.mjs", esModule = embed "probe.mjs"),
    (name = "memory.mjs", esModule = embed "memory.mjs"),
    (name = "index.js", esModule = embed "index.js"),
    (name = "index_bg.wasm", wasm = embed "index_bg.wasm"),
  ],
  compatibilityDate = "{date}",
  durableObjectNamespaces = [
    (className = "Outbox", uniqueKey = "outbox", enableSql = true),
    (className = "TokenKeeper", uniqueKey = "keeper", enableSql = true),
    (className = "Registry", uniqueKey = "registry", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "data"),
  bindings = [
    (name = "OUTBOX", durableObjectNamespace = "Outbox"),
    (name = "TOKEN_KEEPER", durableObjectNamespace = "TokenKeeper"),
    (name = "REGISTRY", durableObjectNamespace = "Registry"),
    (name = "TOKENS", kvNamespace = "cache"),
{bindings}  ],
);

const cache :Workerd.Worker = (
  modules = [(name = "cache.mjs", esModule = embed "cache.mjs")],
  compatibilityDate = "{date}",
);
"#,
        ca = quoted(parts.ca_pem),
        port = parts.port,
        probe_port = parts.probe_port,
    ))
}

/// A text of Cap'n Proto's language, whose escapes are those of C.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("a\"b\\c\nü"), "\"a\\\"b\\\\c\\nü\"");
    }
}
