//! Listening on loopback.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections may wait to be taken.
const BACKLOG: i32 = 256;

/// A listener on 127.0.0.1; 0 takes any free port.
///
/// # Errors
/// When the port is taken.
pub(crate) fn listen(port: u16) -> io::Result<std::net::TcpListener> {
    let socket = bind(port)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A port that is bound and does not listen: nobody else gets it, and whoever connects is refused.
///
/// # Errors
/// When the port is taken.
pub(crate) fn reserve(port: u16) -> io::Result<Socket> {
    bind(port)
}

fn bind(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // A port that was closed comes back while connections of its former life still linger. On
    // Windows the option would let others steal the port, and is not needed.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket)
}
