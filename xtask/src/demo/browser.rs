//! The authorization code grant with PKCE, played as a browser and a client would (RFC 6749 §4.1,
//! RFC 7636): what `connect` in a deployed Worker asks of a person, without the person.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgepost_sandbox::Sandbox;
use sha2::{Digest, Sha256};

use crate::http::{Client, encode_form, query_value};
use crate::{Context, Result, key};

/// Lets the account `address` consent, and answers the refresh token.
pub(super) fn consent(sandbox: &Sandbox, address: &str, redirect_uri: &str) -> Result<String> {
    // Trusts the sandbox's authority and no other.
    let client = Client::new(Some(sandbox.ca_pem()))?;
    let (state, verifier) = (key::fresh()?, key::fresh()?);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let request = encode_form(&[
        ("response_type", "code"),
        ("client_id", sandbox.client_id()),
        ("redirect_uri", redirect_uri),
        ("scope", sandbox.scope()),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("login_hint", address),
    ]);
    let code = allow(&client, sandbox, &request, address, &state)?;
    let answer = client
        .post_form(
            &sandbox.token_endpoint(),
            &[
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", redirect_uri),
                ("code_verifier", &verifier),
                ("client_id", sandbox.client_id()),
                ("client_secret", sandbox.client_secret()),
            ],
            &[("accept", "application/json")],
        )
        .context(|| "the code could not be exchanged".to_owned())?;
    // Never the body: it holds the tokens.
    let token = answer
        .json()
        .ok()
        .and_then(|json| Some(json.get("refresh_token")?.as_str()?.to_owned()));
    token.ok_or_else(|| {
        format!(
            "the token endpoint gave no refresh token ({})",
            answer.status
        )
        .into()
    })
}

/// Opens the consent page and allows; answers the code.
fn allow(
    client: &Client,
    sandbox: &Sandbox,
    request: &str,
    address: &str,
    state: &str,
) -> Result<String> {
    let endpoint = sandbox.authorization_endpoint();
    let page = client.get(&format!("{endpoint}?{request}"), &[("accept", "text/html")])?;
    if page.status != 200 {
        return Err(format!("the consent page answered {}", page.status).into());
    }
    let mut fields = hidden_fields(&page.body);
    fields.push(("account".to_owned(), address.to_owned()));
    fields.push(("decision".to_owned(), "allow".to_owned()));
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let answer = client.post_form(&endpoint, &fields, &[("accept", "text/html")])?;
    let location = answer.header("location").unwrap_or_default();
    if !matches!(answer.status, 302 | 303) {
        return Err(format!("consent was answered {}, not by a redirect", answer.status).into());
    }
    if query_value(location, "state").as_deref() != Some(state) {
        return Err("the redirect does not carry our state".into());
    }
    query_value(location, "code").ok_or_else(|| "the redirect carries no code".into())
}

/// The hidden fields of the page's form, as a browser would send them back.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    page.split("<input")
        .skip(1)
        .filter_map(|rest| {
            let tag = rest.split('>').next()?;
            let hidden = attribute(tag, "type").as_deref() == Some("hidden");
            hidden.then(|| Some((attribute(tag, "name")?, attribute(tag, "value")?)))?
        })
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescape(rest.split('"').next()?))
}

/// Character references as a template engine writes them.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (reference, tail) = after.split_once(';').unwrap_or((after, ""));
        let code = match reference {
            "amp" => Some(38),
            "lt" => Some(60),
            "gt" => Some(62),
            "quot" => Some(34),
            number => number
                .strip_prefix('#')
                .and_then(|digits| match digits.strip_prefix('x') {
                    Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
                    None => digits.parse().ok(),
                }),
        };
        out.extend(code.and_then(char::from_u32));
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use edgepost_sandbox::{Options, Sandbox};

    use super::{consent, hidden_fields};

    #[test]
    fn consent_gives_a_refresh_token() {
        let sandbox = Sandbox::start(Options::default()).unwrap();
        let token = consent(&sandbox, "shop@sandbox.test", "http://localhost:1/callback").unwrap();
        assert!(token.len() > 20);
        let requests = sandbox.token_requests("shop@sandbox.test");
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].grant_type, "authorization_code");
        // An address on another machine is not ours to be sent to.
        assert!(consent(&sandbox, "shop@sandbox.test", "https://evil.test/").is_err());
    }

    #[test]
    fn hidden_fields_are_sent_back_as_they_were_meant() {
        let page = r#"<form><input type="hidden" name="uri" value="http://a/?b&amp;c&#x2F;&#61;">
            <input type="radio" name="account" value="x"><input name="n" type="hidden" value="">"#;
        let expected = [("uri", "http://a/?b&c/="), ("n", "")];
        assert_eq!(
            hidden_fields(page),
            expected.map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }
}
