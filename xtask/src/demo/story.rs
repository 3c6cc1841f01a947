//! A message's story, for a person.

use serde_json::Value;

/// One line for what it is, one for each thing that happened.
pub(super) fn render(story: &Value) -> String {
    let text = |pointer: &str| {
        story
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("?")
    };
    let recipients = story.pointer("/envelope/rcpt_to").and_then(Value::as_array);
    let recipients: Vec<&str> = recipients
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut out = format!(
        "  {}, from {} to {}: {}\n",
        text("/id"),
        text("/envelope/mail_from"),
        recipients.join(", "),
        text("/state"),
    );
    let events = story.get("events").and_then(Value::as_array);
    let first = events.and_then(|events| events.first()).map_or(0, at);
    for event in events.into_iter().flatten() {
        out += &format!(
            "  {:>7} ms  {}\n",
            (at(event) + DAY_MS - first) % DAY_MS,
            happening(event)
        );
    }
    out
}

fn happening(event: &Value) -> String {
    let field = |name: &str| event.get(name).and_then(Value::as_str);
    let mut parts = vec![format!("{:<9}", field("state").unwrap_or("?"))];
    if let Some(attempt) = event.get("attempt").and_then(Value::as_u64) {
        parts.push(format!("attempt {attempt}"));
    }
    for name in ["transport", "cause", "detail", "answer"] {
        parts.extend(field(name).map(str::to_owned));
    }
    parts.join("  ").trim_end().to_owned()
}

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3600 * 1000;

/// Milliseconds since midnight, of a time such as `2026-11-22T03:18:40.250Z`.
fn at(event: &Value) -> u64 {
    let of_day = |at: &str| {
        let time = at.get(11..23)?;
        let (clock, millis) = time.split_once('.')?;
        let seconds = clock
            .split(':')
            .try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
        Some(seconds * 1000 + millis.parse::<u64>().ok()?)
    };
    event
        .get("at")
        .and_then(Value::as_str)
        .and_then(of_day)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::render;
    use serde_json::json;

    #[test]
    fn a_story_is_told_in_order_with_the_time_since_it_began() {
        let story = json!({
            "id": "i", "state": "sent",
            "envelope": { "mail_from": "a@b.test", "rcpt_to": ["c@d.test"] },
            "events": [
                { "at": "2026-11-22T23:59:59.900Z", "state": "queued" },
                { "at": "2026-11-23T00:00:00.150Z", "state": "sent", "attempt": 1, "answer": "250 2.0.0 taken" },
            ],
        });
        let expected = "  i, from a@b.test to c@d.test: sent\n        0 ms  queued\n      \
                        250 ms  sent       attempt 1  250 2.0.0 taken\n";
        assert_eq!(render(&story), expected);
    }
}
