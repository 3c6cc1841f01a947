//! Who a message is from and who gets it: the only delivery list there is.

use serde::{Deserialize, Serialize};

use super::EmailAddress;

/// Sender and recipients as SMTP sees them (RFC 5321 §2.3.1). Headers say what readers see; a
/// recipient that stands in no header is a blind copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// `MAIL FROM`.
    pub reverse_path: EmailAddress,
    /// `RCPT TO`, at least one, each once.
    pub forward_paths: Vec<EmailAddress>,
}
