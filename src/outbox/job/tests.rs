use std::time::Duration;

use super::*;
use crate::{
    mail::{Coding, PartNumber},
    outbox::OutboxTag,
    outcome::Trouble,
};

const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);

fn job(recipients: usize) -> Job {
    let sender: EmailAddress = "sales@shop.test".parse().unwrap();
    let envelope = Envelope {
        reverse_path: sender.clone(),
        forward_paths: (0..recipients)
            .map(|n| format!("r{n}@x.test").parse().unwrap())
            .collect(),
    };
    let id = EmailId::new(NOW, 1, OutboxTag::of("sales"));
    let message_id = MessageId::new(2, &sender);
    Job::accepted(
        id,
        Source("form/contact".into()),
        envelope,
        message_id,
        5,
        NOW,
    )
    .0
}

fn accepted() -> Outcome {
    Outcome::Accepted(Answer::new("250 2.0.0 Ok"))
}

fn deferred() -> Outcome {
    Outcome::Deferred(Failure::of_message(Cause::RecipientsRefused))
}

fn rejected() -> Outcome {
    Outcome::Rejected(Failure::of_message(Cause::RecipientsRefused))
}

fn in_doubt() -> Outcome {
    Outcome::InDoubt(Failure::of_message(Cause::AnswerLost))
}

fn later(seconds: u64) -> UnixMillis {
    NOW.after(Duration::from_secs(seconds))
}

#[test]
fn accepted_by_all_is_sent_and_stays_sent() {
    let mut job = job(2);
    assert_eq!((job.state, job.due_at), (State::Queued, Some(NOW)));
    let event = job.lease(NOW).unwrap();
    assert_eq!(
        (event.state, event.attempt, job.due_at),
        (State::Sending, Some(1), None)
    );
    let event = job.conclude(&[accepted(), accepted()], NOW, 0).unwrap();
    assert_eq!((event.state, job.due_at), (State::Sent, None));
    assert_eq!(event.answer.unwrap().as_str(), "250 2.0.0 Ok");
    let settled = job.clone();
    let failure = Failure::of_mailbox(Cause::TlsFailed, Trouble::Transient);
    assert_eq!(job.lease(later(9999)), None);
    assert_eq!(job.conclude(&[in_doubt(), in_doubt()], NOW, 0), None);
    assert_eq!(job.postpone(&failure, later(9999)), None);
    assert_eq!(job.found_leased(NOW, 0), None);
    assert_eq!(job, settled);
}

#[test]
fn only_recipients_that_were_deferred_are_tried_again() {
    let mut job = job(3);
    job.lease(NOW).unwrap();
    let event = job
        .conclude(&[accepted(), deferred(), rejected()], NOW, 0)
        .unwrap();
    assert_eq!(
        (event.state, event.cause),
        (State::Deferred, Some(Cause::RecipientsRefused))
    );
    let due_at = job.due_at.unwrap();
    assert!(due_at > NOW);
    assert_eq!(job.lease(NOW), None);
    job.lease(due_at).unwrap();
    let again = job.leased_envelope();
    assert_eq!(again.forward_paths, ["r1@x.test".parse().unwrap()]);
    let event = job.conclude(&[accepted()], due_at, 0).unwrap();
    // One recipient never got it, so the whole is not `sent`.
    assert_eq!((event.state, job.due_at), (State::Failed, None));
}

#[test]
fn a_doubt_is_retried_once_not_before_five_minutes_and_a_second_one_stays() {
    let mut job = job(1);
    job.lease(NOW).unwrap();
    job.conclude(&[in_doubt()], NOW, 0).unwrap();
    assert_eq!((job.state, job.due_at), (State::InDoubt, Some(later(300))));
    assert_eq!(job.lease(later(299)), None);
    job.lease(later(300)).unwrap();
    job.conclude(&[in_doubt()], later(301), 0).unwrap();
    assert_eq!((job.state, job.due_at), (State::InDoubt, None));
    assert_eq!(job.lease(later(100_000)), None);
}

#[test]
fn a_doubt_beside_a_deferral_keeps_its_own_time_and_its_own_count() {
    let mut job = job(2);
    job.lease(NOW).unwrap();
    job.conclude(&[in_doubt(), deferred()], NOW, 0).unwrap();
    assert_eq!(job.state, State::Deferred);
    let first = job.due_at.unwrap();
    assert!(first < later(300));
    job.lease(first).unwrap();
    assert_eq!(
        job.leased_envelope().forward_paths,
        ["r1@x.test".parse().unwrap()]
    );
    job.conclude(&[accepted()], first, 0).unwrap();
    assert_eq!((job.state, job.due_at), (State::InDoubt, Some(later(300))));
}

#[test]
fn s8_those_left_for_a_further_transaction_stay_leased() {
    let mut job = job(4);
    job.lease(NOW).unwrap();
    let before = job.clone();
    assert_eq!(job.go_on(&[accepted()], &[], NOW, 0), None);
    assert_eq!(job, before);
    let outcomes = [accepted(), deferred(), rejected(), deferred()];
    let event = job.go_on(&outcomes, &[1, 3], NOW, 0).unwrap();
    assert_eq!(
        (event.state, event.cause, event.attempt, job.due_at),
        (
            State::Sending,
            Some(Cause::RecipientsRefused),
            Some(1),
            None
        )
    );
    let states = |job: &Job| job.recipients.iter().map(|to| to.state).collect::<Vec<_>>();
    let expected = [State::Sent, State::Sending, State::Failed, State::Sending];
    assert_eq!(states(&job), expected);
    let left = ["r1@x.test", "r3@x.test"].map(|to| to.parse().unwrap());
    assert_eq!(job.leased_envelope().forward_paths, left);
    // Whatever happens now is theirs alone.
    job.found_leased(NOW, 0).unwrap();
    let expected = [State::Sent, State::InDoubt, State::Failed, State::InDoubt];
    assert_eq!(states(&job), expected);
}

#[test]
fn a_lease_found_after_a_restart_is_a_doubt() {
    let mut job = job(1);
    job.lease(NOW).unwrap();
    let event = job.found_leased(NOW, 0).unwrap();
    assert_eq!(event.state, State::InDoubt);
    assert_eq!(event.cause, Some(Cause::RestartedWhileSending));
    assert_eq!(job.due_at, Some(later(300)));
}

#[test]
fn a_mailbox_that_is_down_postpones_and_counts_no_attempt() {
    let mut job = job(1);
    let failure = Failure::of_mailbox(Cause::TlsFailed, Trouble::Transient);
    let event = job.postpone(&failure, NOW).unwrap();
    assert_eq!((event.state, event.attempt), (State::Deferred, None));
    assert_eq!((job.attempts, job.due_at), (0, Some(NOW)));
}

#[test]
fn a_result_that_is_too_short_leaves_nobody_leased() {
    let mut job = job(2);
    job.lease(NOW).unwrap();
    job.conclude(&[accepted()], NOW, 0).unwrap();
    assert_eq!(job.recipients[1].state, State::InDoubt);
}

/// Pins the stored form: everything stored must be readable by the next version. A change here
/// needs a new version number and a migration.
#[test]
fn the_stored_form_is_pinned() {
    let mut job = job(1);
    job.lease(NOW).unwrap();
    job.conclude(&[in_doubt()], NOW, 0).unwrap();
    let stored = include_str!("../../../tests/fixtures/job-v1.json").trim_end();
    assert_eq!(job.to_stored(), stored);
    assert_eq!(Job::from_stored(stored), Ok(job));
    for v in ["\"v\":2", "\"v\":3"] {
        let other = stored.replace("\"v\":1", v);
        assert_eq!(Job::from_stored(&other), Err(UnreadableJob));
    }
    assert_eq!(Job::from_stored(""), Err(UnreadableJob));
}

/// What came to be since the first version keeps its number: a Worker of before does not know the
/// states, so it sets such a message aside, and can read it when it has been sent.
#[test]
fn the_stored_forms_of_a_message_that_waits_and_of_one_that_was_canceled_are_pinned() {
    let (scheduled, event) = job(1).scheduled(later(3600), NOW);
    let mut canceled = scheduled.clone();
    let last = canceled.cancel(later(60)).unwrap().unwrap();
    for (job, stored) in [
        (
            scheduled,
            include_str!("../../../tests/fixtures/job-scheduled.json"),
        ),
        (
            canceled,
            include_str!("../../../tests/fixtures/job-canceled.json"),
        ),
    ] {
        assert_eq!(job.to_stored(), stored.trim_end());
        assert_eq!(Job::from_stored(stored), Ok(job));
        let unknown = stored.replace("scheduled\"", "later\"");
        let unknown = unknown.replace("canceled\"", "later\"");
        assert_eq!(Job::from_stored(&unknown), Err(UnreadableJob));
    }
    let lines = [event, last].map(|event| serde_json::to_string(&event).unwrap());
    assert_eq!(
        lines,
        [
            r#"{"at":1795339800000,"state":"scheduled","scheduled_at":1795343400000}"#,
            r#"{"at":1795339860000,"state":"canceled"}"#
        ]
    );
}

/// The columns of the table in `job.rs` that are for the whole: from every state, for one recipient
/// beside every state of another.
#[test]
fn c2_only_what_is_with_nobody_is_rescheduled_or_canceled() {
    let all = [
        (State::Scheduled, true),
        (State::Queued, true),
        (State::Deferred, true),
        (State::Sending, false),
        (State::Sent, false),
        (State::Failed, false),
        (State::InDoubt, false),
        (State::Canceled, false),
    ];
    for (one, one_may) in all {
        for (other, other_may) in all {
            // Nobody is canceled alone.
            if (one == State::Canceled) != (other == State::Canceled) {
                continue;
            }
            let mut job = job(2);
            for (recipient, state) in job.recipients.iter_mut().zip([one, other]) {
                recipient.state = state;
            }
            job.draw();
            let drawn = job.clone();
            let may = one_may && other_may;
            let is_canceled = one == State::Canceled && other == State::Canceled;
            let mut other_time = job.clone();
            for (at, state) in [(Some(later(9)), State::Scheduled), (None, State::Queued)] {
                match other_time.reschedule(at, later(5)) {
                    Ok(event) => {
                        assert!(may);
                        assert_eq!((event.state, event.scheduled_at), (state, at));
                        let due_at = Some(at.unwrap_or(later(5)));
                        assert_eq!((other_time.state, other_time.due_at), (state, due_at));
                    }
                    Err(state) => {
                        assert!(!may);
                        assert_eq!((state, &other_time), (drawn.state, &drawn));
                    }
                }
            }
            match job.cancel(later(5)) {
                Ok(Some(event)) => {
                    assert!(may);
                    let canceled = (State::Canceled, State::Canceled, None);
                    assert_eq!((event.state, job.state, job.due_at), canceled);
                    assert_eq!(job.lease(later(100_000)), None);
                }
                Ok(None) => assert!(is_canceled),
                Err(state) => {
                    assert!(!may && !is_canceled);
                    assert_eq!((state, &job), (drawn.state, &drawn));
                }
            }
        }
    }
}

#[test]
fn the_stored_form_of_a_message_in_parts_is_pinned() {
    let part = |number, coding| Part { number, coding };
    let job = job(1).in_parts(vec![
        part(PartNumber::FIRST, Coding::Identity),
        part(PartNumber::file(1), Coding::Base64),
        part(PartNumber::frame(1), Coding::Identity),
        part(PartNumber::file(0), Coding::Text),
        part(PartNumber::frame(2), Coding::Identity),
    ]);
    let stored = include_str!("../../../tests/fixtures/job-v2.json").trim_end();
    assert_eq!(job.to_stored(), stored);
    assert_eq!(Job::from_stored(stored), Ok(job));
    // A Worker from before there were parts must not take it for a message of its own.
    let old = stored.replace("\"v\":2", "\"v\":1");
    assert_eq!(Job::from_stored(&old), Err(UnreadableJob));
}
