//! What a failed token request means: one table, from what the token endpoint answered to who has
//! to do what, and where.
//!
//! The table is data ([`RULES`]). The first rule that matches counts; the last one matches
//! everything. Numbers and texts only refine: providers say that they may change.

mod rule;
mod rules;

use serde::{Deserialize, Serialize};

pub use rule::{Rule, Verdict, When};
pub use rules::RULES;

use super::captured::Captured;
use crate::{
    limits::RETRY_AFTER_MAX,
    outcome::{Answer, Cause, Failure, Finding, Reach, Trouble},
};

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFailure {
    /// What it comes to for the mailbox.
    pub failure: Failure,
}

impl TokenFailure {
    /// A failure of the given kind without the provider's words.
    pub fn new(cause: Cause, trouble: Trouble) -> Self {
        Self {
            failure: Failure::of_mailbox(cause, trouble),
        }
    }

    /// A failure that was found here, before or after anybody was asked. `name` is one of
    /// [`FOUND_HERE`].
    pub(crate) fn found(cause: Cause, trouble: Trouble, name: &'static str) -> Self {
        Self {
            failure: Failure {
                finding: Some(Finding::named(name)),
                ..Failure::of_mailbox(cause, trouble)
            },
        }
    }

    /// No answer, or one that is no token response.
    pub fn unavailable() -> Self {
        Self::new(Cause::TokenUnavailable, Trouble::Transient)
    }

    /// What ails the mailbox.
    pub fn trouble(&self) -> Trouble {
        match self.failure.reach {
            Reach::Mailbox(trouble) => trouble,
            Reach::Message => Trouble::Transient,
        }
    }

    /// Whether asking again may help although nobody does anything: no reason to doubt the grant.
    pub fn is_transient(&self) -> bool {
        self.trouble() == Trouble::Transient
    }

    /// Classifies what came of a token request that brought no token.
    pub(super) fn of(captured: &Captured) -> Self {
        let rule = RULES.iter().find(|rule| rule.matches(captured));
        let verdict = rule.map_or(Verdict::Retry, |rule| rule.verdict);
        let (cause, trouble) = match verdict {
            Verdict::Retry | Verdict::BackOff(_) => (Cause::TokenUnavailable, Trouble::Transient),
            Verdict::Reconnect => (Cause::ReauthorisationRequired, Trouble::Authentication),
            Verdict::Configuration | Verdict::Administrator => {
                (Cause::TokenMisconfigured, Trouble::Configuration)
            }
        };
        let least = match verdict {
            Verdict::BackOff(least) => Some(least),
            _ => None,
        };
        Self {
            failure: Failure {
                cause,
                reach: Reach::Mailbox(trouble),
                answer: captured.answer().map(|text| Answer::new(&text)),
                retry_after: captured
                    .retry_after
                    .max(least)
                    .map(|asked| asked.min(RETRY_AFTER_MAX)),
                finding: rule.map(|rule| Finding::named(rule.name)),
            },
        }
    }
}

/// What is found on our side of the token endpoint, and what to do about it.
pub const FOUND_HERE: &[(&str, &str)] = &[
    (
        "token_not_connected",
        "nobody has connected this mailbox yet; connect it on the operator's page, or supply a refresh token by `refresh_token`",
    ),
    (
        "token_disconnected",
        "this mailbox was disconnected; connect it again on the operator's page, or supply a new refresh token by `refresh_token`",
    ),
    (
        "token_on_trial",
        "a grant is there and has yet to be tried with the mail server, which could not be asked; that happens by itself",
    ),
    (
        "token_connect_overtaken",
        "this mailbox was disconnected or connected anew while this consent was under way, so it was not taken; connect it again if it is to be connected",
    ),
    (
        "token_scope_too_narrow",
        "the provider granted less than sending needs; connect the mailbox again and allow everything that is asked, and check that the application is registered for the mail scope",
    ),
    (
        "metadata_unavailable",
        "the issuer did not answer when it was asked for its metadata, or has a fault of its own; it is asked again. Check `issuer` if this lasts",
    ),
    (
        "metadata_not_found",
        "there is no metadata at the issuer's well-known addresses (a redirect is not followed); check `issuer`, or give `token_endpoint` and `authorization_endpoint` themselves",
    ),
    (
        "metadata_of_another",
        "the metadata names another issuer than the configuration; write `issuer` as the metadata does, to the letter and with or without the slash at its end, if that is the server you mean",
    ),
    (
        "metadata_endpoint_unfit",
        "the metadata names no token endpoint, or an endpoint that is not https; nothing is sent to such. Check `issuer`, and ask whoever runs the server",
    ),
    (
        "metadata_without_s256",
        "the authorization server does not take PKCE with S256, without which no code is exchanged; it has to be allowed there",
    ),
    (
        "token_key_unusable",
        "the private key could not sign; check that it is an RSA key in PKCS#8 (`-----BEGIN PRIVATE KEY-----`) and belongs to the certificate",
    ),
];

/// The advice that goes with what was recognised in a token endpoint's answer.
pub fn advice_of(finding: &Finding) -> Option<&'static str> {
    let rules = RULES.iter().map(|rule| (rule.name, rule.advice));
    rules
        .chain(FOUND_HERE.iter().copied())
        .find(|(name, _)| *name == finding.name())
        .map(|(_, advice)| advice)
}

#[cfg(test)]
mod tests;
