//! That the search finds what is there: something is planted in each kind of place, in each form.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use edgepost_e2e::leaks::{
    Canary, Findings, Kind, Needles, Piece, Place, answer, findings, forms, stored,
};
use edgepost_e2e::{Audience, Given};
use xtask::http::Answer;
use xtask::process::Group;
use xtask::{paths, tools};

use super::leak::Check;

pub fn checks() -> Vec<Check> {
    vec![
        ("L1 control: every form is found in every place", every_form),
        (
            "L1 control: what may be somewhere is not found there",
            allowed,
        ),
        ("L1 control: a line that is printed is searched", printed),
        ("L1 control: an answer is searched, headers too", answered),
        (
            "L1 control: what is planted in what is stored is found",
            planted,
        ),
    ]
}

/// One of each kind.
fn canaries() -> Vec<Canary> {
    vec![
        Canary::new(Kind::Secret, "secret", "refresh-k7_Zq-Lm0aBcDeF"),
        Canary::new(Kind::Session, "session", "Wy3-0pQ_rStUvWxYz"),
        Canary::new(Kind::Content, "content", "plum & tea, at 5"),
        Canary::new(Kind::Person, "person", "zoë@friend.test"),
    ]
}

fn every_form(_: &Findings) {
    let needles = Needles::new(canaries());
    for canary in canaries() {
        let written = forms(&canary.piece);
        for name in ["as it is", "base64", "hex", "percent"] {
            assert!(written.iter().any(|(form, _)| *form == name), "{name}");
        }
        for place in Place::ALL
            .into_iter()
            .filter(|it| !it.may_hold(canary.kind))
        {
            for (form, octets) in &written {
                let planted = [b"before ".as_slice(), octets, b" behind"].concat();
                let report = needles.search(&[Piece::new(place, "here", planted)]);
                let found = report.of(place);
                assert!(
                    found.iter().any(|hit| hit.starts_with(&canary.what)),
                    "{form} of {} in {place:?}: {found:?}",
                    canary.what
                );
            }
        }
    }
}

fn allowed(_: &Findings) {
    let needles = Needles::new(canaries());
    for (place, kind) in [
        (Place::OutboxContent, Kind::Content),
        (Place::OutboxFile, Kind::Content),
        (Place::OutboxRecord, Kind::Person),
        (Place::AnswerToOperator, Kind::Session),
    ] {
        let canary = canaries().into_iter().find(|it| it.kind == kind);
        let piece = canary.expect("one of each kind").piece;
        assert!(
            needles
                .search(&[Piece::new(place, "here", piece)])
                .hits
                .is_empty()
        );
    }
    for place in Place::ALL {
        assert!(!place.may_hold(Kind::Secret), "{place:?}");
        let clean = Piece::new(place, "here", "GET /healthz 200 OK (3ms)");
        assert!(needles.search(&[clean]).hits.is_empty());
    }
}

fn printed(_: &Findings) {
    let mut program = Command::new("printf");
    // As wrangler paints.
    program.args(["x\n\u{1b}[31mk7_Z\u{1b}[0mq-Lm0a\n"]);
    let group = Group::spawn(program).expect("started");
    let deadline = Instant::now() + Duration::from_secs(10);
    while group.lines().len() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let lines = group.lines().into_iter();
    let pieces: Vec<Piece> = lines
        .map(|line| Piece::new(Place::Log, "log", line))
        .collect();
    let report = Needles::new(canaries()).search(&pieces);
    assert_eq!((pieces.len(), report.hits.len()), (2, 1));
}

fn answered(_: &Findings) {
    let secret = "k7_Zq-Lm";
    let header = ("location".to_owned(), format!("/?x={secret}"));
    for (headers, body) in [(vec![header], String::new()), (vec![], secret.to_owned())] {
        let given = Given {
            audience: Audience::Anyone,
            asked: String::new(),
            answer: Answer {
                status: 303,
                headers,
                body,
            },
        };
        let report = Needles::new(canaries()).search(&[answer(&given)]);
        assert_eq!(report.of(Place::AnswerToAnyone).len(), 1);
    }
}

/// In a copy of what a world has stored: a file of KV, a row that is in the log of writes alone, and
/// both kinds of objects.
fn planted(all: &Findings) {
    let scratch = findings::scratch("planted");
    let _ = fs::remove_dir_all(&scratch);
    let copy = scratch.join("state");
    copy_folder(&all.worlds[0].state, &copy);
    let blob = first(&copy.join("v3/kv/TOKENS/blobs"), |_| true);
    let sealed = fs::read(&blob).expect("a value");
    fs::write(&blob, [sealed.as_slice(), b"k7_Zq-Lm"].concat()).expect("written");
    let database = |class: &str| {
        let name = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".sqlite") && !name.starts_with("metadata")
        };
        first(&copy.join("v3/do").join(class), name)
    };
    let mut command = tools::command("node");
    command
        .arg("--no-warnings")
        .arg(paths::root().join("tests/e2e/src/leaks/plant.mjs"));
    for (class, statement, value) in [
        (
            "edgepost-Outbox",
            "INSERT INTO event VALUES ('x', 1, ?)",
            "of plum & tea",
        ),
        (
            "edgepost-Outbox",
            "INSERT INTO meta VALUES ('x', ?)",
            "k7_Zq-Lm",
        ),
        (
            "edgepost-TokenKeeper",
            "INSERT INTO credential VALUES (2, ?)",
            "zoë@friend.test",
        ),
        (
            "edgepost-Registry",
            "INSERT INTO credential VALUES (2, ?)",
            "Wy3-0pQ_",
        ),
    ] {
        command.arg(database(class)).args([statement, value]);
    }
    let status = command.status().expect("node");
    assert!(!status.success(), "it was to be killed");

    let found = stored(&copy, &scratch.join("read")).expect("what is stored");
    let report = Needles::new(canaries()).search(&found.pieces);
    let count = |place| report.of(place).len();
    assert_eq!(count(Place::Kv), 1, "{:?}", report.hits);
    // The secret and the text stand in records; the text may be in the file, the secret not even there.
    assert_eq!(count(Place::OutboxRecord), 2, "{:?}", report.hits);
    assert_eq!(count(Place::OutboxFile), 1, "{:?}", report.hits);
    assert_eq!(count(Place::Vault), 2, "{:?}", report.hits);
    assert_eq!(count(Place::OtherFile), 2, "{:?}", report.hits);
    assert!(
        report.of(Place::OutboxFile)[0].contains("-wal"),
        "{:?}",
        report.hits
    );
}

fn first(folder: &Path, wanted: impl Fn(&Path) -> bool) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths.retain(|path| wanted(path));
    paths.into_iter().next().expect("a file")
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("a file").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copied");
        }
    }
}
