//! Random input, on stable and without tools: nothing panics, and what is accepted keeps its
//! promises.
//!
//! The targets are functions of octets, which `fuzz/` calls as well, with octets that a fuzzer has
//! learned. Each target runs for [`SECONDS`] unless `FUZZ_SECONDS` says otherwise, from the seed in `FUZZ_SEED` or
//! one of its own, which a failure prints so that it can be run again.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test may panic, and this one keeps time"
)]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

mod choices;
mod smtp;
mod targets;

/// How long each target runs by default.
const SECONDS: u64 = 2;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Random octets for a target that makes its choices by them.
fn octets(random: &mut Random, most: usize) -> Vec<u8> {
    let length = random.below(most) + 1;
    (0..length)
        .map(|_| u8::try_from(random.next() >> 56).unwrap())
        .collect()
}

fn fuzz(name: &str, mut target: impl FnMut(&mut Random)) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(SECONDS));
    let mut seed = number("FUZZ_SEED").unwrap_or(u64::from(std::process::id()) << 32);
    let mut runs = 0_u64;
    while Instant::now() < end {
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&mut Random(seed))));
        assert!(outcome.is_ok(), "{name} failed with FUZZ_SEED={seed}");
        seed = seed.wrapping_add(1);
        runs += 1;
    }
    eprintln!("{name}: {runs} runs");
    assert!(runs > 100, "{name} ran {runs} times only");
}

#[test]
fn addresses_never_hold_what_could_end_a_line_or_begin_another_address() {
    fuzz("address", |random| targets::address(&octets(random, 40)));
}

#[test]
fn mailboxes_are_read_as_they_were_written() {
    fuzz("mailbox", |random| targets::mailbox(&octets(random, 40)));
}

#[test]
fn times_are_understood_or_refused() {
    fuzz("time", |random| targets::time(&octets(random, 60)));
}

#[test]
fn headers_never_hold_a_line_end() {
    fuzz("header", |random| targets::header(&octets(random, 60)));
}

#[test]
fn a_request_is_read_or_refused_and_what_is_read_makes_a_sound_message() {
    fuzz("json", |random| targets::json(&octets(random, 80)));
}

#[test]
fn what_is_attached_arrives() {
    fuzz("attachments", |random| {
        targets::attachments(&octets(random, 200))
    });
}

#[test]
fn text_is_made_from_any_html() {
    fuzz("html", |random| targets::html(&octets(random, 150)));
}

#[test]
fn a_form_is_read_or_refused() {
    fuzz("form", |random| targets::form(&octets(random, 100)));
}

#[test]
fn metadata_names_nothing_that_is_not_safe() {
    fuzz("metadata", |random| targets::metadata(&octets(random, 60)));
}

#[test]
fn replies_split_anywhere_are_the_same_replies() {
    fuzz("replies", |random| smtp::replies(&octets(random, 60)));
}

#[test]
fn a_session_survives_any_server() {
    fuzz("sessions", |random| smtp::session(&octets(random, 600)));
}

#[test]
fn stuffed_content_is_one_message_with_the_same_lines() {
    fuzz("dots", |random| smtp::dots(&octets(random, 60)));
}
