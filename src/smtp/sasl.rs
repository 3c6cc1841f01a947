//! XOAUTH2: an access token as a SASL response.
//! <https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Reply;
use crate::{
    limits::COMMAND_LINE_OCTETS,
    mail::EmailAddress,
    secret::{AccessToken, Secret},
};

/// The octets of `AUTH XOAUTH2 ` and CRLF.
const AUTH_FRAMING_OCTETS: usize = 15;

/// `user=` address `^A` `auth=Bearer ` token `^A^A`, in base64. Neither part can hold `^A`: both
/// are types that refuse control characters.
pub(super) fn xoauth2(user: &EmailAddress, token: &AccessToken) -> Secret {
    let response = Zeroizing::new(format!(
        "user={user}\u{1}auth=Bearer {}\u{1}\u{1}",
        token.expose()
    ));
    Secret::new(STANDARD.encode(response.as_bytes()))
}

/// Whether the response may stand on the AUTH line itself. RFC 4954 §4: a client MUST NOT send
/// an initial response that makes the line longer than 512 octets.
pub(super) fn fits_inline(response: &Secret) -> bool {
    response.expose().len().saturating_add(AUTH_FRAMING_OCTETS) <= COMMAND_LINE_OCTETS
}

/// The `status` in the JSON of an error challenge, such as `401`: the provider's reason, which
/// the 535 that follows does not repeat.
pub(super) fn challenge_status(challenge: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Challenge {
        status: String,
    }
    let text = challenge.lines.first()?.trim();
    let json = STANDARD.decode(text).ok()?;
    let challenge: Challenge = serde_json::from_str(std::str::from_utf8(&json).ok()?).ok()?;
    let plain =
        challenge.status.len() <= 40 && challenge.status.bytes().all(|b| b.is_ascii_graphic());
    plain.then_some(challenge.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::ReplyParser;

    #[test]
    fn the_response_is_the_published_one() {
        // The example of Google's page on the mechanism.
        let user: EmailAddress = "someuser@example.com".parse().unwrap();
        let token = AccessToken::new("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg").unwrap();
        assert_eq!(
            xoauth2(&user, &token).expose(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
    }

    #[test]
    fn the_line_with_an_inline_response_has_512_octets_at_most() {
        let fits = |chars: usize| fits_inline(&Secret::new("x".repeat(chars)));
        assert!(fits(COMMAND_LINE_OCTETS - "AUTH XOAUTH2 \r\n".len()));
        assert!(!fits(COMMAND_LINE_OCTETS - "AUTH XOAUTH2 \r\n".len() + 1));
    }

    #[test]
    fn the_reason_in_an_error_challenge_is_read_or_let_be() {
        let challenge = |text: &str| {
            let mut parser = ReplyParser::default();
            parser.push(format!("334 {text}\r\n").as_bytes());
            challenge_status(&parser.next_reply().unwrap().unwrap())
        };
        let json = STANDARD.encode(r#"{"status":"401","schemes":"Bearer","scope":"x"}"#);
        assert_eq!(challenge(&json).as_deref(), Some("401"));
        for text in [
            "",
            "not base64!",
            &STANDARD.encode("[]"),
            &STANDARD.encode(r#"{"status":"a b"}"#),
        ] {
            assert_eq!(challenge(text), None, "{text}");
        }
    }
}
