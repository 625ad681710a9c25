//! The script of a world: what is asked for, what DNS answers when, and what the addresses do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use he::{Answer, Config, LookupError, LookupErrorKind, Record};

use crate::addr::{addr, addrs};
use crate::routes::Routes;

pub type Gate = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;
pub type Lookup = Result<Answer, LookupError>;

/// A world to connect in. All times are in ms; those of DNS count from the call, those of an
/// address from the start of its attempt.
#[derive(Clone)]
pub struct World {
    pub host: String,
    pub ports: Vec<u16>,
    /// A list of addresses in place of a host.
    pub list: Option<Vec<SocketAddr>>,
    pub config: Config,
    pub gate: Option<Gate>,
    pub routes: Routes,
    pub tells_waits: bool,
    answers: Vec<(Record, u64, Lookup)>,
    paths: Vec<(SocketAddr, Path)>,
}

/// What an address does.
#[derive(Clone, Copy, Default)]
pub struct Path {
    /// When TCP is up, if the dial goes on after it.
    pub tcp_up: Option<u64>,
    /// When and how the dial ends; `None` for one that stays silent.
    pub end: Option<(u64, End)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Accepted,
    Refused,
    /// Before a packet has left the host.
    FailedLocally,
    HandshakeFailed,
}

impl End {
    pub fn error(self) -> Option<io::Error> {
        match self {
            Self::Accepted => None,
            Self::Refused => Some(io::ErrorKind::ConnectionRefused.into()),
            Self::FailedLocally => Some(io::ErrorKind::NetworkUnreachable.into()),
            Self::HandshakeFailed => Some(io::Error::other("bad certificate")),
        }
    }
}

/// A name with one port, in which nothing answers.
pub fn script() -> World {
    World {
        host: "example.com".into(),
        ports: vec![443],
        list: None,
        config: Config::new(),
        gate: None,
        routes: Routes::default(),
        tells_waits: false,
        answers: Vec::new(),
        paths: Vec::new(),
    }
}

/// What is asked for.
impl World {
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    pub fn ports(mut self, ports: &[u16]) -> Self {
        self.ports = ports.into();
        self
    }

    /// A list of addresses in place of a host, in the caller's order.
    pub fn addrs(mut self, list: &[&str]) -> Self {
        self.list = Some(addrs(list));
        self
    }

    pub fn config(mut self, change: impl FnOnce(Config) -> Config) -> Self {
        self.config = change(self.config);
        self
    }

    pub fn allow(mut self, gate: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// The log tells how long the machine wants to be left alone.
    pub fn tells_waits(mut self) -> Self {
        self.tells_waits = true;
        self
    }
}

/// DNS. A record type that is not mentioned never answers.
impl World {
    pub fn dns(self, record: Record, at: u64, list: &[&str]) -> Self {
        self.answers(record, at, Ok(Answer::from(addrs(list))))
    }

    pub fn dns_fails(self, record: Record, at: u64, why: LookupErrorKind) -> Self {
        self.answers(record, at, Err(why.into()))
    }

    pub fn answers(mut self, record: Record, at: u64, lookup: Lookup) -> Self {
        self.answers.push((record, at, lookup));
        self
    }

    pub fn answer(&self, record: Record) -> Option<(u64, Lookup)> {
        let found = self.answers.iter().find(|(other, ..)| *other == record);
        found.map(|(_, at, lookup)| (*at, lookup.clone()))
    }
}

/// The addresses, with a port or for every port. One that is not mentioned stays silent.
impl World {
    pub fn accepts(self, addr: &str, ms: u64) -> Self {
        self.path(addr, Path { tcp_up: None, end: Some((ms, End::Accepted)) })
    }

    pub fn refuses(self, addr: &str, ms: u64) -> Self {
        self.path(addr, Path { tcp_up: None, end: Some((ms, End::Refused)) })
    }

    pub fn fails_locally(self, addr: &str) -> Self {
        self.path(addr, Path { tcp_up: None, end: Some((0, End::FailedLocally)) })
    }

    pub fn silent(self, addr: &str) -> Self {
        self.path(addr, Path::default())
    }

    /// TCP is up after `tcp` ms, the handshake on top of it takes `tls` more.
    pub fn tls(self, addr: &str, tcp: u64, tls: u64) -> Self {
        self.path(addr, Path { tcp_up: Some(tcp), end: Some((tcp + tls, End::Accepted)) })
    }

    pub fn tls_fails(self, addr: &str, tcp: u64, tls: u64) -> Self {
        self.path(addr, Path { tcp_up: Some(tcp), end: Some((tcp + tls, End::HandshakeFailed)) })
    }

    /// TCP is up after `tcp` ms, and then nothing comes.
    pub fn tls_hangs(self, addr: &str, tcp: u64) -> Self {
        self.path(addr, Path { tcp_up: Some(tcp), end: None })
    }

    fn path(mut self, text: &str, path: Path) -> Self {
        self.paths.push((addr(text), path));
        self
    }

    pub fn fails_locally_at(&self, dialled: SocketAddr) -> bool {
        self.path_to(dialled).end.is_some_and(|(_, end)| end == End::FailedLocally)
    }

    pub fn path_to(&self, dialled: SocketAddr) -> Path {
        let matches = |known: &SocketAddr| {
            known.ip() == dialled.ip() && (known.port() == 0 || known.port() == dialled.port())
        };
        let found = self.paths.iter().find(|(known, _)| matches(known));
        found.map(|(_, path)| *path).unwrap_or_default()
    }
}

/// Routes.
impl World {
    /// The host has no route of this family.
    pub fn no_route(self, record: Record) -> Self {
        self.loses_route(record, 0)
    }

    /// The host loses its routes of this family.
    pub fn loses_route(mut self, record: Record, at: u64) -> Self {
        self.routes.lost.insert(record, at);
        self
    }

    pub fn source(mut self, dst: &str, src: Option<&str>) -> Self {
        self.routes.by_hand.insert(addr(dst).ip(), src.map(|src| addr(src).ip()));
        self
    }
}
