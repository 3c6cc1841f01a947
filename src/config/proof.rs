//! How the application behind a mailbox proves who it is: by a secret, by a key, or as a service
//! account.

use std::{collections::BTreeMap, str::FromStr};

use super::{MailboxConfig, SecretName, fields::Fields};
use crate::{
    limits::KEY_ID_CHARS,
    oauth::{
        AssertionKey, Certificate, ProofKind, Provider, Right, ServiceAccount, SigningAlgorithm,
        SigningKey,
    },
    secret::Secret,
};

/// What the application has to prove who it is (RFC 6749 §2.3).
#[derive(Debug, Clone)]
pub enum Proof {
    /// Nothing: a public client.
    None,
    /// A secret that it shares with the provider, by the name of the variable.
    Secret(SecretName),
    /// A key that signs.
    Key(AssertionKey),
}

/// Who the application is, and how it proves it.
pub(super) struct Identity {
    pub(super) client_id: String,
    pub(super) proof: Proof,
}

type Secrets = BTreeMap<SecretName, Secret>;

impl Identity {
    pub(super) fn read(
        fields: &mut Fields<'_>,
        secrets: &Secrets,
        provider: Option<&Provider>,
        right: Option<Right>,
    ) -> Option<Self> {
        if right == Some(Right::ServiceAccount) {
            return Self::read_service_account(fields, secrets, provider);
        }
        let without = "has a meaning only with grant = \"service_account\"";
        refuse(fields, &["service_account"], without);
        let client_id = fields.required_text("client_id").map(str::to_owned);
        let proof = Proof::read(fields, secrets, provider);
        if matches!(
            (right, &proof),
            (Some(Right::Application), Some(Proof::None))
        ) {
            fields.problem(
                "client_secret",
                "is required with grant = \"application\", or private_key is: the application has to prove who it is",
            );
        }
        Some(Self {
            client_id: client_id?,
            proof: proof?,
        })
    }

    /// The file says who the account is, and has its key.
    fn read_service_account(
        fields: &mut Fields<'_>,
        secrets: &Secrets,
        provider: Option<&Provider>,
    ) -> Option<Self> {
        let others = [
            "client_id",
            "client_secret",
            "private_key",
            "certificate",
            "assertion_alg",
            "key_id",
        ];
        let within = "has no meaning with grant = \"service_account\"; leave it out";
        refuse(fields, &others, within);
        // The file names the endpoint that it may be used at: it has to be known beforehand.
        let Some(endpoint) = &provider?.token_endpoint else {
            fields.problem(
                "token_endpoint",
                "is required with grant = \"service_account\"",
            );
            return None;
        };
        let (name, text) = read_text(fields, "service_account", secrets)?;
        match ServiceAccount::parse(text.expose(), endpoint) {
            Ok(account) => Some(Self {
                client_id: account.name,
                proof: Proof::Key(account.key),
            }),
            Err(unfit) => {
                fields.problem(
                    "service_account",
                    format!("names the secret {name}, which {unfit}"),
                );
                None
            }
        }
    }
}

impl Proof {
    fn read(
        fields: &mut Fields<'_>,
        secrets: &Secrets,
        provider: Option<&Provider>,
    ) -> Option<Self> {
        let has_secret = fields.take("client_secret").is_some();
        if fields.take("private_key").is_none() {
            let without = "has a meaning only beside private_key";
            refuse(fields, &["certificate", "assertion_alg", "key_id"], without);
            if !has_secret {
                return Some(Self::None);
            }
            return MailboxConfig::read_secret(fields, "client_secret", secrets).map(Self::Secret);
        }
        if has_secret {
            fields.problem(
                "private_key",
                "stands beside client_secret; one of the two is enough, leave the other out",
            );
        }
        Self::read_key(fields, secrets, provider).map(Self::Key)
    }

    fn read_key(
        fields: &mut Fields<'_>,
        secrets: &Secrets,
        provider: Option<&Provider>,
    ) -> Option<AssertionKey> {
        let read = read_text(fields, "private_key", secrets);
        let key = read.and_then(|(name, text)| match SigningKey::parse(text.expose()) {
            Ok(key) => Some(key),
            Err(unfit) => {
                fields.problem(
                    "private_key",
                    format!("names the secret {name}, which {unfit}"),
                );
                None
            }
        });
        let has_certificate = fields.take("certificate").is_some();
        let certificate: Option<Certificate> = fields.optional("certificate");
        let algorithm = read_algorithm(fields);
        let key_id: Option<KeyId> = fields.optional("key_id");
        let proofs = provider?.proofs;
        if !proofs.contains(&ProofKind::Key) {
            if !proofs.contains(&ProofKind::Certificate) {
                fields.problem(
                    "private_key",
                    "has no meaning with this provider, which takes client_secret alone",
                );
            } else if !has_certificate {
                fields.problem(
                    "certificate",
                    "is required beside private_key: the provider knows the key by it",
                );
            }
        }
        let (key, algorithm) = (key?, algorithm?);
        let thumbprint = match &certificate {
            None => None,
            Some(certificate) if !certificate.may_be_of(&key) => {
                fields.problem(
                    "certificate",
                    "belongs to another key than the one that private_key names",
                );
                return None;
            }
            Some(certificate) => Some(certificate.thumbprint(algorithm).or_else(|| {
                fields.problem(
                    "certificate",
                    "is a thumbprint that does not go with assertion_alg: PS256 wants SHA-256 (64 digits), RS256 wants SHA-1 (40 digits)",
                );
                None
            })?),
        };
        Some(AssertionKey {
            key,
            algorithm,
            thumbprint,
            key_id: key_id.map(|KeyId(text)| text),
        })
    }
}

fn read_algorithm(fields: &mut Fields<'_>) -> Option<SigningAlgorithm> {
    if fields.take("assertion_alg").is_none() {
        return Some(SigningAlgorithm::default());
    }
    match fields.text("assertion_alg")? {
        "PS256" => Some(SigningAlgorithm::Ps256),
        "RS256" => Some(SigningAlgorithm::Rs256),
        _ => {
            fields.problem("assertion_alg", "must be PS256 or RS256");
            None
        }
    }
}

/// What the secret that `field` names holds, with its name.
fn read_text<'s>(
    fields: &mut Fields<'_>,
    field: &'static str,
    secrets: &'s Secrets,
) -> Option<(String, &'s Secret)> {
    if fields.take(field).is_none() {
        fields.problem(field, "is required");
        return None;
    }
    let name = MailboxConfig::read_secret(fields, field, secrets)?;
    Some((name.as_str().to_owned(), secrets.get(&name)?))
}

fn refuse(fields: &mut Fields<'_>, names: &[&'static str], why: &str) {
    for name in names {
        if fields.take(name).is_some() {
            fields.problem(name, why);
        }
    }
}

/// The name of a key at the provider.
struct KeyId(String);

impl FromStr for KeyId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= KEY_ID_CHARS && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be visible ASCII, as the provider shows it")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Config;

    const KEY: &str = include_str!("../../tests/fixtures/keys/application.key");
    const CERTIFICATE: &str = include_str!("../../tests/fixtures/keys/application.crt");
    const SHA1: &str = "3F:2F:63:55:D9:01:BF:14:EA:8E:BB:CD:7D:52:76:96:D4:60:5D:65";

    fn config(fields: Value) -> Config {
        let mut mailbox = json!({ "address": "a@x.test" });
        mailbox
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let file = json!({
            "type": "service_account", "client_email": "mail@project.test",
            "private_key_id": "k1", "private_key": KEY,
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        let vars = json!({
            "PUBLIC_URL": "https://mail.x.test",
            "ROOT_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
            "SECRET_A": "canary", "SECRET_KEY": KEY, "SECRET_FILE": file.to_string(),
            "SECRET_OLD": include_str!("../../tests/fixtures/keys/pkcs1.key"),
            "SECRET_CERTIFICATE": CERTIFICATE,
            "MAILBOX_A": mailbox,
        });
        Config::parse(&vars.as_object().unwrap().clone().into_iter().collect())
    }

    fn key_of(fields: Value) -> AssertionKey {
        let config = config(fields);
        assert_eq!(config.problems, []);
        match &config.mailboxes.values().next().unwrap().proof {
            Proof::Key(key) => key.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn problems(fields: Value) -> Vec<String> {
        let config = config(fields);
        assert!(config.mailboxes.is_empty());
        let problems = config.problems.iter().map(ToString::to_string);
        let problems: Vec<_> = problems.collect();
        let told = problems.concat();
        assert!(!told.contains("canary"), "{told}");
        let lines = KEY.lines().chain(CERTIFICATE.lines());
        for line in lines.filter(|line| !line.starts_with('-')) {
            assert!(!told.contains(line), "{told}");
        }
        problems
    }

    fn microsoft(fields: Value) -> Value {
        let mut all = json!({
            "provider": "microsoft", "tenant": "x.test", "client_id": "id", "grant": "application",
        });
        all.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        all
    }

    #[test]
    fn ok_a_certificate_in_all_its_forms() {
        let certificate = json!({ "private_key": "SECRET_KEY", "certificate": CERTIFICATE });
        let key = key_of(microsoft(certificate));
        assert_eq!(key.algorithm, SigningAlgorithm::Ps256);
        let sha256 = "U7IhK_9G-fZJrH9ZC7_vdSNfQgfv75vUKQit1QMmR9Q";
        assert_eq!(key.thumbprint.as_deref(), Some(sha256));
        let older = json!({
            "private_key": "SECRET_KEY", "certificate": SHA1, "assertion_alg": "RS256",
        });
        let key = key_of(microsoft(older));
        assert_eq!(key.algorithm, SigningAlgorithm::Rs256);
        assert_eq!(
            key.thumbprint.as_deref(),
            Some("Py9jVdkBvxTqjrvNfVJ2ltRgXWU")
        );
    }

    #[test]
    fn ok_a_key_alone_where_the_provider_knows_keys() {
        let key = key_of(json!({
            "provider": "custom", "token_endpoint": "https://x.test/token", "scope": "s",
            "smtp_host": "mail.x.test", "smtp_port": 465, "client_id": "id",
            "private_key": "SECRET_KEY", "key_id": "k-1",
        }));
        assert_eq!(key.key_id.as_deref(), Some("k-1"));
        assert_eq!(key.thumbprint, None);
    }

    #[test]
    fn ok_a_service_account_says_itself_who_it_is() {
        let config = config(json!({
            "provider": "google", "grant": "service_account", "service_account": "SECRET_FILE",
        }));
        assert_eq!(config.problems, []);
        let mailbox = config.mailboxes.values().next().unwrap();
        assert_eq!(mailbox.client_id, "mail@project.test");
        let subject = &mailbox.sender.address;
        assert_eq!(
            mailbox.credential(),
            crate::oauth::Credential::service_account(
                &mailbox.provider,
                "mail@project.test",
                subject
            )
        );
    }

    #[test]
    fn err_what_is_no_key_or_does_not_fit_it() {
        let cases = [
            (
                json!({ "private_key": "SECRET_OLD", "certificate": CERTIFICATE }),
                "MAILBOX_A.private_key: names the secret SECRET_OLD, which holds a key in an older form (PKCS#1, `BEGIN RSA PRIVATE KEY`); convert it with `openssl pkcs8 -topk8 -nocrypt -in old.key -out new.key` and set the new one",
            ),
            (
                json!({ "private_key": "SECRET_CERTIFICATE", "certificate": CERTIFICATE }),
                "MAILBOX_A.private_key: names the secret SECRET_CERTIFICATE, which holds a certificate and no private key; the key is in the file that was made along with it and begins with `-----BEGIN PRIVATE KEY-----`",
            ),
            (
                json!({ "private_key": KEY, "certificate": CERTIFICATE }),
                "MAILBOX_A.private_key: must be the name of a secret, such as SECRET_SALES",
            ),
            (
                json!({ "private_key": "SECRET_KEY", "certificate": KEY }),
                "MAILBOX_A.certificate: holds a private key, which must not stand here: take it out, count it as known to others, and make a new pair",
            ),
            (
                json!({ "private_key": "SECRET_KEY" }),
                "MAILBOX_A.certificate: is required beside private_key: the provider knows the key by it",
            ),
            (
                json!({ "private_key": "SECRET_KEY", "certificate": SHA1 }),
                "MAILBOX_A.certificate: is a thumbprint that does not go with assertion_alg: PS256 wants SHA-256 (64 digits), RS256 wants SHA-1 (40 digits)",
            ),
            (
                json!({
                    "private_key": "SECRET_KEY",
                    "certificate": include_str!("../../tests/fixtures/keys/another.crt"),
                }),
                "MAILBOX_A.certificate: belongs to another key than the one that private_key names",
            ),
            (
                json!({
                    "private_key": "SECRET_KEY", "certificate": CERTIFICATE, "client_secret": "SECRET_A",
                }),
                "MAILBOX_A.private_key: stands beside client_secret; one of the two is enough, leave the other out",
            ),
            (
                json!({
                    "private_key": "SECRET_KEY", "certificate": CERTIFICATE, "assertion_alg": "none",
                }),
                "MAILBOX_A.assertion_alg: must be PS256 or RS256",
            ),
            (
                json!({ "client_secret": "SECRET_A", "certificate": CERTIFICATE }),
                "MAILBOX_A.certificate: has a meaning only beside private_key",
            ),
            (
                json!({ "client_secret": "SECRET_A", "service_account": "SECRET_FILE" }),
                "MAILBOX_A.service_account: has a meaning only with grant = \"service_account\"",
            ),
        ];
        for (fields, problem) in cases {
            assert_eq!(problems(microsoft(fields)), [problem]);
        }
    }

    #[test]
    fn err_what_goes_with_no_service_account() {
        let google = json!({
            "provider": "google", "grant": "service_account", "service_account": "SECRET_A",
            "client_id": "id", "client_secret": "SECRET_A",
        });
        assert_eq!(
            problems(google),
            [
                "MAILBOX_A.client_id: has no meaning with grant = \"service_account\"; leave it out",
                "MAILBOX_A.client_secret: has no meaning with grant = \"service_account\"; leave it out",
                "MAILBOX_A.service_account: names the secret SECRET_A, which holds no service account's key: it has to be the whole JSON file with `\"type\": \"service_account\"`, as the Google Cloud console makes it under IAM, Service accounts, Keys",
            ]
        );
        let elsewhere = json!({
            "grant": "service_account", "service_account": "SECRET_FILE",
            "provider": "microsoft", "tenant": "x.test",
        });
        assert_eq!(
            problems(elsewhere),
            [
                "MAILBOX_A.grant: must be consent or application with this provider",
                "MAILBOX_A.service_account: names the secret SECRET_FILE, which holds a key file whose token_uri is not this provider's token endpoint; what it signs goes nowhere else",
            ]
        );
        let key = json!({
            "provider": "google", "client_id": "id", "private_key": "SECRET_KEY",
        });
        assert_eq!(
            problems(key),
            [
                "MAILBOX_A.private_key: has no meaning with this provider, which takes client_secret alone"
            ]
        );
    }
}
