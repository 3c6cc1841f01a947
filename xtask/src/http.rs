//! A blocking HTTP client for loopback: no proxy, no redirects, every status an answer.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::{Context, Result};

/// Longest wait for one answer. The slowest thing asked of the Worker is a start on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest body read. Pages and answers are some kilobytes.
const BODY_LIMIT: u64 = 8 * 1024 * 1024;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body; octets that are not UTF-8 are replaced.
    pub body: String,
}

impl Answer {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.body).context(|| format!("no JSON: {:?}", self.body))
    }
}

/// The client.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
}

impl Client {
    /// A client that speaks plain HTTP, and HTTPS with servers of the authority `ca_pem` and no
    /// other.
    ///
    /// # Errors
    /// If `ca_pem` is no certificate.
    pub fn new(ca_pem: Option<&str>) -> Result<Self> {
        let mut roots = Vec::new();
        if let Some(pem) = ca_pem {
            roots.push(
                Certificate::from_pem(pem.as_bytes())
                    .context(|| "no certificate authority".to_owned())?,
            );
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build()
            .new_agent();
        Ok(Self { agent })
    }

    /// GET with these headers.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(
            request
                .call()
                .context(|| format!("GET {}", without_query(url)))?,
        )
    }

    /// POST of these octets, with these headers.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn post(&self, url: &str, body: &[u8], headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send(body);
        read(answer.context(|| format!("POST {}", without_query(url)))?)
    }

    /// POST of a form, urlencoded, with these headers.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn post_form(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Answer> {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let headers = [&[kind], headers].concat();
        self.post(url, encode_form(fields).as_bytes(), &headers)
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
    let body = response
        .body_mut()
        .with_config()
        .limit(BODY_LIMIT)
        .read_to_vec()?;
    let text =
        |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter()
            .map(|(n, v)| (n.to_string(), text(v)))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// A query may hold a code or a state: not for an error message.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// `application/x-www-form-urlencoded` as a browser writes it.
#[must_use]
pub fn encode_form(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", encode(name), encode(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// One name or value of such a form.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(octet));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

/// The value of a query field, decoded.
#[must_use]
pub fn query_value(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next()?;
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| decode(value))
    })
}

fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'+' => out.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = String::from_utf8_lossy(&digits).into_owned();
                out.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            _ => out.push(octet),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{encode_form, query_value};

    #[test]
    fn a_form_is_written_as_a_browser_writes_it() {
        let form = encode_form(&[("name", "Ada & Bob"), ("text", "a\r\nb=c+é")]);
        assert_eq!(form, "name=Ada+%26+Bob&text=a%0D%0Ab%3Dc%2B%C3%A9");
    }

    #[test]
    fn a_query_value_is_found_and_decoded() {
        let url = "https://client.test/cb?state=x%2By&code=a+b%2F#part";
        assert_eq!(query_value(url, "code").as_deref(), Some("a b/"));
        assert_eq!(query_value(url, "state").as_deref(), Some("x+y"));
        assert_eq!(query_value(url, "iss"), None);
    }
}
