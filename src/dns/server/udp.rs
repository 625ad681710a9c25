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
    /// Sends this packet to this server. It leaves at once: tokio would first wait for the news that
    /// a new socket may send.
    pub(super) fn send(
        send: usize,
        packet: Packet,
        server: SocketAddr,
        binding: &Binding,
    ) -> Result<Self, LookupError> {
        let socket = sent(&packet, server, binding).map_err(unreachable)?;
        Ok(Self { socket, send, packet, buffer: Vec::with_capacity(MAX_DATAGRAM) })
    }

    /// Waits until a datagram is in the buffer, or the socket has failed. It can be dropped at any
    /// time, and no datagram is lost. (tokio's `poll_recv` is not woken when a socket fails.)
    pub(super) async fn receive(&mut self) -> Result<(), LookupError> {
        self.buffer.clear();
        self.socket.recv_buf(&mut self.buffer).await.map_err(unreachable)?;
        Ok(())
    }
}

fn sent(packet: &Packet, server: SocketAddr, binding: &Binding) -> io::Result<UdpSocket> {
    let socket = nonblocking(server, Type::DGRAM, Protocol::UDP)?;
    bind(binding, SockRef::from(&socket), server)?;
    socket.connect(&server.into())?;
    match socket.send(&packet.bytes) {
        // No room: the datagram is counts as lost.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        sent => drop(sent?),
    }
    UdpSocket::from_std(socket.into())
}

fn unreachable(error: io::Error) -> LookupError {
    LookupError::from(LookupErrorKind::NoNameServer).with_cause(error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hickory_proto::rr::Name;

    use super::*;
    use crate::dns::message::{Edns, Question};
    use crate::race::query::Record;

    // The runtime has no turn between the two.
    #[tokio::test]
    async fn a_new_socket_sends_at_once() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let question = Question::new(Name::from_ascii("www.test.").unwrap(), Record::Aaaa);
        let packet = question.encode(Edns::Plain).unwrap();
        let addr = server.local_addr().unwrap();
        let udp = Udp::send(0, packet, addr, &Binding::default()).unwrap();
        let mut bytes = [0; MAX_DATAGRAM];
        let length = server.recv(&mut bytes).unwrap();
        assert_eq!(bytes[..length], udp.packet.bytes[..]);
    }
}
