//! One question to one server over UDP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Protocol, SockRef, Type};
use tokio::net::UdpSocket;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::reply::{Reply, WITHOUT_EDNS, no_edns, trace_send, unreachable};
use crate::connect::bind::{bind, nonblocking};
use crate::dns::link::said::Said;
use crate::dns::message::{Edns, Packet, Question, ReplyKind};
use crate::race::answer::{LookupError, Origin};
use crate::race::binding::Binding;

/// When a question is sent, from the first send on. A lost datagram costs 250 ms, and no server
/// gets more than three (R-9520-3.1).
const SENDS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(1_000)];
/// The time of the last send.
pub(in crate::dns) const LAST_SEND: Duration = SENDS[SENDS.len() - 1];
/// A longer datagram is cut and so becomes malformed. This is more than three times the size that
/// the question permits.
const MAX_DATAGRAM: usize = 4_096;

/// The reply, or `None` if it was truncated and TCP has the whole one (R-7766-5). A silent server
/// keeps this waiting.
///
/// After each datagram that is not the reply other tasks get a turn: a flood must not hold up other
/// tasks or the timers of this one.
pub(super) async fn over_udp(
    server: SocketAddr,
    question: &Question,
    binding: &Binding,
    said: &Said,
) -> Result<Option<Reply>, LookupError> {
    let mut udp = Udp::open(server, question, binding)?;
    loop {
        udp.send_if_due().await?;
        if !udp.has_received().await? {
            continue;
        }
        match question.read(&udp.packet, &udp.buffer) {
            ReplyKind::Nothing => yield_now().await,
            ReplyKind::Truncated => return Ok(None),
            ReplyKind::WithoutEdns => {
                said.replied(WITHOUT_EDNS);
                udp.drop_edns()?;
            }
            ReplyKind::Failed(error) => return Err(error),
            ReplyKind::Reply(message) => return Ok(Some(Reply::new(message, server, Origin::Udp))),
        }
    }
}

/// A question over UDP. Its own socket gives it a source port that cannot be guessed (R-5452-9).
/// The socket is connected, so it receives from that server only, and gets ICMP errors.
struct Udp<'a> {
    socket: UdpSocket,
    server: SocketAddr,
    question: &'a Question,
    packet: Packet,
    started: Instant,
    sends: usize,
    at_once: bool,
    buffer: Vec<u8>,
}

impl<'a> Udp<'a> {
    fn open(
        server: SocketAddr,
        question: &'a Question,
        binding: &Binding,
    ) -> Result<Self, LookupError> {
        let socket = connected(server, binding).map_err(unreachable)?;
        let packet = question.encode(Edns::Plain)?;
        let (started, buffer) = (Instant::now(), Vec::with_capacity(MAX_DATAGRAM));
        Ok(Self { socket, server, question, packet, started, sends: 0, at_once: false, buffer })
    }

    /// The time of the next send; `None` after the last one.
    fn due(&self) -> Option<Instant> {
        let next = SENDS.get(self.sends)?;
        Some(if self.at_once { self.started } else { self.started + *next })
    }

    async fn send_if_due(&mut self) -> Result<(), LookupError> {
        if self.due().is_none_or(|due| due > Instant::now()) {
            return Ok(());
        }
        self.sends += 1;
        self.at_once = false;
        trace_send(self.server, self.question, Origin::Udp, self.sends);
        self.socket.send(&self.packet.bytes).await.map_err(unreachable)?;
        Ok(())
    }

    /// Waits for a datagram or for the time of the next send. True if a datagram is in the buffer.
    async fn has_received(&mut self) -> Result<bool, LookupError> {
        let due = self.due();
        self.buffer.clear();
        let received = self.socket.recv_buf(&mut self.buffer);
        let received = match due {
            Some(due) => timeout_at(due, received).await.ok().transpose(),
            None => received.await.map(Some),
        };
        Ok(received.map_err(unreachable)?.is_some())
    }

    /// Repeats the question without EDNS and with a new id, so that a late reply to the old one is
    /// ignored. It counts as a send.
    fn drop_edns(&mut self) -> Result<(), LookupError> {
        if self.sends == SENDS.len() {
            return Err(no_edns());
        }
        self.packet = self.question.encode(Edns::Without)?;
        self.at_once = true;
        Ok(())
    }
}

fn connected(server: SocketAddr, binding: &Binding) -> io::Result<UdpSocket> {
    let socket = nonblocking(server, Type::DGRAM, Protocol::UDP)?;
    bind(binding, SockRef::from(&socket), server)?;
    socket.connect(&server.into())?;
    UdpSocket::from_std(socket.into())
}
