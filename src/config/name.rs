//! The names that configuration entries go by.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Characters of a name: it stands in addresses, logs and object names.
const NAME_CHARS: usize = 40;

/// What an entry is called: `MAILBOX_SALES_EU` is the mailbox `sales_eu`. Lower-case letters,
/// digits and single inner underscores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be lower-case letters, digits and single underscores, {NAME_CHARS} at most")]
pub struct InvalidName;

impl Name {
    /// Reads what follows the prefix of a variable's name, in capitals as variables are.
    pub fn from_variable(rest: &str) -> Option<Self> {
        if rest.bytes().any(|b| b.is_ascii_lowercase()) {
            return None;
        }
        rest.to_ascii_lowercase().parse().ok()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if text.len() <= NAME_CHARS && text.split('_').all(word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName)
        }
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a secret, such as `SECRET_SALES_REFRESH`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    /// The prefix that tells a secret we may read from the neighbours' variables.
    pub const PREFIX: &str = "SECRET_";

    /// The name, where it is one of ours.
    pub fn from_variable(variable: &str) -> Option<Self> {
        let rest = variable.strip_prefix(Self::PREFIX)?;
        Name::from_variable(rest).map(|_| Self(variable.to_owned()))
    }

    /// The variable's whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_variables() {
        assert_eq!(
            Name::from_variable("SALES_EU2").unwrap().as_str(),
            "sales_eu2"
        );
        for bad in [
            "",
            "sales",
            "SALES_",
            "_SALES",
            "A__B",
            "Ä",
            "A-B",
            &"A".repeat(41),
        ] {
            assert_eq!(Name::from_variable(bad), None, "{bad}");
        }
    }
}
