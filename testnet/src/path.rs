//! How a remote address and port behave.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::craft::Unreachable;
use crate::packet::{Body, FIN, RST};
use crate::tls;

/// The path to an address and port, and what the server there does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) rtt: Duration,
    pub(crate) fate: Fate,
    pub(crate) manner: Manner,
    pub(crate) syns_to_lose: u32,
    pub(crate) loss: Option<Loss>,
}

/// What happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    Lost,
    UdpLost,
    TcpLost,
    Refused,
    Unreachable(Unreachable),
}

/// What the server does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Echoes,
    Listens,
    Closes,
    Resets,
    /// The test's own server takes it, see [`Host::serves`](crate::Host::serves).
    Serves,
}

/// Random loss of packets, drawn by SplitMix64 from a seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss {
    pub(crate) state: u64,
    pub(crate) rate: f64,
}

impl Loss {
    fn hits(&mut self) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let drawn = u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0);
        f64::from(drawn) < self.rate * f64::from(u32::MAX)
    }
}

impl Path {
    fn carries_tcp(&self) -> bool {
        matches!(self.fate, Fate::Arrives | Fate::UdpLost)
    }

    fn loses(&self, body: Body) -> bool {
        match self.fate {
            Fate::Lost => true,
            Fate::UdpLost => body == Body::Udp,
            Fate::TcpLost => matches!(body, Body::Tcp(_)),
            Fate::Arrives | Fate::Refused | Fate::Unreachable(_) => false,
        }
    }
}

impl Default for Path {
    fn default() -> Self {
        Self {
            rtt: Duration::from_millis(20),
            fate: Fate::Arrives,
            manner: Manner::Echoes,
            syns_to_lose: 0,
            loss: None,
        }
    }
}

/// A server of the test's own.
pub(crate) type Server = Arc<dyn Fn(TcpStream) -> Serving + Send + Sync>;
pub(crate) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// All paths.
#[derive(Default)]
pub(crate) struct Paths {
    /// By address, and by address and port where that differs.
    paths: HashMap<(IpAddr, Option<u16>), Path>,
    /// The state of the port for DNS over TLS, where a test has set it.
    tls_ports: HashMap<IpAddr, TlsPort>,
    servers: HashMap<(IpAddr, Option<u16>), Server>,
    /// The connections that a NAT has forgotten, by remote end and the client's port.
    forgotten: HashMap<(SocketAddr, u16), Forgotten>,
}

/// Which packets of a forgotten connection are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgotten {
    /// All packets.
    Wholly,
    /// The client's packets with data, FIN or RST. Packets on their way to the client arrive, and
    /// so do its ACKs of them.
    WhatTheClientSays,
}

/// The port for DNS over TLS, unless that has a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TlsPort {
    #[default]
    Closed,
    Open,
    Silent,
}

impl Paths {
    /// The path to an address and port; `None` if no host has the address.
    pub(crate) fn find(&mut self, peer: SocketAddr) -> Option<&mut Path> {
        let key = (peer.ip(), Some(peer.port()));
        match self.paths.contains_key(&key) {
            true => self.paths.get_mut(&key),
            false => self.paths.get_mut(&(peer.ip(), None)),
        }
    }

    /// The test's own server, if there is one.
    pub(crate) fn server(&self, at: SocketAddr) -> Option<Server> {
        let own = self.servers.get(&(at.ip(), Some(at.port())));
        own.or_else(|| self.servers.get(&(at.ip(), None))).cloned()
    }

    /// The path of this packet, and whether it is lost.
    pub(crate) fn pass(&mut self, packet: Passing) -> Option<(Path, bool)> {
        let Passing { peer, client: _, body, sent } = packet;
        let forgotten = self.forgets(packet);
        let port = self.tls_port(peer);
        let path = self.find(peer)?;
        let mut lost = forgotten || path.loses(body) || path.loss.as_mut().is_some_and(Loss::hits);
        if sent && opens(body) && path.syns_to_lose > 0 {
            path.syns_to_lose -= 1;
            lost = true;
        }
        let mut path = *path;
        match port {
            TlsPort::Closed if path.carries_tcp() => path.fate = Fate::Refused,
            TlsPort::Silent => lost = true,
            TlsPort::Closed | TlsPort::Open => {}
        }
        Some((path, lost))
    }

    /// Sets the state of the port for DNS over TLS.
    pub(crate) fn set_tls_port(&mut self, ip: IpAddr, port: TlsPort) {
        self.tls_ports.insert(ip, port);
    }

    /// Drops the packets of this connection, as if a NAT had forgotten it.
    pub(crate) fn forget(&mut self, peer: SocketAddr, client: u16, what: Forgotten) {
        self.forgotten.insert((peer, client), what);
    }

    fn tls_port(&self, peer: SocketAddr) -> TlsPort {
        let own = self.paths.contains_key(&(peer.ip(), Some(peer.port())));
        match peer.port() == tls::PORT && !own {
            true => self.tls_ports.get(&peer.ip()).copied().unwrap_or_default(),
            false => TlsPort::Open,
        }
    }

    /// True if a NAT has forgotten the connection of this packet. A new SYN ends that.
    fn forgets(&mut self, packet: Passing) -> bool {
        let key = (packet.peer, packet.client);
        let Body::Tcp(segment) = packet.body else { return false };
        let Some(what) = self.forgotten.get(&key).copied() else { return false };
        if packet.sent && segment.is_syn() {
            self.forgotten.remove(&key);
            return false;
        }
        let has_content = segment.len > 0 || segment.has(FIN) || segment.has(RST);
        match what {
            Forgotten::Wholly => true,
            Forgotten::WhatTheClientSays => packet.sent && has_content,
        }
    }

    /// Changes the path to an address, or to one port of it. The path to a port begins as a copy of
    /// the path to its address.
    pub(crate) fn change(&mut self, ip: IpAddr, port: Option<u16>, change: impl FnOnce(&mut Path)) {
        let known = self.paths.get(&(ip, port)).or(self.paths.get(&(ip, None)));
        let mut path = known.copied().unwrap_or_default();
        change(&mut path);
        self.paths.insert((ip, port), path);
    }

    /// Gives the connections to an address, or to one port of it, to this server.
    pub(crate) fn set_server(&mut self, ip: IpAddr, port: Option<u16>, server: Server) {
        self.servers.insert((ip, port), server);
    }
}

/// A packet between a client's port on the home host and a remote end.
#[derive(Clone, Copy)]
pub(crate) struct Passing {
    pub(crate) peer: SocketAddr,
    pub(crate) client: u16,
    pub(crate) body: Body,
    /// True if the home host sent it.
    pub(crate) sent: bool,
}

fn opens(body: Body) -> bool {
    matches!(body, Body::Tcp(segment) if segment.is_syn())
}
