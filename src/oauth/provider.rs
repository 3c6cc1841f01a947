//! What we need to know of a provider, as data. Every value with its source.

use crate::tls::TlsMode;

/// Where a mailbox's tokens come from and where its mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name, part of every cache key, so that no provider ever sees another's token.
    pub id: &'static str,
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
        Self {
            id: "microsoft",
            token_endpoint: format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"),
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
            token_endpoint: token_endpoint.to_owned(),
            smtp_scope: smtp_scope.to_owned(),
            smtp_host: smtp_host.to_owned(),
            smtp_port,
            smtp_tls,
        }
    }
}
