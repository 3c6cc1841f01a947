//! Opaque values nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A prefix that tells a reader what the value is, then 256 random bits.
///
/// # Panics
/// When the operating system has no randomness; nothing the sandbox does makes sense then.
#[allow(
    clippy::expect_used,
    reason = "a token from a broken source would be worse than no sandbox"
)]
pub(crate) fn opaque(prefix: &str) -> String {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}
