//! The name servers of a row, on loopback, each over UDP and TCP.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::message::Question;

/// A question, and the circumstances in which it came.
pub(crate) struct Ask {
    pub(crate) question: Question,
    /// 1 and 2 for 127.0.1.1 and 127.0.1.2, 3 for fd78::53.
    pub(crate) server: u8,
    pub(crate) tcp: bool,
    /// The number of questions that this TCP connection has brought before.
    pub(crate) before_on_connection: usize,
    /// The source port, counted: 0 for the first port that has asked this server over this
    /// protocol.
    pub(crate) port: usize,
    /// How often this server has received this question over UDP before.
    pub(crate) repeats: usize,
    /// It has received the question for another type of this name within 10 ms, over UDP.
    pub(crate) overlaps: bool,
    /// The time since the servers started.
    pub(crate) at: Duration,
}

/// Replies: each at a time in ms after the question, in their order. A TCP connection stays open.
pub(crate) type Replies = Vec<(u64, Vec<u8>)>;

/// In place of a reply over UDP: the ICMP message "port unreachable", as if from the server.
pub(crate) const UNREACHABLE: &[u8] = &[];

/// The behaviour of all servers.
pub(crate) type Behaviour = fn(&Ask) -> Replies;

/// Questions for two types of a name within this time overlap.
const OVERLAP: Duration = Duration::from_millis(10);

/// Starts the servers, on threads that end with the process.
pub(crate) fn start(behaviour: Behaviour, tcp: bool) {
    let began = Instant::now();
    let ips: [IpAddr; 3] = ["127.0.1.1", "127.0.1.2", "fd78::53"].map(|ip| ip.parse().unwrap());
    for (ip, server) in ips.into_iter().zip(1..) {
        let addr = SocketAddr::from((ip, 53));
        let udp = UdpSocket::bind(addr).unwrap();
        thread::spawn(move || serve_udp(&udp, server, behaviour, began));
        if tcp {
            let tcp = TcpListener::bind(addr).unwrap();
            thread::spawn(move || serve_tcp(&tcp, server, behaviour, began));
        }
    }
}

/// The questions that a server has received over UDP.
#[derive(Default)]
struct Received {
    /// Their source ports, counted.
    ports: HashMap<u16, usize>,
    /// By name and type: how often, and when last.
    questions: HashMap<(String, u16), (usize, Duration)>,
}

impl Received {
    fn ask(&mut self, question: Question, server: u8, client: SocketAddr, at: Duration) -> Ask {
        let next = self.ports.len();
        let port = *self.ports.entry(client.port()).or_insert(next);
        let overlaps = self.questions.iter().any(|((name, rtype), (_, last))| {
            *name == question.name && *rtype != question.rtype && at - *last < OVERLAP
        });
        let key = (question.name.clone(), question.rtype);
        let known = self.questions.entry(key).or_default();
        let repeats = known.0;
        *known = (repeats + 1, at);
        Ask { question, server, tcp: false, before_on_connection: 0, port, repeats, overlaps, at }
    }
}

fn serve_udp(socket: &UdpSocket, server: u8, behaviour: Behaviour, began: Instant) {
    let (mut packet, mut received) = ([0; 4_096], Received::default());
    while let Ok((length, client)) = socket.recv_from(&mut packet) {
        let Some(question) = Question::read(&packet[..length]) else { continue };
        let replies = behaviour(&received.ask(question, server, client, began.elapsed()));
        let socket = socket.try_clone().unwrap();
        in_turn(replies, move |bytes| match bytes {
            UNREACHABLE => unreachable(&socket, client),
            reply => socket.send_to(reply, client).map(drop),
        });
    }
}

/// Sends each reply at its time.
fn in_turn(replies: Replies, send: impl Fn(&[u8]) -> io::Result<()> + Send + 'static) {
    let began = Instant::now();
    thread::spawn(move || {
        for (after, bytes) in replies {
            thread::sleep((began + Duration::from_millis(after)) - Instant::now());
            let _ = send(&bytes);
        }
    });
}

/// Sends the ICMP message about a datagram that came from this client.
fn unreachable(socket: &UdpSocket, client: SocketAddr) -> io::Result<()> {
    let server = socket.local_addr()?;
    let (IpAddr::V4(from), IpAddr::V4(to)) = (client.ip(), server.ip()) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    // The IP header of that datagram: 28 bytes, UDP; then its ports, and a length without data.
    let mut quoted = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
    quoted.extend([from.octets(), to.octets()].concat());
    quoted.extend([client.port(), server.port(), 8, 0].map(u16::to_be_bytes).concat());
    // Type 3, code 3.
    let mut icmp = [vec![3, 3, 0, 0, 0, 0, 0, 0], quoted].concat();
    let words = icmp.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum = words.sum::<u32>() % 0xffff;
    icmp[2..4].copy_from_slice(&(!u16::try_from(sum).unwrap()).to_be_bytes());
    let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
    raw.bind(&SocketAddr::from((to, 0)).into())?;
    raw.send_to(&icmp, &SocketAddr::from((from, 0)).into()).map(drop)
}

fn serve_tcp(listener: &TcpListener, server: u8, behaviour: Behaviour, began: Instant) {
    for (port, stream) in listener.incoming().enumerate() {
        let Ok(stream) = stream else { continue };
        thread::spawn(move || serve_connection(stream, server, port, behaviour, began));
    }
}

fn serve_connection(
    mut stream: TcpStream,
    server: u8,
    port: usize,
    behaviour: Behaviour,
    began: Instant,
) -> Option<()> {
    let writer = Arc::new(Mutex::new(stream.try_clone().ok()?));
    for before_on_connection in 0.. {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut bytes).ok()?;
        let question = Question::read(&bytes)?;
        let at = began.elapsed();
        let (repeats, overlaps) = (0, false);
        let ask =
            Ask { question, server, tcp: true, before_on_connection, port, repeats, overlaps, at };
        let writer = writer.clone();
        in_turn(behaviour(&ask), move |bytes| {
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            writer.lock().unwrap().write_all(&[&length, bytes].concat())
        });
    }
    None
}
