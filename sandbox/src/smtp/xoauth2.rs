//! The XOAUTH2 message: `user=` address ^A `auth=Bearer ` token ^A ^A, in base64.
//! <https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::SMTP_SCOPE;

/// What a client says of itself.
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) token: String,
}

/// Why a response holds none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Not base64: an error of SASL, answered 501.
    Base64,
    /// Base64 of something else: an error of the mechanism, answered like a bad token.
    Message,
}

/// Reads the client's response.
pub(crate) fn decode(response: &[u8]) -> Result<Credentials, Malformed> {
    let message = STANDARD.decode(response).map_err(|_| Malformed::Base64)?;
    let message = String::from_utf8(message).map_err(|_| Malformed::Message)?;
    let parse = || {
        let (user, rest) = message.strip_prefix("user=")?.split_once('\u{1}')?;
        let token = rest
            .strip_prefix("auth=Bearer ")?
            .strip_suffix("\u{1}\u{1}")?;
        let clean = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        (clean(user) && clean(token)).then(|| Credentials {
            user: user.to_owned(),
            token: token.to_owned(),
        })
    };
    parse().ok_or(Malformed::Message)
}

/// The challenge that explains a refusal, in base64.
pub(crate) fn refusal(status: &str) -> String {
    // Written out, so that the fields come in the order providers send them.
    STANDARD.encode(format!(
        r#"{{"status":"{status}","schemes":"Bearer","scope":"{SMTP_SCOPE}"}}"#
    ))
}
