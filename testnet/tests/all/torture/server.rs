//! The two name servers of a row, on loopback, each over UDP and TCP.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::message::Question;

/// A question, and the circumstances in which it came.
pub(crate) struct Ask {
    pub(crate) question: Question,
    /// 1 for the first server of resolv.conf, 2 for the second.
    pub(crate) server: u8,
    pub(crate) tcp: bool,
    /// The number of questions that this TCP connection has brought before.
    pub(crate) before_on_connection: usize,
    /// The source port, counted: 0 for the first port that has asked this server over this protocol.
    pub(crate) port: usize,
    /// The time since the servers started.
    pub(crate) at: Duration,
}

/// Replies: each after a time in ms. A TCP connection stays open.
pub(crate) type Replies = Vec<(u64, Vec<u8>)>;

/// The behaviour of both servers.
pub(crate) type Behaviour = fn(&Ask) -> Replies;

/// Starts both servers, on threads that end with the process.
pub(crate) fn start(behaviour: Behaviour) {
    let began = Instant::now();
    for server in [1, 2] {
        let addr = SocketAddr::from(([127, 0, 1, server], 53));
        let udp = UdpSocket::bind(addr).unwrap();
        thread::spawn(move || serve_udp(&udp, server, behaviour, began));
        let tcp = TcpListener::bind(addr).unwrap();
        thread::spawn(move || serve_tcp(&tcp, server, behaviour, began));
    }
}

fn serve_udp(socket: &UdpSocket, server: u8, behaviour: Behaviour, began: Instant) {
    let (mut packet, mut ports) = ([0; 4_096], HashMap::new());
    while let Ok((length, client)) = socket.recv_from(&mut packet) {
        let Some(question) = Question::read(&packet[..length]) else { continue };
        let next = ports.len();
        let port = *ports.entry(client.port()).or_insert(next);
        let at = began.elapsed();
        let ask = Ask { question, server, tcp: false, before_on_connection: 0, port, at };
        for (after, bytes) in behaviour(&ask) {
            let socket = socket.try_clone().unwrap();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(after));
                let _ = socket.send_to(&bytes, client);
            });
        }
    }
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
        let ask = Ask { question, server, tcp: true, before_on_connection, port, at };
        for (after, bytes) in behaviour(&ask) {
            let writer = writer.clone();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(after));
                let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
                let _ = writer.lock().unwrap().write_all(&[&length, &bytes[..]].concat());
            });
        }
    }
    None
}
