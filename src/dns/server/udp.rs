//! The socket of one datagram to a server.

use std::io;
use std::net::SocketAddr;

use socket2::{Protocol, SockRef, Type};
use tokio::net::UdpSocket;

use crate::connect::bind::{bind, nonblocking};
use crate::dns::message::Packet;
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;

/// A longer datagram is cut and so becomes malformed. This is more than three times the size that
/// the question permits.
const MAX_DATAGRAM: usize = 4_096;

/// A socket of its own gives each send a source port and an id that cannot be guessed (R-5452-9).
/// The socket is connected, so it receives from that server only, and gets ICMP errors.
pub(super) struct Udp {
    socket: UdpSocket,
    /// The number of the send.
    pub(super) send: usize,
    pub(super) packet: Packet,
    pub(super) buffer: Vec<u8>,
}

impl Udp {
    /// Sends this packet to this server.
    pub(super) async fn send(
        send: usize,
        packet: Packet,
        server: SocketAddr,
        binding: &Binding,
    ) -> Result<Self, LookupError> {
        let socket = connected(server, binding).map_err(unreachable)?;
        socket.send(&packet.bytes).await.map_err(unreachable)?;
        Ok(Self { socket, send, packet, buffer: Vec::with_capacity(MAX_DATAGRAM) })
    }

    /// Waits until a datagram is in the buffer, or the socket has failed. It can be dropped at any
    /// time, and no datagram is lost.
    pub(super) async fn receive(&mut self) -> Result<(), LookupError> {
        self.buffer.clear();
        self.socket.recv_buf(&mut self.buffer).await.map_err(unreachable)?;
        Ok(())
    }
}

fn connected(server: SocketAddr, binding: &Binding) -> io::Result<UdpSocket> {
    let socket = nonblocking(server, Type::DGRAM, Protocol::UDP)?;
    bind(binding, SockRef::from(&socket), server)?;
    socket.connect(&server.into())?;
    UdpSocket::from_std(socket.into())
}

fn unreachable(error: io::Error) -> LookupError {
    LookupError::from(LookupErrorKind::NoNameServer).with_cause(error)
}
