//! How a connection becomes encrypted. There is no third way: nothing is sent without TLS.

use serde::{Deserialize, Serialize};

/// When TLS begins (RFC 8314 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// The connection starts in the clear, and STARTTLS is required before anything is said that
    /// matters (RFC 3207). Port 587.
    StartTls,
    /// TLS from the first octet. Port 465.
    Implicit,
}

/// The port for submission over implicit TLS, `submissions` (RFC 8314 §7.3).
const SUBMISSIONS_PORT: u16 = 465;

impl TlsMode {
    /// What servers do at this port, where nobody said otherwise.
    pub fn usual_at(port: u16) -> Self {
        if port == SUBMISSIONS_PORT {
            Self::Implicit
        } else {
            Self::StartTls
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_465_is_encrypted_from_the_start() {
        assert_eq!(TlsMode::usual_at(465), TlsMode::Implicit);
        for port in [587, 2525, 30_587] {
            assert_eq!(TlsMode::usual_at(port), TlsMode::StartTls);
        }
    }
}
