//! A grant that is to take the place of another has to prove good first, by the mail server's word.

use super::custody::{REVOKED, finding, presented};
use super::*;
use crate::support::until;
use edgepost::app::Trial;

const NARROW: &str =
    r#"{"token_type":"Bearer","access_token":"a","refresh_token":"kept","scope":"openid"}"#;

fn working<const N: usize>(answers: [(u16, &str); N]) -> World {
    let world = World::new(answers);
    world.token(None).unwrap();
    world
}

fn trial(world: &World) -> Option<Trial> {
    world.keeper().state().unwrap().trial
}

#[test]
fn a_supplied_token_takes_over_when_the_mail_server_has_let_it_in() {
    let mut world = working([(200, TWO), (200, ONE)]);
    world.bootstrap = Some(Secret::new("second"));
    // Whoever asks meanwhile gets what there is, at once.
    assert_eq!(world.token(None).unwrap(), "canary-two");
    assert_eq!(trial(&world), Some(Trial::Pending));
    assert_eq!(world.requests(), 1);
    assert_eq!(world.alarm_in(), Some(Duration::ZERO));
    world.server_says("235 ok\r\n");
    world.ring();
    assert_eq!(world.server.connections.get(), 1);
    let heard = world.server.heard();
    assert!(
        heard.contains("AUTH XOAUTH2") && !heard.contains("MAIL"),
        "{heard}"
    );
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(trial(&world), None);
    // The Outbox takes nothing of the grant before any more.
    assert_eq!(*world.resumed.borrow(), [2]);
    assert_eq!(presented(&world), ["bootstrap", "second"]);
}

#[test]
fn a_supplied_token_that_the_provider_refuses_does_not_replace_one_that_works() {
    let mut world = working([(200, TWO), (400, REVOKED), (200, ONE)]);
    world.bootstrap = Some(Secret::new("mistyped"));
    for _ in 0..3 {
        assert_eq!(world.token(None).unwrap(), "canary-two");
        world.ring();
    }
    assert!(matches!(trial(&world), Some(Trial::Refused(_))));
    assert_eq!(world.server.connections.get(), 0);
    world.clock.advance(Duration::from_secs(4000));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(presented(&world), ["bootstrap", "mistyped", "rotated"]);
}

#[test]
fn o8_a_supplied_token_of_another_account_does_not_replace_one_that_works() {
    let mut world = working([(200, TWO), (200, ONE), (200, TWO)]);
    world.bootstrap = Some(Secret::new("anothers"));
    world.token(None).unwrap();
    world.server_says("535 5.7.8 Username and Password not accepted\r\n");
    world.ring();
    // The operator reads why.
    let Some(Trial::Refused(failure)) = trial(&world) else {
        panic!("{:?}", trial(&world));
    };
    assert_eq!(failure.answer.unwrap().as_str().get(..3), Some("535"));
    assert!(world.keeper().state().unwrap().failure.is_none());
    assert_eq!(world.token(None).unwrap(), "canary-two");
    assert!(world.resumed.borrow().is_empty());
    // Not tried again, until something is set otherwise.
    world.ring();
    assert_eq!(world.requests(), 2);
    world.client_secret = Secret::new("another");
    world.token(None).unwrap();
    world.server_says("235 ok\r\n");
    world.ring();
    assert_eq!(presented(&world), ["bootstrap", "anothers", "anothers"]);
    assert_eq!(trial(&world), None);
}

#[test]
fn bad_weather_decides_nothing_about_a_grant_on_trial() {
    let rotated = r#"{"token_type":"Bearer","access_token":"canary-x","expires_in":3600,"refresh_token":"second-rotated"}"#;
    let mut world = working([(200, TWO), (503, "oops"), (200, rotated), (200, ONE)]);
    world.bootstrap = Some(Secret::new("second"));
    world.token(None).unwrap();
    // At the provider.
    world.ring();
    assert_eq!(trial(&world), Some(Trial::Pending));
    let wait = world.alarm_in().unwrap();
    assert!(wait >= Duration::from_secs(5), "{wait:?}");
    world.ring();
    assert_eq!(world.requests(), 2, "not before its time");
    // And at the mail server, which nobody can connect to.
    world.clock.advance(wait);
    world.ring();
    assert_eq!(trial(&world), Some(Trial::Pending));
    assert_eq!(world.token(None).unwrap(), "canary-two");
    world.server_says("235 ok\r\n");
    world.clock.advance(Duration::from_secs(300));
    world.ring();
    assert_eq!(world.token(None).unwrap(), "canary-one");
    // What the provider rotated meanwhile was kept.
    assert_eq!(
        presented(&world),
        ["bootstrap", "second", "second", "second-rotated"]
    );
}

#[test]
fn k4_a_grant_of_too_little_on_trial_keeps_what_was_rotated() {
    let mut world = working([(200, TWO), (200, NARROW), (200, ONE)]);
    world.bootstrap = Some(Secret::new("second"));
    world.token(None).unwrap();
    world.ring();
    let Some(Trial::Refused(failure)) = trial(&world) else {
        panic!("{:?}", trial(&world));
    };
    assert_eq!(failure.finding.unwrap().name(), "token_scope_too_narrow");
    assert_eq!(world.server.connections.get(), 0);
    // Under other settings it is tried with what the provider gave last.
    world.client_secret = Secret::new("another");
    world.token(None).unwrap();
    world.server_says("235 ok\r\n");
    world.ring();
    assert_eq!(presented(&world), ["bootstrap", "second", "kept"]);
}

#[test]
fn k6_a_trial_that_cannot_be_stored_ends_before_the_token_is_shown_to_anybody() {
    let mut world = working([(200, TWO), (200, TWO), (200, ONE)]);
    world.bootstrap = Some(Secret::new("second"));
    world.token(None).unwrap();
    world.custody.writes.set(Writes::FailAfter(0));
    // Renewing is not due, so the trial is all there is to store.
    assert!(world.clock.run(world.wake()).is_err());
    assert_eq!(world.server.connections.get(), 0);
    world.custody.writes.set(Writes::Work);
    world.server_says("235 ok\r\n");
    world.ring();
    assert_eq!(presented(&world), ["bootstrap", "second", "rotated"]);
    assert_eq!(world.token(None).unwrap(), "canary-one");
}

#[test]
fn a_grant_that_has_ended_is_replaced_at_once_and_the_first_message_proves_it() {
    let mut world = working([(200, TWO), (400, REVOKED), (200, ONE)]);
    world.clock.advance(Duration::from_secs(4000));
    world.token(None).unwrap_err();
    world.bootstrap = Some(Secret::new("second"));
    assert_eq!(world.token(None).unwrap(), "canary-one");
    assert_eq!(trial(&world), None);
}

#[test]
fn a_disconnect_during_a_trial_ends_it_and_gives_both_back() {
    let mut world = working([(200, TWO), (200, ONE), (200, "")]);
    world.google.revocation_endpoint = Some("https://oauth2.example/revoke".to_owned());
    world.bootstrap = Some(Secret::new("second"));
    world.token(None).unwrap();
    world.server_says("235 ok\r\n");
    // While the mail server is asked.
    let keeper = world.keeper();
    let disconnect = async {
        until(|| world.server.connections.get() > 0).await;
        keeper.disconnect().await
    };
    let both = futures_util::future::join(world.wake(), disconnect);
    let (woken, ended) = world.clock.run(both);
    woken.unwrap();
    assert!(ended.unwrap().revoked);
    let revoked: Vec<String> = world.provider.requests.borrow()[2..].to_vec();
    assert_eq!(revoked.len(), 2);
    assert!(revoked[0].starts_with("token=rotated&"), "{revoked:?}");
    assert!(revoked[1].starts_with("token=second&"), "{revoked:?}");
    assert_eq!(
        finding(&world.token(None).unwrap_err()),
        "token_disconnected"
    );
    assert!(world.cache.values.borrow()[RECORD].is_empty());
    assert!(world.resumed.borrow().is_empty());
}
