//! Fresh keys: for the Worker's secrets, and for the callers of its API.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgepost::config::Name;
use sha2::{Digest, Sha256};

use crate::tools::hex;
use crate::{Error, Result};

/// Octets of a key: what AES-256 and HKDF-SHA256 want, and more than anyone guesses.
const KEY_OCTETS: usize = 32;

/// Which secret a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Seals what the Worker stores.
    Root,
    /// Opens the operator's routes.
    Operator,
    /// Opens `/readyz`.
    Monitor,
}

impl std::str::FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "root" => Ok(Self::Root),
            "operator" => Ok(Self::Operator),
            "monitor" => Ok(Self::Monitor),
            "api" => Err("an API key needs a name, as in `cargo xtask key api shop`".into()),
            other => {
                let expected = "expected `root`, `operator`, `monitor` or `api NAME`";
                Err(format!("no key {other:?}: {expected}").into())
            }
        }
    }
}

/// 32 octets of the system's randomness, base64url without padding.
///
/// # Errors
/// If the system has none to give.
pub fn fresh() -> Result<String> {
    let mut key = [0; KEY_OCTETS];
    getrandom::fill(&mut key).map_err(|error| format!("no randomness: {error}"))?;
    Ok(URL_SAFE_NO_PAD.encode(key))
}

/// What API keys begin with, so that a search for leaked keys finds them.
const API_PREFIX: &str = "ep_";

/// A fresh key of the API.
///
/// # Errors
/// If the system has no randomness to give.
pub fn fresh_api() -> Result<String> {
    Ok(format!("{API_PREFIX}{}", fresh()?))
}

/// What the configuration holds of an API key.
#[must_use]
pub fn api_hash(key: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(key)))
}

/// Prints a key of the API on standard output, alone, so that it can be piped; the table with its
/// hash and what to do with both goes to standard error.
///
/// # Errors
/// If `name` is no name, or the system has no randomness to give.
pub fn print_api(name: &str) -> Result<()> {
    let name: Name = name
        .parse()
        .map_err(|error| format!("the name of a key {error}"))?;
    let key = fresh_api()?;
    println!("{key}");
    eprintln!(
        "\nGive it to the caller in a way that nobody else reads; it is shown only here. Requests\n\
         carry it as `Authorization: Bearer {API_PREFIX}…`, and Resend's clients take it as their API key.\n\n\
         Only its hash goes into wrangler.toml:\n\n{}",
        api_table(&name, &api_hash(&key))
    );
    Ok(())
}

fn api_table(name: &Name, hash: &str) -> String {
    format!(
        "[vars.KEY_{}]\n\
         hash = \"{hash}\"\n\
         permission = \"full_access\"    # or \"sending_access\": send, and read nothing\n\
         mailboxes = [\"sales\"]         # the mailboxes it may send through\n\
         # aliases = [\"info@example.com\"]  # those of their aliases it may send as\n",
        name.as_str().to_uppercase()
    )
}

/// Prints a key on standard output, alone, so that it can be piped; what to do with it goes to
/// standard error.
///
/// # Errors
/// If the system has no randomness to give.
pub fn print(kind: Kind) -> Result<()> {
    let (secret, note) = match kind {
        Kind::Root => (
            "ROOT_KEY",
            "It seals the tokens the Worker stores: without it they cannot be read again.",
        ),
        Kind::Operator => (
            "OPERATOR_KEY",
            "Whoever has it can read every message's story: keep it with your passwords.",
        ),
        Kind::Monitor => (
            "MONITOR_KEY",
            "It opens GET /readyz and nothing else: whoever has it sees how the mailboxes are.",
        ),
    };
    println!("{}", fresh()?);
    eprintln!("\nStore it with `wrangler secret put {secret}`.\n{note}");
    eprintln!(
        "In one go: cargo xtask key {} | npx wrangler secret put {secret}",
        kind.name()
    );
    Ok(())
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Operator => "operator",
            Self::Monitor => "monitor",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use edgepost::config::{Config, Permission};
    use serde_json::{Value, json};

    use super::{Kind, api_hash, api_table, fresh, fresh_api};

    #[test]
    fn a_key_is_32_octets_and_never_the_same() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_eq!(one.len(), 43);
        assert!(
            one.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_ne!(one, other);
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in [Kind::Root, Kind::Operator, Kind::Monitor] {
            assert_eq!(kind.name().parse::<Kind>().unwrap(), kind);
        }
        assert!("api".parse::<Kind>().is_err() && "x".parse::<Kind>().is_err());
    }

    #[test]
    fn the_hash_is_sha_256_of_the_keys_text() {
        // FIPS 180-2, appendix B.1.
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(api_hash("abc"), abc);
    }

    #[test]
    fn the_table_admits_the_key_and_no_other() {
        let key = fresh_api().unwrap();
        assert_eq!((key.len(), &key[..3]), (46, "ep_"));
        let table = api_table(&"shop_eu".parse().unwrap(), &api_hash(&key));
        assert!(!table.contains(&key));
        let table: toml::Table = table.parse().unwrap();
        let entry = &table["vars"]["KEY_SHOP_EU"];
        let mailbox = json!({ "address": "a@b.test", "provider": "google", "client_id": "x" });
        let vars: BTreeMap<String, Value> = BTreeMap::from([
            (
                "KEY_SHOP_EU".to_owned(),
                serde_json::to_value(entry).unwrap(),
            ),
            ("MAILBOX_SALES".to_owned(), mailbox),
        ]);
        let config = Config::parse(&vars);
        let (name, found) = config.key(&key).expect("admitted");
        assert_eq!(
            (name.as_str(), found.permission),
            ("shop_eu", Permission::FullAccess)
        );
        assert!(config.key(&fresh_api().unwrap()).is_none());
    }
}
