//! Whether a mailbox is worth trying.

use serde::{Deserialize, Serialize};

use super::backoff;
use crate::{
    limits::{
        BLOCKED_WAIT, PROBE_FIRST, PROBE_LONGEST, RETRY_FIRST, RETRY_LONGEST, RETRY_SHORTEST,
    },
    outcome::{Cause, Failure, Finding, Reach, Trouble},
    time::UnixMillis,
};

/// What is known of a mailbox. While it is down its messages wait, all of them and without limit,
/// and one probe at a time finds out whether it works again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Health {
    /// It works, as far as anyone knows.
    #[default]
    Up,
    /// It did not work when last tried.
    Down {
        /// What was found.
        cause: Cause,
        /// When it is probed next.
        until: UnixMillis,
        /// Failures in a row.
        failures: u32,
        /// The settings it was tried with: others are worth a try at once.
        #[serde(default)]
        settings: String,
        /// What was recognised in the provider's answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finding: Option<Finding>,
    },
}

impl Health {
    /// Whether the next message may be tried now.
    pub fn allows(&self, now: UnixMillis) -> bool {
        match self {
            Self::Up => true,
            Self::Down { until, .. } => *until <= now,
        }
    }

    /// When the next message may be tried, where that is not now.
    pub fn down_until(&self) -> Option<UnixMillis> {
        match self {
            Self::Up => None,
            Self::Down { until, .. } => Some(*until),
        }
    }

    /// The health under these settings: what was found under others is forgotten.
    #[must_use]
    pub fn under(self, current: &str) -> Self {
        match &self {
            Self::Down { settings, .. } if settings != current => Self::Up,
            _ => self,
        }
    }

    /// The health after a failure under these settings. One that concerns a message only shows
    /// that the mailbox works.
    #[must_use]
    pub fn after_failure(
        &self,
        failure: &Failure,
        settings: &str,
        now: UnixMillis,
        random: u64,
    ) -> Self {
        let Reach::Mailbox(trouble) = failure.reach else {
            return Self::Up;
        };
        let failures = match self {
            Self::Up => 1,
            Self::Down { failures, .. } => failures.saturating_add(1),
        };
        let wait = match trouble {
            Trouble::Transient => {
                backoff(failures, RETRY_FIRST, RETRY_LONGEST, RETRY_SHORTEST, random)
            }
            // A person has to act; asking more often only makes the provider wary. No jitter
            // below the first interval: these waits are promises of a least distance.
            Trouble::Authentication | Trouble::Configuration | Trouble::Blocked => {
                let doublings = failures.saturating_sub(1).min(31);
                PROBE_FIRST
                    .saturating_mul(1_u32 << doublings)
                    .min(PROBE_LONGEST)
            }
        };
        let wait = if trouble == Trouble::Blocked {
            BLOCKED_WAIT
        } else {
            wait
        };
        let wait = failure.retry_after.map_or(wait, |asked| wait.max(asked));
        Self::Down {
            cause: failure.cause,
            until: now.after(wait),
            failures,
            settings: settings.to_owned(),
            finding: failure.finding.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_000_000);

    fn waits(trouble: Trouble, random: u64) -> Vec<u64> {
        let failure = Failure::of_mailbox(Cause::AuthRefused, trouble);
        let mut health = Health::Up;
        let mut waits = Vec::new();
        for _ in 0..8 {
            health = health.after_failure(&failure, "s", NOW, random);
            waits.push(health.down_until().unwrap().since(NOW).as_secs());
        }
        waits
    }

    #[test]
    fn a_mailbox_that_needs_a_person_is_probed_from_15_minutes_to_6_hours() {
        let expected = [900, 1800, 3600, 7200, 14_400, 21_600, 21_600, 21_600];
        assert_eq!(waits(Trouble::Authentication, 7), expected);
        assert_eq!(waits(Trouble::Configuration, 7), expected);
    }

    #[test]
    fn trouble_that_passes_is_retried_within_a_minute_at_first() {
        let waits = waits(Trouble::Transient, 54_321);
        assert!(
            waits[0] <= 60 && waits.iter().all(|wait| *wait <= 4 * 3600),
            "{waits:?}"
        );
    }

    #[test]
    fn a_providers_wish_is_honoured() {
        let asked = Some(Duration::from_secs(3000));
        let failure = Failure::of_mailbox(Cause::TokenUnavailable, Trouble::Transient);
        let failure = Failure {
            retry_after: asked,
            ..failure
        };
        let health = Health::Up.after_failure(&failure, "s", NOW, 0);
        assert_eq!(
            health.down_until(),
            Some(NOW.after(Duration::from_secs(3000)))
        );
        assert!(!health.allows(NOW));
        assert!(health.allows(NOW.after(Duration::from_secs(3000))));
    }

    #[test]
    fn a_blocked_mailbox_is_left_alone_for_four_hours_each_time() {
        assert_eq!(waits(Trouble::Blocked, 7), [14_400; 8]);
    }

    #[test]
    fn other_settings_are_worth_a_try_at_once() {
        let failure = Failure::of_mailbox(Cause::AuthRefused, Trouble::Configuration);
        let down = Health::Up.after_failure(&failure, "old", NOW, 0);
        assert_eq!(down.clone().under("old"), down);
        assert_eq!(down.under("new"), Health::Up);
    }

    /// Pins the stored form. A record that cannot be read counts as a mailbox that is up.
    #[test]
    fn the_stored_form_is_pinned() {
        let failure = Failure::of_mailbox(Cause::TlsFailed, Trouble::Configuration);
        let down = Health::Up.after_failure(&failure, "s", NOW, 0);
        let stored =
            r#"{"state":"down","cause":"tls_failed","until":1900000,"failures":1,"settings":"s"}"#;
        assert_eq!(serde_json::to_string(&down).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Health>(stored).unwrap(), down);
        assert_eq!(
            serde_json::from_str::<Health>(r#"{"state":"up"}"#).unwrap(),
            Health::Up
        );
    }

    #[test]
    fn a_message_that_is_refused_says_nothing_against_the_mailbox() {
        let failure = Failure::of_message(Cause::RecipientsRefused);
        let down = Health::Down {
            cause: Cause::TlsFailed,
            until: NOW,
            failures: 3,
            settings: "s".into(),
            finding: None,
        };
        assert_eq!(down.after_failure(&failure, "s", NOW, 0), Health::Up);
    }
}
