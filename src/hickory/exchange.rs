//! One question to one server: over UDP, over TCP where that does not do.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::Message;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::message::{Heard, Packet, Question, text_name};
use super::name_server::{NameServer, Policy};
use crate::answer::{LookupError, LookupErrorKind, Origin};
use crate::binding::Binding;
use crate::text::{Line, Time};

/// When a UDP question is sent, counted from the first time: a lost datagram costs 250 ms, and
/// nobody gets more than three (R-9520-3.1).
const SENDS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(1_000)];
/// The last of them.
pub(super) const LAST_SEND: Duration = SENDS[SENDS.len() - 1];
/// A datagram longer than this is cut, which makes it malformed: it is more than three times what
/// we say that we take.
const MAX_DATAGRAM: usize = 4_096;

/// A reply, and how it came.
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) origin: Origin,
}

/// Asks one server. A server that keeps silent keeps this waiting: the caller knows how long.
///
/// # Errors
///
/// What the server said instead of an answer, or why it could not be reached
/// ([`LookupErrorKind::NoNameServer`]).
pub(super) async fn exchange(
    server: &NameServer,
    question: &Question,
    binding: &Binding,
    use_vc: bool,
) -> Result<Reply, LookupError> {
    let started = Instant::now();
    let addr = server.addr();
    let result = match server.policy() {
        Policy::Opportunistic { .. } | Policy::Udp if !use_vc => {
            over_udp(addr, question, binding).await
        }
        Policy::Opportunistic { .. } | Policy::Udp | Policy::Tcp => {
            over_tcp(addr, question, binding).await
        }
        Policy::Tls { .. } => Err(LookupError::from(LookupErrorKind::NoNameServer)
            .with_cause("DNS over TLS is not built yet")),
    };
    let result = result.map_err(|error| error.with_server(addr));
    trace_end(addr, question, started, &result);
    result
}

fn trace_end(
    server: SocketAddr,
    question: &Question,
    started: Instant,
    result: &Result<Reply, LookupError>,
) {
    let record = question.record();
    let time = Time(started.elapsed());
    match result {
        Ok(reply) => {
            let code = reply.message.metadata.response_code;
            let (answers, over) = (reply.message.answers.len(), reply.origin);
            tracing::debug!(%server, %record, %code, answers, %over, %time, "answered");
        }
        Err(error) => tracing::debug!(%server, %record, error = %Line(error), %time, "failed"),
    }
}

fn trace_send(server: SocketAddr, question: &Question, over: Origin, nth: usize) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let (name, record) = (text_name(question.name()), question.record());
        tracing::debug!(%server, name = %Line(name), %record, %over, nth, "asked");
    }
}

/// After each datagram that is not the reply others get their turn: a flood must hold up neither
/// the other tasks nor the timers of this one.
async fn over_udp(
    server: SocketAddr,
    question: &Question,
    binding: &Binding,
) -> Result<Reply, LookupError> {
    let mut udp = Udp::open(server, question, binding)?;
    loop {
        udp.send_if_due().await?;
        let Some(received) = udp.receive().await? else { continue };
        match question.read(&udp.packet, &udp.buffer[..received]) {
            Heard::Nothing => yield_now().await,
            Heard::Truncated => return after_truncation(server, question, binding).await,
            Heard::WithoutEdns => udp.drop_edns()?,
            Heard::Failed(error) => return Err(error),
            Heard::Reply(message) => return Ok(Reply { message, origin: Origin::Udp }),
        }
    }
}

/// A question on its way over UDP. Its own socket gives it a source port that nobody can guess
/// (R-5452-9); being connected, it hears only that server, and ICMP errors.
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
        let packet = question.encode(true)?;
        let (started, buffer) = (Instant::now(), vec![0; MAX_DATAGRAM]);
        Ok(Self { socket, server, question, packet, started, sends: 0, at_once: false, buffer })
    }

    /// When the next send is due; `None` after the last.
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

    /// The length of the next datagram; `None` if it is time to send again.
    async fn receive(&mut self) -> Result<Option<usize>, LookupError> {
        let due = self.due();
        let received = self.socket.recv(&mut self.buffer);
        match due {
            Some(due) => timeout_at(due, received).await.ok().transpose(),
            None => received.await.map(Some),
        }
        .map_err(unreachable)
    }

    /// The same question once more without EDNS, and with a new id, so that what still comes to
    /// the old one is not heard. It counts as a send.
    fn drop_edns(&mut self) -> Result<(), LookupError> {
        if self.sends == SENDS.len() {
            return Err(no_edns());
        }
        self.packet = self.question.encode(false)?;
        self.at_once = true;
        Ok(())
    }
}

fn connected(server: SocketAddr, binding: &Binding) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(server), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    binding.apply(SockRef::from(&socket), server)?;
    socket.connect(&server.into())?;
    UdpSocket::from_std(socket.into())
}

/// A truncated reply sends us to TCP (R-7766-5). If that fails, the server has failed: it was
/// reached, but there is no whole answer.
async fn after_truncation(
    server: SocketAddr,
    question: &Question,
    binding: &Binding,
) -> Result<Reply, LookupError> {
    over_tcp(server, question, binding).await.map_err(|error| {
        if error.kind() != LookupErrorKind::NoNameServer {
            return error;
        }
        let why = format!("truncated, and over TCP: {error}");
        LookupError::from(LookupErrorKind::Other).with_cause(why)
    })
}

async fn over_tcp(
    server: SocketAddr,
    question: &Question,
    binding: &Binding,
) -> Result<Reply, LookupError> {
    let mut stream = connect_tcp(server, binding).await.map_err(unreachable)?;
    for (edns, nth) in [(true, 1), (false, 2)] {
        let packet = question.encode(edns)?;
        trace_send(server, question, Origin::Tcp, nth);
        write_message(&mut stream, &packet.bytes).await.map_err(unreachable)?;
        if let Some(message) = listen(&mut stream, question, &packet).await? {
            return Ok(Reply { message, origin: Origin::Tcp });
        }
    }
    Err(no_edns())
}

async fn connect_tcp(server: SocketAddr, binding: &Binding) -> io::Result<TcpStream> {
    let socket = match server {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    binding.apply(SockRef::from(&socket), server)?;
    socket.connect(server).await
}

/// The reply to this packet; `None` if it is to be sent without EDNS.
async fn listen(
    stream: &mut TcpStream,
    question: &Question,
    packet: &Packet,
) -> Result<Option<Message>, LookupError> {
    let bytes = read_message(stream).await.map_err(unreachable)?;
    let senseless = |why| LookupError::from(LookupErrorKind::Other).with_cause(why);
    match question.read(packet, &bytes) {
        // One question is open here, so nothing else can be meant.
        Heard::Nothing => Err(senseless("an answer to another question")),
        Heard::Truncated => Err(senseless("truncated over TCP")),
        Heard::WithoutEdns => Ok(None),
        Heard::Failed(error) => Err(error),
        Heard::Reply(message) => Ok(Some(message)),
    }
}

/// The length and the message leave together: a server may take a length alone for all there is
/// (RFC 7766 section 8).
async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await
}

async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

fn unreachable(error: io::Error) -> LookupError {
    LookupError::from(LookupErrorKind::NoNameServer).with_cause(error)
}

fn no_edns() -> LookupError {
    LookupError::from(LookupErrorKind::ServerFailure).with_cause("does not understand EDNS")
}
