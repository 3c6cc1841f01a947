//! A service account's key file, as Google hands it out.

use serde_json::{Map, Value};
use thiserror::Error;

use super::{AssertionKey, SigningAlgorithm, SigningKey, UnfitKey};
use crate::limits::{ADDRESS_OCTETS, KEY_ID_CHARS};

/// An account that is no person's, and its key.
#[derive(Debug, Clone)]
pub struct ServiceAccount {
    /// Its address, which is its name: `client_email`.
    pub name: String,
    /// What it signs with.
    pub key: AssertionKey,
}

/// Why a text is no key file that could be used. It never holds any of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnfitAccount {
    /// No JSON, or another kind of it.
    #[error(
        "holds no service account's key: it has to be the whole JSON file with `\"type\": \"service_account\"`, as the Google Cloud console makes it under IAM, Service accounts, Keys"
    )]
    NotKeyFile,
    /// An OAuth client's file.
    #[error(
        "holds the file of an OAuth client, which is something else; a service account's key is made in the Google Cloud console under IAM, Service accounts, Keys"
    )]
    OauthClient,
    /// A field is missing or odd.
    #[error("holds a key file whose {0} is missing or not what it should be")]
    Field(&'static str),
    /// A key for another provider.
    #[error(
        "holds a key file whose token_uri is not this provider's token endpoint; what it signs goes nowhere else"
    )]
    Elsewhere,
    /// The key itself.
    #[error("{0}")]
    Key(#[from] UnfitKey),
}

impl ServiceAccount {
    /// Reads the file, for the provider with this token endpoint.
    ///
    /// # Errors
    /// When it could not be used there.
    pub fn parse(text: &str, token_endpoint: &str) -> Result<Self, UnfitAccount> {
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
            return Err(UnfitAccount::NotKeyFile);
        };
        if fields.contains_key("web") || fields.contains_key("installed") {
            return Err(UnfitAccount::OauthClient);
        }
        if text_of(&fields, "type") != Some("service_account") {
            return Err(UnfitAccount::NotKeyFile);
        }
        let name = plain(&fields, "client_email", ADDRESS_OCTETS)?;
        let key_id = plain(&fields, "private_key_id", KEY_ID_CHARS)?;
        let private_key =
            text_of(&fields, "private_key").ok_or(UnfitAccount::Field("private_key"))?;
        if text_of(&fields, "token_uri") != Some(token_endpoint) {
            return Err(UnfitAccount::Elsewhere);
        }
        Ok(Self {
            name,
            key: AssertionKey {
                key: SigningKey::parse(private_key)?,
                // developers.google.com/identity/protocols/oauth2/service-account: "Service accounts
                // rely on the RSA SHA-256 algorithm".
                algorithm: SigningAlgorithm::Rs256,
                thumbprint: None,
                key_id: Some(key_id),
            },
        })
    }
}

fn text_of<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

/// A text of visible ASCII.
fn plain(
    fields: &Map<String, Value>,
    name: &'static str,
    most: usize,
) -> Result<String, UnfitAccount> {
    text_of(fields, name)
        .filter(|text| (1..=most).contains(&text.len()))
        .filter(|text| text.bytes().all(|b| b.is_ascii_graphic()))
        .map(str::to_owned)
        .ok_or(UnfitAccount::Field(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENDPOINT: &str = "https://oauth2.googleapis.com/token";

    fn file() -> Value {
        json!({
            "type": "service_account",
            "project_id": "project",
            "private_key_id": "0123abcd",
            "private_key": include_str!("../../tests/fixtures/keys/application.key"),
            "client_email": "mail@project.iam.gserviceaccount.com",
            "client_id": "1234567890",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": ENDPOINT,
            "universe_domain": "googleapis.com",
        })
    }

    #[test]
    fn ok_the_file_as_it_is() {
        let account = ServiceAccount::parse(&file().to_string(), ENDPOINT).unwrap();
        assert_eq!(account.name, "mail@project.iam.gserviceaccount.com");
        assert_eq!(account.key.key_id.as_deref(), Some("0123abcd"));
        assert_eq!(account.key.algorithm, SigningAlgorithm::Rs256);
        assert!(!format!("{account:?}").contains("PRIVATE"));
    }

    #[test]
    fn err_another_file_or_a_changed_one() {
        let with = |name: &str, value: Value| {
            let mut file = file();
            file[name] = value;
            ServiceAccount::parse(&file.to_string(), ENDPOINT).unwrap_err()
        };
        let elsewhere = json!("https://evil.test/token");
        assert_eq!(with("token_uri", elsewhere), UnfitAccount::Elsewhere);
        assert_eq!(with("token_uri", json!(null)), UnfitAccount::Elsewhere);
        assert_eq!(
            with("type", json!("authorized_user")),
            UnfitAccount::NotKeyFile
        );
        for name in ["client_email", "private_key_id", "private_key"] {
            assert_eq!(with(name, json!(7)), UnfitAccount::Field(name));
        }
        assert_eq!(
            with("client_email", json!("a b")),
            UnfitAccount::Field("client_email")
        );
        assert_eq!(
            with("private_key", json!("canary")),
            UnfitAccount::Key(UnfitKey::NotPem)
        );
        let parse = |text: &str| ServiceAccount::parse(text, ENDPOINT).unwrap_err();
        assert_eq!(
            parse(r#"{"web":{"client_id":"x"}}"#),
            UnfitAccount::OauthClient
        );
        for text in ["", "{", "[]", "-----BEGIN PRIVATE KEY-----", "{}"] {
            assert_eq!(parse(text), UnfitAccount::NotKeyFile);
        }
    }
}
