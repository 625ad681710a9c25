//! A TCP connection, made with as few system calls as possible.

use std::io;
use std::net::SocketAddr;

use socket2::{Protocol, SockRef, Type};
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;

use super::SocketOptions;
use crate::connect::bind::nonblocking;

/// Connects a socket. If the peer is on this host, both ends of the handshake run within the system
/// call, so the peer has mostly answered when it returns. Asking for that costs less than a turn of
/// the I/O driver and a timer. On Linux, such an attempt is no slower than a bare
/// `TcpStream::connect`.
pub(super) async fn connect(options: &SocketOptions, addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = nonblocking(addr, Type::STREAM, Protocol::TCP)?;
    options.prepare(SockRef::from(&socket), addr)?;
    match socket.connect(&addr.into()) {
        Err(error) if !is_under_way(&error) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let stream = TcpStream::from_std(socket.into())?;
    match stream.peer_addr() {
        Err(_) => super::wait_until_connected(&stream).await?,
        Ok(peer) => {
            super::check_peer(peer, stream.local_addr()?)?;
            // This attempt waited for nothing. Others get a turn, because the task may connect in a
            // loop.
            consume_budget().await;
        }
    }
    Ok(stream)
}

#[cfg(unix)]
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

#[cfg(not(unix))]
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
