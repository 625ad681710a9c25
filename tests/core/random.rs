//! Worlds drawn at random, each of which can be written down as a test.

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use he::{Config, Family, LookupErrorKind, Record};
use he_test_support::{World, addr, script};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::machine::Play;

/// Among them one that counts as IPv4, and unusable ones.
const V6: [&str; 8] = [
    "2001:db8::1",
    "2001:db8::2",
    "2001:db8::3",
    "2001:db8::4",
    "fd00::5",
    "::1",
    "::ffff:192.0.2.1",
    "::",
];
const V4: [&str; 8] = [
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.3",
    "192.0.2.4",
    "10.0.0.5",
    "127.0.0.1",
    "192.0.2.6",
    "224.0.0.1",
];
const PORTS: [u16; 3] = [443, 80, 8443];

/// A world in numbers. Times are in ms, as in [`World`].
#[derive(Clone)]
pub(crate) struct Random {
    /// How many ports of [`PORTS`].
    ports: usize,
    /// All that DNS would answer is given as a list.
    is_list: bool,
    family: Family,
    connect_delay: u64,
    aaaa_timeout: u64,
    connect_timeout: u64,
    resolve_timeout: u64,
    total_timeout: Option<u64>,
    aaaa: Reply,
    a: Reply,
    /// What the addresses do, in turns.
    manners: Vec<Manner>,
    /// Bit n: the gate refuses the nth address and port.
    forbidden: u32,
    /// When the routes of a family go away.
    lost: [Option<u64>; 2],
}

#[derive(Debug, Clone)]
enum Reply {
    Addrs(u64, Vec<usize>),
    Fails(u64, LookupErrorKind),
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Accepts(u64),
    Refuses(u64),
    FailsLocally,
    Silent,
    Tls(u64, u64),
    TlsFails(u64, u64),
    TlsHangs(u64),
}

/// Worlds with up to 4 addresses of a family, on up to 3 ports.
pub(crate) fn worlds() -> impl Strategy<Value = Random> {
    let family = prop_oneof![
        5 => Just(Family::Any),
        1 => Just(Family::PreferV4),
        1 => Just(Family::V4Only),
        1 => Just(Family::V6Only),
    ];
    let forbidden = prop_oneof![3 => Just(0), 1 => any::<u32>()];
    let lost = || prop_oneof![6 => Just(None), 1 => Just(Some(0)), 1 => option::of(0..500_u64)];
    let shape = (1..=PORTS.len(), prop_oneof![9 => Just(false), 1 => Just(true)], family);
    let manners = vec(manner(), 1..=8);
    let there = (reply(), reply(), manners, forbidden, [lost(), lost()]);
    (shape, times(), there).prop_map(|(shape, times, there)| {
        let (ports, is_list, family) = shape;
        let (connect_delay, aaaa_timeout, connect_timeout, resolve_timeout, total_timeout) = times;
        let (aaaa, a, manners, forbidden, lost) = there;
        Random {
            ports,
            is_list,
            family,
            connect_delay,
            aaaa_timeout,
            connect_timeout,
            resolve_timeout,
            total_timeout,
            aaaa,
            a,
            manners,
            forbidden,
            lost,
        }
    })
}

/// The distance, the wait for AAAA, and the three time-outs.
fn times() -> impl Strategy<Value = (u64, u64, u64, u64, Option<u64>)> {
    let connect_delay = prop_oneof![10..30_u64, 10..400_u64, 10..=2_000_u64];
    let aaaa_timeout = prop_oneof![Just(0), Just(50), 0..500_u64, 0..5_000_u64];
    let connect_timeout = prop_oneof![1..100_u64, 1..20_000_u64];
    let resolve_timeout = prop_oneof![1..500_u64, 1..5_000_u64];
    let total_timeout = prop_oneof![
        3 => Just(Some(60_000)),
        1 => Just(None),
        1 => (1..3_000_u64).prop_map(Some),
    ];
    (connect_delay, aaaa_timeout, connect_timeout, resolve_timeout, total_timeout)
}

fn reply() -> impl Strategy<Value = Reply> {
    let at = || prop_oneof![0..60_u64, 0..500_u64, 0..5_000_u64];
    let why = prop_oneof![
        Just(LookupErrorKind::NoSuchName),
        Just(LookupErrorKind::NoRecords),
        Just(LookupErrorKind::ServerFailure),
        Just(LookupErrorKind::Refused),
    ];
    prop_oneof![
        6 => (at(), vec(0..V6.len(), 0..=4)).prop_map(|(at, list)| Reply::Addrs(at, list)),
        1 => (at(), why).prop_map(|(at, why)| Reply::Fails(at, why)),
        1 => Just(Reply::Never),
    ]
}

fn manner() -> impl Strategy<Value = Manner> {
    let ms = || prop_oneof![1..50_u64, 1..400_u64, 1..4_000_u64];
    prop_oneof![
        2 => ms().prop_map(Manner::Accepts),
        3 => ms().prop_map(Manner::Refuses),
        2 => Just(Manner::FailsLocally),
        3 => Just(Manner::Silent),
        1 => (ms(), ms()).prop_map(|(tcp, tls)| Manner::Tls(tcp, tls)),
        1 => (ms(), ms()).prop_map(|(tcp, tls)| Manner::TlsFails(tcp, tls)),
        1 => ms().prop_map(Manner::TlsHangs),
    ]
}

impl Random {
    pub(crate) fn world(&self) -> World {
        let forbidden = self.forbidden();
        let mut world = script().ports(self.ports()).config(|config| self.config(config));
        if self.is_list {
            let list: Vec<String> = self.all().iter().map(SocketAddr::to_string).collect();
            world = world.addrs(&list.iter().map(String::as_str).collect::<Vec<_>>());
        }
        for (record, reply) in [(Record::Aaaa, &self.aaaa), (Record::A, &self.a)] {
            world = match reply {
                Reply::Addrs(at, list) => world.dns(record, *at, &texts(record, list)),
                Reply::Fails(at, why) => world.dns_fails(record, *at, *why),
                Reply::Never => world,
            };
        }
        for (record, lost) in [Record::Aaaa, Record::A].into_iter().zip(self.lost) {
            world = lost.map_or(world.clone(), |at| world.loses_route(record, at));
        }
        for endpoint in self.endpoints() {
            world = self.manner(endpoint).of(world, &endpoint.to_string());
        }
        match forbidden.is_empty() {
            true => world,
            false => world.allow(move |addr| !forbidden.contains(&addr)),
        }
    }

    pub(crate) fn config(&self, config: Config) -> Config {
        config
            .with_family(self.family)
            .with_connect_delay(Duration::from_millis(self.connect_delay))
            .with_aaaa_timeout(Duration::from_millis(self.aaaa_timeout))
            .with_connect_timeout(Duration::from_millis(self.connect_timeout))
            .with_resolve_timeout(Duration::from_millis(self.resolve_timeout))
            .with_resolve_retries(1)
            .with_total_timeout(self.total_timeout.map_or(Duration::MAX, Duration::from_millis))
    }

    pub(crate) fn is_list(&self) -> bool {
        self.is_list
    }

    /// True if the routes of a family go away at some time.
    pub(crate) fn loses_routes(&self) -> bool {
        self.lost.iter().any(Option::is_some)
    }

    /// What may be dialled of the answer to this question, or of the list.
    pub(crate) fn dialable(&self, record: Record) -> Vec<SocketAddr> {
        let forbidden = self.forbidden();
        let family = |addr: &SocketAddr| match self.family {
            Family::V4Only => addr.is_ipv4(),
            Family::V6Only => addr.is_ipv6(),
            Family::Any | Family::PreferV4 | _ => true,
        };
        let all = self.of(record).into_iter().filter(is_usable).map(canonical);
        all.filter(|addr| family(addr) && !forbidden.contains(addr)).collect()
    }

    /// Every address and port that may be dialled, once.
    pub(crate) fn all_dialable(&self) -> HashSet<SocketAddr> {
        let [aaaa, a] = [Record::Aaaa, Record::A].map(|record| self.dialable(record));
        aaaa.into_iter().chain(a).collect()
    }

    /// True if a dial of it would succeed within the time for an attempt, or just at its end.
    pub(crate) fn would_accept(&self, addr: SocketAddr) -> bool {
        match self.manner(addr) {
            Manner::Accepts(ms) => ms <= self.connect_timeout,
            Manner::Tls(tcp, tls) => tcp + tls <= self.connect_timeout,
            Manner::Refuses(_)
            | Manner::FailsLocally
            | Manner::Silent
            | Manner::TlsFails(..)
            | Manner::TlsHangs(_) => false,
        }
    }

    fn ports(&self) -> &[u16] {
        &PORTS[..self.ports]
    }

    /// As DNS answers it, with every port.
    fn of(&self, record: Record) -> Vec<SocketAddr> {
        let reply = if record == Record::A { &self.a } else { &self.aaaa };
        let Reply::Addrs(_, list) = reply else { return Vec::new() };
        let with = |text: &'static str| {
            self.ports().iter().map(move |port| SocketAddr::new(addr(text).ip(), *port))
        };
        texts(record, list).into_iter().flat_map(with).collect()
    }

    fn all(&self) -> Vec<SocketAddr> {
        [Record::Aaaa, Record::A].iter().flat_map(|record| self.of(*record)).collect()
    }

    /// Each once, as it is dialled.
    fn endpoints(&self) -> Vec<SocketAddr> {
        let mut known = HashSet::new();
        self.all().into_iter().map(canonical).filter(|addr| known.insert(*addr)).collect()
    }

    fn manner(&self, addr: SocketAddr) -> Manner {
        let place = self.endpoints().iter().position(|other| *other == addr);
        self.manners[place.unwrap_or(0) % self.manners.len()]
    }

    fn forbidden(&self) -> Vec<SocketAddr> {
        let refused = |(n, _): &(u32, SocketAddr)| self.forbidden & (1 << n) != 0;
        (0..).zip(self.endpoints()).filter(refused).map(|(_, addr)| addr).collect()
    }
}

impl Manner {
    fn of(self, world: World, addr: &str) -> World {
        match self {
            Self::Accepts(ms) => world.accepts(addr, ms),
            Self::Refuses(ms) => world.refuses(addr, ms),
            Self::FailsLocally => world.fails_locally(addr),
            Self::Silent => world,
            Self::Tls(tcp, tls) => world.tls(addr, tcp, tls),
            Self::TlsFails(tcp, tls) => world.tls_fails(addr, tcp, tls),
            Self::TlsHangs(tcp) => world.tls_hangs(addr, tcp),
        }
    }

    /// The same as text.
    fn written(self, addr: SocketAddr) -> String {
        match self {
            Self::Accepts(ms) => format!(".accepts(\"{addr}\", {ms})"),
            Self::Refuses(ms) => format!(".refuses(\"{addr}\", {ms})"),
            Self::FailsLocally => format!(".fails_locally(\"{addr}\")"),
            Self::Silent => format!(".silent(\"{addr}\")"),
            Self::Tls(tcp, tls) => format!(".tls(\"{addr}\", {tcp}, {tls})"),
            Self::TlsFails(tcp, tls) => format!(".tls_fails(\"{addr}\", {tcp}, {tls})"),
            Self::TlsHangs(tcp) => format!(".tls_hangs(\"{addr}\", {tcp})"),
        }
    }
}

fn texts(record: Record, list: &[usize]) -> Vec<&'static str> {
    let pool = if record == Record::A { V4 } else { V6 };
    list.iter().map(|n| pool[*n]).collect()
}

fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

fn is_usable(addr: &SocketAddr) -> bool {
    !addr.ip().is_unspecified() && !addr.ip().is_multicast()
}

/// A timeline to be pasted, with what the machine makes of it now.
impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> = self.all().iter().map(SocketAddr::to_string).collect();
        let ms = |ms: u64| format!("Duration::from_millis({ms})");
        let total = self.total_timeout.map_or("Duration::MAX".to_owned(), ms);
        writeln!(f, "script().ports(&{:?})", self.ports())?;
        if self.is_list {
            writeln!(f, "    .addrs(&{list:?})")?;
        }
        write!(f, "    .config(|c| c.family(he::Family::{:?})", self.family)?;
        write!(f, ".connect_delay({})", ms(self.connect_delay))?;
        write!(f, ".aaaa_timeout({})", ms(self.aaaa_timeout))?;
        write!(f, ".connect_timeout({})", ms(self.connect_timeout))?;
        write!(f, ".resolve_timeout({}).resolve_retries(1)", ms(self.resolve_timeout))?;
        writeln!(f, ".total_timeout({total}))")?;
        for (record, reply) in [(Record::Aaaa, &self.aaaa), (Record::A, &self.a)] {
            match reply {
                Reply::Addrs(at, list) => {
                    writeln!(f, "    .dns({record:?}, {at}, &{:?})", texts(record, list))?;
                }
                Reply::Fails(at, why) => {
                    writeln!(f, "    .dns_fails({record:?}, {at}, he::LookupErrorKind::{why:?})")?;
                }
                Reply::Never => {}
            }
        }
        for (record, lost) in [Record::Aaaa, Record::A].into_iter().zip(self.lost) {
            lost.map_or(Ok(()), |at| writeln!(f, "    .loses_route({record:?}, {at})"))?;
        }
        for addr in self.endpoints() {
            writeln!(f, "    {}", self.manner(addr).written(addr))?;
        }
        let forbidden: Vec<String> = self.forbidden().iter().map(SocketAddr::to_string).collect();
        if !forbidden.is_empty() {
            let list = format!("{forbidden:?}");
            writeln!(f, "    .allow(|addr| !{list}.contains(&addr.to_string().as_str()))")?;
        }
        let played = catch_unwind(AssertUnwindSafe(|| self.world().run().log));
        writeln!(f, "    .plays(\"\n{}\n\");", played.unwrap_or_default().join("\n"))
    }
}
