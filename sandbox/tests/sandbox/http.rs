//! A client for one request a connection.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use edgepost_sandbox::Sandbox;
use serde_json::Value;

use crate::smtp::{connect, secure};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A request, ready to be sent.
pub(crate) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self {
            method: "POST",
            ..Self::get(path)
        }
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self {
            method: "DELETE",
            ..Self::get(path)
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        self.body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }

    /// Sends it to an address such as `https://localhost:1234`.
    pub(crate) fn send(mut self, sandbox: &Sandbox, origin: &str) -> Answer {
        let (scheme, authority) = origin.split_once("://").unwrap();
        let port = authority.rsplit(':').next().unwrap().parse().unwrap();
        if !self.headers.iter().any(|(name, _)| name == "host") {
            self = self.header("host", authority);
        }
        let mut request = format!(
            "{} {} HTTP/1.1\r\nconnection: close\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!(
            "content-length: {}\r\n\r\n{}",
            self.body.len(),
            self.body
        ));
        let stream = connect(port);
        match scheme {
            "https" => exchange(secure(sandbox, stream).unwrap(), &request),
            _ => exchange(stream, &request),
        }
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> Answer {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Under TLS the end may come without close_notify.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer {
        status,
        headers,
        body: body.to_owned(),
    }
}

/// A request to the token endpoint with the client's credentials in the body.
pub(crate) fn token(sandbox: &Sandbox, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![
        ("client_id", sandbox.client_id()),
        ("client_secret", sandbox.client_secret()),
    ];
    all.extend_from_slice(fields);
    Request::post("/token")
        .form(&all)
        .send(sandbox, &sandbox.issuer())
}

pub(crate) fn refresh(sandbox: &Sandbox, refresh_token: &str) -> Answer {
    token(
        sandbox,
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ],
    )
}

/// A fresh access token.
pub(crate) fn access_token(sandbox: &Sandbox, account: &str) -> String {
    let answer = refresh(sandbox, &sandbox.grant(account));
    answer.json()["access_token"].as_str().unwrap().to_owned()
}
