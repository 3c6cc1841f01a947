//! Requests and answers as values, so that the door can be tried without a server.

use crate::access::BindingProps;

/// A request as the edge read it: the body is whole and below its cap.
#[derive(Clone, Default)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path, percent-encoded as it came, without the query.
    pub path: String,
    /// The query without its question mark, as it came; empty where there is none.
    pub query: String,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Who calls, where the platform says so.
    pub binding: Option<BindingProps>,
}

impl Request {
    /// The value of the header `name`, given in lower case. Where it came twice there is no
    /// value: which of them counts would be anybody's guess.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(own, _)| own == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value.as_str())
    }

    /// The same request without a header, given in lower case.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut request = self.clone();
        request.headers.retain(|(own, _)| own != name);
        request
    }
}

/// Headers hold keys and bodies hold letters: `Debug` shows neither.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({}, {} octets)", self.method, self.body.len())
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Response {
    /// An answer of the given media type, never to be cached and never to be taken for anything
    /// else.
    pub fn new(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![
                ("content-type", content_type.to_owned()),
                ("cache-control", "no-store".to_owned()),
                ("x-content-type-options", "nosniff".to_owned()),
                ("referrer-policy", "no-referrer".to_owned()),
            ],
            body: body.into(),
        }
    }

    /// A JSON answer.
    pub fn json(status: u16, body: &impl serde::Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self::new(status, "application/json", body)
    }

    /// The same answer with another value of a header that it has.
    #[must_use]
    pub fn replacing(mut self, name: &'static str, value: &str) -> Self {
        for (_, own) in self.headers.iter_mut().filter(|(own, _)| *own == name) {
            value.clone_into(own);
        }
        self
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
