//! The two ways to show a bearer token, as octets: XOAUTH2
//! (<https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>) and OAUTHBEARER (RFC 7628).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::SMTP_SCOPE;

/// A mechanism of AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    XOAuth2,
    OAuthBearer,
}

/// What a client says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) token: String,
    /// Where the client thinks it is, if it says so.
    pub(crate) host: Option<String>,
    pub(crate) port: Option<String>,
}

/// Why a response holds none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Not base64: an error of SASL, answered 501.
    Base64,
    /// Base64 of something else: an error of the mechanism, answered like a bad token.
    Message,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The message is not as it must be.
    Request,
    /// The token is unknown, ended, or someone else's.
    Token,
    /// The token is for something else.
    Scope,
}

impl Mechanism {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::XOAuth2, Self::OAuthBearer]
            .into_iter()
            .find(|this| this.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// What the client answers to the challenge that explains a refusal: nothing, or one ^A (RFC
    /// 7628 §3.2.3).
    pub(crate) fn last_word(self) -> &'static [u8] {
        match self {
            Self::XOAuth2 => b"",
            Self::OAuthBearer => b"AQ==",
        }
    }

    /// Reads the client's response.
    pub(crate) fn decode(self, response: &[u8]) -> Result<Credentials, Malformed> {
        let message = STANDARD.decode(response).map_err(|_| Malformed::Base64)?;
        let message = String::from_utf8(message).map_err(|_| Malformed::Message)?;
        match self {
            Self::XOAuth2 => read_xoauth2(&message),
            Self::OAuthBearer => read_oauthbearer(&message),
        }
        .filter(|credentials| is_clean(&credentials.user) && is_clean(&credentials.token))
        .ok_or(Malformed::Message)
    }

    /// The challenge that explains a refusal, in base64.
    pub(crate) fn challenge(self, refusal: Refusal, issuer: &str) -> String {
        // Written out, so that the fields come in the order providers send them.
        STANDARD.encode(match self {
            Self::XOAuth2 => {
                // As the one provider that documents it answers.
                let status = match refusal {
                    Refusal::Token => "401",
                    Refusal::Request | Refusal::Scope => "400",
                };
                format!(r#"{{"status":"{status}","schemes":"Bearer","scope":"{SMTP_SCOPE}"}}"#)
            }
            Self::OAuthBearer => {
                let status = match refusal {
                    Refusal::Request => "invalid_request",
                    Refusal::Token => "invalid_token",
                    Refusal::Scope => "insufficient_scope",
                };
                format!(
                    r#"{{"status":"{status}","scope":"{SMTP_SCOPE}","openid-configuration":"{issuer}/.well-known/openid-configuration"}}"#
                )
            }
        })
    }
}

fn is_clean(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// `user=` address ^A `auth=Bearer ` token ^A ^A.
fn read_xoauth2(message: &str) -> Option<Credentials> {
    let (user, rest) = message.strip_prefix("user=")?.split_once('\u{1}')?;
    let token = rest
        .strip_prefix("auth=Bearer ")?
        .strip_suffix("\u{1}\u{1}")?;
    Some(Credentials {
        user: user.to_owned(),
        token: token.to_owned(),
        host: None,
        port: None,
    })
}

/// `n,a=` address `,` ^A, pairs of a name, `=`, a value and ^A, and one more ^A (RFC 7628 §3.1). No
/// channel binding, and the address must be there.
fn read_oauthbearer(message: &str) -> Option<Credentials> {
    let (header, rest) = message.split_once('\u{1}')?;
    let user = unescape(header.strip_prefix("n,a=")?.strip_suffix(',')?)?;
    let pairs = rest.strip_suffix("\u{1}\u{1}")?;
    let (mut host, mut port, mut token) = (None, None, None);
    for pair in pairs.split('\u{1}') {
        let (name, value) = pair.split_once('=')?;
        let place = match name {
            "host" => &mut host,
            "port" => &mut port,
            "auth" => &mut token,
            _ if name.bytes().all(|octet| octet.is_ascii_alphabetic()) => continue,
            _ => return None,
        };
        if place.replace(value.to_owned()).is_some() {
            return None;
        }
    }
    // The scheme is compared without regard to case, RFC 9110 §11.1.
    let token = token?;
    let (scheme, token) = token.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| Credentials {
        user,
        token: token.to_owned(),
        host,
        port,
    })
}

/// `=2C` and `=3D` in a name, RFC 5801 §4; any other `=` is wrong, and so is a comma.
fn unescape(name: &str) -> Option<String> {
    if name.contains(',') {
        return None;
    }
    let mut parts = name.split('=');
    let mut clear = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        clear.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        clear.push_str(rest);
    }
    Some(clear)
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Mechanism, Refusal, STANDARD};
    use base64::Engine as _;

    fn bearer(message: &str) -> Result<super::Credentials, Malformed> {
        Mechanism::OAuthBearer.decode(STANDARD.encode(message).as_bytes())
    }

    /// RFC 7628 §4.1, with the port of submission.
    #[test]
    fn reads_the_example_of_the_rfc() {
        let credentials = bearer(
            "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=587\u{1}\
             auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}",
        )
        .unwrap();
        assert_eq!(credentials.user, "user@example.com");
        assert_eq!(
            credentials.token,
            "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
        );
        assert_eq!(credentials.host.as_deref(), Some("server.example.com"));
        assert_eq!(credentials.port.as_deref(), Some("587"));
    }

    #[test]
    fn names_are_unescaped() {
        let user = bearer("n,a=a=2Cb=3Dc@d.test,\u{1}auth=bearer t\u{1}\u{1}")
            .unwrap()
            .user;
        assert_eq!(user, "a,b=c@d.test");
    }

    #[test]
    fn refuses_what_is_not_of_the_mechanism() {
        for message in [
            "user=a@b.test\u{1}auth=Bearer t\u{1}\u{1}",
            "y,a=a@b.test,\u{1}auth=Bearer t\u{1}\u{1}",
            "n,,\u{1}auth=Bearer t\u{1}\u{1}",
            "n,a=a@b.test\u{1}auth=Bearer t\u{1}\u{1}",
            "n,a=a,b@c.test,\u{1}auth=Bearer t\u{1}\u{1}",
            "n,a=a=2cb@c.test,\u{1}auth=Bearer t\u{1}\u{1}",
            "n,a=a@b.test,\u{1}auth=Bearer t\u{1}",
            "n,a=a@b.test,\u{1}auth=Basic t\u{1}\u{1}",
            "n,a=a@b.test,\u{1}auth=Bearer \u{1}\u{1}",
            "n,a=a@b.test,\u{1}auth=Bearer t\u{1}auth=Bearer u\u{1}\u{1}",
            "n,a=a@b.test,\u{1}host=x\u{1}\u{1}",
            "n,a=a@b.test,\u{1}po rt=x\u{1}auth=Bearer t\u{1}\u{1}",
        ] {
            assert_eq!(bearer(message), Err(Malformed::Message), "{message:?}");
        }
        assert_eq!(Mechanism::OAuthBearer.decode(b"!"), Err(Malformed::Base64));
    }

    #[test]
    fn a_refusal_is_explained_in_the_words_of_the_mechanism() {
        let words = |mechanism: Mechanism, refusal| {
            let challenge = mechanism.challenge(refusal, "https://issuer.test");
            String::from_utf8(STANDARD.decode(challenge).unwrap()).unwrap()
        };
        assert_eq!(
            words(Mechanism::XOAuth2, Refusal::Token),
            r#"{"status":"401","schemes":"Bearer","scope":"https://sandbox.test/SMTP.Send"}"#
        );
        assert_eq!(
            words(Mechanism::OAuthBearer, Refusal::Token),
            r#"{"status":"invalid_token","scope":"https://sandbox.test/SMTP.Send","openid-configuration":"https://issuer.test/.well-known/openid-configuration"}"#
        );
    }
}
