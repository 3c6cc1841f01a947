//! The ports of the core, made of tokio and rustls.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edgepost::app::ports::{Clock, Connection, ConnectionFault, Connector};
use edgepost::time::UnixMillis;
use edgepost::tls::TlsMode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::dialogue::{Dialogue, Speaker};

/// How much is read at once: less than a segment, so that replies come in pieces now and then.
const READ_OCTETS: usize = 1024;

/// The time of this machine.
#[derive(Debug)]
pub(crate) struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep_until(&self, at: UnixMillis) {
        tokio::time::sleep(at.since(self.now())).await;
    }
}

/// A deadline that no case comes near.
pub(crate) fn long_from_now() -> UnixMillis {
    RealClock.now().after(Duration::from_secs(270))
}

/// Loopback, whatever host is asked for, and one authority to trust.
pub(crate) struct Network {
    tls: TlsConnector,
    dialogue: Rc<Dialogue>,
}

impl Network {
    /// Trusts the authority whose certificate this is.
    pub(crate) fn trusting(authority_pem: &str, dialogue: Rc<Dialogue>) -> Self {
        let authority = CertificateDer::from_pem_slice(authority_pem.as_bytes());
        let mut roots = RootCertStore::empty();
        roots
            .add(authority.expect("an authority"))
            .expect("an authority");
        // The provider is named here: a process-wide default may not be installed.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            tls: TlsConnector::from(Arc::new(config)),
            dialogue,
        }
    }
}

impl Connector for Network {
    type Connection = Socket;

    async fn connect(
        &self,
        host: &str,
        port: u16,
        tls: TlsMode,
    ) -> Result<Socket, ConnectionFault> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectionFault)?;
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let (reading, writing) = tokio::io::split(Box::new(stream) as Box<dyn Duplex>);
        let socket = Socket {
            name,
            tls: self.tls.clone(),
            reading: Mutex::new(Some(reading)),
            writing: Mutex::new(Some(writing)),
            dialogue: Rc::clone(&self.dialogue),
        };
        if tls == TlsMode::Implicit {
            socket.start_tls().await?;
        }
        Ok(socket)
    }
}

/// With TLS or without.
trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A connection, in halves so that one can wait to read while the other writes. They are gone
/// after a handshake that failed.
pub(crate) struct Socket {
    name: ServerName<'static>,
    tls: TlsConnector,
    reading: Mutex<Option<ReadHalf<Box<dyn Duplex>>>>,
    writing: Mutex<Option<WriteHalf<Box<dyn Duplex>>>>,
    dialogue: Rc<Dialogue>,
}

impl Connection for Socket {
    async fn read(&self) -> Result<Option<Vec<u8>>, ConnectionFault> {
        let mut half = self.reading.lock().await;
        let half = half.as_mut().ok_or(ConnectionFault)?;
        let mut octets = vec![0; READ_OCTETS];
        // tokio promises that a read which is dropped has taken nothing.
        let length = half.read(&mut octets).await.map_err(lost)?;
        octets.truncate(length);
        self.dialogue.note(Speaker::Server, &octets);
        Ok((length > 0).then_some(octets))
    }

    async fn write(&self, octets: Vec<u8>) -> Result<(), ConnectionFault> {
        let mut half = self.writing.lock().await;
        let half = half.as_mut().ok_or(ConnectionFault)?;
        self.dialogue.note(Speaker::Client, &octets);
        half.write_all(&octets).await.map_err(lost)?;
        half.flush().await.map_err(lost)
    }

    async fn start_tls(&self) -> Result<(), ConnectionFault> {
        let mut reading = self.reading.lock().await;
        let mut writing = self.writing.lock().await;
        let (Some(read), Some(write)) = (reading.take(), writing.take()) else {
            return Err(ConnectionFault);
        };
        let handshake = self.tls.connect(self.name.clone(), read.unsplit(write));
        let secured = handshake.await.map_err(lost)?;
        let (read, write) = tokio::io::split(Box::new(secured) as Box<dyn Duplex>);
        (*reading, *writing) = (Some(read), Some(write));
        Ok(())
    }

    async fn close(&self) {
        if let Some(half) = self.writing.lock().await.as_mut() {
            // The peer may be gone already.
            let _ = half.shutdown().await;
        }
    }
}

fn lost(_: std::io::Error) -> ConnectionFault {
    ConnectionFault
}
