//! What the driver makes of the session: chunks, further transactions, TLS, and what the operator
//! reads of it.

use std::time::Duration;

use crate::support::Move::*;
use edgepost::{app::ports::Clock, limits::QUOTA_WAIT, outbox::State, tls::TlsMode};

use crate::world::*;

#[test]
fn content_goes_in_one_chunk_of_exactly_its_octets() {
    let world = World::new(vec![chain(&[
        fast_opening(),
        chunk(&["250 ok\r\n"]),
        chunk(&["250 ok\r\n"]),
        bye(),
    ])]);
    let ids = [world.accept(), world.accept()];
    world.run_alarms(world.clock.now());
    for id in ids {
        assert_eq!(world.store.job(id).state, State::Sent);
        let content = world.store.sent(id);
        let heard = world.server.heard.borrow();
        let announced = format!("BDAT {} LAST\r\n", content.len());
        let sent = [announced.as_bytes(), &content].concat();
        assert!(heard.windows(sent.len()).any(|part| part == sent));
    }
    assert_eq!(world.server.connections.get(), 1);
}

#[test]
fn s8_recipients_too_many_for_one_transaction_are_sent_in_the_same_attempt() {
    let many = "452 4.5.3 too many recipients\r\n";
    let world = World::new(vec![chain(&[
        fast_opening(),
        chunk(&["250 ok\r\n", many, many]),
        chunk(&["250 ok\r\n", "550 5.1.1 nobody\r\n"]),
        bye(),
    ])]);
    let id = world.accept_to(&["a@shop.test", "b@shop.test", "c@shop.test"]);
    world.run_alarms(world.clock.now());
    let job = world.store.job(id);
    let states: Vec<State> = job.recipients.iter().map(|to| to.state).collect();
    assert_eq!(states, [State::Sent, State::Sent, State::Failed]);
    assert_eq!((job.attempts, world.server.connections.get()), (1, 1));
    let heard = world.server.heard();
    for (path, times) in [("a@shop.test", 1), ("b@shop.test", 2), ("c@shop.test", 2)] {
        assert_eq!(heard.matches(&format!("RCPT TO:<{path}>")).count(), times);
    }
    assert_eq!(heard.matches(" LAST\r\n").count(), 2);
}

#[test]
fn a_mailbox_found_blocked_at_one_recipient_keeps_the_message_for_all() {
    let blocked = vec![
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("250 ok\r\n"),
        Hear,
        Say("550 5.1.8 Access denied, bad outbound sender\r\n"),
        Hear,
        Say("250 ok\r\n"),
    ];
    let world = World::new(vec![
        chain(&[fast_opening(), blocked]),
        chain(&[fast_opening(), chunk(&["250 ok\r\n", "250 ok\r\n"]), bye()]),
    ]);
    let id = world.accept_to(&["a@shop.test", "b@shop.test"]);
    let began = world.clock.now();
    world.run_alarms(began);
    assert!(!world.server.heard().contains(" LAST\r\n"), "content");
    let states = || -> Vec<State> {
        let job = world.store.job(id);
        job.recipients.iter().map(|to| to.state).collect()
    };
    assert_eq!(states(), [State::Deferred, State::Deferred]);
    let until = world.store.health.borrow().down_until().unwrap();
    assert_eq!(until.since(began), Duration::from_secs(4 * 3600));
    world.run_alarms(began.after(Duration::from_secs(5 * 3600)));
    assert_eq!(states(), [State::Sent, State::Sent]);
    assert_eq!(world.server.heard().matches(" LAST\r\n").count(), 1);
}

#[test]
fn s18b_a_chunk_that_storage_cannot_fill_is_never_filled() {
    let world = World::new(vec![chain(&[fast_opening(), chunk(&["250 ok\r\n"])])]);
    let id = world.accept();
    world
        .store
        .content
        .borrow_mut()
        .get_mut(&id)
        .unwrap()
        .pop_last();
    world.run();
    assert_eq!(world.store.job(id).state, State::Deferred);
    let story = story(&world, id);
    let last = story["events"].as_array().unwrap().last().unwrap();
    assert_eq!(last["cause"], "content_unreadable");
    // It says nothing against the mailbox.
    assert_eq!(story["health"]["state"], "up");
}

#[test]
fn a_connection_that_cannot_be_closed_does_not_hold_the_message() {
    let world = World::new(vec![chain(&[opening(), mail(), vec![Hear]])]);
    world.server.never_closes.set(true);
    let id = world.accept();
    let began = world.clock.now();
    world.run_alarms(began);
    assert_eq!(world.store.job(id).state, State::Sent);
    // Two seconds for the answer to QUIT, two for closing.
    assert!(world.clock.now().since(began).as_secs() <= 5);
}

#[test]
fn tls_begins_as_the_mailbox_is_configured() {
    let over_tls = vec![
        Say("220 mx\r\n"),
        Hear,
        Say("250-mx\r\n250 AUTH XOAUTH2\r\n"),
        Hear,
        Say("235 ok\r\n"),
    ];
    let mut world = World::new(vec![chain(&[over_tls, mail(), bye()])]);
    world.mailbox.provider.smtp_tls = TlsMode::Implicit;
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.store.job(id).state, State::Sent);
    assert_eq!(world.server.tls.get(), Some(TlsMode::Implicit));
    assert!(!world.server.heard().contains("STARTTLS"));
}

#[test]
fn t10_a_port_without_tls_is_told_by_its_phase() {
    // Refused in the handshake, and closed before the greeting: the platform may do either.
    for (parts, cause, finding) in [
        (vec![], "connect_failed", "no_connection_over_tls"),
        (vec![vec![Close]], "tls_failed", "tls_failed_at_start"),
    ] {
        let mut world = World::new(parts);
        world.mailbox.provider.smtp_tls = TlsMode::Implicit;
        let id = world.accept();
        world.run_alarms(world.clock.now());
        let story = story(&world, id);
        assert_eq!(story["state"], "deferred");
        let health = &story["health"];
        assert_eq!(
            (&health["cause"], &health["finding"]),
            (&cause.into(), &finding.into())
        );
        assert!(
            health["detail"]
                .as_str()
                .unwrap()
                .contains("smtp_tls = \"starttls\"")
        );
    }
}

#[test]
fn a_day_that_is_used_up_keeps_everything_and_passes() {
    let no = "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException\r\n";
    let used_up = || chain(&[opening(), vec![Hear, Say(no), Hear, Close]]);
    let world = World::new(vec![
        used_up(),
        used_up(),
        chain(&[opening(), mail(), mail(), bye()]),
    ]);
    let ids = [world.accept(), world.accept()];
    let began = world.clock.now();
    world.run_alarms(began);
    assert_eq!(
        world.server.connections.get(),
        1,
        "the other one is not tried"
    );
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).state != State::Failed)
    );
    let until = world.store.health.borrow().down_until().unwrap();
    assert_eq!(until.since(began), QUOTA_WAIT);
    world.run_alarms(began.after(Duration::from_secs(24 * 3600)));
    assert!(
        ids.iter()
            .all(|id| world.store.job(*id).state == State::Sent)
    );
    assert_eq!(world.server.connections.get(), 3);
}

#[test]
fn the_operator_reads_which_switch_to_turn() {
    let refused = {
        let mut part = opening();
        part.pop();
        let no = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.\r\n";
        chain(&[part, vec![Say(no), Close]])
    };
    let world = World::new(vec![refused]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    assert_eq!(world.source.asked.borrow().len(), 1, "no second token");
    let story = story(&world, id);
    let last = story["events"].as_array().unwrap().last().unwrap().clone();
    for told in [last, story["health"].clone()] {
        assert_eq!(told["cause"], "smtp_auth_disabled", "{told:#}");
        assert_eq!(
            told["finding"], "exchange_smtp_auth_off_mailbox",
            "{told:#}"
        );
        let detail = told["detail"].as_str().unwrap();
        assert!(
            detail.contains("Set-CASMailbox -Identity <mailbox>"),
            "{detail}"
        );
    }
}

#[test]
fn s6_the_reason_in_an_error_challenge_is_told() {
    let refused = || {
        let mut part = opening();
        part.pop();
        let challenge = "334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==\r\n";
        chain(&[
            part,
            vec![Say(challenge), Hear, Say("535 5.7.3 no\r\n"), Close],
        ])
    };
    let world = World::new(vec![refused(), refused()]);
    let id = world.accept();
    world.run_alarms(world.clock.now());
    let story = story(&world, id);
    let last = story["events"].as_array().unwrap().last().unwrap();
    assert_eq!(
        last["answer"],
        "535 5.7.3 no (status 400, schemes Bearer, scope https://mail.google.com/)"
    );
    assert!(
        last["detail"]
            .as_str()
            .unwrap()
            .contains("https://outlook.office.com/SMTP.Send")
    );
}

#[test]
fn s13_a_reply_that_nobody_asked_for_between_two_messages_ends_the_connection() {
    // Each in a segment of its own: the stray one is there when the next message begins.
    let stray = vec![Say("250 2.0.0 stray\r\n")];
    let world = World::new(vec![
        chain(&[opening(), mail(), stray, mail(), mail(), bye()]),
        chain(&[opening(), mail(), bye()]),
    ]);
    let ids = [world.accept(), world.accept()];
    world.run_alarms(world.clock.now());
    for id in ids {
        let states = world.store.states(id);
        assert_eq!(states, [State::Queued, State::Sending, State::Sent]);
    }
    assert_eq!(world.server.connections.get(), 2);
    assert_eq!(world.server.heard_on(0).matches("MAIL FROM").count(), 1);
}
