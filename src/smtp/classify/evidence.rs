//! The replies that the rules were made for, each with where it was read. The tests hold every one
//! of them against the table; nothing of this is in the Worker.

use super::Step;

/// A reply as a provider sends it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// The rule it has to come to.
    pub rule: &'static str,
    /// What it answers.
    pub step: Step,
    /// The reply. Its lines are separated by `\n`.
    pub reply: &'static str,
    /// Where it was read.
    pub source: Source,
}

/// Where a reply was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
    MicrosoftOauth,
    /// learn.microsoft.com/exchange/troubleshoot/email-delivery/continuous-error-throttling-smtp-auth-submissions
    MicrosoftThrottling,
    /// Microsoft's pages on non-delivery reports and public reports of the reply.
    MicrosoftReports,
    /// support.google.com/a/answer/3726730
    GoogleErrors,
    /// developers.google.com/workspace/gmail/imap/xoauth2-protocol
    GoogleXoauth2,
    /// RFC 4954 §6.
    Rfc4954,
    /// RFC 5321.
    Rfc5321,
    /// RFC 1870 §6.
    Rfc1870,
    /// Postfix, Dovecot or Exim, as run in tests.
    Servers,
}

impl Source {
    /// The source in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MicrosoftOauth => "Microsoft, OAuth for SMTP",
            Self::MicrosoftThrottling => "Microsoft, continuous-error throttling",
            Self::MicrosoftReports => "Microsoft, NDR pages and public reports",
            Self::GoogleErrors => "Google, SMTP error reference",
            Self::GoogleXoauth2 => "Google, XOAUTH2",
            Self::Rfc4954 => "RFC 4954 §6",
            Self::Rfc5321 => "RFC 5321",
            Self::Rfc1870 => "RFC 1870 §6",
            Self::Servers => "Postfix, Dovecot, Exim",
        }
    }
}

use Source::{
    GoogleErrors, GoogleXoauth2, MicrosoftOauth, MicrosoftReports, MicrosoftThrottling, Rfc1870,
    Rfc4954, Rfc5321, Servers,
};
use Step::{Auth, Content, Data, Ehlo, Greeting, Mail, Rcpt, StartTls};

const fn seen(rule: &'static str, step: Step, reply: &'static str, source: Source) -> Evidence {
    Evidence {
        rule,
        step,
        reply,
        source,
    }
}

/// All of it.
#[rustfmt::skip]
pub static EVIDENCE: &[Evidence] = &[
    // Exchange Online and Outlook.com.
    seen("exchange_token_refused", Auth, "535 5.7.3 Authentication unsuccessful [BEXP281CA0003.DEUP281.PROD.OUTLOOK.COM]", MicrosoftOauth),
    seen("exchange_smtp_auth_off_tenant", Auth, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.", MicrosoftReports),
    seen("exchange_smtp_auth_off_mailbox", Auth, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.", MicrosoftReports),
    seen("exchange_basic_auth_off", Auth, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", MicrosoftReports),
    seen("exchange_wrong_account", Auth, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", MicrosoftReports),
    seen("exchange_policy", Auth, "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.", MicrosoftReports),
    seen("exchange_smtp_auth_off", Auth, "535 5.7.139 Authentication unsuccessful", MicrosoftReports),
    seen("exchange_basic_auth_retired", Auth, "550 5.7.30 Basic authentication is not supported for Client Submission.", MicrosoftReports),
    seen("exchange_basic_auth_retired", Mail, "550 5.7.30 Basic authentication is not supported for Client Submission.", MicrosoftReports),
    seen("exchange_concurrency", Mail, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", MicrosoftReports),
    seen("exchange_concurrency", Auth, "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.", MicrosoftReports),
    seen("exchange_concurrency", Content, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", MicrosoftReports),
    seen("exchange_rate", Mail, "421 4.4.2 Message submission rate for this client has exceeded the configured limit", MicrosoftReports),
    seen("exchange_down", Greeting, "421 4.3.2 Service not available", MicrosoftReports),
    seen("exchange_down", Mail, "421 4.3.2 Service not available", MicrosoftReports),
    seen("later", Mail, "451 4.7.0 Temporary server error. Please try again later.", MicrosoftReports),
    seen("later", Content, "451 4.7.0 Temporary server error. Please try again later.", MicrosoftReports),
    seen("exchange_busy", Mail, "451 4.7.500 Server busy. Please try again later.", MicrosoftReports),
    seen("exchange_tls_version", Auth, "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.", MicrosoftReports),
    seen("exchange_send_as_denied", Mail, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", MicrosoftReports),
    seen("exchange_send_as_denied", Content, "554 5.7.60 SMTP; Client does not have permissions to send as this sender", MicrosoftReports),
    seen("exchange_send_as_denied", Content, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception", MicrosoftReports),
    seen("exchange_day_quota", Content, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception", MicrosoftReports),
    seen("exchange_tenant_quota", Rcpt, "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients", MicrosoftReports),
    seen("exchange_bad_sender", Mail, "550 5.1.8 Access denied, bad outbound sender", MicrosoftReports),
    seen("exchange_bad_sender", Content, "550 5.1.8 Access denied, bad outbound sender", MicrosoftReports),
    seen("exchange_blocked_full", Content, "550 5.2.251 mailbox full", MicrosoftThrottling),
    seen("exchange_blocked_send_as", Mail, "550 5.2.252 SendAs denied", MicrosoftThrottling),
    seen("exchange_blocked_license", Auth, "550 5.2.253 invalid license", MicrosoftThrottling),
    seen("exchange_blocked_recipients", Rcpt, "550 5.2.254 too many recipients", MicrosoftThrottling),
    seen("exchange_blocked_recipients", Content, "550 5.2.255 invalid recipients", MicrosoftThrottling),
    // Gmail.
    seen("gmail_token_refused", Auth, "535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials", GoogleXoauth2),
    seen("gmail_wants_web_login", Auth, "534-5.7.9 Application-specific password required.\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor", GoogleErrors),
    seen("gmail_day_quota", Content, "550 5.4.5 Daily user sending limit exceeded", GoogleErrors),
    seen("gmail_day_quota", Mail, "550 5.4.5 Daily user sending limit exceeded", GoogleErrors),
    seen("later_at_opening", Greeting, "421 4.3.0 Temporary System Problem. Try again later.", GoogleErrors),
    seen("later_at_opening", Ehlo, "421 4.4.5 Server busy, try again later.", GoogleErrors),
    seen("later_at_opening", Greeting, "421 4.7.0 Try again later, closing connection.", GoogleErrors),
    seen("later", Mail, "421 4.7.0 Try again later, closing connection.", GoogleErrors),
    seen("later", Rcpt, "450 4.2.1 The user you are trying to contact is receiving mail too quickly", GoogleErrors),
    seen("later", Mail, "451 4.3.0 Mail server temporarily rejected message.", GoogleErrors),
    seen("later", Content, "451 4.4.2 Timeout - closing connection.", GoogleErrors),
    seen("later", Mail, "451 4.5.0 SMTP protocol violation, visit RFC 2821.", GoogleErrors),
    seen("recipient_full", Rcpt, "452 4.2.2 The email account that you tried to reach is over quota", GoogleErrors),
    seen("later", Content, "452 4.2.2 The email account that you tried to reach is over quota", GoogleErrors),
    seen("too_many_recipients", Rcpt, "452 4.5.3 Your message has too many recipients.", GoogleErrors),
    seen("auth_busy", Auth, "454 4.7.0 Too many login attempts, please try again later.", GoogleErrors),
    seen("auth_busy", Auth, "454 4.7.0 Cannot authenticate due to a temporary system problem. Try again later.", GoogleErrors),
    seen("gmail_pipelining_after_starttls", StartTls, "454 4.5.0 SMTP protocol violation, no commands allowed to pipeline after STARTTLS", GoogleErrors),
    seen("never", Content, "550 5.7.1 Email quota exceeded or content not allowed", GoogleErrors),
    seen("too_large", Content, "552 5.2.3 Your message exceeded Google's message size limits.", GoogleErrors),
    seen("too_large", Rcpt, "552 5.2.3 Your message exceeded Google's message size limits.", GoogleErrors),
    seen("never", Rcpt, "553 5.1.2 We weren't able to find the recipient domain.", GoogleErrors),
    seen("gmail_syntax_at_mail", Mail, "555 5.5.2 Syntax error, goodbye.", GoogleErrors),
    // AUTH by the book.
    seen("token_refused", Auth, "535 Authentication failed", Rfc4954),
    seen("auth_password_transition", Auth, "432 4.7.12 A password transition is needed", Rfc4954),
    seen("auth_busy", Auth, "454 4.7.0 Temporary authentication failure", Rfc4954),
    seen("auth_line_too_long", Auth, "500 5.5.6 Authentication Exchange line is too long", Rfc4954),
    seen("auth_required", Mail, "530 5.7.0 Authentication required", Rfc4954),
    seen("auth_too_weak", Auth, "534 5.7.9 Authentication mechanism is too weak", Rfc4954),
    seen("auth_too_weak", Auth, "534 Not like this", Servers),
    seen("auth_too_weak", Auth, "538 5.7.11 Encryption required for requested authentication mechanism", Rfc4954),
    seen("auth_not_understood", Auth, "501 5.5.2 Cannot decode response", Servers),
    seen("auth_not_understood", Auth, "504 5.5.4 Unrecognized authentication type", Servers),
    // The rest by the book.
    seen("refused_at_opening", Greeting, "554 5.3.2 No SMTP service here", Rfc5321),
    seen("refused_at_opening", Ehlo, "502 5.5.1 Command not implemented", Rfc5321),
    seen("refused_at_opening", StartTls, "501 5.5.4 Syntax error", Servers),
    seen("later_at_opening", StartTls, "454 4.7.0 TLS not available due to local problem", Servers),
    seen("nonsense_at_opening", StartTls, "221 2.0.0 Bye", Rfc5321),
    seen("nonsense_at_opening", Auth, "250 Ok", Rfc4954),
    seen("nonsense_at_opening", Greeting, "354 Go ahead", Rfc5321),
    seen("later", Mail, "450 4.2.1 Try later", Rfc5321),
    seen("later", Mail, "452 4.3.1 Insufficient system storage", Rfc5321),
    seen("never", Mail, "553 5.7.1 <bob@shop.test>: Sender address rejected: not owned by user", Servers),
    seen("later", Rcpt, "450 4.1.1 Recipient address rejected: unverified address", Servers),
    seen("never", Rcpt, "550 5.1.1 No such user", Rfc5321),
    seen("too_many_recipients", Rcpt, "452 Too many recipients", Rfc5321),
    seen("too_many_recipients", Rcpt, "552 5.5.3 Too many recipients", Rfc5321),
    seen("recipient_full", Rcpt, "552 5.2.2 Mailbox full", Rfc5321),
    seen("nonsense", Data, "250 Ok", Rfc5321),
    seen("nonsense", Mail, "354 Go ahead", Rfc5321),
    seen("never", Data, "554 5.5.1 No valid recipients", Servers),
    seen("later", Data, "451 4.3.0 Local error", Rfc5321),
    seen("closing_behind_content", Content, "421 4.3.0 Shutting down", Rfc5321),
    seen("exchange_rate", Content, "421 4.4.2 Message submission rate for this client has exceeded the configured limit", MicrosoftReports),
    seen("nonsense_behind_content", Content, "354 Go ahead", Rfc5321),
    seen("nonsense_behind_content", Content, "354 Go on", Rfc5321),
    seen("never", Content, "554 5.6.0 Message content rejected", Servers),
    seen("too_large", Mail, "552 5.3.4 Message size exceeds fixed limit", Rfc1870),
    seen("too_large", Content, "554 5.3.4 Message too big for system", Rfc1870),
    seen("too_large", Content, "552 Message size exceeds maximum value", Rfc1870),
    seen("too_large", Mail, "552 message size exceeds fixed maximium message size", Rfc1870),
    seen("later", Content, "452 4.3.1 Insufficient system storage", Rfc1870),
];
