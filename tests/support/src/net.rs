//! Loopback sockets whose behaviour a test knows, and reports in words.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use he::{
    Answer, AttemptReport, Config, Connector, Error, LookupErrorKind, Query, Record, Report,
    Resolve, Resolving, SocketOptions,
};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpSocket;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::missing;
use crate::outcome::outcome;

/// The name that tests connect to.
pub const NAME: &str = "service.test";

/// A connector that knows the addresses of these peers, with a Connection Attempt Delay of 20 ms.
pub fn connector(peers: &Peers) -> Connector {
    impatient(Table::of(peers.ips()))
}

/// A connector with a Connection Attempt Delay of 20 ms.
pub fn impatient(resolver: impl Resolve) -> Connector {
    Connector::new(resolver)
        .with_config(Config::new().with_connect_delay(Duration::from_millis(20)))
}

/// What an address does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The handshake completes; nobody needs to call `accept` for it.
    Accepts,
    /// Bound, so that nobody else listens there, and not listening: RST.
    Refuses,
    /// Its queue of connections is full, so the system drops every SYN. On Windows it refuses them.
    Silent,
    /// Nobody listens there yet: it is left to a server that is a process of its own.
    Free,
}

/// Loopback addresses with one port, as a name has them. Held until dropped.
pub struct Peers {
    pub port: u16,
    sockets: Vec<(SocketAddr, Peer, Option<TcpListener>)>,
    /// The connections that fill the queues of the silent ones.
    fillers: Vec<TcpStream>,
}

impl Peers {
    /// Binds them all to the same free port.
    pub fn new(wanted: &[(&str, Peer)]) -> Self {
        let to_be_left = wanted.iter().any(|(_, peer)| *peer == Peer::Free);
        let port = || if to_be_left { port_for_a_process() } else { 0 };
        for _ in 0..100 {
            if let Ok(peers) = Self::bind(wanted, port()) {
                return peers;
            }
        }
        Self::bind(wanted, port()).unwrap()
    }

    fn bind(wanted: &[(&str, Peer)], port: u16) -> io::Result<Self> {
        let mut peers = Self { port, sockets: Vec::new(), fillers: Vec::new() };
        for (ip, peer) in wanted {
            let listener = socket(SocketAddr::new(ip.parse().unwrap(), peers.port), *peer)?;
            let addr = listener.local_addr()?;
            if *peer == Peer::Silent {
                peers.fillers.extend(fill_queue(addr));
            }
            peers.port = addr.port();
            let kept = (*peer != Peer::Free).then_some(listener);
            peers.sockets.push((addr, *peer, kept));
        }
        Ok(peers)
    }

    fn bound(&self, index: usize) -> &TcpListener {
        self.sockets[index].2.as_ref().expect("this one was left free")
    }

    pub fn addr(&self, index: usize) -> SocketAddr {
        self.sockets[index].0
    }

    pub fn ips(&self) -> Vec<IpAddr> {
        self.sockets.iter().map(|(addr, ..)| addr.ip()).collect()
    }

    /// The next connection that has completed its handshake, if there is one.
    pub fn accept(&self, index: usize) -> Option<(TcpStream, SocketAddr)> {
        match self.bound(index).accept() {
            Ok(accepted) => Some(accepted),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("accept: {error}"),
        }
    }

    /// For servers that say something: within a tokio runtime.
    pub fn listener(&self, index: usize) -> tokio::net::TcpListener {
        tokio::net::TcpListener::from_std(self.bound(index).try_clone().unwrap()).unwrap()
    }

    /// Had a connection come, it would stand in the queue between the peer's own ones and this one.
    pub fn assert_nobody_came(&self, index: usize) {
        let (addr, peer, _) = &self.sockets[index];
        let asks = (*peer == Peer::Accepts).then(|| TcpStream::connect(addr).unwrap());
        let own: Vec<_> =
            self.fillers.iter().chain(&asks).map(|it| it.local_addr().unwrap()).collect();
        while let Some((_, peer)) = self.accept(index) {
            assert!(own.contains(&peer), "{peer} came to {addr}");
        }
    }

    /// What came of each attempt, in order; `P` stands for the port of these peers.
    pub fn story(&self, report: &Report) -> Vec<String> {
        let line = |attempt: &AttemptReport| {
            let local = if attempt.is_local() { "locally " } else { "" };
            self.shorten(&format!("{} {local}{}", attempt.addr(), outcome(attempt)))
        };
        report.attempts().iter().map(line).collect()
    }

    /// An error's line with `P` for the port and `T` for each time, which is checked to be one.
    pub fn text(&self, error: &Error) -> String {
        timeless(&self.shorten(&error.to_string()))
    }

    fn shorten(&self, text: &str) -> String {
        text.replace(&format!(":{}", self.port), ":P")
    }
}

fn socket(addr: SocketAddr, peer: Peer) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.bind(&addr.into())?;
    match peer {
        Peer::Refuses | Peer::Free => {}
        Peer::Accepts => socket.listen(128)?,
        Peer::Silent => socket.listen(0)?,
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A port that stays free until a server takes it: not one of those that the system hands out by
/// itself (from 32768 on), and another one each time.
fn port_for_a_process() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
    let port = 10_000 + (std::process::id().wrapping_mul(61) + step) % 20_000;
    u16::try_from(port).unwrap()
}

/// Connects until the system drops a SYN, because the queue of this listener is full.
pub fn fill_queue(listener: SocketAddr) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect_timeout(&listener, Duration::from_millis(20)).ok();
    (0..1_000).map_while(connect).collect()
}

/// `after 12ms` becomes `after T`.
pub fn timeless(text: &str) -> String {
    let mut parts = text.split(" after ");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let end = part.find(';').unwrap_or(part.len());
        let (time, rest) = part.split_at(end);
        let number = time.strip_suffix("ms").or(time.strip_suffix('s')).unwrap();
        number.parse::<f64>().unwrap();
        out += " after T";
        out += rest;
    }
    out
}

/// True if this host has IPv6 on loopback. If not, this reports that tests are left out.
pub fn ipv6() -> bool {
    let has = TcpListener::bind("[::1]:0").is_ok();
    if !has {
        missing("the tests with ::1", "sysctl net.ipv6.conf.lo.disable_ipv6=0");
    }
    has
}

/// A resolver that answers at once from these addresses, and counts its questions.
#[derive(Clone, Default)]
pub struct Table {
    ips: Vec<IpAddr>,
    asked: Arc<AtomicUsize>,
}

impl Table {
    pub fn of(ips: Vec<IpAddr>) -> Self {
        Self { ips, ..Self::default() }
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn answer(&self, record: Record) -> Result<Answer, he::LookupError> {
        let of_type = |ip: &&IpAddr| ip.is_ipv6() == (record == Record::Aaaa);
        let ips: Vec<IpAddr> = self.ips.iter().filter(of_type).copied().collect();
        if ips.is_empty() { Err(LookupErrorKind::NoRecords.into()) } else { Ok(ips.into()) }
    }
}

impl Resolve for Table {
    fn lookup(&self, query: &Query) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Resolving::ready(self.answer(query.record()))
    }
}

/// Keeps the reports that a connector tells.
#[derive(Clone, Default)]
pub struct Reports(Arc<Mutex<Vec<Report>>>);

impl Reports {
    pub fn of(connector: Connector) -> (Connector, Self) {
        let reports = Self::default();
        let kept = reports.clone();
        connector.on_report(move |report| kept.0.lock().unwrap().push(report.clone()));
        (connector, reports)
    }

    /// The one report since the last call.
    pub fn only(&self) -> Report {
        let mut reports = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(reports.len(), 1, "{reports:?}");
        reports.remove(0)
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// The sockets that a connector opens, by their inodes: a number may be another test's by the time
/// that it is looked at.
pub struct Opened {
    starts: UnboundedReceiver<(String, PathBuf)>,
    sockets: Vec<(String, PathBuf)>,
}

impl Opened {
    pub fn of(connector: Connector) -> (Connector, Self) {
        let (seen, starts) = unbounded_channel();
        let options = SocketOptions::default().before_connect(move |socket, _| {
            let fd = in_proc(socket)?;
            let socket = std::fs::read_link(&fd)?;
            seen.send((fd, socket)).map_err(io::Error::other)
        });
        (connector.with_socket_options(options), Self { starts, sockets: Vec::new() })
    }

    /// Runs the future, which must not end, until there are so many.
    pub async fn wait_for<F: Future>(&mut self, count: usize, mut future: Pin<&mut F>) {
        while self.sockets.len() < count {
            tokio::select! {
                start = self.starts.recv() => self.sockets.push(start.unwrap()),
                _ = &mut future => panic!("a silent host has answered"),
            }
        }
    }

    pub fn assert_closed(self) {
        for (fd, socket) in self.sockets {
            assert_ne!(std::fs::read_link(fd).ok(), Some(socket), "it is open");
        }
    }
}

/// Linux's name of a socket's file descriptor.
#[cfg(target_os = "linux")]
fn in_proc(socket: &TcpSocket) -> io::Result<String> {
    use std::os::fd::AsRawFd;
    Ok(format!("/proc/self/fd/{}", socket.as_raw_fd()))
}

#[cfg(not(target_os = "linux"))]
fn in_proc(_: &TcpSocket) -> io::Result<String> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Polls a future once, without a waker: it must not be ready.
pub fn poll_pending<F: Future + ?Sized>(future: Pin<&mut F>) {
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "ready at the first poll");
}
