//! How codes, refresh tokens and rights become tokens.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::AccountSettings;
use super::grants::{AccessToken, Grant, Holder, Issued, RefreshToken, TokenError};
use super::store::{Inner, key};
use crate::{SMTP_SCOPE, random};

fn without_offline_access(scope: &str) -> String {
    let kept: Vec<&str> = scope
        .split_ascii_whitespace()
        .filter(|scope| *scope != "offline_access")
        .collect();
    kept.join(" ")
}

impl Inner {
    pub(super) fn new_grant(&mut self, client: &str, holder: Holder, scope: &str) -> u64 {
        self.last_grant += 1;
        self.grants.insert(
            self.last_grant,
            Grant {
                client: client.to_owned(),
                holder,
                scope: scope.to_owned(),
                revoked: false,
            },
        );
        self.last_grant
    }

    pub(super) fn new_refresh_token(&mut self, grant: u64) -> String {
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

    pub(super) fn exchange_code(
        &mut self,
        client: &str,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Issued, TokenError> {
        let known = self
            .codes
            .get(code)
            .filter(|code| code.client == client)
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
        let grant = self.new_grant(client, Holder::Account(account), &scope);
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

    pub(super) fn exchange_refresh(
        &mut self,
        client: &str,
        token: &str,
        scope: Option<&str>,
    ) -> Result<Issued, TokenError> {
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
            .filter(|grant| grant.client == client)
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
        let Holder::Account(account) = grant.holder.clone() else {
            return Err(TokenError::InvalidGrant("unknown refresh token"));
        };
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

    /// RFC 6749 §4.4.3: "A refresh token SHOULD NOT be included."
    pub(super) fn issue_to_application(
        &mut self,
        client: &str,
        scope: &str,
    ) -> Result<Issued, TokenError> {
        if scope != SMTP_SCOPE {
            return Err(TokenError::InvalidScope);
        }
        let lifetime = AccountSettings::default().lifetime;
        Ok(self.issue_alone(client, Holder::Application, scope, lifetime))
    }

    /// For one account, by an administrator's word.
    pub(super) fn issue_delegated(
        &mut self,
        subject: &str,
        scope: &str,
    ) -> Result<Issued, TokenError> {
        let account = key(subject);
        if !self.accounts.contains_key(&account) {
            return Err(TokenError::InvalidGrant("Invalid email or User ID"));
        }
        let lifetime = self.lifetime(&account);
        Ok(self.issue_alone("", Holder::Account(account), scope, lifetime))
    }

    fn issue_alone(
        &mut self,
        client: &str,
        holder: Holder,
        scope: &str,
        lifetime: Duration,
    ) -> Issued {
        let grant = self.new_grant(client, holder, scope);
        Issued {
            access_token: self.new_access_token(grant, scope, lifetime),
            refresh_token: None,
            scope: scope.to_owned(),
            lifetime,
        }
    }

    fn lifetime(&self, account: &str) -> Duration {
        self.accounts.get(account).map_or_else(
            || AccountSettings::default().lifetime,
            |a| a.settings.lifetime,
        )
    }
}
