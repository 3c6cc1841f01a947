use super::*;
use crate::{
    mail::{Envelope, MessageId},
    outbox::{OutboxTag, Source},
    outcome::Outcome,
};

const NOW: UnixMillis = UnixMillis::new(1_795_339_800_000);

fn id(random: u64) -> EmailId {
    EmailId::new(NOW, random, OutboxTag::of("sales"))
}

fn dead() -> Failure {
    Failure::of_mailbox(Cause::ReauthorisationRequired, Trouble::Authentication)
}

fn failed_job(random: u64) -> Job {
    let sender = "sales@shop.test".parse().unwrap();
    let message_id = MessageId::new(7, &sender);
    let envelope = Envelope {
        reverse_path: sender,
        forward_paths: vec!["ada@visitor.test".parse().unwrap()],
    };
    let source = Source("form/contact".to_owned());
    let (mut job, _) = Job::accepted(id(random), source, envelope, message_id, 9, NOW);
    job.lease(NOW).unwrap();
    let refused = Outcome::Rejected(Failure::of_message(Cause::RecipientsRefused));
    job.conclude(&[refused], NOW, 0).unwrap();
    job
}

/// Pins the stored form. A record of another version counts as empty.
#[test]
fn the_stored_form_is_pinned() {
    let mut log = AlertLog::default();
    assert_eq!(log.to_stored(), r#"{"v":1}"#);
    log.mailbox_failed(&dead(), id(1), true, NOW);
    log.message_concluded(&failed_job(2), NOW);
    let mut digest = log.clone();
    let mut down = digest.begin(NOW, 0).unwrap();
    down.taken_by(Channel::SendEmail);
    digest.tried(down);
    digest.begin(NOW, 0).unwrap();
    let stored = include_str!("../../../tests/fixtures/alerts-v1.json").trim_end();
    assert_eq!(digest.to_stored(), stored);
    assert_eq!(AlertLog::from_stored(stored), digest);
    for unreadable in [&stored.replace("\"v\":1", "\"v\":2"), "", "{", "[]"] {
        assert_eq!(AlertLog::from_stored(unreadable), AlertLog::default());
    }
}

#[test]
fn nothing_of_a_message_is_kept_but_its_identifier() {
    let mut log = AlertLog::default();
    log.message_concluded(&failed_job(1), NOW);
    let stored = log.to_stored();
    assert!(stored.contains(&id(1).to_string()));
    assert!(
        !stored.contains('@') && !stored.contains("form/contact"),
        "{stored}"
    );
}

#[test]
fn each_cause_is_told_once_until_the_mailbox_works() {
    let mut log = AlertLog::default();
    let other = Failure::of_mailbox(Cause::SmtpAuthDisabled, Trouble::Configuration);
    for _ in 0..5 {
        log.mailbox_failed(&dead(), id(1), true, NOW);
        log.mailbox_failed(&other, id(1), true, NOW);
    }
    assert_eq!(log.pending.len(), 2);
    log.mailbox_works(id(2), NOW);
    log.mailbox_works(id(3), NOW);
    assert_eq!(log.pending.len(), 3);
    log.mailbox_failed(&dead(), id(4), true, NOW);
    assert_eq!(log.pending.len(), 4);
}

#[test]
fn what_passes_by_itself_is_not_told_at_once() {
    let mut log = AlertLog::default();
    let weather = Failure::of_mailbox(Cause::ConnectFailed, Trouble::Transient);
    log.mailbox_failed(&weather, id(1), true, NOW);
    assert_eq!(log.due_at(), None);
    log.mailbox_works(id(1), NOW);
    assert_eq!(log, AlertLog::default());
    let used_up = Failure::of_mailbox(Cause::QuotaExceeded, Trouble::Transient);
    log.mailbox_failed(&used_up, id(1), true, NOW);
    assert_eq!(log.due_at(), Some(NOW));
}

#[test]
fn a_flood_of_failures_is_one_alert_with_a_number() {
    let mut log = AlertLog::default();
    for random in 0..500 {
        log.message_concluded(&failed_job(random), NOW);
    }
    let digest = log.begin(NOW, 0).unwrap();
    assert_eq!((digest.failed, digest.ids.len()), (500, ALERT_IDS));
    // Noted a second time, because the first was not certain.
    let mut log = AlertLog::default();
    log.message_concluded(&failed_job(1), NOW);
    log.message_concluded(&failed_job(1), NOW);
    assert_eq!(log.begin(NOW, 0).unwrap().failed, 1);
}

#[test]
fn no_more_than_so_many_are_kept() {
    let mut log = AlertLog::default();
    for _ in 0..50 {
        log.mailbox_failed(&dead(), id(1), true, NOW);
        log.mailbox_works(id(1), NOW);
    }
    assert_eq!(log.pending.len(), ALERTS_KEPT);
    assert_eq!(log.pending.last().unwrap().kind, AlertKind::MailboxUp);
}

#[test]
fn an_alert_about_messages_makes_room_for_one_about_the_mailbox() {
    let mut log = AlertLog::default();
    log.mailbox_failed(&dead(), id(1), true, NOW);
    log.message_concluded(&failed_job(1), NOW);
    while log.pending.len() < ALERTS_KEPT {
        log.mailbox_works(id(1), NOW);
        log.mailbox_failed(&dead(), id(1), true, NOW);
    }
    log.mailbox_works(id(1), NOW);
    assert_eq!(log.pending.len(), ALERTS_KEPT);
    assert!(
        log.pending
            .iter()
            .all(|alert| alert.kind != AlertKind::MessagesFailed)
    );
    assert_eq!(log.pending[0].kind, AlertKind::MailboxDown);
}
