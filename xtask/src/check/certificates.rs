//! Certificates that end soon, or have ended: nothing is sent once they have.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edgepost::oauth::Certificate;
use edgepost::time::UnixMillis;
use serde_json::Value;

use super::Report;

/// How long before the end it is said: as long as a pair takes to be made and uploaded by whoever has
/// the rights, and holidays.
const NOTICE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Now.
pub(super) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixMillis::new(0).after(since.unwrap_or_default())
}

/// What there is to say of the certificates at `now`.
pub(super) fn ending(vars: &BTreeMap<String, Value>, now: UnixMillis) -> Report {
    let mut report = Report::default();
    for (name, value) in vars {
        let certificate = value.get("certificate").and_then(Value::as_str);
        let certificate = certificate.and_then(|text| text.parse::<Certificate>().ok());
        let Some(end) = certificate.and_then(|certificate| certificate.not_after()) else {
            continue;
        };
        let end_text = end.to_string();
        let date = end_text.split('T').next().unwrap_or_default();
        if end <= now {
            report.problems.push(format!(
                "{name}.certificate: has ended on {date}; make a new pair"
            ));
        } else if end <= now.after(NOTICE) {
            report.notes.push(format!(
                "{name}.certificate ends on {date}; make a new pair, and upload its certificate beside this one"
            ));
        }
    }
    report
}
