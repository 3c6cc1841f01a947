//! Fresh keys for the Worker's secrets.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
}

impl std::str::FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "root" => Ok(Self::Root),
            "operator" => Ok(Self::Operator),
            other => Err(format!("no key {other:?}: expected `root` or `operator`").into()),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fresh;

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
}
