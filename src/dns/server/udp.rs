//! The socket of one question to one server over UDP.

use std::io;
use std::net::SocketAddr;

use socket2::{Protocol, SockRef, Type};
use tokio::net::UdpSocket;

use crate::connect::bind::{bind, nonblocking};
use crate::dns::message::{Edns, Packet, Question};
use crate::race::answer::{LookupError, LookupErrorKind};
use crate::race::binding::Binding;

/// A longer datagram is cut and so becomes malformed. This is more than three times the size that
/// the question permits.
const MAX_DATAGRAM: usize = 4_096;

/// A socket of its own gives the question a source port that cannot be guessed (R-5452-9). The
/// socket is connected, so it receives from that server only, and gets ICMP errors.
pub(super) struct Udp {
    socket: UdpSocket,
    /// The server's index in the configured list.
    pub(super) server: usize,
    /// The last send.
    pub(super) send: usize,
    has_edns: bool,
    /// A datagram answers this packet. A late reply to an earlier form is ignored.
    pub(super) packet: Packet,
    pub(super) buffer: Vec<u8>,
}

impl Udp {
    pub(super) fn open(
        server: usize,
        addr: SocketAddr,
        binding: &Binding,
        question: &Question,
    ) -> Result<Self, LookupError> {
        let socket = connected(addr, binding).map_err(unreachable)?;
        let packet = question.encode(Edns::Plain)?;
        let buffer = Vec::with_capacity(MAX_DATAGRAM);
        Ok(Self { socket, server, send: 0, has_edns: true, packet, buffer })
    }

    /// Sends the question in this form. Another form has an id of its own.
    pub(super) async fn send(
        &mut self,
        send: usize,
        edns: bool,
        question: &Question,
    ) -> Result<(), LookupError> {
        self.send = send;
        if edns != self.has_edns {
            self.has_edns = edns;
            self.packet = question.encode(if edns { Edns::Plain } else { Edns::Without })?;
        }
        self.socket.send(&self.packet.bytes).await.map_err(unreachable)?;
        Ok(())
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
