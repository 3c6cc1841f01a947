//! The octets of one connection: lines in, replies out, plain or under TLS.
//!
//! Replies are queued and go out before the next read, so the replies to a pipelined group travel
//! together (RFC 2920 §3.2).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::record::{Connections, Ending};

/// How long the server waits for a client: RFC 5321 §4.5.3.2.7 asks for at least 5 minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a closed connection is drained. Closing with octets unread would reset it, and the
/// client could lose a reply that was sent before.
const DRAIN: Duration = Duration::from_secs(2);

/// One read.
const CHUNK: usize = 16 * 1024;

/// Most plaintext kept in a record.
const PLAINTEXT_CAP: usize = 1024 * 1024;

/// The transport under a connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// While a handshake has it, or after the end.
    Gone,
}

/// A line of the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Without its CRLF.
    Whole(Vec<u8>),
    /// More octets than the cap; they are thrown away up to the CRLF.
    TooLong,
}

#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    input: Vec<u8>,
    output: Vec<u8>,
    world: Arc<crate::world::World>,
    record: u64,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, world: Arc<crate::world::World>, record: u64) -> Self {
        Self {
            stream: Stream::Plain(stream),
            input: Vec::new(),
            output: Vec::new(),
            world,
            record,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Octets that came and were not yet asked for.
    pub(crate) fn buffered(&self) -> usize {
        self.input.len()
    }

    /// Forgets octets that came and were not yet asked for.
    pub(crate) fn discard(&mut self) {
        self.input.clear();
    }

    /// Takes the transport out, for a handshake.
    pub(crate) fn take(&mut self) -> Stream {
        std::mem::replace(&mut self.stream, Stream::Gone)
    }

    /// Goes on over another transport.
    pub(crate) fn put(&mut self, stream: Stream) {
        self.stream = stream;
    }

    /// The next line, which ends in CRLF and nothing else.
    pub(crate) async fn line(&mut self, cap: usize) -> Result<Line, Ending> {
        let mut scanned = 0_usize;
        let mut too_long = false;
        loop {
            let unseen = self.input.get(scanned..).unwrap_or_default();
            if let Some(at) = unseen.windows(2).position(|pair| pair == b"\r\n") {
                let mut line: Vec<u8> = self.input.drain(..scanned + at + 2).collect();
                line.truncate(scanned + at);
                return Ok(if too_long || line.len() > cap {
                    Line::TooLong
                } else {
                    Line::Whole(line)
                });
            }
            // The last octet may be the CR of a CRLF that is still on its way.
            scanned = self.input.len().saturating_sub(1);
            if scanned > cap {
                too_long = true;
                self.input.drain(..scanned);
                scanned = 0;
            }
            self.fill().await?;
        }
    }

    /// What came so far, at most `limit` octets; waits until there is something.
    pub(crate) async fn some(&mut self, limit: usize) -> Result<Vec<u8>, Ending> {
        if self.input.is_empty() {
            self.fill().await?;
        }
        let taken = limit.min(self.input.len());
        Ok(self.input.drain(..taken).collect())
    }

    /// Gives back octets that were not wanted.
    pub(crate) fn unread(&mut self, octets: &[u8]) {
        self.input.splice(..0, octets.iter().copied());
    }

    /// Queues a reply.
    pub(crate) fn queue(&mut self, octets: &[u8]) {
        self.output.extend_from_slice(octets);
    }

    /// Sends what is queued.
    pub(crate) async fn flush(&mut self) -> Result<(), Ending> {
        let output = std::mem::take(&mut self.output);
        if output.is_empty() {
            return Ok(());
        }
        let sent = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(&output).await,
            Stream::Tls(stream) => match stream.write_all(&output).await {
                Ok(()) => stream.flush().await,
                failed => failed,
            },
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        };
        sent.map_err(|_| Ending::ResetByClient)
    }

    /// Reads and forgets until the client goes.
    pub(crate) async fn until_gone(&mut self) -> Ending {
        loop {
            self.input.clear();
            if let Err(ending) = self.fill_within(None).await {
                return ending;
            }
        }
    }

    /// Ends in order: close_notify under TLS if `notify`, then FIN; then reads what still comes.
    pub(crate) async fn close(&mut self, notify: bool) {
        let _ = self.flush().await;
        let drained = match self.take() {
            Stream::Plain(stream) => Some(stream),
            Stream::Tls(mut stream) => {
                if notify {
                    let _ = timeout(DRAIN, stream.shutdown()).await;
                }
                Some(stream.into_inner().0)
            }
            Stream::Gone => None,
        };
        if let Some(mut stream) = drained {
            let _ = stream.shutdown().await;
            let mut scratch = vec![0_u8; CHUNK];
            let drain = async { while matches!(stream.read(&mut scratch).await, Ok(1..)) {} };
            let _ = timeout(DRAIN, drain).await;
        }
    }

    /// From here on nothing is sent before the end, so that the last reply and FIN share a segment.
    /// Where the system has no such option they come in two, which is nearly the same.
    pub(crate) fn hold_segments(&self) {
        #[cfg(target_os = "linux")]
        if let Stream::Plain(stream) = &self.stream {
            let _ = socket2::SockRef::from(stream).set_tcp_cork(true);
        }
    }

    /// Ends by reset.
    pub(crate) fn reset(&mut self) {
        let stream = match self.take() {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.into_inner().0,
            Stream::Gone => return,
        };
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }

    async fn fill(&mut self) -> Result<(), Ending> {
        self.fill_within(Some(PATIENCE)).await
    }

    async fn fill_within(&mut self, patience: Option<Duration>) -> Result<(), Ending> {
        self.flush().await?;
        let mut chunk = [0_u8; CHUNK];
        let read = async {
            match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut chunk).await,
                Stream::Tls(stream) => stream.read(&mut chunk).await,
                Stream::Gone => Ok(0),
            }
        };
        let read = match patience {
            Some(patience) => timeout(patience, read)
                .await
                .map_err(|_| Ending::TimedOut)?,
            None => read.await,
        };
        let received = match read {
            Ok(0) => return Err(Ending::ClosedByClient),
            // Under TLS: FIN without close_notify, which is how many clients go.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Ending::ClosedByClient);
            }
            Err(_) => return Err(Ending::ResetByClient),
            Ok(count) => chunk.get(..count).unwrap_or_default(),
        };
        if !self.is_tls() {
            note_plaintext(&self.world.connections, self.record, received);
        }
        self.input.extend_from_slice(received);
        Ok(())
    }
}

fn note_plaintext(connections: &Connections, record: u64, received: &[u8]) {
    connections.with(record, |record| {
        let room = PLAINTEXT_CAP.saturating_sub(record.plaintext_received.len());
        record.plaintext_received.extend(received.iter().take(room));
    });
}
