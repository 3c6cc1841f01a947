//! Which tokens are whose.

use sha2::{Digest, Sha256};

use super::Provider;
use crate::mail::EmailAddress;

/// What a token is good for: a client at a provider, acting for one subject, on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    kind: &'static str,
    identity: String,
    resource: String,
}

impl Credential {
    /// One mailbox's grant to one client.
    pub fn grant(provider: &Provider, client_id: &str, subject: &EmailAddress) -> Self {
        Self {
            kind: "grant",
            identity: digest(&[
                provider.id,
                provider.authority(),
                client_id,
                &subject.as_str().to_ascii_lowercase(),
            ]),
            resource: digest(&[&provider.smtp_scope]),
        }
    }

    /// An application's own: one token for every mailbox that it may send as.
    pub fn application(provider: &Provider, client_id: &str) -> Self {
        Self {
            kind: "application",
            identity: digest(&["application", provider.id, provider.authority(), client_id]),
            resource: digest(&[provider.application_scope.as_deref().unwrap_or_default()]),
        }
    }

    /// A service account's for one mailbox: each token is for one (RFC 7523 §3, `sub`).
    pub fn service_account(provider: &Provider, account: &str, subject: &EmailAddress) -> Self {
        Self {
            kind: "service-account",
            identity: digest(&[
                "service-account",
                provider.id,
                provider.authority(),
                account,
                &subject.as_str().to_ascii_lowercase(),
            ]),
            resource: digest(&[provider.application_scope.as_deref().unwrap_or_default()]),
        }
    }

    /// The name of the object that holds the grant. A grant serves several resources
    /// (a refresh token at Microsoft is not bound to one), so the resource is no part of it.
    pub fn keeper_name(&self) -> String {
        format!("{}/{}", self.kind, self.identity)
    }

    /// The name under which access tokens are cached, at most 512 octets as Workers KV asks.
    pub fn cache_record(&self) -> String {
        format!("token/v1/{}/{}", self.identity, self.resource)
    }
}

/// A digest of texts, each with its length before it, so that no two lists run together.
fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    digest
        .finalize()
        .iter()
        .take(16)
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_makes_another_record() {
        let record = |provider: &Provider, client: &str, subject: &str| {
            Credential::grant(provider, client, &subject.parse().unwrap()).cache_record()
        };
        let google = Provider::google();
        let one = record(&google, "client", "a@x.test");
        assert_eq!(one, record(&google, "client", "A@x.test"));
        let others = [
            record(&google, "other", "a@x.test"),
            record(&google, "client", "b@x.test"),
            record(&Provider::microsoft("x.test"), "client", "a@x.test"),
            record(
                &Provider {
                    smtp_scope: "s".into(),
                    ..Provider::google()
                },
                "client",
                "a@x.test",
            ),
        ];
        assert!(others.iter().all(|other| *other != one));
        assert!(one.len() <= 512);
    }

    #[test]
    fn what_is_discovered_names_nothing_and_the_issuer_does() {
        let configured = |issuer: &str| Provider {
            issuer: Some(issuer.to_owned()),
            discovered: true,
            ..Provider::custom("s", "mx.test", 465, crate::tls::TlsMode::Implicit)
        };
        let metadata = |token_endpoint: &str| crate::oauth::Metadata {
            authorization_endpoint: None,
            token_endpoint: token_endpoint.to_owned(),
            revocation_endpoint: None,
            secret_in: crate::oauth::SecretIn::Body,
            names_itself: true,
        };
        let address = "a@x.test".parse().unwrap();
        let of = |provider: &Provider| {
            let grant = Credential::grant(provider, "client", &address);
            let application = Credential::application(provider, "client");
            (
                grant.keeper_name(),
                grant.cache_record(),
                application.keeper_name(),
            )
        };
        let one = configured("https://one.test");
        for endpoint in ["https://one.test/token", "https://one.test/v2/token"] {
            assert_eq!(of(&one), of(&one.completed_by(metadata(endpoint))));
        }
        assert_ne!(of(&one), of(&configured("https://two.test")));
    }

    #[test]
    fn a_service_account_has_a_credential_for_each_mailbox() {
        let google = Provider::google();
        let of = |account: &str, subject: &str| {
            let subject = subject.parse().unwrap();
            let credential = Credential::service_account(&google, account, &subject);
            (credential.keeper_name(), credential.cache_record())
        };
        let one = of("mail@project.test", "a@x.test");
        assert_eq!(one, of("mail@project.test", "A@x.test"));
        let (keeper, record) = of("mail@project.test", "b@x.test");
        assert!(keeper != one.0 && record != one.1);
        assert_ne!(one, of("other@project.test", "a@x.test"));
        let person = Credential::grant(&google, "mail@project.test", &"a@x.test".parse().unwrap());
        assert_ne!(one.1, person.cache_record());
    }

    #[test]
    fn an_application_has_one_credential_for_all_addresses_and_none_with_a_person() {
        let microsoft = Provider::microsoft("x.test");
        let application = Credential::application(&microsoft, "client");
        let address = "a@x.test".parse().unwrap();
        let grant = Credential::grant(&microsoft, "client", &address);
        assert_ne!(application.cache_record(), grant.cache_record());
        assert_ne!(application.keeper_name(), grant.keeper_name());
        assert_ne!(
            application,
            Credential::application(&Provider::microsoft("y.test"), "client")
        );
    }
}
