//! `[vars.MAILBOX_*]`: a mailbox that mail is sent through.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{Name, Proof, SecretName, custom, fields::Fields, proof::Identity};
use crate::{
    mail::{EmailAddress, HeaderText, Mailbox},
    oauth::{Cloud, Credential, Provider, Right},
    secret::Secret,
};

/// A sending mailbox.
#[derive(Debug, Clone)]
pub struct MailboxConfig {
    /// Who mail is from.
    pub sender: Mailbox,
    /// Other addresses that the provider lets it send as.
    pub aliases: Vec<EmailAddress>,
    /// Whose mailbox it is.
    pub provider: Provider,
    /// By what right mail is sent through it.
    pub right: Right,
    /// `client_id` of the application registered with the provider (RFC 6749 §2.2), or the name of
    /// the service account.
    pub client_id: String,
    /// How that one proves who it is.
    pub proof: Proof,
    /// The secret that holds a refresh token to begin with.
    pub refresh_token: Option<SecretName>,
}

impl MailboxConfig {
    pub(super) fn read(
        fields: &mut Fields<'_>,
        secrets: &BTreeMap<SecretName, Secret>,
    ) -> Option<Self> {
        let address: Option<EmailAddress> = fields.required("address");
        let display_name: Option<HeaderText> = match fields.text("name").map(HeaderText::try_from) {
            Some(Err(error)) => {
                fields.problem("name", error.to_string());
                None
            }
            Some(Ok(name)) => Some(name),
            None => None,
        };
        let aliases = fields.list("aliases");
        let provider = Self::read_provider(fields);
        let right = Self::read_right(fields);
        let identity = Identity::read(fields, secrets, provider.as_ref(), right);
        let refresh_token = Self::read_secret(fields, "refresh_token", secrets);
        if let (Some(provider), Some(right)) = (&provider, right) {
            Self::check_right(fields, provider, right, refresh_token.is_some());
        }
        let identity = identity?;
        Some(Self {
            sender: Mailbox {
                display_name,
                address: address?,
            },
            aliases,
            provider: provider?,
            right: right?,
            client_id: identity.client_id,
            proof: identity.proof,
            refresh_token,
        })
    }

    fn check_right(
        fields: &mut Fields<'_>,
        provider: &Provider,
        right: Right,
        has_refresh_token: bool,
    ) {
        if right == Right::Consent {
            return;
        }
        if has_refresh_token {
            fields.problem(
                "refresh_token",
                "has no meaning without a person's consent; leave it out, or set grant = \"consent\"",
            );
        }
        if !provider.rights.contains(&right) {
            let rights: Vec<_> = provider.rights.iter().copied().map(name_of).collect();
            fields.problem(
                "grant",
                format!("must be {} with this provider", rights.join(" or ")),
            );
        }
        let of_nobody = ["/common/", "/organizations/", "/consumers/"];
        if of_nobody
            .iter()
            .any(|part| provider.authority().contains(part))
        {
            fields.problem(
                "tenant",
                "must be the directory's id or domain with grant = \"application\"",
            );
        }
    }

    fn read_provider(fields: &mut Fields<'_>) -> Option<Provider> {
        match fields.required_text("provider")? {
            "microsoft" => {
                let tenant: Option<Tenant> = fields.required("tenant");
                let cloud = Self::read_cloud(fields);
                Some(Provider::microsoft_in(cloud?, &tenant?.0))
            }
            "outlook" => Some(Provider::microsoft("consumers")),
            "google" | "gmail" => Some(Provider::google()),
            "custom" => custom::read(fields),
            _ => {
                fields.problem(
                    "provider",
                    "must be microsoft, outlook, google, gmail or custom",
                );
                None
            }
        }
    }

    fn read_cloud(fields: &mut Fields<'_>) -> Option<Cloud> {
        match fields.text("cloud") {
            None => Some(Cloud::World),
            Some("us-gov") => Some(Cloud::UsGovernment),
            Some("china") => Some(Cloud::China),
            Some(_) => {
                fields.problem("cloud", "must be us-gov or china, or be left out");
                None
            }
        }
    }

    fn read_right(fields: &mut Fields<'_>) -> Option<Right> {
        let Some(name) = fields.text("grant") else {
            return Some(Right::Consent);
        };
        let rights = [Right::Consent, Right::Application, Right::ServiceAccount];
        let right = rights.into_iter().find(|right| name_of(*right) == name);
        if right.is_none() {
            fields.problem("grant", "must be consent, application or service_account");
        }
        right
    }

    /// Where a provider sends a browser back to, below `PUBLIC_URL`. Each authorization server has a path
    /// of its own, so that an answer of one is never taken for that of another (RFC 9700 §4.4.2.2);
    /// which of them a `custom` one is, nobody but the mailbox's name tells.
    pub fn callback_path(&self, name: &Name) -> String {
        match self.provider.id {
            "custom" => format!("/oauth/callback/custom/{name}"),
            known => format!("/oauth/callback/{known}"),
        }
    }

    /// Whose tokens it sends with.
    pub fn credential(&self) -> Credential {
        match self.right {
            Right::Consent => {
                Credential::grant(&self.provider, &self.client_id, &self.sender.address)
            }
            Right::Application => Credential::application(&self.provider, &self.client_id),
            Right::ServiceAccount => {
                Credential::service_account(&self.provider, &self.client_id, &self.sender.address)
            }
        }
    }

    pub(super) fn read_secret(
        fields: &mut Fields<'_>,
        field: &'static str,
        secrets: &BTreeMap<SecretName, Secret>,
    ) -> Option<SecretName> {
        let name = fields.text(field)?;
        // The text itself is not repeated in the problem: it may be the secret, put here by
        // mistake.
        let Some(name) = SecretName::from_variable(name) else {
            fields.problem(field, "must be the name of a secret, such as SECRET_SALES");
            return None;
        };
        if !secrets.contains_key(&name) {
            fields.problem(
                field,
                format!("names the secret {}, which is not set", name.as_str()),
            );
        }
        Some(name)
    }
}

/// What a right is called in the configuration.
fn name_of(right: Right) -> &'static str {
    match right {
        Right::Consent => "consent",
        Right::Application => "application",
        Right::ServiceAccount => "service_account",
    }
}

/// A directory (tenant) of Microsoft Entra: an id, a verified domain, or `common`,
/// `organizations`, `consumers`.
struct Tenant(String);

impl FromStr for Tenant {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        if plain && text.len() <= 253 && !text.starts_with('.') {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be the directory's id or domain, or common, organizations or consumers")
        }
    }
}

/// The name of a mail server, as in its certificate. A name and not a number: certificates are
/// issued to names.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpHost(String);

impl SmtpHost {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SmtpHost {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The rules of a mail domain are those of a host name.
        match format!("x@{text}").parse::<EmailAddress>() {
            Ok(address) => Ok(Self(address.domain().to_owned())),
            Err(_) => Err("must be the server's name as in its certificate"),
        }
    }
}

impl fmt::Debug for SmtpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpHost({})", self.0)
    }
}
