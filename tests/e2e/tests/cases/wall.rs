//! The first wall of the API, which counts what no Outbox sees.

use edgepost_e2e::api::{EMAILS, assert_error, error_of, id_of};
use edgepost_e2e::{Case, Key, Site};
use xtask::http::Answer;

/// Requests that it lets through: more than any caller makes but the one who tries.
pub const LIMIT: u32 = 40;

/// A flood may fall into two windows of the counter and is then twice as long.
const FLOOD: u32 = 2 * LIMIT + 1;

pub fn cases() -> Vec<Case> {
    vec![Case::api(
        "wall: a flood of bad keys is stopped, and whoever has a good one is not",
        bad_keys,
    )]
}

fn bad_keys(site: &Site) {
    // Whoever else presents a bad key meanwhile, from this same address, would be stopped too.
    let _turn = site.world.turn();
    let mail = site.plain_mail().to_string();
    let post = |key: &str| -> Answer {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str())];
        site.world.post_octets(EMAILS, mail.as_bytes(), &headers)
    };
    // A key of its own for each request: they are counted by address all the same.
    let refused = (0..FLOOD).map(|number| post(&format!("ep_guess{number}")));
    let stopped = refused.into_iter().find(|answer| answer.status == 429);
    let stopped = stopped.expect("a flood that is stopped");
    assert_error(&stopped, 429, "rate_limit_exceeded");
    assert_eq!(stopped.header("retry-after"), Some("10"));
    site.assert_nothing_happened();
    // The same client with a good key, and everybody through a binding.
    let id = id_of(&post(site.key(Key::Full)));
    site.until_sent(&id);
    let (name, _) = error_of(
        &site
            .world
            .post_octets("/via/NOWHERE/emails", mail.as_bytes(), &[]),
    );
    assert_eq!(name, "validation_error");
    // Forms and health are not the API.
    assert_eq!(site.world.get("/healthz", &[]).status, 200);
    // Those who come next find it as it was.
    site.wait_until("forgotten", || post("ep_late").status != 429);
}
