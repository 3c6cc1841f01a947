//! `[vars.KEY_*]`: an API key, of which only the digest is configured.

use super::{Name, fields::Fields};
use crate::{access::KeyDigest, mail::EmailAddress};

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
}

/// What a key may do, in Resend's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Send, and read what became of it.
    FullAccess,
    /// Send only.
    SendingAccess,
}

impl KeyConfig {
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let digest = fields.required("hash");
        let permission = match fields.text("permission") {
            None | Some("full_access") => Some(Permission::FullAccess),
            Some("sending_access") => Some(Permission::SendingAccess),
            Some(_) => {
                fields.problem("permission", "must be full_access or sending_access");
                None
            }
        };
        let mailboxes: Vec<Name> = fields.list("mailboxes");
        if mailboxes.is_empty() {
            fields.problem("mailboxes", "must name at least one mailbox");
        }
        let aliases = fields.list("aliases");
        Some(Self {
            digest: digest?,
            permission: permission?,
            mailboxes,
            aliases,
        })
    }
}
