//! What became of an attempt to hand a message over, and who has to do what next.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::limits::ANSWER_CHARS;

/// What became of an attempt, for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took responsibility for the message (RFC 5321 §6.1).
    Accepted(Answer),
    /// It did not, and trying later may help.
    Deferred(Failure),
    /// It did not, and never will for this message.
    Rejected(Failure),
    /// It may have: the content was handed over and the answer was lost.
    InDoubt(Failure),
}

impl Outcome {
    /// Why it is not acceptance.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Accepted(_) => None,
            Self::Deferred(failure) | Self::Rejected(failure) | Self::InDoubt(failure) => {
                Some(failure)
            }
        }
    }
}

/// Why an attempt did not end in acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub cause: Cause,
    /// Whether it concerns this message or everything sent through the mailbox.
    pub reach: Reach,
    /// The provider's own words, if it had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// The provider asked to be left alone this long, already clamped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// What was recognised in the answer, which has better advice than the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

impl Failure {
    /// A failure that concerns this message only.
    pub fn of_message(cause: Cause) -> Self {
        Self {
            cause,
            reach: Reach::Message,
            answer: None,
            retry_after: None,
            finding: None,
        }
    }

    /// A failure that every message of the mailbox would meet.
    pub fn of_mailbox(cause: Cause, trouble: Trouble) -> Self {
        Self {
            cause,
            reach: Reach::Mailbox(trouble),
            answer: None,
            retry_after: None,
            finding: None,
        }
    }

    /// The same failure with the provider's words.
    #[must_use]
    pub fn answered(self, answer: Answer) -> Self {
        Self {
            answer: Some(answer),
            ..self
        }
    }
}

/// The name of what was recognised in a provider's answer, such as `exchange_smtp_auth_off_tenant`.
///
/// Stored in stories in place of its advice, so that the advice can get better. A name that a
/// version does not know is kept and has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Finding(Cow<'static, str>);

impl Finding {
    /// A finding by its name.
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name. Stable.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// How far a failure reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Only this message; others may go on.
    Message,
    /// Everything sent through this mailbox: the next message would meet the same.
    Mailbox(Trouble),
}

/// What ails a mailbox, which decides how soon it is probed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Likely to pass by itself.
    Transient,
    /// The provider refuses our token: a person may have to connect the mailbox again.
    Authentication,
    /// A setting, here or at the provider, has to change.
    Configuration,
    /// The provider blocked the mailbox; every further try makes it worse.
    Blocked,
}

/// What went wrong, named for the step that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "`advice` says of each what it means and what to do"
)]
pub enum Cause {
    ConnectFailed,
    GreetingRefused,
    EhloRefused,
    TlsNotOffered,
    StarttlsRefused,
    DataBeforeTls,
    TlsFailed,
    AuthNotOffered,
    AuthRefused,
    SmtpAuthDisabled,
    Throttled,
    QuotaExceeded,
    MailboxBlocked,
    ReauthorisationRequired,
    TokenUnavailable,
    TokenMisconfigured,
    Misconfigured,
    SenderRefused,
    RecipientsRefused,
    DataRefused,
    ContentRefused,
    MessageTooLarge,
    EightBitNotOffered,
    SmtpUtf8NotOffered,
    ContentUnfit,
    ContentUnreadable,
    ConnectionLost,
    TimedOut,
    ProtocolError,
    AnswerLost,
    RestartedWhileSending,
    Stopped,
}

/// Who can put it right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// Whoever handed the message in.
    Caller,
    /// Whoever runs this Worker.
    Operator,
    /// The mail or identity provider, or the network on the way to it.
    Provider,
    /// This software.
    Us,
}

impl Cause {
    /// Who can put it right.
    pub fn blame(self) -> Blame {
        match self {
            Self::RecipientsRefused
            | Self::ContentRefused
            | Self::MessageTooLarge
            | Self::EightBitNotOffered
            | Self::SmtpUtf8NotOffered => Blame::Caller,
            Self::AuthRefused
            | Self::SmtpAuthDisabled
            | Self::QuotaExceeded
            | Self::MailboxBlocked
            | Self::ReauthorisationRequired
            | Self::TokenMisconfigured
            | Self::Misconfigured
            | Self::SenderRefused
            | Self::Stopped => Blame::Operator,
            Self::RestartedWhileSending | Self::ContentUnfit | Self::ContentUnreadable => Blame::Us,
            Self::Throttled
            | Self::ConnectFailed
            | Self::GreetingRefused
            | Self::EhloRefused
            | Self::TlsNotOffered
            | Self::StarttlsRefused
            | Self::DataBeforeTls
            | Self::TlsFailed
            | Self::AuthNotOffered
            | Self::TokenUnavailable
            | Self::DataRefused
            | Self::ConnectionLost
            | Self::TimedOut
            | Self::ProtocolError
            | Self::AnswerLost => Blame::Provider,
        }
    }

    /// One sentence: what happened and what to do next.
    pub fn advice(self) -> &'static str {
        match self {
            Self::ConnectFailed => {
                "no connection to the mail server; check smtp_host and smtp_port if this lasts"
            }
            Self::GreetingRefused => "the mail server refused the connection in its greeting",
            Self::EhloRefused => {
                "the mail server does not speak ESMTP, so TLS cannot be had from it"
            }
            Self::TlsNotOffered => {
                "the mail server does not offer STARTTLS; nothing is ever sent without TLS"
            }
            Self::StarttlsRefused => "the mail server refused to start TLS",
            Self::DataBeforeTls => {
                "plaintext followed the server's consent to TLS, as in an injection attack; the connection was dropped"
            }
            Self::TlsFailed => {
                "the TLS handshake failed; check that smtp_host is the name in the server's certificate, that it has not expired, and who issued it"
            }
            Self::AuthNotOffered => {
                "the mail server offers neither XOAUTH2 nor OAUTHBEARER after TLS; check that smtp_host is the provider's submission server, and that the provider allows OAuth there"
            }
            Self::AuthRefused => {
                "the mail server refused a fresh access token; check that the account may send by SMTP and that the token's scope covers it"
            }
            Self::SmtpAuthDisabled => {
                "the provider has SMTP AUTH switched off for this mailbox; a fresh token does not help, switch it on"
            }
            Self::Throttled => {
                "the provider asks for fewer messages or connections at a time; sending goes on by itself"
            }
            Self::QuotaExceeded => {
                "the mailbox has sent all that the provider allows in a day; its mail is kept and goes on as the provider's window moves, within 24 hours"
            }
            Self::MailboxBlocked => {
                "the provider has blocked this mailbox from sending; its mail is kept, and a person has to have the block lifted"
            }
            Self::ReauthorisationRequired => {
                "the mailbox's grant is no longer valid; connect the mailbox again"
            }
            Self::TokenUnavailable => "the token endpoint gave no token; it will be asked again",
            Self::TokenMisconfigured => {
                "the token endpoint refused the client; check client_id, client_secret and scope"
            }
            Self::Misconfigured => {
                "the mailbox's configuration has a fault; run the configuration check"
            }
            Self::SenderRefused => {
                "the provider does not let this mailbox send as this address; check address and the provider's send-as permission"
            }
            Self::RecipientsRefused => "the provider refused the recipient",
            Self::DataRefused => "the provider refused to take the content",
            Self::ContentRefused => "the provider refused the message after reading it",
            Self::MessageTooLarge => "the message is larger than the provider takes",
            Self::EightBitNotOffered => {
                "the message has octets above 127 and the mail server does not offer 8BITMIME (RFC 6152)"
            }
            Self::SmtpUtf8NotOffered => {
                "the message has an address or a header beyond ASCII and the mail server does not offer SMTPUTF8 (RFC 6531)"
            }
            Self::ContentUnfit => {
                "the message as it is kept has a NUL, a stray CR or LF, an undeclared octet above 127 or a line of more than 998 octets, and none of it is ever sent; report this"
            }
            Self::ContentUnreadable => {
                "the message's content could not be read whole from storage, so it was not handed over"
            }
            Self::ConnectionLost => "the connection was lost before the message was handed over",
            Self::TimedOut => "the mail server did not answer in time",
            Self::ProtocolError => "the mail server's answer was not SMTP",
            Self::AnswerLost => {
                "the message was handed over and the answer was lost; it may or may not have been accepted"
            }
            Self::RestartedWhileSending => {
                "the Worker was restarted while the message was being handed over; it may or may not have been accepted"
            }
            Self::Stopped => {
                "an operator has stopped or disconnected the mailbox; what waits is kept, nothing is handed over, and it goes on when the mailbox is started or connected again"
            }
        }
    }
}

/// The name used in stories and metrics, such as `tls_failed`. Stable.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A provider's own words: printable, on one line, at most [`ANSWER_CHARS`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answer(String);

impl Answer {
    /// Takes what a provider said, escaping what cannot be printed and cutting what is too long.
    pub fn new(text: &str) -> Self {
        let mut kept = String::new();
        let mut left = ANSWER_CHARS;
        for c in text.chars() {
            // An escaped character is several, and must not stand cut in half at the end.
            let escaped: String = if c.is_control() {
                c.escape_default().collect()
            } else {
                c.to_string()
            };
            let cost = escaped.chars().count();
            if cost > left {
                break;
            }
            left = left.saturating_sub(cost);
            kept.push_str(&escaped);
        }
        Self(kept)
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_named_in_snake_case() {
        assert_eq!(Cause::TlsNotOffered.to_string(), "tls_not_offered");
    }

    #[test]
    fn answers_are_printable_and_short() {
        let answer = Answer::new(&format!("550 no\r\n\u{1b}[31m{}", "x".repeat(1000)));
        assert!(answer.as_str().starts_with("550 no\\r\\n\\u{1b}[31mxx"));
        assert_eq!(answer.as_str().chars().count(), ANSWER_CHARS);
    }
}
