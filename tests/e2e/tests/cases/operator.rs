//! What is open to anyone and what only to the operator.

use edgepost_e2e::{Case, Site};

pub fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "operator: a message's story needs the operator's key",
            story_needs_the_key,
        ),
        Case::new("operator: an unknown message is not found", unknown_message),
        Case::new(
            "http: a form that is not configured is not found",
            unknown_form,
        ),
        Case::new("http: health is one word", health),
    ]
}

fn story_needs_the_key(site: &Site) {
    let id = site.send();
    let story = site.until_sent(&id);
    assert_eq!(story.text("/id"), id);
    assert_eq!(story.text("/envelope/mail_from"), site.address);
    assert_eq!(story.text("/health/state"), "up");
    assert_eq!(story.attempts(), 1);

    let path = format!("/admin/messages/{id}");
    let long = "x".repeat(4_000);
    for authorization in [
        "Bearer wrong",
        "Bearer ",
        "Basic b3BlcmF0b3I6eA==",
        "",
        &format!("Bearer {long}"),
    ] {
        let answer = site.world.get(&path, &[("authorization", authorization)]);
        // Wrong keys are counted, and others' cases may have one.
        assert!(
            matches!(answer.status, 401 | 429),
            "{authorization:.40}: {}",
            answer.body
        );
        assert!(!answer.body.contains(&site.address), "{}", answer.body);
    }
    assert_eq!(site.world.get(&path, &[]).status, 401);
    // A key in the address is no key: addresses stand in logs.
    assert_eq!(site.world.get(&format!("{path}?key=x"), &[]).status, 401);
}

fn unknown_message(site: &Site) {
    for id in [
        "00000000-0000-8000-8000-000000000000",
        "nonsense",
        "%2e%2e%2fhealthz",
    ] {
        let answer = site.world.get_admin(&format!("/admin/messages/{id}"));
        assert_eq!(answer.status, 404, "{id}: {}", answer.body);
    }
}

fn unknown_form(site: &Site) {
    for path in ["/f/nowhere", "/f/", "/f/../healthz", "/emails/x", "/"] {
        let answer = site
            .world
            .post(path, &[("message", "x")], &[("accept", "application/json")]);
        assert!(
            matches!(answer.status, 404 | 405),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
    }
}

fn health(site: &Site) {
    let answer = site.world.get("/healthz", &[]);
    assert_eq!((answer.status, answer.body.trim()), (200, "ok"));
}
