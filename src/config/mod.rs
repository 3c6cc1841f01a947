//! Configuration: the Worker's variables and secrets in, types or all problems out.
//!
//! One object a thing: `[vars.MAILBOX_SALES]`, `[vars.FORM_CONTACT]`, `[vars.KEY_SHOP]`; secrets
//! are `SECRET_*` and referred to by name. The same parse serves the Worker and the operator's
//! check. A faulty entry disables itself and what depends on it, and nothing else.

mod alert;
mod caller;
mod custom;
mod fields;
mod form;
mod key;
mod mailbox;
mod name;
mod origin;
mod problem;
mod proof;
mod stop;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use alert::{AlertConfig, AlertHook, AlertMail};
pub use caller::Caller;
pub use form::FormConfig;
pub use key::{KeyConfig, Permission};
pub use mailbox::{MailboxConfig, SmtpHost};
pub use name::{Name, SecretName};
pub use origin::{HttpsUrl, Origin, PublicUrl};
pub use problem::Problem;
pub use proof::Proof;
pub use stop::Stop;

use crate::{
    access::{KeyDigest, OperatorKey, SessionKey},
    oauth::ClientAuthentication,
    outbox::OutboxTag,
    seal::RootKey,
    secret::Secret,
};
use fields::Fields;

/// Everything the operator has set.
#[derive(Debug, Default)]
pub struct Config {
    /// Where this Worker is reached; every address we make comes from it.
    pub public_url: Option<PublicUrl>,
    /// Seals what is stored.
    pub root_key: Option<RootKey>,
    /// Seals of the key before [`Self::root_key`] are still opened.
    pub previous_root_key: Option<RootKey>,
    /// Opens the operator's routes; without it they do not exist.
    pub operator_key: Option<OperatorKey>,
    /// How the owner is told of trouble.
    pub alert: AlertConfig,
    /// Opens what a monitor reads, and nothing else.
    pub monitor_key: Option<OperatorKey>,
    /// Whether everything is to stand still.
    pub stop: Option<Stop>,
    /// The sending mailboxes that are configured without fault.
    pub mailboxes: BTreeMap<Name, MailboxConfig>,
    /// The forms that are configured without fault and whose mailbox is too.
    pub forms: BTreeMap<Name, FormConfig>,
    /// The API keys that are configured without fault.
    pub keys: BTreeMap<Name, KeyConfig>,
    /// Forms that are named in the configuration but cannot be used.
    pub faulty_forms: BTreeSet<Name>,
    /// Mailboxes that are named in the configuration but cannot be used.
    pub faulty_mailboxes: BTreeSet<Name>,
    /// Everything that is wrong, in the order of the variables' names.
    pub problems: Vec<Problem>,
    secrets: BTreeMap<SecretName, Secret>,
}

impl Config {
    /// Parses all variables and secrets of the Worker's environment. Those with a name that is
    /// none of ours (bindings, a neighbour's variables) are left alone.
    pub fn parse(vars: &BTreeMap<String, Value>) -> Self {
        let mut config = Self::default();
        config.read_secrets(vars);
        config.read_singles(vars);
        config.read_mailboxes(vars);
        config.refuse_doubles();
        config.read_forms(vars);
        config.read_keys(vars);
        config.read_alert(vars);
        config.stop = vars.get("STOP").and_then(Stop::read);
        config.problems.sort();
        config
    }

    /// Whether a variable of this name is one that is read here.
    pub fn is_ours(variable: &str) -> bool {
        [
            "PUBLIC_URL",
            "ROOT_KEY",
            "ROOT_KEY_PREVIOUS",
            "OPERATOR_KEY",
            "ALERT",
            "MONITOR_KEY",
            "STOP",
        ]
        .contains(&variable)
            || ["MAILBOX_", "FORM_", "KEY_", SecretName::PREFIX]
                .iter()
                .any(|prefix| variable.starts_with(prefix))
    }

    /// The secret that a configuration entry refers to.
    pub fn secret(&self, name: &SecretName) -> Option<&Secret> {
        self.secrets.get(name)
    }

    /// Signs the operator's sessions.
    pub fn session_key(&self) -> Option<SessionKey> {
        let (root_key, operator_key) = (self.root_key.as_ref()?, self.operator_key.as_ref()?);
        Some(SessionKey::new(root_key.session_key(operator_key.salt())))
    }

    /// Whether everything that is configured can be used.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn read_secrets(&mut self, vars: &BTreeMap<String, Value>) {
        for (variable, value) in vars {
            let Some(name) = SecretName::from_variable(variable) else {
                continue;
            };
            match value.as_str() {
                Some(text) if !text.is_empty() => {
                    self.secrets.insert(name, Secret::new(text));
                }
                _ => self
                    .problems
                    .push(Problem::of(variable, "must be a text that is not empty")),
            }
        }
    }

    fn read_singles(&mut self, vars: &BTreeMap<String, Value>) {
        let mut problems = Vec::new();
        let mut read = |variable: &'static str, required: bool| match vars.get(variable) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(_) => {
                problems.push(Problem::of(variable, "must be a text that is not empty"));
                None
            }
            None => {
                if required {
                    problems.push(Problem::of(variable, "is required"));
                }
                None
            }
        };
        let public_url = read("PUBLIC_URL", true);
        let root_key = read("ROOT_KEY", true);
        let previous_root_key = read("ROOT_KEY_PREVIOUS", false);
        let operator_key = read("OPERATOR_KEY", false);
        let monitor_key = read("MONITOR_KEY", false);
        self.problems.append(&mut problems);

        self.public_url = public_url.and_then(|text| self.keep("PUBLIC_URL", text.parse()));
        self.root_key = root_key.and_then(|text| self.keep("ROOT_KEY", RootKey::parse(&text)));
        self.previous_root_key = previous_root_key
            .and_then(|text| self.keep("ROOT_KEY_PREVIOUS", RootKey::parse(&text)));
        self.operator_key =
            operator_key.and_then(|text| self.keep("OPERATOR_KEY", OperatorKey::parse(&text)));
        self.monitor_key =
            monitor_key.and_then(|text| self.keep("MONITOR_KEY", OperatorKey::parse(&text)));
    }

    fn keep<T, E: std::fmt::Display>(&mut self, variable: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.problems.push(Problem::of(variable, error.to_string())))
            .ok()
    }

    fn read_mailboxes(&mut self, vars: &BTreeMap<String, Value>) {
        for (variable, name, value) in entries(vars, "MAILBOX_", &mut self.problems) {
            let mut fields = Fields::new(variable, value);
            let mailbox = MailboxConfig::read(&mut fields, &self.secrets);
            match fields.finish(mailbox, &mut self.problems) {
                Some(mailbox) => drop(self.mailboxes.insert(name, mailbox)),
                None => drop(self.faulty_mailboxes.insert(name)),
            }
        }
    }

    /// Two entries for one mailbox would be two queues that each believe to be the only one, and
    /// two entries whose tags are equal would be taken for each other.
    fn refuse_doubles(&mut self) {
        let mut seen: BTreeMap<String, Name> = BTreeMap::new();
        let mut doubled = Vec::new();
        for (name, mailbox) in &self.mailboxes {
            let address = mailbox.sender.address.as_str().to_ascii_lowercase();
            let tag = format!("{:?}", OutboxTag::of(name.as_str()));
            for what in [address, tag] {
                if let Some(first) = seen.insert(what, name.clone()) {
                    doubled.push((name.clone(), first));
                }
            }
        }
        for (name, first) in doubled {
            let variable = format!("MAILBOX_{}", name.as_str().to_ascii_uppercase());
            let what = format!(
                "has the address (or, by chance, the tag) of MAILBOX_{}; each mailbox is configured once, under a name of its own",
                first.as_str().to_ascii_uppercase()
            );
            self.problems
                .push(Problem::in_field(&variable, "address", what));
            self.mailboxes.remove(&name);
            self.faulty_mailboxes.insert(name);
        }
    }

    fn read_forms(&mut self, vars: &BTreeMap<String, Value>) {
        for (variable, name, value) in entries(vars, "FORM_", &mut self.problems) {
            let mut fields = Fields::new(variable, value);
            let form = FormConfig::read(&mut fields);
            let form = fields.finish(form, &mut self.problems);
            match form {
                Some(form) if self.mailboxes.contains_key(&form.mailbox) => {
                    self.forms.insert(name, form);
                }
                Some(form) => {
                    let what = if self.faulty_mailboxes.contains(&form.mailbox) {
                        "names a mailbox that has a fault of its own"
                    } else {
                        "names a mailbox that is not configured"
                    };
                    self.problems
                        .push(Problem::in_field(variable, "mailbox", what));
                    self.faulty_forms.insert(name);
                }
                None => drop(self.faulty_forms.insert(name)),
            }
        }
    }

    fn read_keys(&mut self, vars: &BTreeMap<String, Value>) {
        for (variable, name, value) in entries(vars, "KEY_", &mut self.problems) {
            let mut fields = Fields::new(variable, value);
            let key = KeyConfig::read(&mut fields);
            let Some(key) = fields.finish(key, &mut self.problems) else {
                continue;
            };
            let unknown: Vec<_> = key
                .mailboxes
                .iter()
                .filter(|name| !self.knows_mailbox(name))
                .collect();
            if unknown.is_empty() {
                self.keys.insert(name, key);
            } else {
                let what = "names a mailbox that is not configured";
                self.problems
                    .push(Problem::in_field(variable, "mailboxes", what));
            }
        }
    }

    /// A channel with a fault disables itself: as long as there is another, the owner is told.
    fn read_alert(&mut self, vars: &BTreeMap<String, Value>) {
        let Some(value) = vars.get("ALERT") else {
            return;
        };
        let mut fields = Fields::new("ALERT", value);
        let mut alert = AlertConfig::read(&mut fields, &self.secrets);
        if let Some(mail) = &alert.mailbox
            && !self.knows_mailbox(&mail.mailbox)
        {
            fields.problem("mailbox", "names a mailbox that is not configured");
        }
        // One with a fault of its own has said so.
        alert.mailbox = alert
            .mailbox
            .filter(|mail| self.mailboxes.contains_key(&mail.mailbox));
        fields.finish(Some(()), &mut self.problems);
        self.alert = alert;
    }

    /// The mailboxes that send with the credential of the Keeper of this name.
    pub fn served_by<'a>(
        &'a self,
        keeper: &str,
    ) -> impl Iterator<Item = (&'a Name, &'a MailboxConfig)> {
        let own = move |mailbox: &MailboxConfig| mailbox.credential().keeper_name() == keeper;
        self.mailboxes
            .iter()
            .filter(move |(_, mailbox)| own(mailbox))
    }

    /// A fingerprint of everything that decides whether a mailbox works: when it is another, what
    /// was found wrong before is worth another try.
    pub fn settings_of(&self, mailbox: &MailboxConfig) -> String {
        let mut digest = Sha256::new();
        digest.update(format!(
            "{:?}\n{:?}\n{}\n",
            mailbox.provider, mailbox.right, mailbox.client_id
        ));
        let refresh_token = mailbox.refresh_token.as_ref();
        let refresh_token = refresh_token.and_then(|name| self.secret(name));
        let client = self.authentication_of(mailbox).settings();
        for secret in [client.expose(), refresh_token.map_or("", Secret::expose)] {
            digest.update(Sha256::digest(secret));
        }
        digest
            .finalize()
            .iter()
            .take(8)
            .map(|octet| format!("{octet:02x}"))
            .collect()
    }

    /// With what a mailbox's application proves who it is.
    pub fn authentication_of<'a>(&'a self, mailbox: &'a MailboxConfig) -> ClientAuthentication<'a> {
        match &mailbox.proof {
            Proof::None => ClientAuthentication::None,
            Proof::Secret(name) => self
                .secret(name)
                .map_or(ClientAuthentication::None, ClientAuthentication::Secret),
            Proof::Key(key) => ClientAuthentication::Key(key),
        }
    }

    /// The API key that was presented, with its name. Every key is compared, whichever it is.
    pub fn key(&self, presented: &str) -> Option<(&Name, &KeyConfig)> {
        let presented = KeyDigest::of(presented);
        self.keys.iter().fold(None, |found, (name, key)| {
            if key.digest.is(&presented) {
                Some((name, key))
            } else {
                found
            }
        })
    }

    fn knows_mailbox(&self, name: &Name) -> bool {
        self.mailboxes.contains_key(name) || self.faulty_mailboxes.contains(name)
    }
}

/// The variables that begin with `prefix`, with the name that follows it.
fn entries<'a>(
    vars: &'a BTreeMap<String, Value>,
    prefix: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(&'a str, Name, &'a Value)> {
    let mut found = Vec::new();
    for (variable, value) in vars {
        let Some(rest) = variable.strip_prefix(prefix) else {
            continue;
        };
        match Name::from_variable(rest) {
            Some(name) => found.push((variable.as_str(), name, value)),
            None => problems.push(Problem::of(
                variable,
                "must go on with capital letters, digits and single underscores, 40 at most",
            )),
        }
    }
    found
}

#[cfg(test)]
mod tests;
