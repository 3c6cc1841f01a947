//! JSONTestSuite at the door: what others trip over is refused in words, or read.

use edgepost_e2e::api::error_of;
use edgepost_e2e::{Case, Key, Site, json_suite};

pub fn cases() -> Vec<Case> {
    vec![Case::api("A1 the texts of JSONTestSuite", suite)]
}

fn suite(site: &Site) {
    let mut counts = [0; 3];
    for text in json_suite::texts().expect("JSONTestSuite") {
        let post = |body: &[u8]| {
            let answer = site.post_text(Key::Full, body, &[]);
            let (name, message) = error_of(&answer);
            assert!(
                matches!(answer.status, 400 | 422)
                    && matches!(name.as_str(), "validation_error" | "missing_required_field"),
                "{}: {} {name}: {message}",
                text.name,
                answer.status
            );
            (answer.status, message)
        };
        let (status, _) = post(text.input.as_bytes());
        match text.name.get(..2) {
            Some("n_") => {
                assert_eq!(status, 400, "{}", text.name);
                counts[0] += 1;
            }
            Some("i_") => counts[1] += 1,
            Some("y_") => {
                // JSON, if no message: as a field that nobody knows, it is not what is complained of.
                let body = format!("{{\"unknown\":{}}}", text.input);
                let (status, message) = post(body.as_bytes());
                assert_eq!(status, 422, "{}: {message}", text.name);
                counts[2] += 1;
            }
            _ => panic!("{} is of no kind", text.name),
        }
        if text.input.contains('\u{fffd}') {
            // As it was before the package: octets that are no UTF-8.
            let octets: Vec<u8> = text.input.chars().flat_map(octets).collect();
            assert_eq!(post(&octets).0, 400, "{}", text.name);
        }
    }
    assert!(counts.iter().all(|count| *count > 30), "{counts:?}");
    site.assert_nothing_happened();
}

fn octets(c: char) -> Vec<u8> {
    match c {
        '\u{fffd}' => vec![0xff],
        c => c.to_string().into_bytes(),
    }
}
