//! `[vars.KEY_*]`: an API key, of which only the digest is configured.

use super::{Name, fields::Fields};
use crate::{access::KeyDigest, limits::API_REQUESTS_PER_SECOND, mail::EmailAddress};

/// An API key's rights.
#[derive(Debug, Clone)]
pub struct KeyConfig {
    /// SHA-256 of the key.
    pub digest: KeyDigest,
    /// What it may do.
    pub permission: Permission,
    /// The mailboxes it may send through.
    pub mailboxes: Vec<Name>,
    /// Which of their aliases it may send as.
    pub aliases: Vec<EmailAddress>,
    /// Requests a second, for each mailbox.
    pub rate_limit: u32,
}

/// What a key may do, in Resend's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Send, and read what became of it.
    FullAccess,
    /// Send only.
    SendingAccess,
}

impl Permission {
    /// The permission of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "full_access" => Some(Self::FullAccess),
            "sending_access" => Some(Self::SendingAccess),
            _ => None,
        }
    }
}

impl KeyConfig {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let digest = fields.required("hash");
        let permission = fields
            .text("permission")
            .map_or(Some(Permission::FullAccess), |name| {
                let permission = Permission::named(name);
                if permission.is_none() {
                    fields.problem("permission", "must be full_access or sending_access");
                }
                permission
            });
        let mailboxes: Vec<Name> = fields.list("mailboxes");
        if mailboxes.is_empty() {
            fields.problem("mailboxes", "must name at least one mailbox");
        }
        let aliases = fields.list("aliases");
        let rate_limit = match fields.take("rate_limit").map(serde_json::Value::as_u64) {
            None => Some(API_REQUESTS_PER_SECOND),
            Some(rate) => rate
                .and_then(|rate| u32::try_from(rate).ok())
                .filter(|rate| *rate > 0),
        };
        if rate_limit.is_none() {
            fields.problem(
                "rate_limit",
                "must be a number of requests a second, at least 1",
            );
        }
        Some(Self {
            digest: digest?,
            permission: permission?,
            mailboxes,
            aliases,
            rate_limit: rate_limit?,
        })
    }
}
