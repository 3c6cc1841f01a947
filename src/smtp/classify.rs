//! What a refusal means: one place, from (step, code, enhanced code) to an outcome.

use super::{Reply, Severity};
use crate::outcome::{Cause, Failure, Outcome, Trouble};

/// The step of a session that a reply answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The server's first words.
    Greeting,
    /// EHLO, before or after TLS.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// AUTH, or a response to its challenge.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The end of content.
    Content,
}

/// A refusal of one of the steps that make a connection usable. It concerns the mailbox and
/// never a message: mail waits until the mailbox works again.
pub(super) fn connection_refused(step: Step, reply: &Reply) -> Failure {
    let permanent = reply.code.severity() == Severity::PermanentNegativeCompletion;
    let cause = match step {
        Step::Greeting => Cause::GreetingRefused,
        Step::StartTls => Cause::StarttlsRefused,
        Step::Auth => Cause::AuthRefused,
        _ => Cause::EhloRefused,
    };
    let trouble = match step {
        _ if !permanent => Trouble::Transient,
        Step::Auth if token_refused(reply) => Trouble::Authentication,
        _ => Trouble::Configuration,
    };
    Failure::of_mailbox(cause, trouble).answered(reply.answer())
}

/// Whether the refusal is of the token, so that a fresh one may be taken: 535 (RFC 4954 §6),
/// unless Exchange says by 5.7.139 that a switch is off, which no token turns on.
fn token_refused(reply: &Reply) -> bool {
    let switched_off = reply
        .enhanced()
        .is_some_and(|code| (code.subject, code.detail) == (7, 139));
    reply.code.value() == 535 && !switched_off
}

/// Whether the provider has blocked the mailbox: 5.1.8, and Exchange's 5.2.251 to 5.2.255
/// (learn.microsoft.com/exchange/troubleshoot/email-delivery/continuous-error-throttling-smtp-auth-submissions).
fn blocked(reply: &Reply) -> bool {
    let permanent = reply.code.severity() == Severity::PermanentNegativeCompletion;
    let code = reply.enhanced().map(|code| (code.subject, code.detail));
    permanent && matches!(code, Some((1, 8) | (2, 251..=255)))
}

/// A refusal of one of the steps of a transaction.
pub(super) fn refused(step: Step, reply: &Reply) -> Outcome {
    let cause = match step {
        Step::Mail => Cause::SenderRefused,
        Step::Rcpt => Cause::RecipientsRefused,
        Step::Data => Cause::DataRefused,
        _ => Cause::ContentRefused,
    };
    let failure = match step {
        _ if blocked(reply) => Failure::of_mailbox(cause, Trouble::Blocked),
        // RFC 1870 §6.1, §6.3: 552 is about size everywhere but behind RCPT.
        Step::Mail | Step::Content if reply.code.value() == 552 => {
            Failure::of_message(Cause::MessageTooLarge)
        }
        _ => Failure::of_message(cause),
    };
    let failure = failure.answered(reply.answer());
    let too_many_recipients = step == Step::Rcpt && reply.code.value() == 552;
    match reply.code.severity() {
        // A mailbox that is blocked keeps its mail.
        _ if blocked(reply) => Outcome::Deferred(failure),
        // RFC 5321 §4.5.3.1.10: some servers say 552 where they mean 452.
        _ if too_many_recipients => Outcome::Deferred(failure),
        // RFC 5321 §3.8: the server is closing. Behind the end of content nobody can tell
        // whether it still took the message.
        _ if reply.code.value() == 421 && step == Step::Content => Outcome::InDoubt(failure),
        Severity::PermanentNegativeCompletion => Outcome::Rejected(failure),
        Severity::TransientNegativeCompletion => Outcome::Deferred(failure),
        // A success where it makes no sense, such as 250 to DATA: not a word about acceptance.
        Severity::PositiveCompletion | Severity::PositiveIntermediate => {
            let failure = Failure::of_message(Cause::ProtocolError).answered(reply.answer());
            match step {
                Step::Content => Outcome::InDoubt(failure),
                _ => Outcome::Deferred(failure),
            }
        }
    }
}
