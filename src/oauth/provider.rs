//! What we need to know of a provider, as data. Every value with its source.

use super::{Metadata, published::Published};
use crate::tls::TlsMode;

/// Sending by the Gmail API.
const GMAIL_SEND: &str = "https://www.googleapis.com/auth/gmail.send";

/// Where personal accounts of Microsoft's submit.
const OUTLOOK_HOST: &str = "smtp-mail.outlook.com";

/// Where a mailbox's tokens come from and where its mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name, part of every cache key, so that no provider ever sees another's token.
    pub id: &'static str,
    /// The issuer that has to stand in an authorization response (RFC 9207), where it is known
    /// beforehand.
    pub issuer: Option<String>,
    /// Whether each of its authorization responses names the issuer (RFC 9207 §2), so that one which
    /// does not is another's.
    pub names_itself: bool,
    /// Whether its endpoints come out of the issuer's metadata (RFC 8414). Until they are known the
    /// fields for them are empty.
    pub discovered: bool,
    /// Where a person consents (RFC 6749 §3.1); without it a mailbox cannot be connected in a
    /// browser.
    pub authorization_endpoint: Option<String>,
    /// What its query always holds beside the parameters of RFC 6749.
    pub authorization_extras: &'static [(&'static str, &'static str)],
    /// Scopes that say who consented (OpenID Connect Core §5.4), asked for along with the others.
    pub identity_scope: &'static str,
    /// Where a token is given back (RFC 7009), where there is such a place.
    pub revocation_endpoint: Option<String>,
    /// Whether the client proves itself there, as RFC 7009 §2.1 has it.
    pub revocation_asks_who: bool,
    /// The token endpoint (RFC 6749 §3.2), always https.
    pub token_endpoint: Option<String>,
    /// Where in a request to it the client's secret stands.
    pub secret_in: SecretIn,
    /// The scope that lets a token send by SMTP, as a space-separated list (RFC 6749 §3.3).
    pub smtp_scope: String,
    /// The same for an application that acts for itself, where the provider knows such.
    pub application_scope: Option<String>,
    /// The scope for sending by the provider's own API, where it has one. One access token cannot
    /// serve both (see the sources of each preset).
    pub api_scope: Option<String>,
    /// The same for an application that acts for itself.
    pub api_application_scope: Option<String>,
    /// Who an assertion is for (`aud`, RFC 7523 §3): whoever it is not for must refuse it. Where the
    /// endpoints are discovered it is the issuer, which is what does not change.
    pub assertion_audience: String,
    /// How a client may prove who it is there.
    pub proofs: &'static [ProofKind],
    /// By what rights it issues tokens.
    pub rights: &'static [Right],
    /// The submission server, by the name in its certificate.
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u16,
    /// When TLS begins there.
    pub smtp_tls: TlsMode,
}

/// A cloud of Microsoft's, apart from the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cloud {
    /// The one that is meant when nothing is said.
    #[default]
    World,
    /// GCC High.
    UsGovernment,
    /// Operated by 21Vianet.
    China,
}

/// Where a client's secret stands (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecretIn {
    /// In the body: `client_secret_post`. Google wants it there, Microsoft takes it there.
    #[default]
    Body,
    /// In the header, as HTTP Basic: `client_secret_basic`.
    Header,
}

/// By what right tokens are issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// The mailbox's owner consented; a refresh token is the proof.
    Consent,
    /// An administrator lets the application act for itself; it proves who it is.
    Application,
    /// An administrator lets a service account act for the people of a domain; its key signs for
    /// whom (RFC 7523 §2.1).
    ServiceAccount,
}

/// How a client can prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofKind {
    /// By `client_secret` (RFC 6749 §2.3.1).
    Secret,
    /// By an assertion that the key of a certificate signed (RFC 7523 §2.2): the provider knows the
    /// certificate, and wants it named.
    Certificate,
    /// The same by a key that the provider may know by any name, or by none.
    Key,
}

impl Provider {
    /// Microsoft 365 and Outlook.com, for mailboxes in the directory `tenant`.
    pub fn microsoft(tenant: &str) -> Self {
        Self::microsoft_in(Cloud::World, tenant)
    }

    /// The same in one of Microsoft's clouds.
    ///
    /// Endpoints: learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow. Host and
    /// scopes: learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth.
    /// Proofs and the audience: learn.microsoft.com/entra/identity-platform/certificate-credentials
    /// (`aud` is the token endpoint). Graph's scopes: learn.microsoft.com/graph/api/user-sendmail.
    /// National clouds: learn.microsoft.com/entra/identity-platform/authentication-national-cloud,
    /// learn.microsoft.com/graph/deployments and
    /// learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges.
    pub fn microsoft_in(cloud: Cloud, tenant: &str) -> Self {
        let (login, smtp_host, delegated, application, graph) = match cloud {
            Cloud::World => (
                "login.microsoftonline.com",
                "smtp.office365.com",
                "outlook.office.com",
                // A trap of Microsoft's: the same resource by another name.
                "outlook.office365.com",
                "graph.microsoft.com",
            ),
            Cloud::UsGovernment => (
                "login.microsoftonline.us",
                "smtp.office365.us",
                "outlook.office365.us",
                "outlook.office365.us",
                "graph.microsoft.us",
            ),
            Cloud::China => (
                "login.partner.microsoftonline.cn",
                "smtp.partner.outlook.cn",
                "partner.outlook.cn",
                "partner.outlook.cn",
                "microsoftgraph.chinacloudapi.cn",
            ),
        };
        // Personal accounts submit to a host of their own.
        let smtp_host = if tenant == "consumers" {
            OUTLOOK_HOST
        } else {
            smtp_host
        };
        let authority = format!("https://{login}/{tenant}");
        let token_endpoint = format!("{authority}/oauth2/v2.0/token");
        Self {
            id: "microsoft",
            // The tokens of `common` and `organizations` name the directory of whoever signed in.
            issuer: None,
            names_itself: false,
            discovered: false,
            authorization_endpoint: Some(format!("{authority}/oauth2/v2.0/authorize")),
            // A person with several accounts must get to choose the one that is the mailbox.
            authorization_extras: &[("response_mode", "query"), ("prompt", "select_account")],
            identity_scope: "openid profile email",
            // learn.microsoft.com/entra/identity-platform/refresh-tokens: there is none.
            revocation_endpoint: None,
            revocation_asks_who: false,
            assertion_audience: token_endpoint.clone(),
            token_endpoint: Some(token_endpoint),
            secret_in: SecretIn::Body,
            smtp_scope: format!("https://{delegated}/SMTP.Send offline_access"),
            application_scope: Some(format!("https://{application}/.default")),
            api_scope: Some(format!("https://{graph}/Mail.Send offline_access")),
            api_application_scope: Some(format!("https://{graph}/.default")),
            proofs: &[ProofKind::Secret, ProofKind::Certificate],
            rights: &[Right::Consent, Right::Application],
            smtp_host: smtp_host.to_owned(),
            smtp_port: 587,
            smtp_tls: TlsMode::StartTls,
        }
    }

    /// Google Workspace and Gmail.
    ///
    /// Endpoint: developers.google.com/identity/protocols/oauth2/web-server. Host and scope:
    /// developers.google.com/workspace/gmail/imap/xoauth2-protocol (`gmail.send` is not accepted
    /// on SMTP). The API's scope: developers.google.com/workspace/gmail/api/auth/scopes. Service
    /// accounts, their scope and audience:
    /// developers.google.com/identity/protocols/oauth2/service-account. Clients have secrets and
    /// nothing else: accounts.google.com/.well-known/openid-configuration names
    /// `client_secret_post` and `client_secret_basic`.
    pub fn google() -> Self {
        Self {
            id: "google",
            // accounts.google.com/.well-known/openid-configuration
            issuer: Some("https://accounts.google.com".to_owned()),
            // Nothing that we have read says that it always does. It has a redirect path of its own.
            names_itself: false,
            discovered: false,
            authorization_endpoint: Some("https://accounts.google.com/o/oauth2/v2/auth".to_owned()),
            // Without both a second consent brings no refresh token.
            authorization_extras: &[("access_type", "offline"), ("prompt", "consent")],
            identity_scope: "openid email",
            revocation_endpoint: Some("https://oauth2.googleapis.com/revoke".to_owned()),
            // developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke: the token alone.
            revocation_asks_who: false,
            token_endpoint: Some("https://oauth2.googleapis.com/token".to_owned()),
            secret_in: SecretIn::Body,
            smtp_scope: "https://mail.google.com/".to_owned(),
            application_scope: Some("https://mail.google.com/".to_owned()),
            assertion_audience: "https://oauth2.googleapis.com/token".to_owned(),
            proofs: &[ProofKind::Secret],
            // Without a person, Google has service accounts and no client credentials.
            rights: &[Right::Consent, Right::ServiceAccount],
            api_scope: Some(GMAIL_SEND.to_owned()),
            api_application_scope: Some(GMAIL_SEND.to_owned()),
            smtp_host: "smtp.gmail.com".to_owned(),
            // TLS from the first octet: nothing in the clear that could be tampered with.
            smtp_port: 465,
            smtp_tls: TlsMode::Implicit,
        }
    }

    /// Any other, as the operator describes it. Where its tokens come from has to be added.
    pub fn custom(smtp_scope: &str, smtp_host: &str, smtp_port: u16, smtp_tls: TlsMode) -> Self {
        Self {
            id: "custom",
            issuer: None,
            names_itself: false,
            discovered: false,
            authorization_endpoint: None,
            authorization_extras: &[],
            // Whether it knows OpenID Connect, nobody said.
            identity_scope: "",
            revocation_endpoint: None,
            revocation_asks_who: true,
            token_endpoint: None,
            secret_in: SecretIn::Body,
            smtp_scope: smtp_scope.to_owned(),
            application_scope: Some(smtp_scope.to_owned()),
            api_scope: None,
            api_application_scope: None,
            assertion_audience: String::new(),
            proofs: &[ProofKind::Secret, ProofKind::Key],
            rights: &[Right::Consent, Right::Application, Right::ServiceAccount],
            smtp_host: smtp_host.to_owned(),
            smtp_port,
            smtp_tls,
        }
    }

    /// The same with what its metadata says. Whose tokens are whose does not change by that
    /// ([`Self::authority`]).
    #[must_use]
    pub fn completed_by(&self, metadata: Metadata) -> Self {
        Self {
            names_itself: metadata.names_itself,
            authorization_endpoint: metadata.authorization_endpoint,
            revocation_endpoint: metadata.revocation_endpoint,
            token_endpoint: Some(metadata.token_endpoint),
            secret_in: metadata.secret_in,
            ..self.clone()
        }
    }

    /// What its credentials are named by: the token endpoint where that is configured, and the issuer
    /// where it is discovered, since what is discovered may change.
    pub fn authority(&self) -> &str {
        let named = if self.discovered {
            &self.issuer
        } else {
            &self.token_endpoint
        };
        named.as_deref().unwrap_or_default()
    }

    /// What a person is asked to consent to, as a space-separated list.
    pub fn consent_scope(&self) -> String {
        format!("{} {}", self.smtp_scope, self.identity_scope)
            .trim_end()
            .to_owned()
    }

    /// What it has published about sending, where we have read it.
    pub fn published(&self) -> Option<&'static Published> {
        match self.id {
            "microsoft" if self.smtp_host != OUTLOOK_HOST => Some(&Published::EXCHANGE_ONLINE),
            "google" => Some(&Published::GOOGLE_WORKSPACE),
            _ => None,
        }
    }
}
