//! Assertions: what a client signs to prove who it is, or for whom it may act (RFC 7521, RFC 7523).
//!
//! Header and claims are values made of what is given; nobody signs here.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::SigningKey;
use crate::{
    limits::{ASSERTION_BACKDATING, ASSERTION_LIFETIME},
    secret::Secret,
    time::UnixMillis,
};

/// How a signature is made (RFC 7518 §3.1), by names that Microsoft and Google know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// RSASSA-PSS with SHA-256 and a salt of 32 octets (RFC 7518 §3.5).
    #[default]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), for providers that take nothing newer.
    Rs256,
}

impl SigningAlgorithm {
    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// The header parameter that names a certificate by the digest that goes with it.
    fn thumbprint_parameter(self) -> &'static str {
        match self {
            Self::Ps256 => "x5t#S256",
            Self::Rs256 => "x5t",
        }
    }
}

/// A key, and by what names the provider knows it.
#[derive(Debug, Clone)]
pub struct AssertionKey {
    /// What signs.
    pub key: SigningKey,
    /// How.
    pub algorithm: SigningAlgorithm,
    /// The certificate's thumbprint that goes with the algorithm, in base64url.
    pub thumbprint: Option<String>,
    /// `kid` (RFC 7515 §4.1.4).
    pub key_id: Option<String>,
}

impl AssertionKey {
    /// What tells it from other settings, and gives nothing away.
    pub fn settings(&self) -> String {
        format!("{} {}", self.header(), self.key.name())
    }

    /// The JOSE header (RFC 7515 §4).
    fn header(&self) -> String {
        let mut header = format!(r#"{{"alg":"{}","typ":"JWT""#, self.algorithm.name());
        let names = [
            (self.algorithm.thumbprint_parameter(), &self.thumbprint),
            ("kid", &self.key_id),
        ];
        for (name, value) in names {
            if let Some(value) = value {
                // Writing to a text does not fail.
                let _ = write!(header, ",\"{name}\":{}", quoted(value));
            }
        }
        header + "}"
    }
}

/// An assertion that nobody has signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion(String);

impl Assertion {
    /// With it, a client proves who it is (RFC 7523 §2.2 and §3). `unique` makes sure that no two are
    /// the same: whoever verifies it may refuse to see it twice.
    pub fn of_client(
        key: &AssertionKey,
        client_id: &str,
        audience: &str,
        unique: [u8; 16],
        now: UnixMillis,
    ) -> Self {
        let client_id = quoted(client_id);
        let claims = format!(
            r#"{{"aud":{},"iss":{client_id},"sub":{client_id},"jti":"{}",{}}}"#,
            quoted(audience),
            uuid(unique),
            Period::from(now).claims(true),
        );
        Self::new(key, &claims)
    }

    /// With it, a service account acts for `subject` (RFC 7523 §2.1 and §3, with Google's claim
    /// `scope`: developers.google.com/identity/protocols/oauth2/service-account).
    pub fn of_service_account(
        key: &AssertionKey,
        account: &str,
        subject: &str,
        scope: &str,
        audience: &str,
        now: UnixMillis,
    ) -> Self {
        let claims = format!(
            r#"{{"iss":{},"sub":{},"scope":{},"aud":{},{}}}"#,
            quoted(account),
            quoted(subject),
            quoted(scope),
            quoted(audience),
            Period::from(now).claims(false),
        );
        Self::new(key, &claims)
    }

    fn new(key: &AssertionKey, claims: &str) -> Self {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        Self(format!("{}.{}", encode(&key.header()), encode(claims)))
    }

    /// What is signed (RFC 7515 §5.1).
    pub fn signing_input(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The assertion as it is presented (RFC 7515 §7.1). As long as it lasts, whoever has it is taken
    /// for the client.
    pub fn signed(self, signature: &[u8]) -> Secret {
        Secret::new(format!("{}.{}", self.0, URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// When an assertion is good, in seconds since 1970.
struct Period {
    begins: u64,
    ends: u64,
}

impl From<UnixMillis> for Period {
    fn from(now: UnixMillis) -> Self {
        let begins = now.before(ASSERTION_BACKDATING);
        Self {
            begins: begins.as_seconds(),
            ends: begins.after(ASSERTION_LIFETIME).as_seconds(),
        }
    }
}

impl Period {
    fn claims(&self, not_before: bool) -> String {
        let Self { begins, ends } = self;
        let not_before = if not_before {
            format!(r#""nbf":{begins},"#)
        } else {
            String::new()
        };
        format!(r#"{not_before}"iat":{begins},"exp":{ends}"#)
    }
}

/// A text as it stands in JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Random octets in the form that Microsoft wants `jti` in (RFC 9562 §5.4).
fn uuid(mut octets: [u8; 16]) -> String {
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut octets;
    *version = *version & 0x0f | 0x40;
    *variant = *variant & 0x3f | 0x80;
    let mut text = String::new();
    for (place, octet) in octets.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            text.push('-');
        }
        // Writing to a text does not fail.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T09:30:00.999Z.
    const NOW: UnixMillis = UnixMillis::new(1_795_339_800_999);
    const KEY: &str = include_str!("../../tests/fixtures/keys/application.key");
    const ENDPOINT: &str = "https://login.microsoftonline.com/x.test/oauth2/v2.0/token";

    fn key(algorithm: SigningAlgorithm, thumbprint: &str, key_id: &str) -> AssertionKey {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        AssertionKey {
            key: SigningKey::parse(KEY).unwrap(),
            algorithm,
            thumbprint: some(thumbprint),
            key_id: some(key_id),
        }
    }

    fn parts(assertion: &Assertion) -> [String; 2] {
        let decode = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (header, claims) = assertion.0.split_once('.').unwrap();
        [decode(header), decode(claims)]
    }

    #[test]
    fn a_clients_assertion_to_the_octet() {
        let key = key(SigningAlgorithm::Ps256, "dGh1bWI", "");
        let unique = std::array::from_fn(|n| u8::try_from(n * 17).unwrap());
        let assertion = Assertion::of_client(&key, "a-client", ENDPOINT, unique, NOW);
        let claims = concat!(
            r#"{"aud":"https://login.microsoftonline.com/x.test/oauth2/v2.0/token","#,
            r#""iss":"a-client","sub":"a-client","jti":"00112233-4455-4677-8899-aabbccddeeff","#,
            r#""nbf":1795339790,"iat":1795339790,"exp":1795340090}"#
        );
        let header = r#"{"alg":"PS256","typ":"JWT","x5t#S256":"dGh1bWI"}"#;
        assert_eq!(parts(&assertion), [header, claims]);
        let signed = assertion.clone().signed(&[0xff, 0xfe]);
        let expected = format!(
            "{}.{}.__4",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        assert_eq!(signed.expose(), expected);
        assert_eq!(
            assertion.signing_input(),
            expected.strip_suffix(".__4").unwrap().as_bytes()
        );
    }

    #[test]
    fn a_service_accounts_assertion_to_the_octet() {
        let key = key(SigningAlgorithm::Rs256, "", "k1");
        let assertion = Assertion::of_service_account(
            &key,
            "mail@project.test",
            "shop@x.test",
            "https://mail.google.com/",
            "https://oauth2.googleapis.com/token",
            NOW,
        );
        let claims = concat!(
            r#"{"iss":"mail@project.test","sub":"shop@x.test","scope":"https://mail.google.com/","#,
            r#""aud":"https://oauth2.googleapis.com/token","iat":1795339790,"exp":1795340090}"#
        );
        let header = r#"{"alg":"RS256","typ":"JWT","kid":"k1"}"#;
        assert_eq!(parts(&assertion), [header, claims]);
    }

    #[test]
    fn the_header_names_the_key_in_the_algorithms_way() {
        let header = |algorithm, thumbprint, key_id| key(algorithm, thumbprint, key_id).header();
        assert_eq!(
            header(SigningAlgorithm::Rs256, "c2hhMQ", ""),
            r#"{"alg":"RS256","typ":"JWT","x5t":"c2hhMQ"}"#
        );
        assert_eq!(
            header(SigningAlgorithm::Ps256, "", ""),
            r#"{"alg":"PS256","typ":"JWT"}"#
        );
        assert_eq!(
            header(SigningAlgorithm::Ps256, "t", "a \"quoted\" name"),
            r#"{"alg":"PS256","typ":"JWT","x5t#S256":"t","kid":"a \"quoted\" name"}"#
        );
    }

    #[test]
    fn settings_tell_keys_apart_and_give_none_away() {
        let one = key(SigningAlgorithm::Ps256, "t", "").settings();
        let another = AssertionKey {
            key: SigningKey::parse(include_str!("../../tests/fixtures/keys/another.key")).unwrap(),
            ..key(SigningAlgorithm::Ps256, "t", "")
        };
        assert_ne!(one, another.settings());
        assert_ne!(one, key(SigningAlgorithm::Rs256, "t", "").settings());
        assert!(KEY.lines().all(|line| !one.contains(line)));
    }
}
