//! The servers of the remote hosts. One listener for each port plays all of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::path::Manner;
use crate::world::World;
use crate::{tls, tls_server};

/// Listens on this port of all remote hosts, unless that is already done.
pub(crate) fn listen(world: &'static World, port: u16) {
    let mut listening = world.listening();
    if listening.insert(port) {
        for ip in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
            let listener = listener(SocketAddr::new(ip, port)).expect("a free port");
            world.remote.spawn(serve(world, listener));
        }
    }
}

/// A listening socket of one family only.
pub(crate) fn listener(addr: SocketAddr) -> io::Result<Socket> {
    let socket = bound(addr, Type::STREAM)?;
    // Accepted sockets inherit the option: a second answer does not wait for the ACK of the first.
    socket.set_tcp_nodelay(true)?;
    socket.listen(4096)?;
    Ok(socket)
}

/// A UDP socket of one family only.
pub(crate) fn udp(addr: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::from_std(bound(addr, Type::DGRAM)?.into())
}

fn bound(addr: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), kind, None)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

/// Serves every client. A client has the address of the remote host, because the wire swaps
/// addresses.
async fn serve(world: &'static World, listener: Socket) {
    let listener = TcpListener::from_std(listener.into()).expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    while let Ok((stream, from)) = listener.accept().await {
        if port == tls::PORT && world.tls().speaks(from.ip()) {
            tokio::spawn(tls_server::serve(world, stream, from));
            continue;
        }
        let at = SocketAddr::new(from.ip(), port);
        let manner = world.paths().find(at).copied().unwrap_or_default().manner;
        let server = world.paths().server(at);
        match (manner, server) {
            (Manner::Serves, Some(server)) => {
                // Otherwise the second part of an answer waits for the client's delayed ACK.
                stream.set_nodelay(true).expect("a socket");
                tokio::spawn(server(stream));
            }
            (manner, _) => drop(tokio::spawn(converse(stream, manner))),
        }
    }
}

async fn converse(mut stream: TcpStream, manner: Manner) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match manner {
        Manner::Closes => return Ok(()),
        Manner::Resets => {
            stream.set_zero_linger()?;
            return stream.read(&mut buffer).await.map(|_| ());
        }
        Manner::Echoes | Manner::Listens | Manner::Serves => {}
    }
    loop {
        let len = stream.read(&mut buffer).await?;
        match (len, manner) {
            (0, _) => return Ok(()),
            (_, Manner::Echoes) => stream.write_all(&buffer[..len]).await?,
            (_, Manner::Listens | Manner::Closes | Manner::Resets | Manner::Serves) => {}
        }
    }
}

/// How long a name server keeps an idle TCP connection.
pub(crate) const IDLE: Duration = Duration::from_secs(10);
