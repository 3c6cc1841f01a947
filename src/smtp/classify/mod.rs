//! What a refusal means: one table, from (whose server, step, code, enhanced code, and text where a
//! provider leaves no other sign) to an outcome, what ails the mailbox, and advice.
//!
//! The table is data ([`RULES`]), so that `docs/smtp.md` is written from it, and every rule has the
//! replies it was made for beside it ([`EVIDENCE`]). The first rule that matches counts; the last
//! ones match everything.

mod evidence;
pub(super) mod loss;
mod rule;
mod rules;
mod service;

pub use evidence::{EVIDENCE, Evidence, Source, elsewhere};
pub use loss::{LOSSES, Loss, connect_failed};
pub use rule::{Codes, Rule, Status, Verdict};
pub use rules::RULES;
pub use service::Service;

use super::Reply;
use crate::{
    limits::QUOTA_WAIT,
    outcome::{Cause, Failure, Finding, Outcome, Reach, Trouble},
};

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
    /// The end of content, or `BDAT`.
    Content,
}

impl Step {
    /// What it is called when it is refused and nothing more is known.
    fn refused(self) -> Cause {
        match self {
            Self::Greeting => Cause::GreetingRefused,
            Self::Ehlo => Cause::EhloRefused,
            Self::StartTls => Cause::StarttlsRefused,
            Self::Auth => Cause::AuthRefused,
            Self::Mail => Cause::SenderRefused,
            Self::Rcpt => Cause::RecipientsRefused,
            Self::Data => Cause::DataRefused,
            Self::Content => Cause::ContentRefused,
        }
    }
}

/// What a refusal comes to.
pub(super) struct Judgement {
    pub(super) outcome: Outcome,
    /// The recipient may be named again in a further transaction of this attempt.
    pub(super) further_transaction: bool,
    /// It is of the mailbox, so whoever is named next would meet the same: nobody is to get the
    /// content, whichever recipient it was that showed it.
    pub(super) for_all: bool,
}

/// The advice that goes with what was recognised in an answer.
pub fn advice_of(finding: &Finding) -> Option<&'static str> {
    let rules = RULES.iter().map(|rule| (rule.name, rule.advice));
    let losses = LOSSES.iter().map(|loss| (loss.name, Some(loss.advice)));
    rules
        .chain(losses)
        .find(|(name, _)| *name == finding.name())
        .and_then(|(_, advice)| advice)
}

/// The rule for a reply. There is one for every reply to every step.
fn rule_for(service: Option<Service>, step: Step, reply: &Reply) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.matches(service, step, reply))
}

/// A refusal of one of the steps that make a connection usable. It concerns the mailbox and
/// never a message: mail waits until the mailbox works again.
pub(super) fn connection_refused(service: Option<Service>, step: Step, reply: &Reply) -> Failure {
    let (failure, _) = judge(service, step, reply);
    match failure.reach {
        Reach::Mailbox(_) => failure,
        // No rule says so of a step of the opening; the tests hold it.
        Reach::Message => Failure {
            reach: Reach::Mailbox(Trouble::Configuration),
            ..failure
        },
    }
}

/// A server that says that it closes, though it was asked for nothing. Its reason counts where it is
/// one that is known.
pub(super) fn closing_unasked(service: Option<Service>, reply: &Reply) -> Failure {
    let failure = connection_refused(service, Step::Greeting, reply);
    match failure.cause {
        Cause::GreetingRefused => Failure {
            cause: Cause::ConnectionLost,
            ..failure
        },
        _ => failure,
    }
}

/// A refusal of one of the steps of a transaction.
pub(super) fn refused(service: Option<Service>, step: Step, reply: &Reply) -> Judgement {
    let (failure, verdict) = judge(service, step, reply);
    let outcome = match verdict {
        // RFC 5321 §3.8: the server is closing. Behind the end of content nobody can tell whether it
        // still took the message, whatever reason it gives.
        _ if step == Step::Content && reply.is_closing() => Outcome::InDoubt(failure),
        Verdict::Never => Outcome::Rejected(failure),
        Verdict::InDoubt => Outcome::InDoubt(failure),
        Verdict::Later | Verdict::FurtherTransaction | Verdict::Mailbox(_) | Verdict::Quota => {
            Outcome::Deferred(failure)
        }
    };
    Judgement {
        for_all: outcome.failure().is_some_and(|f| f.reach != Reach::Message),
        outcome,
        further_transaction: verdict == Verdict::FurtherTransaction,
    }
}

fn judge(service: Option<Service>, step: Step, reply: &Reply) -> (Failure, Verdict) {
    let rule = rule_for(service, step, reply);
    let verdict = rule.map_or(Verdict::Later, |rule| rule.verdict);
    let cause = rule
        .and_then(|rule| rule.cause)
        .unwrap_or_else(|| step.refused());
    let failure = match verdict {
        Verdict::Mailbox(trouble) => Failure::of_mailbox(cause, trouble),
        Verdict::Quota => Failure {
            retry_after: Some(QUOTA_WAIT),
            ..Failure::of_mailbox(cause, Trouble::Transient)
        },
        Verdict::Later | Verdict::Never | Verdict::FurtherTransaction | Verdict::InDoubt => {
            Failure::of_message(cause)
        }
    };
    let finding = rule
        .filter(|rule| rule.advice.is_some())
        .map(|rule| Finding::named(rule.name));
    let failure = Failure { finding, ..failure };
    (failure.answered(reply.answer()), verdict)
}

#[cfg(test)]
mod tests;
