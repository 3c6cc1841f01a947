//! All accounts of a sandbox with all they were granted.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

use serde::Serialize;

use super::grants::{
    AccessToken, CODE_LIFETIME, Code, Exchange, Grant, Holder, Issued, RefreshToken, TokenError,
};
use super::secrets::{Secret, Secrets};
use super::{AccountSettings, Refuse, TokenFault, TokenRequest};
use crate::clock::now_ms;
use crate::sync::lock;
use crate::{SMTP_SCOPE, random};

/// Most token requests kept of one account.
const REQUESTS_CAP: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    inner: Mutex<Inner>,
    secrets: Secrets,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) grants: HashMap<u64, Grant>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    pub(super) access_tokens: HashMap<String, AccessToken>,
    pub(super) last_grant: u64,
}

#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) settings: AccountSettings,
    /// The applications that may send from it by a right of their own.
    pub(super) applications: BTreeSet<String>,
    faults: VecDeque<TokenFault>,
    then: Option<TokenFault>,
    requests: Vec<TokenRequest>,
}

/// An account as the JSON API and the consent page show it.
#[derive(Debug, Serialize)]
pub(crate) struct AccountSummary {
    pub(crate) address: String,
    #[serde(flatten)]
    pub(crate) settings: AccountSettings,
    pub(crate) grants: usize,
    pub(crate) token_requests: Vec<TokenRequest>,
}

/// What SMTP AUTH makes of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenVerdict {
    /// It lets the user in.
    Good,
    /// Unknown, expired, revoked, another account's, or refused on purpose.
    Bad,
    /// In order, but for something else.
    WrongScope,
}

/// Addresses are compared without regard to case, as mailbox providers do.
pub(super) fn key(address: &str) -> String {
    address.to_ascii_lowercase()
}

impl Accounts {
    pub(crate) fn add(&self, address: &str, settings: AccountSettings) {
        lock(&self.inner)
            .accounts
            .entry(key(address))
            .or_default()
            .settings = settings;
    }

    pub(crate) fn exists(&self, address: &str) -> bool {
        lock(&self.inner).accounts.contains_key(&key(address))
    }

    pub(crate) fn summaries(&self) -> Vec<AccountSummary> {
        let inner = lock(&self.inner);
        let summary = |(address, account): (&String, &Account)| AccountSummary {
            address: address.clone(),
            settings: account.settings.clone(),
            grants: inner
                .grants
                .values()
                .filter(|grant| grant.holder.is(address) && !grant.revoked)
                .count(),
            token_requests: account.requests.clone(),
        };
        inner.accounts.iter().map(summary).collect()
    }

    /// A code for `account`, good for one exchange by `client`.
    pub(crate) fn issue_code(
        &self,
        client: &str,
        account: &str,
        scope: &str,
        redirect_uri: &str,
        challenge: &str,
    ) -> String {
        let code = random::opaque("code-");
        self.note("code", &code);
        let mut inner = lock(&self.inner);
        inner.accounts.entry(key(account)).or_default();
        let waiting = Code {
            client: client.to_owned(),
            account: key(account),
            scope: scope.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            challenge: challenge.to_owned(),
            expires: Instant::now() + CODE_LIFETIME,
            used_for: None,
        };
        inner.codes.insert(code.clone(), waiting);
        code
    }

    /// A refresh token of `client` for the SMTP scope, without a browser.
    pub(crate) fn grant(&self, client: &str, address: &str) -> String {
        let mut inner = lock(&self.inner);
        inner.accounts.entry(key(address)).or_default();
        let holder = Holder::Account(key(address));
        let grant = inner.new_grant(client, holder, SMTP_SCOPE);
        let token = inner.new_refresh_token(grant);
        self.note("refresh token", &token);
        token
    }

    /// Remembers something secret that came or went.
    pub(crate) fn note(&self, what: &'static str, text: &str) {
        self.secrets.note(what, text);
    }

    /// What was noted.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.secrets.all()
    }

    /// Lets an application send from this account by a right of its own.
    pub(crate) fn let_in(&self, address: &str, client: &str) {
        lock(&self.inner)
            .accounts
            .entry(key(address))
            .or_default()
            .applications
            .insert(client.to_owned());
    }

    /// Ends all grants of the account, and with them their tokens.
    pub(crate) fn revoke(&self, address: &str) {
        let address = key(address);
        lock(&self.inner)
            .grants
            .values_mut()
            .filter(|grant| grant.holder.is(&address))
            .for_each(|grant| grant.revoked = true);
    }

    /// Ends all access tokens of the account, and of the applications it lets in; refresh tokens stay
    /// good.
    pub(crate) fn expire_access_tokens(&self, address: &str) {
        let address = key(address);
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        let grants = &inner.grants;
        let account = inner.accounts.get(&address);
        inner.access_tokens.retain(|_, token| {
            grants
                .get(&token.grant)
                .is_some_and(|grant| match &grant.holder {
                    Holder::Account(holder) => *holder != address,
                    Holder::Application => {
                        !account.is_some_and(|account| account.applications.contains(&grant.client))
                    }
                })
        });
    }

    pub(crate) fn refuse(&self, address: &str, refuse: Refuse) {
        lock(&self.inner)
            .accounts
            .entry(key(address))
            .or_default()
            .settings
            .refuse = refuse;
    }

    pub(crate) fn script(&self, address: &str, faults: Vec<TokenFault>, then: Option<TokenFault>) {
        let mut inner = lock(&self.inner);
        let account = inner.accounts.entry(key(address)).or_default();
        account.faults = faults.into();
        account.then = then;
    }

    pub(crate) fn requests(&self, address: &str) -> Vec<TokenRequest> {
        lock(&self.inner)
            .accounts
            .get(&key(address))
            .map(|account| account.requests.clone())
            .unwrap_or_default()
    }

    /// The account a code or refresh token belongs to, also when it is used, replaced or revoked; that
    /// of an application is the first that lets it in.
    pub(crate) fn account_of(&self, exchange: &Exchange<'_>) -> Option<String> {
        let inner = lock(&self.inner);
        match exchange {
            Exchange::Code { code, .. } => inner.codes.get(*code).map(|code| code.account.clone()),
            Exchange::Refresh { token, .. } => {
                let token = inner.refresh_tokens.get(*token)?;
                match &inner.grants.get(&token.grant)?.holder {
                    Holder::Account(account) => Some(account.clone()),
                    Holder::Application => None,
                }
            }
            Exchange::Application { client, .. } => inner
                .accounts
                .iter()
                .find(|(_, account)| account.applications.contains(*client))
                .map(|(address, _)| address.clone()),
            Exchange::ServiceAccount { subject, .. } => Some(key(subject)),
        }
    }

    /// Takes the fault for the account's next token request.
    pub(crate) fn next_fault(&self, address: &str) -> Option<TokenFault> {
        let mut inner = lock(&self.inner);
        let account = inner.accounts.get_mut(address)?;
        account.faults.pop_front().or_else(|| account.then.clone())
    }

    pub(crate) fn record_request(&self, address: &str, grant_type: &str, outcome: &str) {
        if let Some(account) = lock(&self.inner).accounts.get_mut(address)
            && account.requests.len() < REQUESTS_CAP
        {
            let (grant_type, outcome) = (grant_type.to_owned(), outcome.to_owned());
            account.requests.push(TokenRequest {
                at_ms: now_ms(),
                grant_type,
                outcome,
            });
        }
    }

    /// The exchange itself, by a client that has proved who it is.
    pub(crate) fn exchange(
        &self,
        client: &str,
        exchange: &Exchange<'_>,
    ) -> Result<Issued, TokenError> {
        let mut inner = lock(&self.inner);
        let issued = match exchange {
            Exchange::Code {
                code,
                redirect_uri,
                verifier,
            } => {
                self.note("verifier", verifier);
                inner.exchange_code(client, code, redirect_uri, verifier)
            }
            Exchange::Refresh { token, scope } => inner.exchange_refresh(client, token, *scope),
            Exchange::Application { scope, .. } => inner.issue_to_application(client, scope),
            Exchange::ServiceAccount { subject, scope } => inner.issue_delegated(subject, scope),
        };
        if let Ok(issued) = &issued {
            self.note("access token", &issued.access_token);
            if let Some(token) = &issued.refresh_token {
                self.note("refresh token", token);
            }
        }
        issued
    }

    /// Whether it is an access token of ours, good or not.
    pub(crate) fn has_issued(&self, token: &str) -> bool {
        lock(&self.inner).access_tokens.contains_key(token)
    }

    /// Whether `token` lets `address` submit mail. Uses up one of [`Refuse::Next`] if it is good.
    pub(crate) fn judge(&self, address: &str, token: &str) -> TokenVerdict {
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        let Some(token) = inner.access_tokens.get(token) else {
            return TokenVerdict::Bad;
        };
        let alive = token.expires > Instant::now();
        let Some(grant) = inner.grants.get(&token.grant) else {
            return TokenVerdict::Bad;
        };
        let Some(account) = inner.accounts.get_mut(&key(address)) else {
            return TokenVerdict::Bad;
        };
        let may = match &grant.holder {
            Holder::Account(holder) => *holder == key(address),
            // As Exchange does it: the token is good, and the mailbox does not know the application.
            Holder::Application => account.applications.contains(&grant.client),
        };
        if !alive || grant.revoked || !may {
            return TokenVerdict::Bad;
        }
        if !token.scope.split(' ').any(|scope| scope == SMTP_SCOPE) {
            return TokenVerdict::WrongScope;
        }
        match &mut account.settings.refuse {
            Refuse::Never | Refuse::Next(0) => TokenVerdict::Good,
            Refuse::Always => TokenVerdict::Bad,
            Refuse::Next(left) => {
                *left -= 1;
                TokenVerdict::Bad
            }
        }
    }
}
