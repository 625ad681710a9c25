//! A connect to this host itself.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::TcpStream;

use super::SocketOptions;

/// Both ends of the handshake run within the system call, so by the time it returns the peer has
/// mostly answered. Asking for that costs less than a turn of the I/O driver and a timer: on Linux
/// such a connect is no slower than a bare `TcpStream::connect`.
pub(super) async fn connect(options: &SocketOptions, addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = nonblocking(Domain::for_address(addr))?;
    options.prepare(SockRef::from(&socket), addr)?;
    match socket.connect(&addr.into()) {
        Err(error) if !is_under_way(&error) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let answered = socket.peer_addr().is_ok();
    if answered && socket.local_addr()?.as_socket() == Some(addr) {
        // Nobody listens, and the system took the very port that is dialled for our own: with that
        // a socket can connect to itself.
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let stream = TcpStream::from_std(socket.into())?;
    if !answered {
        super::is_up(&stream).await?;
    }
    Ok(stream)
}

/// One system call instead of three, where the system can.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
fn nonblocking(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
fn nonblocking(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(unix)]
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

#[cfg(not(unix))]
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
