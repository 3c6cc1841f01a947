//! TCP with a meter on each direction, under TLS or without it.
//!
//! The socket is shared: when a handshake fails and takes its stream along, there is still
//! something to close, to reset, or to keep open in silence.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::meter::Meter;
use super::script::How;
use crate::sync::lock;

/// What both directions have let through.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    pub(crate) received: Meter,
    pub(crate) sent: Meter,
}

impl Meters {
    /// How to end the connection, if one of the two is where it ends.
    pub(crate) fn met(&self) -> Option<How> {
        self.received.met().or(self.sent.met())
    }
}

/// A TCP connection that can be cut to the octet.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    pub(crate) socket: Arc<TcpStream>,
    pub(crate) meters: Arc<Mutex<Meters>>,
}

impl Tap {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self {
            socket: Arc::new(socket),
            meters: Arc::default(),
        }
    }

    /// Nothing passes any more once a meter says so; whoever waits is told.
    fn check(&self) -> io::Result<()> {
        match lock(&self.meters).met() {
            Some(_) => Err(io::Error::other("cut")),
            None => Ok(()),
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            self.check()?;
            let room = lock(&self.meters).received.room(buffer.remaining());
            ready!(self.socket.poll_read_ready(context))?;
            let unfilled = buffer.initialize_unfilled_to(room);
            match self.socket.try_read(unfilled) {
                Ok(count) => {
                    buffer.advance(count);
                    lock(&self.meters).received.pass(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            self.check()?;
            let room = lock(&self.meters).sent.room(octets.len());
            ready!(self.socket.poll_write_ready(context))?;
            match self
                .socket
                .try_write(octets.get(..room).unwrap_or_default())
            {
                Ok(count) => {
                    lock(&self.meters).sent.pass(count);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&*self.socket).shutdown(std::net::Shutdown::Write))
    }
}
