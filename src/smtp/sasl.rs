//! An access token as a SASL response: XOAUTH2
//! (<https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>) and OAUTHBEARER
//! (RFC 7628).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Reply, capabilities::Capabilities};
use crate::{
    limits::{COMMAND_LINE_OCTETS, SASL_REASON_CHARS},
    mail::EmailAddress,
    outcome::Answer,
    secret::{AccessToken, Secret},
};

/// How a token is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    Xoauth2,
    OauthBearer,
}

impl Mechanism {
    /// The one to use. XOAUTH2 where both are offered: it is what the large providers document, and
    /// what their failures are known for.
    pub(super) fn of(offered: Capabilities) -> Option<Self> {
        if offered.xoauth2 {
            Some(Self::Xoauth2)
        } else if offered.oauthbearer {
            Some(Self::OauthBearer)
        } else {
            None
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }

    /// The response, in base64. Neither part can hold `^A`: both are types that refuse control
    /// characters.
    pub(super) fn response(self, user: &EmailAddress, token: &AccessToken) -> Secret {
        let token = token.expose();
        let response = Zeroizing::new(match self {
            Self::Xoauth2 => format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"),
            // RFC 5801 §4: in the authorisation identity `=` and `,` are written as octets. Host
            // and port are for schemes that sign (RFC 7628 §3.1), and a bearer token signs nothing.
            Self::OauthBearer => {
                let user = user.as_str().replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\u{1}auth=Bearer {token}\u{1}\u{1}")
            }
        });
        Secret::new(STANDARD.encode(response.as_bytes()))
    }

    /// Whether the response may stand on the AUTH line itself. RFC 4954 §4: a client MUST NOT send
    /// an initial response that makes the line longer than 512 octets.
    pub(super) fn fits_inline(self, response: &Secret) -> bool {
        let framing = "AUTH  \r\n".len().saturating_add(self.name().len());
        response.expose().len().saturating_add(framing) <= COMMAND_LINE_OCTETS
    }

    /// What answers an error challenge, after which the server gives its refusal: an empty line,
    /// or `^A` in base64 (RFC 7628 §3.2.3).
    pub(super) fn acknowledgement(self) -> &'static str {
        match self {
            Self::Xoauth2 => "",
            Self::OauthBearer => "AQ==",
        }
    }
}

/// The reason in the JSON of an error challenge: `status`, `schemes` and `scope`, which the 535
/// that follows does not repeat. A status of 401 speaks of the token, one of 400 of its scope.
pub(super) fn challenge_reason(challenge: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Challenge {
        status: String,
        schemes: Option<String>,
        scope: Option<String>,
    }
    let text = challenge.lines.first()?.trim();
    let json = STANDARD.decode(text).ok()?;
    let challenge: Challenge = serde_json::from_str(std::str::from_utf8(&json).ok()?).ok()?;
    let mut reason = format!("status {}", challenge.status);
    for (name, value) in [("schemes", challenge.schemes), ("scope", challenge.scope)] {
        if let Some(value) = value {
            reason = format!("{reason}, {name} {value}");
        }
    }
    // Escaped as any answer is, and short: the server's own words come behind it.
    let escaped = Answer::new(&reason);
    Some(escaped.as_str().chars().take(SASL_REASON_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::ReplyParser;

    #[test]
    fn the_xoauth2_response_is_the_published_one() {
        // The example of Google's page on the mechanism.
        let user: EmailAddress = "someuser@example.com".parse().unwrap();
        let token = AccessToken::new("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg").unwrap();
        assert_eq!(
            Mechanism::Xoauth2.response(&user, &token).expose(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
    }

    #[test]
    fn the_oauthbearer_response_is_that_of_the_rfc_without_host_and_port() {
        // RFC 7628 §4.1.
        let user: EmailAddress = "user@example.com".parse().unwrap();
        let token = AccessToken::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==").unwrap();
        let response = Mechanism::OauthBearer.response(&user, &token);
        assert_eq!(
            STANDARD.decode(response.expose()).unwrap(),
            b"n,a=user@example.com,\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
        );
        let odd: EmailAddress = "a=b@example.com".parse().unwrap();
        let response = Mechanism::OauthBearer.response(&odd, &token);
        let text = String::from_utf8(STANDARD.decode(response.expose()).unwrap()).unwrap();
        assert!(text.starts_with("n,a=a=3Db@example.com,\u{1}"), "{text}");
    }

    #[test]
    fn the_line_with_an_inline_response_has_512_octets_at_most() {
        for (mechanism, framing) in [
            (Mechanism::Xoauth2, "AUTH XOAUTH2 \r\n"),
            (Mechanism::OauthBearer, "AUTH OAUTHBEARER \r\n"),
        ] {
            let fits = |chars: usize| mechanism.fits_inline(&Secret::new("x".repeat(chars)));
            assert!(fits(COMMAND_LINE_OCTETS - framing.len()));
            assert!(!fits(COMMAND_LINE_OCTETS - framing.len() + 1));
        }
    }

    #[test]
    fn the_reason_in_an_error_challenge_is_read_or_let_be() {
        let challenge = |text: &str| {
            let mut parser = ReplyParser::default();
            parser.push(format!("334 {text}\r\n").as_bytes());
            challenge_reason(&parser.next_reply().unwrap().unwrap())
        };
        let read = |json: &str| challenge(&STANDARD.encode(json));
        assert_eq!(
            read(r#"{"status":"401","schemes":"Bearer","scope":"https://mail.google.com/"}"#)
                .as_deref(),
            Some("status 401, schemes Bearer, scope https://mail.google.com/")
        );
        assert_eq!(
            read(r#"{"status":"invalid_token","openid-configuration":"https://x.test/"}"#)
                .as_deref(),
            Some("status invalid_token")
        );
        assert_eq!(
            read("{\"status\":\"4\\r\\n\"}").as_deref(),
            Some("status 4\\r\\n")
        );
        let long = format!(r#"{{"status":"{}"}}"#, "x".repeat(900));
        assert_eq!(read(&long).unwrap().chars().count(), SASL_REASON_CHARS);
        for text in ["", "not base64!", &STANDARD.encode("[]")] {
            assert_eq!(challenge(text), None, "{text}");
        }
    }
}
