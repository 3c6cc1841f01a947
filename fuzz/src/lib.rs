//! The targets of `tests/fuzz`, which runs them with random octets and without tools.

#[path = "../../tests/fuzz/choices.rs"]
pub mod choices;
#[path = "../../tests/fuzz/smtp.rs"]
pub mod smtp;
#[path = "../../tests/fuzz/targets.rs"]
pub mod targets;
