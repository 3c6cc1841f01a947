//! The replies that the rules were made for, each with where it was read. The tests hold every one
//! of them against the table; nothing of this is in the Worker.

use super::{Rule, Service, Status, Step};
use crate::smtp::{Reply, ReplyParser};

/// A reply as a server sends it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// The rule it has to come to.
    pub rule: &'static str,
    /// Whose server sends it, if it is a provider's with rules of its own.
    pub service: Option<Service>,
    /// What it answers.
    pub step: Step,
    /// The reply. Its lines are separated by `\n`.
    pub reply: &'static str,
    /// Where it was read.
    pub source: Source,
}

impl Evidence {
    /// The reply, read.
    pub fn reply(&self) -> Option<Reply> {
        let mut parser = ReplyParser::default();
        parser.push(self.reply.replace('\n', "\r\n").as_bytes());
        parser.push(b"\r\n");
        parser.next_reply().ok().flatten()
    }
}

/// Details of enhanced status codes up to this one have a meaning that is everybody's: the registry
/// goes to X.7.30 (RFC 8689). What lies beyond, such as 5.7.139, a provider made up for itself.
const REGISTERED_DETAILS: u16 = 30;

/// What any other server says with the codes that a provider's rule looks for, which is why the codes
/// alone are no evidence; and whether it has the enhanced code too, or only the reply code, because
/// nobody else is known to use the other.
pub fn elsewhere(rule: &Rule) -> Option<(&'static Evidence, bool)> {
    let registered = match rule.status {
        Status::Is(_, detail) | Status::Range(_, _, detail) => detail <= REGISTERED_DETAILS,
        Status::Any | Status::None => false,
    };
    let codes = Rule {
        whose: None,
        text: None,
        status: if registered { rule.status } else { Status::Any },
        ..*rule
    };
    let mut others = EVIDENCE.iter().filter(|found| found.service.is_none());
    let found = others.find(|found| {
        let reply = found.reply();
        reply.is_some_and(|reply| codes.matches(None, found.step, &reply))
    });
    found.map(|found| (found, registered))
}

/// Where a reply was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
    MicrosoftOauth,
    /// learn.microsoft.com/exchange/mail-flow-best-practices/continuous-error-throttling-smtp-auth-submissions
    MicrosoftThrottling,
    /// learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements
    MicrosoftSubmission,
    /// Microsoft's pages on non-delivery reports and public reports of the reply.
    MicrosoftReports,
    /// support.google.com/a/answer/3726730
    GoogleErrors,
    /// Public reports of the reply.
    GoogleReports,
    /// developers.google.com/workspace/gmail/imap/xoauth2-protocol
    GoogleXoauth2,
    /// RFC 4954 §6.
    Rfc4954,
    /// RFC 5321.
    Rfc5321,
    /// RFC 1870 §6.
    Rfc1870,
    /// What the code means by RFC 3463 and the registry that RFC 5248 made for it.
    Rfc3463,
    /// Postfix, Dovecot, Exim, Sendmail or aiosmtpd, as run in tests or in public reports.
    Servers,
}

impl Source {
    /// The source in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MicrosoftOauth => "Microsoft, OAuth for SMTP",
            Self::MicrosoftThrottling => "Microsoft, continuous-error throttling",
            Self::MicrosoftSubmission => "Microsoft, throttling for SMTP submission",
            Self::MicrosoftReports => "Microsoft, NDR pages and public reports",
            Self::GoogleErrors => "Google, SMTP error reference",
            Self::GoogleReports => "public reports",
            Self::GoogleXoauth2 => "Google, XOAUTH2",
            Self::Rfc4954 => "RFC 4954 §6",
            Self::Rfc5321 => "RFC 5321",
            Self::Rfc1870 => "RFC 1870 §6",
            Self::Rfc3463 => "RFC 3463 and its registry",
            Self::Servers => "Postfix, Dovecot, Exim, Sendmail, aiosmtpd",
        }
    }
}

use Source::{
    GoogleErrors, GoogleReports, GoogleXoauth2, MicrosoftOauth, MicrosoftReports,
    MicrosoftSubmission, MicrosoftThrottling, Rfc1870, Rfc3463, Rfc4954, Rfc5321, Servers,
};
use Step::{Auth, Content, Data, Ehlo, Greeting, Mail, Rcpt, StartTls};

const fn exchange(rule: &'static str, step: Step, reply: &'static str, source: Source) -> Evidence {
    seen(rule, Some(Service::Exchange), step, reply, source)
}

const fn gmail(rule: &'static str, step: Step, reply: &'static str, source: Source) -> Evidence {
    seen(rule, Some(Service::Gmail), step, reply, source)
}

const fn other(rule: &'static str, step: Step, reply: &'static str, source: Source) -> Evidence {
    seen(rule, None, step, reply, source)
}

const fn seen(
    rule: &'static str,
    service: Option<Service>,
    step: Step,
    reply: &'static str,
    source: Source,
) -> Evidence {
    Evidence {
        rule,
        service,
        step,
        reply,
        source,
    }
}

/// All of it.
#[rustfmt::skip]
pub static EVIDENCE: &[Evidence] = &[
    // Exchange Online and Outlook.com.
    exchange("exchange_token_refused", Auth, "535 5.7.3 Authentication unsuccessful [BEXP281CA0003.DEUP281.PROD.OUTLOOK.COM]", MicrosoftOauth),
    exchange("exchange_smtp_auth_off_tenant", Auth, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.", MicrosoftReports),
    exchange("exchange_smtp_auth_off_mailbox", Auth, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.", MicrosoftReports),
    exchange("exchange_basic_auth_off", Auth, "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", MicrosoftReports),
    exchange("exchange_security_defaults", Auth, "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.", MicrosoftReports),
    exchange("exchange_wrong_account", Auth, "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", MicrosoftReports),
    exchange("exchange_policy", Auth, "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.", MicrosoftReports),
    exchange("exchange_smtp_auth_off", Auth, "535 5.7.139 Authentication unsuccessful", MicrosoftReports),
    exchange("exchange_basic_auth_retired", Auth, "550 5.7.30 Basic authentication is not supported for Client Submission.", MicrosoftReports),
    exchange("exchange_basic_auth_retired", Mail, "550 5.7.30 Basic authentication is not supported for Client Submission.", MicrosoftReports),
    exchange("exchange_concurrency", Mail, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", MicrosoftSubmission),
    exchange("exchange_concurrency", Auth, "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.", MicrosoftSubmission),
    exchange("exchange_concurrency", Content, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", MicrosoftSubmission),
    exchange("exchange_rate", Mail, "421 4.4.2 Message submission rate for this client has exceeded the configured limit", MicrosoftReports),
    exchange("exchange_rate", Content, "421 4.4.2 Message submission rate for this client has exceeded the configured limit", MicrosoftReports),
    exchange("later_at_opening", Greeting, "421 4.3.2 Service not available", MicrosoftReports),
    exchange("closing", Mail, "421 4.3.2 Service not available", MicrosoftReports),
    exchange("later", Mail, "451 4.7.0 Temporary server error. Please try again later.", MicrosoftReports),
    exchange("later", Content, "451 4.7.0 Temporary server error. Please try again later.", MicrosoftReports),
    exchange("exchange_busy", Mail, "451 4.7.500 Server busy. Please try again later.", MicrosoftReports),
    exchange("exchange_tls_version", Auth, "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2.", MicrosoftReports),
    exchange("exchange_send_as_denied", Mail, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", MicrosoftReports),
    exchange("exchange_send_as_denied", Content, "554 5.7.60 SMTP; Client does not have permissions to send as this sender", MicrosoftReports),
    exchange("exchange_send_as_denied", Content, "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception", MicrosoftReports),
    exchange("exchange_day_quota", Content, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception", MicrosoftSubmission),
    exchange("exchange_tenant_quota", Rcpt, "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients", MicrosoftReports),
    exchange("exchange_day_quota", Content, "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients", MicrosoftReports),
    exchange("exchange_send_as_denied", Content, "554 5.2.252 SendAsDenied; sales@shop.test not allowed to send as info@shop.test; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception", MicrosoftReports),
    exchange("exchange_full", Content, "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", MicrosoftSubmission),
    exchange("exchange_tenant_blocked", Content, "550 5.7.705 Access denied, tenant has exceeded threshold", MicrosoftReports),
    exchange("exchange_bad_sender", Mail, "550 5.1.8 Access denied, bad outbound sender", MicrosoftReports),
    exchange("exchange_bad_sender", Content, "550 5.1.8 Access denied, bad outbound sender AS(42004)", MicrosoftReports),
    exchange("exchange_blocked_full", Content, "550 5.2.251 Sender throttled due to continuous mailbox full errors.", MicrosoftThrottling),
    exchange("exchange_blocked_send_as", Mail, "550 5.2.252 Sender throttled due to continuous send as denied errors.", MicrosoftThrottling),
    exchange("exchange_blocked_license", Auth, "550 5.2.253 Sender throttled due to continuous invalid license errors.", MicrosoftThrottling),
    exchange("exchange_blocked_recipients", Rcpt, "550 5.2.254 Sender throttled due to continuous too many recipients errors.", MicrosoftThrottling),
    exchange("exchange_blocked_recipients", Content, "550 5.2.255 Sender throttled due to continuous invalid recipients errors.", MicrosoftThrottling),
    // The code without its words, and what Exchange says of somebody else's mailbox.
    exchange("exchange_blocked_send_as", Content, "550 5.2.252", MicrosoftThrottling),
    exchange("recipient_full", Rcpt, "552 5.2.2 mailbox full", Rfc3463),
    // Gmail.
    gmail("gmail_token_refused", Auth, "535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials", GoogleXoauth2),
    gmail("gmail_wants_web_login", Auth, "534-5.7.9 Application-specific password required.\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor", GoogleErrors),
    gmail("gmail_wants_web_login", Auth, "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1> Please log in via your\n534 5.7.14 web browser and then try again.", GoogleReports),
    gmail("gmail_day_quota", Content, "550 5.4.5 Daily user sending limit exceeded", GoogleErrors),
    gmail("gmail_day_quota", Mail, "550 5.4.5 Daily user sending limit exceeded", GoogleErrors),
    gmail("later_at_opening", Greeting, "421 4.3.0 Temporary System Problem. Try again later.", GoogleErrors),
    gmail("later_at_opening", Ehlo, "421 4.4.5 Server busy, try again later.", GoogleErrors),
    gmail("later_at_opening", Greeting, "421 4.7.0 Try again later, closing connection.", GoogleErrors),
    gmail("closing", Mail, "421 4.7.0 Try again later, closing connection.", GoogleErrors),
    gmail("later", Rcpt, "450 4.2.1 The user you are trying to contact is receiving mail too quickly", GoogleErrors),
    gmail("later", Mail, "451 4.3.0 Mail server temporarily rejected message.", GoogleErrors),
    gmail("later", Content, "451 4.4.2 Timeout - closing connection.", GoogleErrors),
    gmail("later", Mail, "451 4.5.0 SMTP protocol violation, visit RFC 2821.", GoogleErrors),
    gmail("recipient_full", Rcpt, "452 4.2.2 The email account that you tried to reach is over quota", GoogleErrors),
    gmail("recipient_full", Content, "452 4.2.2 The email account that you tried to reach is over quota", GoogleErrors),
    gmail("too_many_recipients", Rcpt, "452 4.5.3 Your message has too many recipients.", GoogleErrors),
    gmail("auth_busy", Auth, "454 4.7.0 Too many login attempts, please try again later.", GoogleErrors),
    gmail("auth_busy", Auth, "454 4.7.0 Cannot authenticate due to a temporary system problem. Try again later.", GoogleErrors),
    gmail("gmail_pipelining_after_starttls", StartTls, "454 4.5.0 SMTP protocol violation, no commands allowed to pipeline after STARTTLS", GoogleErrors),
    gmail("gmail_day_quota", Content, "550 5.7.1 Email quota exceeded.", GoogleErrors),
    gmail("gmail_day_quota", Mail, "550 5.7.1 Daily SMTP relay limit exceeded for customer.", GoogleErrors),
    gmail("gmail_day_quota", Rcpt, "550 5.4.5 Daily SMTP relay limit exceeded for user.", GoogleErrors),
    gmail("never", Content, "550 5.7.1 This message violates shop.test email policy. - gcdp 5b1f17b1804b1 - gsmtp", GoogleErrors),
    gmail("never", Content, "552-5.7.0 This message was blocked because its content presents a potential\n552-5.7.0 security issue. To review our message content and attachment content\n552-5.7.0 guidelines, go to\n552 5.7.0 https://support.google.com/mail/?p=BlockedMessage", GoogleReports),
    gmail("too_large", Content, "552 5.2.3 Your message exceeded Google's message size limits.", GoogleErrors),
    gmail("too_large", Rcpt, "552 5.2.3 Your message exceeded Google's message size limits.", GoogleErrors),
    gmail("never", Rcpt, "553 5.1.2 We weren't able to find the recipient domain.", GoogleErrors),
    gmail("gmail_syntax_at_mail", Mail, "555 5.5.2 Syntax error, goodbye.", GoogleErrors),
    // AUTH by the book.
    other("token_refused", Auth, "535 Authentication failed", Rfc4954),
    other("auth_password_transition", Auth, "432 4.7.12 A password transition is needed", Rfc4954),
    other("auth_busy", Auth, "454 4.7.0 Temporary authentication failure", Rfc4954),
    other("auth_line_too_long", Auth, "500 5.5.6 Authentication Exchange line is too long", Rfc4954),
    other("auth_required", Mail, "530 5.7.0 Authentication required", Rfc4954),
    other("auth_too_weak", Auth, "534 5.7.9 Authentication mechanism is too weak", Rfc4954),
    other("auth_too_weak", Auth, "534 Not like this", Servers),
    other("auth_too_weak", Auth, "538 5.7.11 Encryption required for requested authentication mechanism", Rfc4954),
    other("auth_not_understood", Auth, "501 5.5.2 Cannot decode response", Servers),
    other("auth_not_understood", Auth, "504 5.5.4 Unrecognized authentication type", Servers),
    // The codes of a provider's rules, from others.
    other("token_refused", Auth, "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", Servers),
    other("token_refused", Auth, "535 5.7.3 Security conversion required but not possible", Rfc3463),
    other("auth_too_weak", Auth, "534 5.7.14 Trust relationship required", Rfc3463),
    other("later_at_opening", Auth, "432 4.3.2 System not accepting network messages", Rfc3463),
    other("later_at_opening", Greeting, "421 4.3.2 All server ports are busy", Servers),
    other("later_at_opening", StartTls, "454 4.5.0 Other or undefined protocol status", Rfc3463),
    other("closing", Mail, "421 4.4.2 mx.shop.test Error: timeout exceeded", Servers),
    other("never", Rcpt, "550 5.1.8 <sales@shop.test>: Sender address rejected: Domain not found", Servers),
    other("never", Mail, "553 5.1.8 <sales@shop.test>... Domain of sender address sales@shop.test does not exist", Servers),
    other("never", Mail, "550 5.7.30 REQUIRETLS support required", Rfc3463),
    other("never", Mail, "555 5.5.2 Syntax error", Rfc3463),
    other("never", Rcpt, "550 5.4.5 Mail system congestion", Rfc3463),
    other("never", Content, "550 5.7.1 Delivery not authorized, message refused", Rfc3463),
    other("never", Content, "554 5.2.0 Other or undefined mailbox status", Rfc3463),
    other("never", Content, "552 5.7.0 Other or undefined security status", Rfc3463),
    other("never", Rcpt, "552 5.7.1 Delivery not authorized, message refused", Rfc3463),
    other("recipient_full", Content, "552 5.2.2 Mailbox full", Rfc3463),
    other("never", Content, "552 5.3.1 Mail system full", Rfc3463),
    other("too_large", Content, "550 5.2.3 Message length exceeds administrative limit", Rfc3463),
    // The rest by the book.
    other("refused_at_opening", Greeting, "554 5.3.2 No SMTP service here", Rfc5321),
    other("refused_at_opening", Ehlo, "502 5.5.1 Command not implemented", Rfc5321),
    other("refused_at_opening", StartTls, "501 5.5.4 Syntax error", Servers),
    other("later_at_opening", StartTls, "454 4.7.0 TLS not available due to local problem", Servers),
    other("nonsense_at_opening", StartTls, "221 2.0.0 Bye", Rfc5321),
    other("nonsense_at_opening", Auth, "250 Ok", Rfc4954),
    other("nonsense_at_opening", Greeting, "354 Go ahead", Rfc5321),
    other("later", Mail, "450 4.2.1 Try later", Rfc5321),
    other("later", Mail, "452 4.3.1 Insufficient system storage", Rfc5321),
    other("never", Mail, "553 5.7.1 <bob@shop.test>: Sender address rejected: not owned by user", Servers),
    other("later", Rcpt, "450 4.1.1 Recipient address rejected: unverified address", Servers),
    other("never", Rcpt, "550 5.1.1 No such user", Rfc5321),
    other("too_many_recipients", Rcpt, "452 Too many recipients", Rfc5321),
    other("too_many_recipients", Rcpt, "552 5.5.3 Too many recipients", Rfc5321),
    other("recipient_full", Rcpt, "552 5.2.2 Mailbox full", Rfc5321),
    other("nonsense", Data, "250 Ok", Rfc5321),
    other("nonsense", Mail, "354 Go ahead", Rfc5321),
    other("never", Data, "554 5.5.1 No valid recipients", Servers),
    other("out_of_step", Data, "503 5.5.1 Error: need RCPT command", Servers),
    other("out_of_step", Data, "503 Valid RCPT command must precede DATA", Servers),
    other("out_of_step", Data, "500 5.5.2 Error: bad syntax", Servers),
    other("out_of_step", Data, "502 Command not implemented", Rfc5321),
    other("out_of_step", Content, "503 Bad sequence of commands", Rfc5321),
    other("out_of_step", Content, "500 Line too long (see RFC5321 4.5.3.1.6)", Servers),
    other("out_of_step", Content, "500 unrecognized command", Servers),
    other("command_unknown_at_content", Content, "502 5.5.1 Command not implemented", Rfc5321),
    other("command_unknown_at_content", Content, "502 5.5.2 Error: command not recognized", Servers),
    other("command_unknown_at_content", Content, "500 5.5.1 Command unrecognized", Servers),
    other("later", Data, "451 4.3.0 Local error", Rfc5321),
    other("closing_behind_content", Content, "421 4.3.2 Shutting down", Rfc5321),
    other("nonsense_behind_content", Content, "354 Go ahead", Rfc5321),
    other("nonsense_behind_content", Content, "354 Go on", Rfc5321),
    other("never", Content, "554 5.6.0 Message content rejected", Servers),
    other("too_large", Mail, "552 5.3.4 Message size exceeds fixed limit", Rfc1870),
    other("too_large", Content, "554 5.3.4 Message too big for system", Rfc1870),
    other("too_large", Content, "552 Message size exceeds maximum value", Rfc1870),
    other("too_large", Mail, "552 message size exceeds fixed maximium message size", Rfc1870),
    other("later", Content, "452 4.3.1 Insufficient system storage", Rfc1870),
];
