//! The handle by which a test sets how a remote host behaves.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::craft::Unreachable;
use crate::path::{Fate, Loss, Manner, Path, Serving};
use crate::remote;
use crate::world::World;

/// A remote host, or one port of it. By default it accepts connections on port 443 and echoes the
/// bytes that it receives, with a round-trip time of 20 ms. A method may be called at any time, and
/// holds from then on.
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

    /// One port, which is open. The methods of the returned handle affect no other port.
    pub fn port(self, port: u16) -> Self {
        remote::listen(self.world, port);
        Self { port: Some(port), ..self }.with(|_| {})
    }

    /// The round-trip time in milliseconds, half of it each way.
    pub fn rtt(self, ms: u64) -> Self {
        self.with(|path| path.rtt = Duration::from_millis(ms))
    }

    /// Drops every packet.
    pub fn silent(self) -> Self {
        self.with(|path| path.fate = Fate::Lost)
    }

    /// Drops every UDP datagram; TCP passes.
    pub fn udp_silent(self) -> Self {
        self.with(|path| path.fate = Fate::UdpLost)
    }

    /// Drops every TCP segment, to every port; UDP passes.
    pub fn tcp_silent(self) -> Self {
        self.with(|path| path.fate = Fate::TcpLost)
    }

    /// Answers a SYN with RST, and a datagram with "port unreachable".
    pub fn refused(self) -> Self {
        self.with(|path| path.fate = Fate::Refused)
    }

    /// A router on the way answers every packet with this message.
    pub fn icmp(self, why: Unreachable) -> Self {
        self.with(|path| path.fate = Fate::Unreachable(why))
    }

    /// Works again, after one of the methods above.
    pub fn reachable(self) -> Self {
        self.with(|path| path.fate = Fate::Arrives)
    }

    /// The first `n` SYNs to it are lost.
    pub fn lose_first_syns(self, n: u32) -> Self {
        self.with(|path| path.syns_to_lose = n)
    }

    /// Packets are lost at this rate (0 to 1) in both directions. The same seed loses the same
    /// ones.
    pub fn loss(self, seed: u64, rate: f64) -> Self {
        self.with(|path| path.loss = Some(Loss { state: seed, rate }))
    }

    /// Accepts connections and sends nothing.
    pub fn answers_never(self) -> Self {
        self.with(|path| path.manner = Manner::Listens)
    }

    /// Accepts connections and closes them at once.
    pub fn accepts_then_closes(self) -> Self {
        self.with(|path| path.manner = Manner::Closes)
    }

    /// Accepts connections and resets each at the first byte that it receives.
    pub fn accepts_then_resets(self) -> Self {
        self.with(|path| path.manner = Manner::Resets)
    }

    /// Gives each connection to this function. `TCP_NODELAY` is set.
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

    /// True if this is the remote end of a packet.
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
