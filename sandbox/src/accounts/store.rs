//! All accounts of a sandbox with all they were granted.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::grants::{
    AccessToken, CODE_LIFETIME, Code, Exchange, Grant, Issued, RefreshToken, TokenError,
};
use super::{AccountSettings, Refuse, TokenFault, TokenRequest};
use crate::clock::now_ms;
use crate::sync::lock;
use crate::{SMTP_SCOPE, random};

/// Most token requests kept of one account.
const REQUESTS_CAP: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    accounts: BTreeMap<String, Account>,
    grants: HashMap<u64, Grant>,
    codes: HashMap<String, Code>,
    refresh_tokens: HashMap<String, RefreshToken>,
    access_tokens: HashMap<String, AccessToken>,
    last_grant: u64,
}

#[derive(Debug, Default)]
struct Account {
    settings: AccountSettings,
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
fn key(address: &str) -> String {
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
                .filter(|grant| grant.account == *address && !grant.revoked)
                .count(),
            token_requests: account.requests.clone(),
        };
        inner.accounts.iter().map(summary).collect()
    }

    /// A code for `account`, good for one exchange.
    pub(crate) fn issue_code(
        &self,
        account: &str,
        scope: &str,
        redirect_uri: &str,
        challenge: &str,
    ) -> String {
        let code = random::opaque("code-");
        let mut inner = lock(&self.inner);
        inner.accounts.entry(key(account)).or_default();
        let waiting = Code {
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

    /// A refresh token for the SMTP scope, without a browser.
    pub(crate) fn grant(&self, address: &str) -> String {
        let mut inner = lock(&self.inner);
        inner.accounts.entry(key(address)).or_default();
        let grant = inner.new_grant(key(address), SMTP_SCOPE.to_owned());
        inner.new_refresh_token(grant)
    }

    /// Ends all grants of the account, and with them their tokens.
    pub(crate) fn revoke(&self, address: &str) {
        let address = key(address);
        lock(&self.inner)
            .grants
            .values_mut()
            .filter(|grant| grant.account == address)
            .for_each(|grant| grant.revoked = true);
    }

    /// Ends all access tokens of the account; refresh tokens stay good.
    pub(crate) fn expire_access_tokens(&self, address: &str) {
        let address = key(address);
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        let grants = &inner.grants;
        inner.access_tokens.retain(|_, token| {
            grants
                .get(&token.grant)
                .is_some_and(|grant| grant.account != address)
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

    /// The account a code or refresh token belongs to, also when it is used, replaced or revoked.
    pub(crate) fn account_of(&self, exchange: &Exchange<'_>) -> Option<String> {
        let inner = lock(&self.inner);
        match exchange {
            Exchange::Code { code, .. } => inner.codes.get(*code).map(|code| code.account.clone()),
            Exchange::Refresh { token, .. } => {
                let token = inner.refresh_tokens.get(*token)?;
                inner
                    .grants
                    .get(&token.grant)
                    .map(|grant| grant.account.clone())
            }
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

    /// The exchange itself.
    pub(crate) fn exchange(&self, exchange: &Exchange<'_>) -> Result<Issued, TokenError> {
        let mut inner = lock(&self.inner);
        match exchange {
            Exchange::Code {
                code,
                redirect_uri,
                verifier,
            } => inner.exchange_code(code, redirect_uri, verifier),
            Exchange::Refresh { token, scope } => inner.exchange_refresh(token, *scope),
        }
    }

    /// Whether it is an access token of ours, good or not.
    pub(crate) fn has_issued(&self, token: &str) -> bool {
        lock(&self.inner).access_tokens.contains_key(token)
    }

    /// Whether `token` lets `address` submit mail. Uses up one of [`Refuse::Next`] if it is good.
    pub(crate) fn judge(&self, address: &str, token: &str) -> TokenVerdict {
        let mut inner = lock(&self.inner);
        let Some(token) = inner.access_tokens.get(token) else {
            return TokenVerdict::Bad;
        };
        let alive = token.expires > Instant::now();
        let Some(grant) = inner.grants.get(&token.grant) else {
            return TokenVerdict::Bad;
        };
        if !alive || grant.revoked || grant.account != key(address) {
            return TokenVerdict::Bad;
        }
        if !token.scope.split(' ').any(|scope| scope == SMTP_SCOPE) {
            return TokenVerdict::WrongScope;
        }
        let Some(account) = inner.accounts.get_mut(&key(address)) else {
            return TokenVerdict::Bad;
        };
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

fn without_offline_access(scope: &str) -> String {
    let kept: Vec<&str> = scope
        .split_ascii_whitespace()
        .filter(|scope| *scope != "offline_access")
        .collect();
    kept.join(" ")
}

impl Inner {
    fn new_grant(&mut self, account: String, scope: String) -> u64 {
        self.last_grant += 1;
        self.grants.insert(
            self.last_grant,
            Grant {
                account,
                scope,
                revoked: false,
            },
        );
        self.last_grant
    }

    fn new_refresh_token(&mut self, grant: u64) -> String {
        let token = random::opaque("refresh-");
        self.refresh_tokens.insert(
            token.clone(),
            RefreshToken {
                grant,
                replaced: false,
            },
        );
        token
    }

    fn new_access_token(&mut self, grant: u64, scope: &str, lifetime: Duration) -> String {
        let token = random::opaque("access-");
        let now = Instant::now();
        self.access_tokens.retain(|_, token| token.expires > now);
        self.access_tokens.insert(
            token.clone(),
            AccessToken {
                grant,
                scope: scope.to_owned(),
                expires: now + lifetime,
            },
        );
        token
    }

    fn exchange_code(
        &mut self,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Issued, TokenError> {
        let known = self
            .codes
            .get(code)
            .ok_or(TokenError::InvalidGrant("unknown authorization code"))?;
        if let Some(grant) = known.used_for {
            if let Some(grant) = self.grants.get_mut(&grant) {
                grant.revoked = true;
            }
            return Err(TokenError::InvalidGrant(
                "authorization code was used before",
            ));
        }
        if known.expires <= Instant::now() {
            return Err(TokenError::InvalidGrant("authorization code has expired"));
        }
        if known.redirect_uri != redirect_uri {
            return Err(TokenError::InvalidGrant(
                "redirect_uri is not the one of the authorization request",
            ));
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        if !bool::from(challenge.as_bytes().ct_eq(known.challenge.as_bytes())) {
            return Err(TokenError::InvalidGrant(
                "code_verifier does not match the code_challenge",
            ));
        }
        let (account, scope) = (known.account.clone(), known.scope.clone());
        let lifetime = self.lifetime(&account);
        let grant = self.new_grant(account, scope.clone());
        if let Some(code) = self.codes.get_mut(code) {
            code.used_for = Some(grant);
        }
        let refresh_token = Some(self.new_refresh_token(grant));
        Ok(Issued {
            access_token: self.new_access_token(grant, &scope, lifetime),
            refresh_token,
            scope,
            lifetime,
        })
    }

    fn exchange_refresh(&mut self, token: &str, scope: Option<&str>) -> Result<Issued, TokenError> {
        let known = self
            .refresh_tokens
            .get(token)
            .ok_or(TokenError::InvalidGrant("unknown refresh token"))?;
        if known.replaced {
            return Err(TokenError::InvalidGrant(
                "refresh token was replaced by a newer one",
            ));
        }
        let id = known.grant;
        let grant = self
            .grants
            .get(&id)
            .ok_or(TokenError::InvalidGrant("unknown refresh token"))?;
        if grant.revoked {
            return Err(TokenError::InvalidGrant("grant was revoked"));
        }
        // RFC 6749 §6: "MUST NOT include any scope not originally granted by the resource owner".
        // `offline_access` asks for a refresh token, which there is.
        let granted = |asked: &str| {
            asked == "offline_access" || grant.scope.split(' ').any(|scope| scope == asked)
        };
        if !scope.is_none_or(|scope| scope.split_ascii_whitespace().all(granted)) {
            return Err(TokenError::InvalidScope);
        }
        let account = grant.account.clone();
        let scope = match scope.map(without_offline_access) {
            Some(asked) if !asked.is_empty() => asked,
            _ => grant.scope.clone(),
        };
        let lifetime = self.lifetime(&account);
        let rotate = self
            .accounts
            .get(&account)
            .is_some_and(|account| account.settings.rotate);
        let refresh_token = rotate.then(|| {
            if let Some(old) = self.refresh_tokens.get_mut(token) {
                old.replaced = true;
            }
            self.new_refresh_token(id)
        });
        Ok(Issued {
            access_token: self.new_access_token(id, &scope, lifetime),
            refresh_token,
            scope,
            lifetime,
        })
    }

    fn lifetime(&self, account: &str) -> Duration {
        self.accounts.get(account).map_or_else(
            || AccountSettings::default().lifetime,
            |a| a.settings.lifetime,
        )
    }
}
