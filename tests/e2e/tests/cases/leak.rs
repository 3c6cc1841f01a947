//! L1: after everything, no secret and no text of an enquiry is where it must not be.

use edgepost_e2e::World;
use edgepost_e2e::leaks::{Needle, bodies, files, people, search, secrets};

/// What is looked at in a world, with its test's name.
pub type Check = (&'static str, fn(&World));

/// To be run in each world.
pub fn checks() -> Vec<Check> {
    vec![
        ("L1 no secret and no enquiry in the Worker's log", log),
        (
            "L1 no secret and no enquiry in an answer to a visitor",
            answers,
        ),
        ("L1 no secret and no enquiry in an alert", alerts),
        ("L1 no secret and no enquiry in what lies in KV", kv),
        (
            "L1 no secret in the clear in what lies in the objects",
            objects,
        ),
        ("L1 the search finds what is there", finds),
    ]
}

fn log(world: &World) {
    let log = world.worker.log();
    // Without its lines of requests the log was not read at all.
    assert!(
        log.iter().any(|line| line.contains("/healthz")),
        "{} lines",
        log.len()
    );
    let needles = everything(world);
    clean(search(
        "the log",
        &needles,
        log.iter().map(String::as_bytes),
    ));
}

fn answers(world: &World) {
    let answers = world.answers();
    assert!(!answers.is_empty());
    let needles = everything(world);
    clean(search(
        "an answer",
        &needles,
        answers.iter().map(String::as_bytes),
    ));
}

fn alerts(world: &World) {
    let alerts = world.alerts();
    let mut needles = everything(world);
    needles.extend(people());
    clean(search(
        "an alert",
        &needles,
        alerts.iter().map(Vec::as_slice),
    ));
}

fn kv(world: &World) {
    let files = files(&world.worker.state_dir().join("v3/kv"));
    // Sealed tokens lie there: an empty folder would prove nothing.
    assert!(files.len() > 1, "{} files", files.len());
    let needles = everything(world);
    clean(search("KV", &needles, files.iter().map(Vec::as_slice)));
}

fn objects(world: &World) {
    let files = files(&world.worker.state_dir().join("v3/do"));
    assert!(files.len() > 1, "{} files", files.len());
    clean(search(
        "an object",
        &secrets(world),
        files.iter().map(Vec::as_slice),
    ));
}

fn finds(world: &World) {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let needles = everything(world);
    let (_, value) = &world.secrets[0];
    let leaks = [
        value[..8].to_owned(),
        encode(value),
        "x access-abcdefgh".to_owned(),
        encode("access-abcdefgh"),
        encode("=access-abcdefgh"),
        encode("r access-abcdefgh"),
        encode("user=ada@shop.test\u{1}auth=Bearer access-abcdefgh\u{1}\u{1}"),
        "canary-of-the-body".to_owned(),
    ];
    for leak in &leaks {
        assert!(
            !search("here", &needles, [leak.as_bytes()]).is_empty(),
            "missed {leak:?}"
        );
    }
    assert!(search("here", &needles, [b"GET /healthz 200 OK".as_slice()]).is_empty());
}

fn everything(world: &World) -> Vec<Needle> {
    secrets(world).into_iter().chain(bodies()).collect()
}

fn clean(found: Vec<String>) {
    assert!(
        found.is_empty(),
        "{} leaks, such as:\n{}",
        found.len(),
        found[..found.len().min(10)].join("\n")
    );
}
