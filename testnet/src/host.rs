//! The handle by which a story says how a remote host behaves.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::craft::Unreachable;
use crate::path::{Fate, Loss, Manner, Path, Serving};
use crate::remote;
use crate::world::World;

/// A remote host, or one port of it. Without another word it accepts connections on port 443 and
/// says back what it hears, 20 ms away. Words hold from now on, and may be said at any time.
#[derive(Clone, Copy)]
pub struct Host {
    world: &'static World,
    ip: IpAddr,
    port: Option<u16>,
}

impl Host {
    pub(crate) fn new(world: &'static World, ip: IpAddr) -> Self {
        Self { world, ip, port: None }.with(|_| {})
    }

    /// One port: what is said of it holds for no other. Somebody listens there.
    pub fn port(self, port: u16) -> Self {
        remote::listen(self.world, port);
        Self { port: Some(port), ..self }.with(|_| {})
    }

    /// The round-trip time in milliseconds, half of it each way.
    pub fn rtt(self, ms: u64) -> Self {
        self.with(|path| path.rtt = Duration::from_millis(ms))
    }

    /// Swallows every packet.
    pub fn silent(self) -> Self {
        self.with(|path| path.fate = Fate::Lost)
    }

    /// Swallows every datagram of UDP; TCP passes.
    pub fn udp_silent(self) -> Self {
        self.with(|path| path.fate = Fate::UdpLost)
    }

    /// Swallows every segment of TCP, to every port; UDP passes.
    pub fn tcp_silent(self) -> Self {
        self.with(|path| path.fate = Fate::TcpLost)
    }

    /// Answers a SYN with RST, a datagram with "port unreachable".
    pub fn refused(self) -> Self {
        self.with(|path| path.fate = Fate::Refused)
    }

    /// A router on the way says that it cannot pass packets on.
    pub fn icmp(self, why: Unreachable) -> Self {
        self.with(|path| path.fate = Fate::Unreachable(why))
    }

    /// Works again, after one of the words above.
    pub fn reachable(self) -> Self {
        self.with(|path| path.fate = Fate::Arrives)
    }

    /// The first SYNs to it are lost.
    pub fn lose_first_syns(self, n: u32) -> Self {
        self.with(|path| path.syns_to_lose = n)
    }

    /// Packets are lost at this rate (0 to 1), each way, in the same order with the same seed.
    pub fn loss(self, seed: u64, rate: f64) -> Self {
        self.with(|path| path.loss = Some(Loss { state: seed, rate }))
    }

    /// Accepts and never speaks.
    pub fn answers_never(self) -> Self {
        self.with(|path| path.manner = Manner::Listens)
    }

    /// Accepts and closes at once.
    pub fn accepts_then_closes(self) -> Self {
        self.with(|path| path.manner = Manner::Closes)
    }

    /// Accepts, and resets the connection at the first byte it gets.
    pub fn accepts_then_resets(self) -> Self {
        self.with(|path| path.manner = Manner::Resets)
    }

    /// Gives each connection to this function, with `TCP_NODELAY`.
    pub fn serves<F>(self, server: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let server = Arc::new(move |stream| Box::pin(server(stream)) as Serving);
        self.world.paths().set_server(self.ip, self.port, server);
        self.with(|path| path.manner = Manner::Serves)
    }

    /// The address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Whether a packet's remote end is this.
    #[must_use]
    pub fn is(&self, peer: SocketAddr) -> bool {
        self.ip == peer.ip() && self.port.is_none_or(|port| port == peer.port())
    }

    fn with(self, change: impl FnOnce(&mut Path)) -> Self {
        self.world.paths().change(self.ip, self.port, change);
        self
    }
}

impl From<Host> for IpAddr {
    fn from(host: Host) -> Self {
        host.ip
    }
}

impl From<&Host> for IpAddr {
    fn from(host: &Host) -> Self {
        host.ip
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}
