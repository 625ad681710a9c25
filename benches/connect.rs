//! What a connect costs beside a bare one, on loopback: ratios, measured in turns.
//!
//! `cargo bench --no-default-features --bench connect`
//!
//! Each way of connecting makes a batch, then the next one, in turning order, and a round's batches
//! are compared with each other. Only the connect is timed: the close (with a reset, so that no
//! port is left in TIME_WAIT) and the listener's accept come after it, in the same thread, so that
//! no other thread disturbs. That makes the bare connect as cheap as it can be.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use he::{Answer, Connector, LookupErrorKind, Query, Record, Resolving};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

mod support;

/// Destinations 127.0.0.1 and on, so that no single one runs out of ports.
const DESTINATIONS: u8 = 8;
const ROUNDS: usize = 101;
const BATCH: usize = 96;
const TARGET: f64 = 1.15;

fn main() {
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    measure("current_thread", &one, |runtime| runtime.block_on(table()));
    let two = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    measure("multi_thread(2)", &two, |runtime| runtime.block_on(runtime.spawn(table())).unwrap());
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
    /// The dial of `connect_with`, which tells when TCP is up.
    Dial,
    // A name from the cache of feature `hickory` belongs here once the resolver is there.
}

const WAYS: [(Way, &str); 6] = [
    (Way::Bare, "TcpStream::connect"),
    (Way::BareNodelay, "TcpStream::connect, set_nodelay"),
    (Way::Literal, "he, IP literal"),
    (Way::List, "he, list of one address"),
    (Way::Name, "he, name with ready answers"),
    (Way::Dial, "he, connect_with(Attempt::connect)"),
];

/// For each way, the microseconds of a connect in each round, and its allocations.
type Table = Vec<(Vec<f64>, f64)>;

async fn table() -> Table {
    let bench = Bench::new().await;
    let mut table: Table = vec![(Vec::new(), 0.0); WAYS.len()];
    for (way, _) in WAYS {
        bench.batch(way).await; // warm up
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
    listeners: Vec<(TcpListener, SocketAddr, String)>,
    plain: Connector,
    by_name: Vec<Connector>,
}

impl Bench {
    async fn new() -> Self {
        let mut listeners = Vec::new();
        for last in 1..=DESTINATIONS {
            let listener = TcpListener::bind((IpAddr::from([127, 0, 0, last]), 0)).await.unwrap();
            let addr = listener.local_addr().unwrap();
            listeners.push((listener, addr, addr.ip().to_string()));
        }
        let by_name = listeners.iter().map(|(_, addr, _)| cached(addr.ip())).collect();
        Self { listeners, plain: Connector::without_resolver(), by_name }
    }

    async fn batch(&self, way: Way) -> (Duration, u64) {
        let mut took = Duration::ZERO;
        let mut allocations = 0;
        for index in (0..self.listeners.len()).cycle().take(BATCH) {
            let (listener, addr, _) = &self.listeners[index];
            let (count, began) = (support::allocations(), Instant::now());
            let stream = self.connect(way, index).await;
            took += began.elapsed();
            allocations += support::allocations() - count;
            assert_eq!(stream.peer_addr().unwrap(), *addr);
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            drop(stream);
            listener.accept().await.unwrap();
        }
        (took, allocations)
    }

    async fn connect(&self, way: Way, index: usize) -> TcpStream {
        let (_, addr, host) = &self.listeners[index];
        let ports = [addr.port()];
        match way {
            Way::Bare => TcpStream::connect(*addr).await.unwrap(),
            Way::BareNodelay => bare_nodelay(*addr).await.unwrap(),
            Way::Literal => self.plain.connect(host, &ports).await.unwrap(),
            Way::List => self.plain.connect_addrs(&[*addr]).await.unwrap(),
            Way::Name => self.by_name[index].connect("service.test", &ports).await.unwrap(),
            Way::Dial => {
                let dialled = self.plain.connect_with(host, &ports, he::Attempt::connect).await;
                dialled.unwrap().stream
            }
        }
    }
}

async fn bare_nodelay(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connector that knows one address for every name.
fn cached(ip: IpAddr) -> Connector {
    let answer = Answer::from(vec![ip]).from_cache();
    Connector::new(move |query: &Query| match query.record() {
        Record::A => Resolving::ready(Ok(answer.clone())),
        Record::Aaaa | _ => Resolving::ready(Err(LookupErrorKind::NoRecords.into())),
    })
}

fn measure(name: &str, runtime: &Runtime, run: impl Fn(&Runtime) -> Table) {
    let table = run(runtime);
    let header = ["", "µs", "allocations", "ratio to bare", "ratio to bare with nodelay"];
    println!("\n{name}, {ROUNDS} rounds of {BATCH} connects each, ratios as median (min to max)");
    let [a, b, c, d, e] = header;
    println!("{a:36}{b:>7}{c:>14}{d:>24}{e:>30}");
    for ((way, label), (times, allocations)) in WAYS.iter().zip(&table) {
        let micros = support::Spread::of(times.clone()).median;
        let [bare, nodelay] = [0, 1].map(|index| support::ratios(times, &table[index].0));
        let against =
            |s: &support::Spread| format!("{:.3} ({:.2} to {:.2})", s.median, s.least, s.most);
        let (bare_text, nodelay_text) = (against(&bare), against(&nodelay));
        print!("{label:36}{micros:>7.1}{allocations:>14.1}{bare_text:>24}{nodelay_text:>30}");
        match way {
            Way::Literal => {
                println!("  <= {TARGET}: {}", support::verdict(nodelay.median <= TARGET))
            }
            Way::Bare | Way::BareNodelay | Way::List | Way::Name | Way::Dial => println!(),
        }
    }
}
