//! What a connect costs beside a bare one, on loopback: ratios, measured in turns.
//!
//! `cargo bench --bench connect`
//!
//! Each way of connecting makes a batch, then the next one, in turning order, and a round's batches
//! are compared with each other. Only the connect is timed: the close comes after it, with a reset,
//! so that no port is left in TIME_WAIT.
//!
//! The listener accepts in threads of its own, as a server does, or, for the harshest comparison,
//! in the same thread and after the clock has stopped: then a bare connect is as cheap as it can
//! be, cheaper than on any network.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use he::{Answer, Connector, Query, Record, Resolving};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::Builder;

#[cfg(feature = "dns")]
#[path = "support/name_server.rs"]
mod name_server;
mod support;

/// Destinations 127.0.0.1 and on, so that no single one runs out of ports.
const DESTINATIONS: u8 = 8;
const ROUNDS: usize = 101;
const BATCH: usize = 96;
const TARGET: f64 = 1.15;

fn main() {
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    for accept in [Accept::InThreads, Accept::Afterwards] {
        measure("current_thread", accept, one.block_on(table(accept)));
    }
    let two = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for accept in [Accept::InThreads, Accept::Afterwards] {
        let table = two.block_on(two.spawn(table(accept))).unwrap();
        measure("multi_thread(2)", accept, table);
    }
}

/// Where the listener takes its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accept {
    InThreads,
    Afterwards,
}

/// A way to connect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `TcpStream::connect`, the yardstick without options.
    Bare,
    /// The same and `set_nodelay`, which `he` does as well.
    BareNodelay,
    /// An IP literal.
    Literal,
    /// A list of one address.
    List,
    /// A name whose answers, of both families, are ready: as from a cache.
    Name,
    /// A name with an address of each family: both are known at once, so they have to be ordered,
    /// which asks the system for their source addresses.
    DualStack,
    /// The dial of `connect_with`, which tells when TCP is up.
    Dial,
    /// A name from the cache of feature `dns`, with the hosts file and resolv.conf looked at.
    #[cfg(feature = "dns")]
    Cached,
}

const WAYS: &[(Way, &str)] = &[
    (Way::Bare, "TcpStream::connect"),
    (Way::BareNodelay, "TcpStream::connect, set_nodelay"),
    (Way::Literal, "he, IP literal"),
    (Way::List, "he, list of one address"),
    (Way::Name, "he, name with ready answers"),
    (Way::DualStack, "he, name of both families, ready"),
    (Way::Dial, "he, connect_with(Attempt::connect)"),
    #[cfg(feature = "dns")]
    (Way::Cached, "he, name in the cache"),
];

/// For each way, the microseconds of a connect in each round, and its allocations.
type Table = Vec<(Vec<f64>, f64)>;

async fn table(accept: Accept) -> Table {
    let bench = Bench::new(accept);
    let mut table: Table = vec![(Vec::new(), 0.0); WAYS.len()];
    for (way, _) in WAYS {
        bench.batch(*way).await; // warm up
    }
    for round in 0..ROUNDS {
        for turn in 0..WAYS.len() {
            let index = (turn + round) % WAYS.len();
            let (took, allocations) = bench.batch(WAYS[index].0).await;
            table[index].0.push(took.as_secs_f64() * 1e6 / BATCH as f64);
            table[index].1 = allocations as f64 / BATCH as f64;
        }
    }
    table
}

struct Bench {
    destinations: Vec<Destination>,
    /// For literals and lists.
    plain: Connector,
    #[cfg(feature = "dns")]
    caching: Connector,
}

struct Destination {
    addr: SocketAddr,
    host: String,
    #[cfg(feature = "dns")]
    name: String,
    by_name: Connector,
    dual_stack: Connector,
    /// For IPv4 and for IPv6, to accept after each connect; none where threads do that.
    listeners: Vec<TcpListener>,
}

impl Bench {
    fn new(accept: Accept) -> Self {
        let destinations = (1..=DESTINATIONS).map(|last| Destination::new(last, accept)).collect();
        Self {
            destinations,
            plain: Connector::without_resolver(),
            #[cfg(feature = "dns")]
            caching: Connector::new(he::dns::Resolver::plain_servers([name_server::serve(
                "127.0.0.1:0",
            )])),
        }
    }

    async fn batch(&self, way: Way) -> (Duration, u64) {
        let mut took = Duration::ZERO;
        let mut allocations = 0;
        for to in self.destinations.iter().cycle().take(BATCH) {
            let (count, began) = (support::allocations(), Instant::now());
            let stream = self.connect(way, to).await;
            took += began.elapsed();
            allocations += support::allocations() - count;
            let peer = stream.peer_addr().unwrap();
            assert_eq!((peer.port(), peer.is_ipv6()), (to.addr.port(), way == Way::DualStack));
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            drop(stream);
            if let Some(listener) = to.listeners.get(usize::from(peer.is_ipv6())) {
                listener.accept().unwrap();
            }
        }
        (took, allocations)
    }

    async fn connect(&self, way: Way, to: &Destination) -> TcpStream {
        let ports = [to.addr.port()];
        match way {
            Way::Bare => TcpStream::connect(to.addr).await.unwrap(),
            Way::BareNodelay => bare_nodelay(to.addr).await.unwrap(),
            Way::Literal => self.plain.connect(&to.host, ports).await.unwrap(),
            Way::List => self.plain.connect_addrs(to.addr).await.unwrap(),
            Way::Name => to.by_name.connect("service.test", ports).await.unwrap(),
            Way::DualStack => to.dual_stack.connect("service.test", ports).await.unwrap(),
            #[cfg(feature = "dns")]
            Way::Cached => self.caching.connect(&to.name, ports).await.unwrap(),
            Way::Dial => {
                let dialled = self.plain.connect_with(&to.host, ports, he::Attempt::connect).await;
                dialled.unwrap().stream
            }
        }
    }
}

impl Destination {
    fn new(last: u8, accept: Accept) -> Self {
        let listener = TcpListener::bind((IpAddr::from([127, 0, 0, last]), 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let by_name = cached(vec![addr.ip()]);
        let host = addr.ip().to_string();
        let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), addr.port());
        let dual_stack = cached(vec![addr.ip(), v6.ip()]);
        let mut listeners = vec![listener, TcpListener::bind(v6).unwrap()];
        if accept == Accept::InThreads {
            for listener in listeners.drain(..) {
                std::thread::spawn(move || while listener.accept().is_ok() {});
            }
        }
        Self {
            addr,
            host,
            #[cfg(feature = "dns")]
            name: name_server::name_of(last),
            by_name,
            dual_stack,
            listeners,
        }
    }
}

async fn bare_nodelay(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connector that knows these addresses for every name.
fn cached(ips: Vec<IpAddr>) -> Connector {
    let of_type =
        |v6: bool| ips.iter().copied().filter(|ip| ip.is_ipv6() == v6).collect::<Vec<_>>();
    let [a, aaaa] = [false, true].map(|v6| Answer::from(of_type(v6)).with_cached(true));
    Connector::new(move |query: &Query| match query.record() {
        Record::A => Resolving::ready(Ok(a.clone())),
        Record::Aaaa | _ => Resolving::ready(Ok(aaaa.clone())),
    })
}

fn measure(runtime: &str, accept: Accept, table: Table) {
    let header = ["", "µs", "allocations", "ratio to bare", "ratio to bare with nodelay"];
    let accepts = match accept {
        Accept::InThreads => "listener in other threads",
        Accept::Afterwards => "listener afterwards, the harshest",
    };
    println!("\n{runtime}, {accepts}: {ROUNDS} rounds of {BATCH}, ratios as median (min to max)");
    let [a, b, c, d, e] = header;
    println!("{a:36}{b:>7}{c:>14}{d:>24}{e:>30}");
    for ((way, label), (times, allocations)) in WAYS.iter().zip(&table) {
        let micros = support::Spread::of(times.clone()).median;
        let [bare, nodelay] = [0, 1].map(|index| support::ratios(times, &table[index].0));
        let against =
            |s: &support::Spread| format!("{:.3} ({:.2} to {:.2})", s.median, s.least, s.most);
        let (bare_text, nodelay_text) = (against(&bare), against(&nodelay));
        print!("{label:36}{micros:>7.1}{allocations:>14.1}{bare_text:>24}{nodelay_text:>30}");
        match (way, accept) {
            (Way::Literal, Accept::InThreads) => {
                println!("  <= {TARGET}: {}", support::verdict(nodelay.median <= TARGET));
            }
            _ => println!(),
        }
    }
}
