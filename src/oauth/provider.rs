//! What we need to know of a provider, as data. Every value with its source.

use crate::tls::TlsMode;

/// Where a mailbox's tokens come from and where its mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name, part of every cache key, so that no provider ever sees another's token.
    pub id: &'static str,
    /// The issuer that has to stand in an authorization response (RFC 9207), where it is known
    /// beforehand.
    pub issuer: Option<String>,
    /// Where a person consents (RFC 6749 §3.1); without it a mailbox cannot be connected in a
    /// browser.
    pub authorization_endpoint: Option<String>,
    /// What its query always holds beside the parameters of RFC 6749.
    pub authorization_extras: &'static [(&'static str, &'static str)],
    /// Scopes that say who consented (OpenID Connect Core §5.4), asked for along with the others.
    pub identity_scope: &'static str,
    /// Where a token is given back (RFC 7009), where there is such a place.
    pub revocation_endpoint: Option<String>,
    /// The token endpoint (RFC 6749 §3.2), always https.
    pub token_endpoint: String,
    /// The scope that lets a token send by SMTP, as a space-separated list (RFC 6749 §3.3).
    pub smtp_scope: String,
    /// The submission server, by the name in its certificate.
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u16,
    /// When TLS begins there.
    pub smtp_tls: TlsMode,
}

impl Provider {
    /// Microsoft 365 and Outlook.com, for mailboxes in the directory `tenant`.
    ///
    /// Endpoint: learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow. Host and
    /// scope: learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth.
    pub fn microsoft(tenant: &str) -> Self {
        // Personal accounts submit to a host of their own.
        let smtp_host = if tenant == "consumers" {
            "smtp-mail.outlook.com"
        } else {
            "smtp.office365.com"
        };
        let authority = format!("https://login.microsoftonline.com/{tenant}");
        Self {
            id: "microsoft",
            // The tokens of `common` and `organizations` name the directory of whoever signed in.
            issuer: None,
            authorization_endpoint: Some(format!("{authority}/oauth2/v2.0/authorize")),
            // A person with several accounts must get to choose the one that is the mailbox.
            authorization_extras: &[("response_mode", "query"), ("prompt", "select_account")],
            identity_scope: "openid profile email",
            // learn.microsoft.com/entra/identity-platform/refresh-tokens: there is none.
            revocation_endpoint: None,
            token_endpoint: format!("{authority}/oauth2/v2.0/token"),
            smtp_scope: "https://outlook.office.com/SMTP.Send offline_access".to_owned(),
            smtp_host: smtp_host.to_owned(),
            smtp_port: 587,
            smtp_tls: TlsMode::StartTls,
        }
    }

    /// Google Workspace and Gmail.
    ///
    /// Endpoint: developers.google.com/identity/protocols/oauth2/web-server. Host and scope:
    /// developers.google.com/workspace/gmail/imap/xoauth2-protocol (`gmail.send` is not accepted
    /// on SMTP).
    pub fn google() -> Self {
        Self {
            id: "google",
            // accounts.google.com/.well-known/openid-configuration
            issuer: Some("https://accounts.google.com".to_owned()),
            authorization_endpoint: Some("https://accounts.google.com/o/oauth2/v2/auth".to_owned()),
            // Without both a second consent brings no refresh token.
            authorization_extras: &[("access_type", "offline"), ("prompt", "consent")],
            identity_scope: "openid email",
            revocation_endpoint: Some("https://oauth2.googleapis.com/revoke".to_owned()),
            token_endpoint: "https://oauth2.googleapis.com/token".to_owned(),
            smtp_scope: "https://mail.google.com/".to_owned(),
            smtp_host: "smtp.gmail.com".to_owned(),
            smtp_port: 587,
            smtp_tls: TlsMode::StartTls,
        }
    }

    /// Any other, as the operator describes it.
    pub fn custom(
        token_endpoint: &str,
        smtp_scope: &str,
        smtp_host: &str,
        smtp_port: u16,
        smtp_tls: TlsMode,
    ) -> Self {
        Self {
            id: "custom",
            issuer: None,
            authorization_endpoint: None,
            authorization_extras: &[],
            // Whether it knows OpenID Connect, nobody said.
            identity_scope: "",
            revocation_endpoint: None,
            token_endpoint: token_endpoint.to_owned(),
            smtp_scope: smtp_scope.to_owned(),
            smtp_host: smtp_host.to_owned(),
            smtp_port,
            smtp_tls,
        }
    }
    /// What a person is asked to consent to, as a space-separated list.
    pub fn consent_scope(&self) -> String {
        format!("{} {}", self.smtp_scope, self.identity_scope)
            .trim_end()
            .to_owned()
    }
}
