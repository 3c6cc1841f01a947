//! A client that says exactly what it is told, and reads replies.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgepost_sandbox::{AccountSettings, Options, Sandbox, Script, SmtpPort};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// The account of the tests.
pub(crate) const ACCOUNT: &str = "shop@sandbox.test";

/// No test waits longer for an octet.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox with the account.
pub(crate) fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    sandbox.add_account(ACCOUNT, AccountSettings::default());
    sandbox
}

/// A port whose connections all have these faults.
pub(crate) fn port_with(
    sandbox: &Sandbox,
    faults: impl IntoIterator<Item = edgepost_sandbox::Fault>,
) -> SmtpPort {
    sandbox.open_smtp(Vec::new(), Script::of(faults)).unwrap()
}

/// A TLS configuration that trusts the sandbox and nobody else.
pub(crate) fn trusting(sandbox: &Sandbox) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(sandbox.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A TCP connection to a loopback port.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// TLS for `localhost`, handshake done.
pub(crate) fn secure(
    sandbox: &Sandbox,
    mut stream: TcpStream,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection =
        ClientConnection::new(trusting(sandbox), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(StreamOwned::new(connection, stream))
}

/// The base64 of an XOAUTH2 message.
pub(crate) fn xoauth2(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"))
}

/// A dialogue over any stream.
pub(crate) struct Dialogue<S> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
    /// Octets that came.
    pub(crate) received: usize,
    /// What the last read failed of.
    pub(crate) failure: Option<io::ErrorKind>,
}

impl<S: Read + Write> Dialogue<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            received: 0,
            failure: None,
        }
    }

    /// Sends what can be sent: the server may be gone.
    pub(crate) fn try_send(&mut self, octets: impl AsRef<[u8]>) {
        let _ = self
            .stream
            .write_all(octets.as_ref())
            .and_then(|()| self.stream.flush());
    }

    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).unwrap();
        self.stream.flush().unwrap();
    }

    /// Sends each octet in a segment (and TLS record) of its own.
    pub(crate) fn trickle(&mut self, octets: impl AsRef<[u8]>) {
        octets.as_ref().chunks(1).for_each(|octet| self.send(octet));
    }

    /// The next reply, all its lines, CRLF included. `None` at the end of the connection.
    pub(crate) fn reply(&mut self) -> Option<String> {
        let mut reply = String::new();
        loop {
            let line = self.line()?;
            let more = line.as_bytes().get(3) == Some(&b'-');
            reply.push_str(&line);
            if !more {
                return Some(reply);
            }
        }
    }

    /// Sends a line and reads its reply.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        self.reply().unwrap_or_else(|| panic!("no reply to {line}"))
    }

    /// Sends a line and wants a reply that begins so.
    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str, start: &str) {
        let reply = self.ask(line);
        assert!(reply.starts_with(start), "{line}: {reply}");
    }

    /// All that still comes, until the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.buffer);
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = self.stream.read(&mut chunk) {
            self.received += count;
            rest.extend_from_slice(&chunk[..count]);
        }
        rest
    }

    /// As many octets, whatever they mean.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut chunk = [0; 64 * 1024];
        while self.buffer.len() < count {
            match self.stream.read(&mut chunk).unwrap() {
                0 => panic!("only {} octets came: {:?}", self.buffer.len(), self.buffer),
                more => self.buffer.extend_from_slice(&chunk[..more]),
            }
        }
        self.buffer.drain(..count).collect()
    }

    /// The codes of so many replies.
    pub(crate) fn codes(&mut self, count: usize) -> Vec<String> {
        (0..count)
            .map(|_| self.reply().unwrap()[..3].to_owned())
            .collect()
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.drain(..end + 2).collect();
                return Some(String::from_utf8(line).unwrap());
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => {
                    self.received += count;
                    self.buffer.extend_from_slice(&chunk[..count]);
                }
                Err(error) if is_timeout(&error) => panic!("nothing came for {PATIENCE:?}"),
                Err(error) => {
                    self.failure = Some(error.kind());
                    return None;
                }
            }
        }
    }
}

/// The base64 of an OAUTHBEARER message.
pub(crate) fn oauthbearer(user: &str, token: &str, port: u16) -> String {
    STANDARD.encode(format!(
        "n,a={user},\u{1}host=localhost\u{1}port={port}\u{1}auth=Bearer {token}\u{1}\u{1}"
    ))
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

pub(crate) type Plain = Dialogue<TcpStream>;
pub(crate) type Secure = Dialogue<StreamOwned<ClientConnection, TcpStream>>;

impl Plain {
    /// Connected, greeted.
    pub(crate) fn greeted(port: u16) -> Self {
        let mut dialogue = Self::new(connect(port));
        assert_eq!(
            dialogue.reply().unwrap(),
            "220 localhost ESMTP edgepost sandbox\r\n"
        );
        dialogue
    }

    /// STARTTLS has its 220 and nothing but it.
    pub(crate) fn ready(port: u16) -> Self {
        let mut dialogue = Self::greeted(port);
        dialogue.expect("EHLO client.test", "250");
        dialogue.expect("STARTTLS", "220 ");
        dialogue
    }

    pub(crate) fn secure(self, sandbox: &Sandbox) -> Secure {
        assert!(
            self.buffer.is_empty(),
            "octets behind the 220: {:?}",
            self.buffer
        );
        Dialogue::new(secure(sandbox, self.stream).unwrap())
    }
}

impl Secure {
    /// Under TLS, EHLO said.
    pub(crate) fn open(sandbox: &Sandbox, port: u16) -> Self {
        let mut dialogue = Plain::ready(port).secure(sandbox);
        dialogue.expect("EHLO client.test", "250");
        dialogue
    }

    /// Under TLS from the first octet, greeted, EHLO said.
    pub(crate) fn implicit(sandbox: &Sandbox, port: u16) -> Self {
        let mut dialogue = Dialogue::new(secure(sandbox, connect(port)).unwrap());
        let greeting = dialogue.reply().unwrap();
        assert_eq!(greeting, "220 localhost ESMTP edgepost sandbox\r\n");
        dialogue.expect("EHLO client.test", "250");
        dialogue
    }

    /// Authenticated.
    pub(crate) fn authenticated(sandbox: &Sandbox, port: u16) -> Self {
        let mut dialogue = Self::open(sandbox, port);
        let response = xoauth2(ACCOUNT, &crate::http::access_token(sandbox, ACCOUNT));
        dialogue.expect(&format!("AUTH XOAUTH2 {response}"), "235 2.7.0");
        dialogue
    }

    /// Authenticated, the transaction at 354.
    pub(crate) fn at_content(sandbox: &Sandbox, port: u16) -> Self {
        let mut dialogue = Self::at_recipient(sandbox, port);
        dialogue.expect("DATA", "354");
        dialogue
    }

    /// Authenticated, a transaction with one recipient begun.
    pub(crate) fn at_recipient(sandbox: &Sandbox, port: u16) -> Self {
        let mut dialogue = Self::authenticated(sandbox, port);
        dialogue.expect(&format!("MAIL FROM:<{ACCOUNT}>"), "250");
        dialogue.expect("RCPT TO:<a@example.test>", "250");
        dialogue
    }

    /// Closes the sending side without a word.
    pub(crate) fn hang_up(&mut self) {
        self.stream.sock.shutdown(Shutdown::Both).unwrap();
    }
}
