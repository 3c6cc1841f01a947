//! Who calls the API, and what they may do.

use super::{Config, KeyConfig, MailboxConfig, Name, Permission};
use crate::{access::BindingProps, limits::API_REQUESTS_PER_SECOND, mail::EmailAddress};

/// A caller that has proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its name, which owns the messages it sends: `key/shop`, or `binding/web`.
    pub name: String,
    /// What it may do.
    pub permission: Permission,
    /// Requests a second, for each mailbox.
    pub rate_limit: u32,
    mailboxes: Vec<Name>,
    aliases: Vec<EmailAddress>,
}

impl Caller {
    /// The holder of an API key.
    pub fn with_key(name: &Name, key: &KeyConfig) -> Self {
        Self {
            name: format!("key/{name}"),
            permission: key.permission,
            rate_limit: key.rate_limit,
            mailboxes: key.mailboxes.clone(),
            aliases: key.aliases.clone(),
        }
    }

    /// Another Worker, as the platform describes it. Anything in the description that is not
    /// understood makes it nobody: better no mail than somebody else's rights.
    pub fn bound(props: &BindingProps) -> Option<Self> {
        let name: Name = props.edgepost_caller.parse().ok()?;
        let mailboxes: Result<Vec<Name>, _> =
            props.mailboxes.iter().map(|name| name.parse()).collect();
        let aliases: Result<Vec<EmailAddress>, _> =
            props.aliases.iter().map(|alias| alias.parse()).collect();
        Some(Self {
            name: format!("binding/{name}"),
            permission: Permission::named(&props.permission)?,
            rate_limit: API_REQUESTS_PER_SECOND,
            mailboxes: mailboxes.ok()?,
            aliases: aliases.ok()?,
        })
    }

    /// The mailbox through which it may send as `from`.
    pub fn sending_mailbox<'a>(
        &self,
        config: &'a Config,
        from: &EmailAddress,
    ) -> Option<(&'a Name, &'a MailboxConfig)> {
        let allowed = self
            .mailboxes
            .iter()
            .filter_map(|name| config.mailboxes.get_key_value(name));
        let mut allowed = allowed.filter(|(_, mailbox)| {
            let alias = mailbox.aliases.contains(from) && self.aliases.contains(from);
            mailbox.sender.address == *from || alias
        });
        allowed.next()
    }

    /// The first of its mailboxes that can be used.
    pub fn first_mailbox<'a>(&self, config: &'a Config) -> Option<&'a Name> {
        let mut usable = self
            .mailboxes
            .iter()
            .filter_map(|name| config.mailboxes.get_key_value(name));
        usable.next().map(|(name, _)| name)
    }

    /// The mailboxes whose Outboxes may keep messages of its own: a fault in the configuration does not
    /// empty a queue.
    pub fn kept_in<'a>(&self, config: &'a Config) -> Vec<&'a Name> {
        let names = config.mailboxes.keys().chain(&config.faulty_mailboxes);
        names.filter(|name| self.mailboxes.contains(name)).collect()
    }

    /// Whether a mailbox of its own cannot be used, so that a sender which is not found may be
    /// the operator's mistake and not the caller's.
    pub fn has_faulty_mailbox(&self, config: &Config) -> bool {
        self.mailboxes
            .iter()
            .any(|name| config.faulty_mailboxes.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(json: &str) -> Option<Caller> {
        Caller::bound(&serde_json::from_str::<BindingProps>(json).ok()?)
    }

    #[test]
    fn a_binding_is_what_its_props_say_or_nobody() {
        let caller = props(
            r#"{"edgepost_caller":"web","mailboxes":["sales"],"permission":"sending_access"}"#,
        );
        let caller = caller.unwrap();
        assert_eq!(
            (caller.name.as_str(), caller.permission),
            ("binding/web", Permission::SendingAccess)
        );
        for nobody in [
            "{}",
            r#"{"edgepost_caller":"web"}"#,
            r#"{"edgepost_caller":"web","mailboxes":["sales"],"permission":"everything"}"#,
            r#"{"edgepost_caller":"WEB","mailboxes":["sales"],"permission":"full_access"}"#,
            r#"{"edgepost_caller":"web","mailboxes":["SALES!"],"permission":"full_access"}"#,
            r#"{"edgepost_caller":"web","mailboxes":["sales"],"permission":"full_access","more":1}"#,
        ] {
            assert_eq!(props(nobody), None, "{nobody}");
        }
    }
}
