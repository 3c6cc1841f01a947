//! Ports of this machine.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Result;

/// Where ports are looked for: below those that systems give to outgoing connections (from 32768
/// on Linux), so that none is taken between our look and its use.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// How many ports were handed out: no two of one process are the same.
static HANDED_OUT: AtomicU32 = AtomicU32::new(0);

/// A port that was free a moment ago, on loopback.
///
/// # Errors
/// If the range has none left.
pub fn free() -> Result<u16> {
    let width = u32::from(RANGE.end - RANGE.start);
    // Processes begin at different places, or those started together would look at the same port.
    let start = std::process::id().wrapping_mul(101) % width;
    for _ in 0..width {
        let step = HANDED_OUT.fetch_add(1, Ordering::Relaxed);
        let port = RANGE.start + u16::try_from(start.wrapping_add(step) % width)?;
        if is_free(port) {
            return Ok(port);
        }
    }
    Err("no free port".into())
}

/// `preferred` if nobody has it, else any free port.
///
/// # Errors
/// If there is none.
pub fn free_or(preferred: u16) -> Result<u16> {
    if is_free(preferred) {
        Ok(preferred)
    } else {
        free()
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{free, free_or};

    #[test]
    fn ports_differ_and_a_taken_one_is_replaced() {
        let (one, other) = (free().unwrap(), free().unwrap());
        assert_ne!(one, other);
        let _taken = TcpListener::bind(("127.0.0.1", one)).unwrap();
        assert_ne!(free_or(one).unwrap(), one);
    }
}
