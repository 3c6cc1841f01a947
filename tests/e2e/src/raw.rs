//! HTTP as no client library writes it: headers twice, bodies in chunks, paths with dots.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use xtask::http::Answer;

use crate::{Audience, World};

/// Longest wait for the answer.
const TIMEOUT: Duration = Duration::from_secs(30);

impl World {
    /// Sends `line` (such as `GET / HTTP/1.1`), the header lines, and `body` as it is.
    ///
    /// # Panics
    /// If there is no answer.
    pub fn raw(&self, line: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut stream = self.begin(line, headers, body);
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).expect("an answer");
        let asked = format!("{line} {headers:?} {}", String::from_utf8_lossy(body));
        self.record(
            Audience::Anyone,
            asked,
            parse(&String::from_utf8_lossy(&octets)),
        )
    }

    /// Writes a request and does not wait for the answer: dropping the connection is the client's
    /// going away.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn begin(&self, line: &str, headers: &[&str], body: &[u8]) -> TcpStream {
        let url = self.worker.url();
        let (_, authority) = url.split_once("://").expect("a URL");
        let (_, port) = authority.rsplit_once(':').expect("a port");
        let port: u16 = port.parse().expect("a port");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.set_read_timeout(Some(TIMEOUT)).expect("set");
        let mut request = format!("{line}\r\nHost: {authority}\r\nConnection: close\r\n");
        for header in headers {
            request += &format!("{header}\r\n");
        }
        let mut request = (request + "\r\n").into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request).expect("written");
        stream
    }
}

fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
    // 100 Continue is not the answer yet.
    if head.starts_with("HTTP/1.1 100") {
        return parse(body);
    }
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    Answer {
        status: status.and_then(|s| s.parse().ok()).expect("a status"),
        headers,
        body: if chunked {
            unchunked(body)
        } else {
            body.to_owned()
        },
    }
}

/// RFC 9112 §7.1, of ASCII.
fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
        if size == 0 {
            break;
        }
        body += &after[..size];
        rest = after[size..].strip_prefix("\r\n").expect("a whole chunk");
    }
    body
}
