//! The octets of one connection: lines in, replies out, plain or under TLS.
//!
//! Replies are queued and go out before the next read, so the replies to a pipelined group travel
//! together (RFC 2920 §3.2).

use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::end::End;
use super::meter::Meter;
use super::plan::Plan;
use super::record::{Connections, Ending};
use super::script::{Flow, How};
use super::tap::Tap;
use crate::sync::lock;

/// How long the server waits for a client: RFC 5321 §4.5.3.2.7 asks for at least 5 minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a closed connection is drained. Closing with octets unread would reset it, and the
/// client could lose a reply that was sent before.
const DRAIN: Duration = Duration::from_secs(2);

/// How often a connection that is not read is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// One read.
const CHUNK: usize = 16 * 1024;

/// Most plaintext kept in a record.
const PLAINTEXT_CAP: usize = 1024 * 1024;

/// The transport under a connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Tap),
    Tls(Box<TlsStream<Tap>>),
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
    tap: Tap,
    received: Meter,
    sent: Meter,
    input: Vec<u8>,
    output: Vec<u8>,
    world: Arc<crate::world::World>,
    record: u64,
}

impl Wire {
    pub(crate) fn new(
        socket: TcpStream,
        plan: &Plan,
        world: Arc<crate::world::World>,
        record: u64,
    ) -> Self {
        let tap = Tap::new(socket);
        let (mut received, mut sent) = (Meter::default(), Meter::default());
        received.cut_after(plan.cut(Flow::Client));
        sent.cut_after(plan.cut(Flow::Server));
        let mut meters = lock(&tap.meters);
        meters.received.cut_after(plan.cut(Flow::ClientTcp));
        meters.sent.cut_after(plan.cut(Flow::ServerTcp));
        drop(meters);
        Self {
            stream: Stream::Plain(tap.clone()),
            tap,
            received,
            sent,
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

    /// Takes the transport out for a handshake, whose octets are counted from here on.
    pub(crate) fn begin_handshake(&mut self, plan: &Plan) -> Stream {
        let mut meters = lock(&self.tap.meters);
        meters.received.cut_after(plan.cut(Flow::ClientTls));
        meters.sent.cut_after(plan.cut(Flow::ServerTls));
        drop(meters);
        self.take()
    }

    /// Goes on over another transport.
    pub(crate) fn put(&mut self, stream: Stream) {
        self.stream = stream;
    }

    /// Where a script ends the connection, when that is here.
    pub(crate) fn cut(&self) -> Option<How> {
        let underneath = lock(&self.tap.meters).met();
        self.received.met().or(self.sent.met()).or(underneath)
    }

    /// Where a script ends the connection, when that is within what is queued.
    pub(crate) fn cut_ahead(&self) -> Option<How> {
        let mut sent = self.sent;
        sent.pass(self.output.len());
        sent.met()
    }

    /// The next line, which ends in CRLF and nothing else.
    pub(crate) async fn line(&mut self, cap: usize) -> Result<Line, End> {
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
    pub(crate) async fn some(&mut self, limit: usize) -> Result<Vec<u8>, End> {
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
    pub(crate) async fn flush(&mut self) -> Result<(), End> {
        if let Some(how) = self.cut() {
            return Err(End::Cut(how));
        }
        let mut output = std::mem::take(&mut self.output);
        if output.is_empty() {
            return Ok(());
        }
        output.truncate(self.sent.room(output.len()));
        let sent = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(&output).await,
            Stream::Tls(stream) => match stream.write_all(&output).await {
                Ok(()) => stream.flush().await,
                failed => failed,
            },
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        };
        self.sent.pass(output.len());
        match (self.cut(), sent) {
            (Some(how), _) => Err(End::Cut(how)),
            (None, Ok(())) => Ok(()),
            (None, Err(_)) => Err(End::Client(Ending::ResetByClient)),
        }
    }

    /// Sends these octets as they are, below a transport that a handshake has.
    pub(crate) async fn send_raw(&self, octets: &[u8]) -> Result<(), End> {
        let mut tap = self.tap.clone();
        let sent = tap.write_all(octets).await;
        sent.map_err(|_| match self.cut() {
            Some(how) => End::Cut(how),
            None => End::Client(Ending::ResetByClient),
        })
    }

    /// Reads and forgets until the client goes, whatever it says and however it is wrapped.
    pub(crate) async fn until_gone(&self) -> Ending {
        match self.drain().await {
            Ok(()) => Ending::ClosedByClient,
            Err(_) => Ending::ResetByClient,
        }
    }

    /// Waits until the client goes, and reads nothing: what it sends fills the buffers and waits too.
    pub(crate) async fn until_gone_unread(&self) -> Ending {
        loop {
            match self.tap.socket.ready(Interest::READABLE).await {
                Ok(ready) if !ready.is_read_closed() => tokio::time::sleep(LOOK).await,
                Ok(_) => return Ending::ClosedByClient,
                Err(_) => return Ending::ResetByClient,
            }
        }
    }

    /// Ends in order: close_notify under TLS if `notify`, then FIN; then reads what still comes.
    pub(crate) async fn close(&mut self, notify: bool) {
        let _ = self.flush().await;
        if let Stream::Tls(mut stream) = self.take()
            && notify
        {
            let _ = timeout(DRAIN, stream.shutdown()).await;
        }
        let _ = socket2::SockRef::from(&*self.tap.socket).shutdown(Shutdown::Write);
        let _ = timeout(DRAIN, self.drain()).await;
    }

    /// From here on nothing is sent before the end, so that the last reply and FIN share a segment.
    /// Where the system has no such option they come in two, which is nearly the same.
    pub(crate) fn hold_segments(&self) {
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&*self.tap.socket).set_tcp_cork(true);
    }

    /// Forgets what is queued.
    pub(crate) fn unsay(&mut self) {
        self.output.clear();
    }

    /// Ends by reset, when the connection is dropped.
    pub(crate) fn reset(&mut self) {
        let _ = socket2::SockRef::from(&*self.tap.socket).set_linger(Some(Duration::ZERO));
        self.stream = Stream::Gone;
    }

    fn take(&mut self) -> Stream {
        std::mem::replace(&mut self.stream, Stream::Gone)
    }

    async fn drain(&self) -> io::Result<()> {
        let mut scratch = vec![0_u8; CHUNK];
        loop {
            self.tap.socket.readable().await?;
            match self.tap.socket.try_read(&mut scratch) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes in what is there already, without waiting and without a word. What is wrong with the
    /// connection shows at the next read.
    pub(crate) async fn glance(&mut self) {
        let _ = timeout(Duration::ZERO, self.read()).await;
    }

    async fn fill(&mut self) -> Result<(), End> {
        self.flush().await?;
        let read = timeout(PATIENCE, self.read())
            .await
            .map_err(|_| Ending::TimedOut)?;
        if let Some(how) = self.cut() {
            return Err(End::Cut(how));
        }
        match read {
            Ok(0) => Err(Ending::ClosedByClient.into()),
            Ok(_) => Ok(()),
            // Under TLS: FIN without close_notify, which is how many clients go.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Ending::ClosedByClient.into())
            }
            Err(_) => Err(Ending::ResetByClient.into()),
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        let mut chunk = [0_u8; CHUNK];
        let room = self.received.room(CHUNK);
        let chunk = chunk.get_mut(..room).unwrap_or_default();
        let count = match &mut self.stream {
            Stream::Plain(stream) => stream.read(chunk).await,
            Stream::Tls(stream) => stream.read(chunk).await,
            Stream::Gone => Ok(0),
        }?;
        self.received.pass(count);
        let received = chunk.get(..count).unwrap_or_default();
        if !self.is_tls() {
            note_plaintext(&self.world.connections, self.record, received);
        }
        self.input.extend_from_slice(received);
        Ok(count)
    }
}

fn note_plaintext(connections: &Connections, record: u64, received: &[u8]) {
    connections.with(record, |record| {
        let room = PLAINTEXT_CAP.saturating_sub(record.plaintext_received.len());
        record.plaintext_received.extend(received.iter().take(room));
    });
}
