//! What an authorization server says of itself: RFC 8414, and OpenID Connect Discovery 1.0 §4, which
//! was there before it.
//!
//! The document is public, and believed because it came over TLS from the issuer's own host and names
//! the issuer. Only what is needed here is read; its keys are not, since nothing of it is signed for
//! us.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};
use url::Url;

use super::{SecretIn, TokenFailure};
use crate::{
    limits::ENDPOINT_CHARS,
    outcome::{Cause, Trouble},
};

/// The name of an authorization server (RFC 8414 §2), to the letter as it was written: issuers are
/// compared and not interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

/// What is no issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the issuer as the provider writes it: https://, a host, and a path or none")]
pub struct NotAnIssuer;

impl Issuer {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Issuer {
    type Err = NotAnIssuer;

    /// "https" and no query or fragment (RFC 8414 §2).
    fn from_str(text: &str) -> Result<Self, NotAnIssuer> {
        let plain = endpoint(text).is_some() && !text.contains('?');
        if plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnIssuer)
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the metadata may be, in the order in which to ask: RFC 8414 §3.1 puts its part between host
/// and path, OpenID Connect Discovery §4.1 puts its own behind the path. A slash at the end counts in
/// neither.
pub fn metadata_addresses(issuer: &str) -> [String; 2] {
    let host = issuer.strip_prefix("https://").unwrap_or(issuer);
    let (host, path) = host.split_at(host.find('/').unwrap_or(host.len()));
    let path = path.trim_end_matches('/');
    [
        format!("https://{host}/.well-known/oauth-authorization-server{path}"),
        format!("https://{host}{path}/.well-known/openid-configuration"),
    ]
}

const AUTH_METHODS: &str = "token_endpoint_auth_methods_supported";
const NAMES_ITSELF: &str = "authorization_response_iss_parameter_supported";
const POST: &str = "client_secret_post";
const BASIC: &str = "client_secret_basic";

/// What we need of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Where a person consents.
    pub authorization_endpoint: Option<String>,
    /// The token endpoint.
    pub token_endpoint: String,
    /// Where a token is given back (RFC 7009).
    pub revocation_endpoint: Option<String>,
    /// Where in a request the client's secret stands.
    pub secret_in: SecretIn,
    /// Whether authorization responses name the issuer (RFC 9207 §3).
    pub names_itself: bool,
}

impl Metadata {
    /// Reads the answer to a request for `issuer`'s metadata.
    ///
    /// # Errors
    /// Why it cannot be used, with advice.
    pub fn read(issuer: &str, status: u16, body: &[u8]) -> Result<Self, TokenFailure> {
        match status {
            200 => {}
            429 | 500..=599 => return Err(Self::unavailable()),
            _ => return Err(unfit("metadata_not_found")),
        }
        let text = std::str::from_utf8(body).ok();
        let fields = text.and_then(|text| serde_json::from_str(text).ok());
        Self::of(issuer, &fields.ok_or_else(|| unfit("metadata_not_found"))?)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Why it cannot be used, with advice.
    pub fn of(issuer: &str, document: &Map<String, Value>) -> Result<Self, TokenFailure> {
        // "MUST be identical" (RFC 8414 §3.3): else a server could name the endpoints of another.
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(unfit("metadata_of_another"));
        }
        let challenges = listed(document, "code_challenge_methods_supported");
        if challenges.is_some_and(|methods| !methods.contains(&"S256")) {
            return Err(unfit("metadata_without_s256"));
        }
        let address = |name: &str| match document.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_str().and_then(endpoint) {
                Some(address) => Ok(Some(address)),
                None => Err(unfit("metadata_endpoint_unfit")),
            },
        };
        Ok(Self {
            authorization_endpoint: address("authorization_endpoint")?,
            token_endpoint: address("token_endpoint")?
                .ok_or_else(|| unfit("metadata_endpoint_unfit"))?,
            revocation_endpoint: address("revocation_endpoint")?,
            secret_in: secret_in(listed(document, AUTH_METHODS)),
            names_itself: document.get(NAMES_ITSELF) == Some(&Value::Bool(true)),
        })
    }

    /// The document that says so much and no more.
    pub fn document(&self, issuer: &str) -> Map<String, Value> {
        let method = match self.secret_in {
            SecretIn::Body => POST,
            SecretIn::Header => BASIC,
        };
        let texts = [
            ("issuer", Some(issuer)),
            ("token_endpoint", Some(self.token_endpoint.as_str())),
            (
                "authorization_endpoint",
                self.authorization_endpoint.as_deref(),
            ),
            ("revocation_endpoint", self.revocation_endpoint.as_deref()),
        ];
        let mut document = Map::new();
        for (name, text) in texts {
            if let Some(text) = text {
                document.insert(name.to_owned(), text.into());
            }
        }
        document.insert(AUTH_METHODS.to_owned(), vec![method].into());
        document.insert(NAMES_ITSELF.to_owned(), self.names_itself.into());
        document
    }

    /// There was no answer, or the server has a fault of its own.
    pub fn unavailable() -> TokenFailure {
        let (cause, trouble) = (Cause::TokenUnavailable, Trouble::Transient);
        TokenFailure::found(cause, trouble, "metadata_unavailable")
    }
}

/// In the body where that is offered, as with every other provider. What is not said means HTTP Basic
/// (RFC 8414 §2).
fn secret_in(methods: Option<Vec<&str>>) -> SecretIn {
    let header = methods.is_none_or(|methods| methods.contains(&BASIC) && !methods.contains(&POST));
    if header {
        SecretIn::Header
    } else {
        SecretIn::Body
    }
}

/// A list of texts, where there is one.
fn listed<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    let values = fields.get(name)?.as_array()?;
    Some(values.iter().filter_map(Value::as_str).collect())
}

/// An address that a credential may be sent to: https, without a user, a fragment (RFC 6749 §3.1) or
/// anything that has to be escaped, or is read as something else (a backslash as `/`).
fn endpoint(text: &str) -> Option<String> {
    let plain =
        text.len() <= ENDPOINT_CHARS && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let url = Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https")?;
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (plain && bare && text.starts_with("https://")).then(|| text.to_owned())
}

fn unfit(finding: &'static str) -> TokenFailure {
    let (cause, trouble) = (Cause::TokenMisconfigured, Trouble::Configuration);
    TokenFailure::found(cause, trouble, finding)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example.com";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/authorize?brand=x",
            "token_endpoint": "https://tokens.example.com/token",
            "revocation_endpoint": "https://id.example.com/revoke",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": true,
            "jwks_uri": "http://is.not.read/",
        })
    }

    fn read(document: &Value) -> Result<Metadata, String> {
        Metadata::read(ISSUER, 200, document.to_string().as_bytes())
            .map_err(|failure| failure.failure.finding.unwrap().name().to_owned())
    }

    #[test]
    fn ok_what_is_needed_is_read_and_nothing_else() {
        let metadata = read(&document()).unwrap();
        let expected = Metadata {
            authorization_endpoint: Some("https://id.example.com/authorize?brand=x".to_owned()),
            token_endpoint: "https://tokens.example.com/token".to_owned(),
            revocation_endpoint: Some("https://id.example.com/revoke".to_owned()),
            secret_in: SecretIn::Body,
            names_itself: true,
        };
        assert_eq!(metadata, expected);
        let least = json!({ "issuer": ISSUER, "token_endpoint": "https://id.example.com/t" });
        let least = read(&least).unwrap();
        assert_eq!(least.authorization_endpoint, None);
        assert!(!least.names_itself);
        // RFC 8414 §2: "If omitted, the default is client_secret_basic".
        assert_eq!(least.secret_in, SecretIn::Header);
    }

    #[test]
    fn what_was_read_makes_a_document_that_reads_the_same() {
        let mut bare = document();
        bare["token_endpoint_auth_methods_supported"] = json!([BASIC]);
        bare["revocation_endpoint"] = Value::Null;
        for document in [document(), bare] {
            let metadata = read(&document).unwrap();
            let again = Metadata::of(ISSUER, &metadata.document(ISSUER)).unwrap();
            assert_eq!(again, metadata);
        }
    }

    #[test]
    fn the_secret_goes_where_the_server_takes_it() {
        for (methods, expected) in [
            (json!(["client_secret_basic"]), SecretIn::Header),
            (
                json!(["client_secret_post", "client_secret_basic"]),
                SecretIn::Body,
            ),
            (json!(["none"]), SecretIn::Body),
            (json!(["private_key_jwt"]), SecretIn::Body),
        ] {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods.clone();
            assert_eq!(read(&document).unwrap().secret_in, expected, "{methods}");
        }
    }

    #[test]
    fn err_a_document_that_speaks_for_another_or_names_what_is_not_safe() {
        let with = |field: &str, value: Value| {
            let mut document = document();
            document[field] = value;
            document
        };
        let cases = [
            (
                with("issuer", json!("https://id.example.com/")),
                "metadata_of_another",
            ),
            (
                with("issuer", json!("https://ID.example.com")),
                "metadata_of_another",
            ),
            (
                with("issuer", json!("https://evil.test")),
                "metadata_of_another",
            ),
            (with("issuer", Value::Null), "metadata_of_another"),
            (
                with("token_endpoint", json!("http://id.example.com/t")),
                "metadata_endpoint_unfit",
            ),
            (
                with("token_endpoint", json!("https://a:b@id.example.com/t")),
                "metadata_endpoint_unfit",
            ),
            (
                with("token_endpoint", json!("https://id.example.com/#t")),
                "metadata_endpoint_unfit",
            ),
            (
                with("token_endpoint", json!("/token")),
                "metadata_endpoint_unfit",
            ),
            (
                with("token_endpoint", json!("https://x.test/\r\nEvil: 1")),
                "metadata_endpoint_unfit",
            ),
            (
                with("token_endpoint", json!(" https://x.test/")),
                "metadata_endpoint_unfit",
            ),
            (
                with("token_endpoint", Value::Null),
                "metadata_endpoint_unfit",
            ),
            (with("token_endpoint", json!(7)), "metadata_endpoint_unfit"),
            (
                with("authorization_endpoint", json!("javascript:alert(1)")),
                "metadata_endpoint_unfit",
            ),
            (
                with("revocation_endpoint", json!("http://id.example.com/")),
                "metadata_endpoint_unfit",
            ),
            (
                with(
                    "token_endpoint",
                    json!(format!("https://x.test/{}", "x".repeat(3000))),
                ),
                "metadata_endpoint_unfit",
            ),
            (
                with("code_challenge_methods_supported", json!(["plain"])),
                "metadata_without_s256",
            ),
            (
                with("code_challenge_methods_supported", json!([])),
                "metadata_without_s256",
            ),
        ];
        for (document, finding) in cases {
            assert_eq!(read(&document).unwrap_err(), finding, "{document}");
        }
    }

    #[test]
    fn err_answers_that_are_no_metadata_and_which_of_them_may_pass() {
        let cases: [(u16, &str, bool); 12] = [
            (404, "", false),
            (403, "no", false),
            (302, "", false),
            (204, "", false),
            (200, "", false),
            (200, "<html>", false),
            (200, "[]", false),
            (200, "null", false),
            (200, "\"x\"", false),
            (500, "", true),
            (503, "{}", true),
            (429, "", true),
        ];
        for (status, body, transient) in cases {
            let failure = Metadata::read(ISSUER, status, body.as_bytes()).unwrap_err();
            assert_eq!(failure.is_transient(), transient, "{status} {body}");
            let finding = failure.failure.finding.unwrap();
            assert!(
                crate::oauth::advice_of(&finding).is_some(),
                "{}",
                finding.name()
            );
        }
        assert!(Metadata::read(ISSUER, 200, &[0xff]).is_err());
    }

    #[test]
    fn the_addresses_are_those_of_the_two_documents() {
        // The example of RFC 8414 §3.1, and its own of OpenID Connect Discovery §4.1.
        assert_eq!(
            metadata_addresses("https://example.com/issuer1"),
            [
                "https://example.com/.well-known/oauth-authorization-server/issuer1",
                "https://example.com/issuer1/.well-known/openid-configuration",
            ]
        );
        for issuer in ["https://example.com:8443", "https://example.com:8443/"] {
            assert_eq!(
                metadata_addresses(issuer),
                [
                    "https://example.com:8443/.well-known/oauth-authorization-server",
                    "https://example.com:8443/.well-known/openid-configuration",
                ]
            );
        }
    }

    #[test]
    fn an_issuer_is_kept_to_the_letter() {
        for good in [
            ISSUER,
            "https://id.example.com/",
            "https://id.example.com/realms/x",
        ] {
            assert_eq!(good.parse::<Issuer>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "id.example.com",
            "http://id.example.com",
            "https://id.example.com?x",
            "https://id.example.com/#x",
            "https://a@id.example.com",
            "https://",
            "https:/id.example.com",
            "https://id.example.com/ x",
            r"https://id.example.com\@evil.test",
        ] {
            assert_eq!(bad.parse::<Issuer>(), Err(NotAnIssuer), "{bad}");
        }
    }
}
