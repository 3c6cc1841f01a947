//! The table. What a provider says in its own way comes first, what everybody says comes last.

use super::{
    Codes::{self, Of},
    Rule, Service, Status, Step,
    Verdict::{self, FurtherTransaction, InDoubt, Later, Mailbox, Never, Quota},
};
use crate::{
    outcome::{
        Cause,
        Trouble::{Authentication, Blocked, Configuration, Transient},
    },
    smtp::Severity,
};

const EXCHANGE: Option<Service> = Some(Service::Exchange);
const GMAIL: Option<Service> = Some(Service::Gmail);
const ANYBODY: Option<Service> = None;

const OPENING: &[Step] = &[Step::Greeting, Step::Ehlo, Step::StartTls, Step::Auth];
const AUTH: &[Step] = &[Step::Auth];
const MAIL: &[Step] = &[Step::Mail];
const RCPT: &[Step] = &[Step::Rcpt];
const SENDING: &[Step] = &[Step::Mail, Step::Rcpt, Step::Data, Step::Content];
const BEFORE_CONTENT: &[Step] = &[Step::Mail, Step::Rcpt, Step::Data];
const SENDING_BUT_RCPT: &[Step] = &[Step::Mail, Step::Data, Step::Content];
const CONTENT: &[Step] = &[Step::Content];
const FROM_DATA: &[Step] = &[Step::Data, Step::Content];
const ALL: &[Step] = &[
    Step::Greeting,
    Step::Ehlo,
    Step::StartTls,
    Step::Auth,
    Step::Mail,
    Step::Rcpt,
    Step::Data,
    Step::Content,
];

const TRANSIENT: Codes = Codes::Any(Severity::TransientNegativeCompletion);
const PERMANENT: Codes = Codes::Any(Severity::PermanentNegativeCompletion);
const DONE: Codes = Codes::Any(Severity::PositiveCompletion);
const GO_ON: Codes = Codes::Any(Severity::PositiveIntermediate);

// What several rules of one name advise.
const EXCHANGE_DAY: &str = "the mailbox has reached the 10,000 recipients that Exchange allows in 24 hours; its mail is kept and goes on as the window moves";
const SEND_AS: &str = "the mailbox may not send as this address; give it the right with `Add-RecipientPermission <address> -Trustee <mailbox> -AccessRights SendAs`, or take the address out of `aliases`";
const BLOCKED_SEND_AS: &str = "Exchange has blocked the mailbox after many messages from addresses it may not send as; grant SendAs with `Add-RecipientPermission` or take the address out of `aliases`, then wait: every try makes the block longer";
const COMMAND_UNKNOWN: &str = "the server does not know the command that content goes by, though it has to; where it offers CHUNKING and refuses BDAT, a firewall or a gateway on the way rewrites one of them: have it pass SMTP as it is, or check smtp_host";
const GMAIL_DAY: &str = "the account has reached its limit of messages or recipients in a day (2,000 for Workspace, 500 for Gmail); its mail is kept, and Google lifts the limit within 24 hours";
const WEB_LOGIN: &str = "Google wants a sign-in in the browser or took this for a password; sign in to the account once, check that the token's scope is https://mail.google.com/, and that the Workspace administrator trusts the application under Security, API controls, App access control";

/// Every rule, in the order in which they are asked.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    // A success where it makes no sense, such as 250 to DATA: not a word about acceptance.
    rule("nonsense_behind_content", ANYBODY, CONTENT, DONE, Status::Any, InDoubt)
        .cause(Cause::ProtocolError),
    rule("nonsense_behind_content", ANYBODY, CONTENT, GO_ON, Status::Any, InDoubt)
        .cause(Cause::ProtocolError),
    rule("nonsense", ANYBODY, BEFORE_CONTENT, DONE, Status::Any, Later).cause(Cause::ProtocolError),
    rule("nonsense", ANYBODY, BEFORE_CONTENT, GO_ON, Status::Any, Later).cause(Cause::ProtocolError),
    rule("nonsense_at_opening", ANYBODY, OPENING, DONE, Status::Any, Mailbox(Transient)),
    rule("nonsense_at_opening", ANYBODY, OPENING, GO_ON, Status::Any, Mailbox(Transient)),
    // SMTP AUTH is switched off. Which switch, only the text says.
    rule("exchange_smtp_auth_off_tenant", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 139), Mailbox(Configuration))
        .text("disabled for the tenant")
        .cause(Cause::SmtpAuthDisabled)
        .advice("SMTP AUTH is switched off for the whole organisation; an administrator switches it on with `Set-TransportConfig -SmtpClientAuthenticationDisabled $false`, or for this mailbox alone with `Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false`"),
    rule("exchange_smtp_auth_off_mailbox", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 139), Mailbox(Configuration))
        .text("disabled for the mailbox")
        .cause(Cause::SmtpAuthDisabled)
        .advice("SMTP AUTH is switched off for this mailbox; an administrator switches it on with `Set-CASMailbox -Identity <mailbox> -SmtpClientAuthenticationDisabled $false`, or in the admin center under the user's Mail, Manage email apps, Authenticated SMTP"),
    rule("exchange_basic_auth_off", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 139), Mailbox(Configuration))
        .text("basic authentication is disabled")
        .cause(Cause::SmtpAuthDisabled)
        .advice("the server took this for a sign-in with a password; check that smtp_host is smtp.office365.com or smtp-mail.outlook.com and that the token's scope is https://outlook.office.com/SMTP.Send; Outlook.com: switch on \"Let devices and apps use POP\" under Settings, Mail, Forwarding and IMAP"),
    rule("exchange_security_defaults", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 139), Mailbox(Configuration))
        .text("security defaults")
        .cause(Cause::SmtpAuthDisabled)
        .advice("the security defaults of Entra are on, which forbid SMTP AUTH whatever Exchange's own switches say; an administrator switches them off in the Entra admin center under Overview, Properties, Manage security defaults, and puts Conditional Access policies in their place"),
    rule("exchange_wrong_account", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 139), Mailbox(Configuration))
        .text("credentials were incorrect")
        .advice("the token is not one for this mailbox; check that the account that signed in is the mailbox in `address`, or has Full Access to it"),
    rule("exchange_policy", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 139), Mailbox(Configuration))
        .text("did not meet the criteria")
        .advice("a Conditional Access policy or the security defaults of Entra forbid this sign-in; the sign-in logs of Entra name the policy, and an administrator excludes the account or the application from it under Conditional Access"),
    rule("exchange_smtp_auth_off", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 139), Mailbox(Configuration))
        .cause(Cause::SmtpAuthDisabled)
        .advice("SMTP AUTH is not open to this mailbox; check `Get-TransportConfig` and `Get-CASMailbox` for SmtpClientAuthenticationDisabled, and whether security defaults are on in Entra, which switch it off"),
    rule("exchange_token_refused", EXCHANGE, AUTH, Of(&[535]), Status::Is(7, 3), Mailbox(Authentication))
        .advice("Exchange refused a fresh token; check that the scope is https://outlook.office.com/SMTP.Send (for an application https://outlook.office365.com/.default, with New-ServicePrincipal run with the object id of the enterprise application, and Add-MailboxPermission), that the account may open the mailbox in `address`, and that SMTP AUTH is on for it; Outlook.com: switch on \"Let devices and apps use POP\" under Settings, Mail, Forwarding and IMAP"),
    rule("exchange_basic_auth_retired", EXCHANGE, ALL, Of(&[550]), Status::Is(7, 30), Mailbox(Configuration))
        .cause(Cause::SmtpAuthDisabled)
        .advice("the server took this for a sign-in with a password, which Exchange Online no longer takes; check that smtp_host is smtp.office365.com and that the token's scope is https://outlook.office.com/SMTP.Send"),
    rule("exchange_concurrency", EXCHANGE, ALL, Of(&[432]), Status::Is(3, 2), Mailbox(Transient))
        .cause(Cause::Throttled)
        .advice("more connections are open to this mailbox than the 3 that Exchange allows; this Worker uses one, so see what else sends through the mailbox"),
    rule("exchange_rate", EXCHANGE, ALL, Of(&[421, 451]), Status::Is(4, 2), Mailbox(Transient))
        .text("submission rate")
        .cause(Cause::Throttled)
        .advice("the mailbox sends more than the 30 messages a minute that Exchange allows; sending goes on by itself, see what else sends through the mailbox if this lasts"),
    rule("exchange_busy", EXCHANGE, ALL, Of(&[421, 451]), Status::Is(7, 500), Mailbox(Transient))
        .cause(Cause::Throttled)
        .advice("Exchange is too busy for us; sending goes on by itself"),
    rule("exchange_tls_version", EXCHANGE, ALL, Of(&[421, 451]), Status::Is(7, 66), Mailbox(Transient))
        .advice("the server says that it wants TLS 1.2 or later, which is what the platform speaks; if this lasts something stands between, so check smtp_host"),
    // 5xx, and yet it passes: the day's quota.
    rule("exchange_day_quota", EXCHANGE, SENDING, Of(&[550, 554]), Status::Is(2, 0), Quota)
        .text("submissionquotaexceeded")
        .cause(Cause::QuotaExceeded)
        .advice(EXCHANGE_DAY),
    rule("exchange_day_quota", EXCHANGE, SENDING, Of(&[550, 554]), Status::Is(1, 90), Quota)
        .cause(Cause::QuotaExceeded)
        .advice(EXCHANGE_DAY),
    rule("exchange_tenant_quota", EXCHANGE, SENDING, Of(&[550, 554]), Status::Is(7, 233), Quota)
        .cause(Cause::QuotaExceeded)
        .advice("the organisation has reached its limit of external recipients in 24 hours, which grows with its licences; mail is kept and goes on as the window moves"),
    rule("gmail_day_quota", GMAIL, SENDING, Of(&[550]), Status::Is(4, 5), Quota)
        .cause(Cause::QuotaExceeded)
        .advice(GMAIL_DAY),
    rule("gmail_day_quota", GMAIL, SENDING, Of(&[550]), Status::Is(7, 1), Quota)
        .text("quota exceeded")
        .cause(Cause::QuotaExceeded)
        .advice(GMAIL_DAY),
    rule("gmail_day_quota", GMAIL, SENDING, Of(&[550]), Status::Is(7, 1), Quota)
        .text("relay limit exceeded")
        .cause(Cause::QuotaExceeded)
        .advice(GMAIL_DAY),
    rule("exchange_send_as_denied", EXCHANGE, SENDING, Of(&[550, 554]), Status::Is(2, 0), Never)
        .text("sendasdenied")
        .cause(Cause::SenderRefused)
        .advice(SEND_AS),
    rule("exchange_send_as_denied", EXCHANGE, SENDING, Of(&[550, 554]), Status::Is(7, 60), Never)
        .cause(Cause::SenderRefused)
        .advice(SEND_AS),
    // The block of many such refusals, in whatever words it names them.
    rule("exchange_blocked_send_as", EXCHANGE, ALL, PERMANENT, Status::Is(2, 252), Mailbox(Blocked))
        .text("throttled")
        .cause(Cause::MailboxBlocked)
        .advice(BLOCKED_SEND_AS),
    // The same number for one message that is refused.
    rule("exchange_send_as_denied", EXCHANGE, SENDING, Of(&[550, 554]), Status::Is(2, 252), Never)
        .text("sendasdenied")
        .cause(Cause::SenderRefused)
        .advice(SEND_AS),
    // The mailbox that sends: every message would meet it, and many tries lead to the block below.
    // At RCPT it is one that is written to.
    rule("exchange_full", EXCHANGE, SENDING_BUT_RCPT, PERMANENT, Status::Is(2, 2), Mailbox(Blocked))
        .text("mailbox full")
        .cause(Cause::MailboxBlocked)
        .advice("the mailbox is full, and Exchange takes nothing from a full one; make room in it, Sent Items first, or raise its quota with `Set-Mailbox -ProhibitSendQuota`, and let a retention policy empty Sent Items"),
    // Continuous-error throttling: every further try makes the block longer.
    rule("exchange_blocked_full", EXCHANGE, ALL, PERMANENT, Status::Is(2, 251), Mailbox(Blocked))
        .cause(Cause::MailboxBlocked)
        .advice("Exchange has blocked the mailbox after many failures because it is full; make room in it or raise its quota with `Set-Mailbox -ProhibitSendQuota`, then wait: every try makes the block longer"),
    rule("exchange_blocked_send_as", EXCHANGE, ALL, PERMANENT, Status::Is(2, 252), Mailbox(Blocked))
        .cause(Cause::MailboxBlocked)
        .advice(BLOCKED_SEND_AS),
    rule("exchange_blocked_license", EXCHANGE, ALL, PERMANENT, Status::Is(2, 253), Mailbox(Blocked))
        .cause(Cause::MailboxBlocked)
        .advice("Exchange has blocked the mailbox because its licence is not valid; assign one in the admin center under Users, Licenses and apps, then wait: every try makes the block longer"),
    rule("exchange_blocked_recipients", EXCHANGE, ALL, PERMANENT, Status::Range(2, 254, 255), Mailbox(Blocked))
        .cause(Cause::MailboxBlocked)
        .advice("Exchange has blocked the mailbox after many messages with too many or with invalid recipients; find in its stories or in Exchange's message trace what sends them and stop that, then wait: every try makes the block longer"),
    rule("exchange_bad_sender", EXCHANGE, ALL, PERMANENT, Status::Is(1, 8), Mailbox(Blocked))
        .cause(Cause::MailboxBlocked)
        .advice("the account is blocked from sending as a suspected source of spam; an administrator secures it and lifts the block under Restricted entities in the Microsoft Defender portal; Outlook.com: sign in and verify the account"),
    rule("exchange_tenant_blocked", EXCHANGE, ALL, PERMANENT, Status::Is(7, 705), Mailbox(Blocked))
        .cause(Cause::MailboxBlocked)
        .advice("Exchange has blocked the whole organisation as a suspected source of spam, or its subscription has expired; an administrator secures the accounts under Restricted entities in the Microsoft Defender portal and has Microsoft's support lift the block"),
    // Gmail.
    rule("gmail_wants_web_login", GMAIL, AUTH, Of(&[534]), Status::Is(7, 9), Mailbox(Configuration))
        .advice(WEB_LOGIN),
    rule("gmail_wants_web_login", GMAIL, AUTH, Of(&[534]), Status::Is(7, 14), Mailbox(Configuration))
        .advice(WEB_LOGIN),
    rule("gmail_token_refused", GMAIL, AUTH, Of(&[535]), Status::Is(7, 8), Mailbox(Authentication))
        .advice("a fresh token was refused; check that the scope is https://mail.google.com/ (gmail.send is not enough for SMTP), that `address` is the account that signed in, and connect the mailbox again if the grant was revoked; an application in publishing status Testing loses its grants after 7 days"),
    rule("gmail_pipelining_after_starttls", GMAIL, &[Step::StartTls], Of(&[454]), Status::Is(5, 0), Mailbox(Transient))
        .cause(Cause::ProtocolError)
        .advice("the server saw octets behind STARTTLS that we do not write; something on the way adds to the connection, or this is a fault of ours: report it"),
    rule("gmail_syntax_at_mail", GMAIL, MAIL, Of(&[555]), Status::Is(5, 2), Mailbox(Configuration))
        .advice("the server did not understand a command; with a Google service account this is how it says that the token's subject is not the mailbox in `address`"),
    // AUTH, at any server: RFC 4954 §6.
    rule("token_refused", ANYBODY, AUTH, Of(&[535]), Status::Any, Mailbox(Authentication)),
    rule("auth_line_too_long", ANYBODY, AUTH, Of(&[500]), Status::Any, Mailbox(Configuration))
        .advice("the server does not take a line as long as the token; the grant is sound, so do not connect the mailbox again: ask the provider for shorter tokens (fewer claims or groups) or for a server with longer lines"),
    rule("auth_busy", ANYBODY, AUTH, Of(&[454]), Status::Any, Mailbox(Transient))
        .advice("the server cannot check tokens just now, or has seen too many sign-ins; the token is kept and tried again"),
    rule("auth_password_transition", ANYBODY, AUTH, Of(&[432]), Status::Is(7, 12), Mailbox(Configuration))
        .advice("the server wants the account to sign in with its password once (RFC 4954 §6)"),
    rule("auth_too_weak", ANYBODY, AUTH, Of(&[534, 538]), Status::Any, Mailbox(Configuration))
        .advice("the server does not take this way of signing in for this account; allow OAuth 2.0 (XOAUTH2 or OAUTHBEARER) for it at the provider"),
    rule("auth_not_understood", ANYBODY, AUTH, Of(&[501, 502, 503, 504]), Status::Any, Mailbox(Configuration))
        .advice("the server offers the mechanism and does not take it; check that smtp_host is the provider's submission server"),
    rule("auth_required", ANYBODY, SENDING, Of(&[530]), Status::Any, Never)
        .advice("the server wants authentication or TLS for this after both were had; check that smtp_host is the provider's submission server"),
    // Size: RFC 1870 §6.1, §6.3. 552 without more is about size everywhere but behind RCPT; with more it
    // may be about anything: a virus, a policy, a full mailbox.
    rule("too_large", ANYBODY, SENDING_BUT_RCPT, Of(&[552]), Status::None, Never).cause(Cause::MessageTooLarge),
    rule("too_large", ANYBODY, SENDING, PERMANENT, Status::Is(3, 4), Never)
        .cause(Cause::MessageTooLarge),
    rule("too_large", ANYBODY, SENDING, PERMANENT, Status::Is(2, 3), Never)
        .cause(Cause::MessageTooLarge),
    // Too many recipients for one transaction: RFC 5321 §4.5.3.1.10, where 552 is to be read as 452.
    rule("too_many_recipients", ANYBODY, RCPT, Of(&[452, 552]), Status::Is(5, 3), FurtherTransaction),
    rule("too_many_recipients", ANYBODY, RCPT, Of(&[452, 552]), Status::None, FurtherTransaction),
    // RFC 3463 §3.3: that a mailbox is full should be said as trouble that passes; 552 says otherwise.
    rule("recipient_full", ANYBODY, SENDING, Of(&[452, 552]), Status::Is(2, 2), Later),
    // About the order of commands, or one that is not known: of the session, not of the message. 500 is
    // said of long lines of content too (aiosmtpd), so only with its enhanced code is it of the mailbox.
    rule("command_unknown_at_content", ANYBODY, CONTENT, Of(&[502]), Status::Any, Mailbox(Configuration))
        .cause(Cause::ProtocolError)
        .advice(COMMAND_UNKNOWN),
    rule("command_unknown_at_content", ANYBODY, CONTENT, Of(&[500]), Status::Is(5, 1), Mailbox(Configuration))
        .cause(Cause::ProtocolError)
        .advice(COMMAND_UNKNOWN),
    rule("out_of_step", ANYBODY, FROM_DATA, Of(&[500, 502, 503]), Status::Any, Later)
        .cause(Cause::ProtocolError),
    // What is left: by the first digit (RFC 5321 §4.2.1).
    rule("later_at_opening", ANYBODY, OPENING, TRANSIENT, Status::Any, Mailbox(Transient)),
    rule("refused_at_opening", ANYBODY, OPENING, PERMANENT, Status::Any, Mailbox(Configuration)),
    // The server is closing (RFC 5321 §3.8), and has seen nothing of the message but its sender.
    rule("closing", ANYBODY, MAIL, Of(&[421]), Status::Any, Mailbox(Transient)),
    rule("closing_behind_content", ANYBODY, CONTENT, Of(&[421]), Status::Any, InDoubt),
    rule("later", ANYBODY, SENDING, TRANSIENT, Status::Any, Later),
    rule("never", ANYBODY, SENDING, PERMANENT, Status::Any, Never),
];

const fn rule(
    name: &'static str,
    whose: Option<Service>,
    steps: &'static [Step],
    codes: Codes,
    status: Status,
    verdict: Verdict,
) -> Rule {
    Rule::new(name, whose, steps, codes, status, verdict)
}
