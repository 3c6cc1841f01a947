//! Mailboxes whose application signs.

use std::time::Duration;

use edgepost_sandbox::{SMTP_SCOPE, Sandbox};
use serde_json::{Value, json};
use xtask::Result;

/// A key and its certificate, of those that the tests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// The application's.
    Application,
    /// Another one.
    Another,
}

impl Pair {
    fn key(self) -> &'static str {
        match self {
            Self::Application => include_str!("../../fixtures/keys/application.key"),
            Self::Another => include_str!("../../fixtures/keys/another.key"),
        }
    }

    fn certificate(self) -> &'static str {
        match self {
            Self::Application => include_str!("../../fixtures/keys/application.crt"),
            Self::Another => include_str!("../../fixtures/keys/another.crt"),
        }
    }
}

/// By what right a mailbox's application that signs sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The mailbox's owner consented.
    Consent,
    /// Its own.
    Application,
    /// It is a service account.
    ServiceAccount,
}

/// A mailbox's application that signs.
#[derive(Debug, Clone, Copy)]
pub struct Signing {
    /// By what right it sends.
    pub by: By,
    /// `assertion_alg`.
    pub algorithm: &'static str,
    /// What the Worker signs with.
    pub key: Pair,
    /// What the Worker says it signs with, where it says more than the key does: a certificate's
    /// thumbprint.
    pub thumbprint: Option<&'static str>,
    /// What the provider knows it by.
    pub known_by: Pair,
    /// How far the provider's clock is ahead.
    pub clock_ahead: Duration,
    /// Whether the mailbox lets the application in, or an administrator has delegated to the service
    /// account.
    pub allowed: bool,
}

impl Signing {
    /// One in good order.
    #[must_use]
    pub fn by(by: By) -> Self {
        Self {
            by,
            algorithm: "PS256",
            key: Pair::Application,
            thumbprint: None,
            known_by: Pair::Application,
            clock_ahead: Duration::ZERO,
            allowed: true,
        }
    }

    /// Makes it known to the provider, and tells the mailbox's table and the secrets of it.
    pub(crate) fn configure(
        &self,
        name: &str,
        address: &str,
        sandbox: &Sandbox,
        mailbox: &mut Value,
        secrets: &mut Vec<(String, String)>,
    ) -> Result<()> {
        let fields = mailbox.as_object_mut().ok_or("a mailbox is a table")?;
        fields.remove("client_secret");
        sandbox.set_clock_ahead(name, self.clock_ahead);
        let secret = format!("SECRET_{}", name.to_uppercase());
        let known_by = self.known_by.certificate();
        if self.by == By::ServiceAccount {
            let scopes: &[&str] = if self.allowed { &[SMTP_SCOPE] } else { &[] };
            sandbox.add_service_account(name, "k1", known_by, scopes)?;
            let file = json!({
                "type": "service_account", "client_email": name, "private_key_id": "k1",
                "private_key": self.key.key(), "token_uri": sandbox.token_endpoint(),
            });
            secrets.push((secret.clone(), file.to_string()));
            fields.remove("client_id");
            fields.insert("grant".to_owned(), json!("service_account"));
            fields.insert("service_account".to_owned(), json!(secret));
            return Ok(());
        }
        sandbox.add_client(name, known_by)?;
        secrets.push((secret.clone(), self.key.key().to_owned()));
        let certificate = self.thumbprint.unwrap_or(self.key.certificate());
        for (field, value) in [
            ("client_id", name),
            ("private_key", &*secret),
            ("certificate", certificate),
            ("assertion_alg", self.algorithm),
        ] {
            fields.insert(field.to_owned(), json!(value));
        }
        if self.by == By::Application {
            fields.insert("grant".to_owned(), json!("application"));
            if self.allowed {
                sandbox.let_in(address, name);
            }
        }
        Ok(())
    }
}
