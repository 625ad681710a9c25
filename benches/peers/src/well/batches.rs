//! The inner process: batches of connects, in turns.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use he::dns::Resolver;
use he::{Query, Record, Resolve};
use nix::time::{ClockId, clock_gettime};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::{Figures, WORKS, Work};
use crate::name_server;
use crate::peers::{Dialer, Peer, Place, nodelay};
use crate::server::{Server, V4_ONLY};
use crate::support;

const ROUNDS: usize = 101;
const EXCUSES: usize = 20;

/// Makes all batches of all works and prints their figures.
pub(super) async fn measure(server: &Server) {
    for (number, work) in WORKS.iter().enumerate() {
        let mut bench = Bench::new(work, server);
        let count = bench.ways.len();
        let mut series = vec![Vec::with_capacity(ROUNDS); count];
        for round in 0..=ROUNDS {
            for turn in 0..count {
                let way = (turn + round) % count;
                let batch = bench.undisturbed(way).await;
                if round > 0 {
                    series[way].push(batch); // the first round warms up
                }
            }
        }
        for way in 0..count {
            figures(&series, way).print(number, way);
        }
    }
}

/// What a connect of a batch took, on average.
#[derive(Clone, Copy)]
struct Batch {
    micros: f64,
    /// With the close.
    cpu: f64,
    allocations: f64,
}

fn figures(series: &[Vec<Batch>], way: usize) -> Figures {
    let of = |way: usize, what: fn(&Batch) -> f64| series[way].iter().map(what).collect::<Vec<_>>();
    let median = |values: Vec<f64>| support::Spread::of(values).median;
    let ratio = |what| support::ratios(&of(way, what), &of(0, what)).median;
    // The second way is ours.
    let mut ours: Vec<f64> =
        of(1, |it| it.micros).iter().zip(of(way, |it| it.micros)).map(|(a, b)| a / b).collect();
    ours.sort_by(f64::total_cmp);
    Figures {
        micros: median(of(way, |it| it.micros)),
        cpu: median(of(way, |it| it.cpu)),
        allocations: median(of(way, |it| it.allocations)),
        time_ratio: ratio(|it| it.micros),
        cpu_ratio: ratio(|it| it.cpu),
        ours_at_least: ours[lower_rank(ours.len())],
    }
}

/// Where the 95 % interval of the median begins, in a sorted series of so many values.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small rank")]
fn lower_rank(count: usize) -> usize {
    let count = count as f64;
    (count / 2.0 - 0.98 * count.sqrt()).max(0.0) as usize
}

struct Bench<'a> {
    work: &'a Work,
    ways: Vec<Way>,
    destinations: &'a [SocketAddr],
    /// Of names that were never asked.
    names: usize,
    /// Batches that may be made again.
    excuses: usize,
}

/// Who connects, ready for it.
enum Way {
    /// tokio, to an address.
    Bare,
    By(Dialer),
    /// One for each destination, with its list.
    Given(Vec<Dialer>),
    /// The same as by name, without a name.
    HeByAddress(he::Connector),
    /// A lookup, and then a connect by address.
    HeInParts(Box<Resolver>, he::Connector),
}

impl<'a> Bench<'a> {
    fn new(work: &'a Work, server: &'a Server) -> Self {
        let destinations = &*server.destinations;
        let ways = work.ways().map(|peer| match (work, peer) {
            (Work::Literal, Peer::Reference) => Way::Bare,
            (Work::Cached, Peer::Reference) => Way::HeByAddress(he::Connector::without_resolver()),
            (_, Peer::Reference) => {
                Way::HeInParts(Box::new(Resolver::system()), he::Connector::without_resolver())
            }
            (Work::List, Peer::Hyper) => Way::Given(
                destinations.iter().map(|addr| Dialer::hyper_given(&both(*addr))).collect(),
            ),
            _ => Way::By(Dialer::new(peer)),
        });
        Self { work, ways: ways.collect(), destinations, names: 0, excuses: EXCUSES }
    }

    /// A machine that stands still for 250 ms makes a race go to the second address: such a batch
    /// is made again.
    async fn undisturbed(&mut self, way: usize) -> Batch {
        loop {
            if let Some(batch) = self.batch(way).await {
                return batch;
            }
            assert!(self.excuses > 0, "{way} of {:?} often takes the second address", self.work);
            self.excuses -= 1;
        }
    }

    /// `None`: a connect went to another address than the first one.
    async fn batch(&mut self, way: usize) -> Option<Batch> {
        let count = self.work.batch();
        let places: Vec<(usize, Place)> = (0..count)
            .map(|number| number % self.destinations.len())
            .map(|number| (number, self.place(number)))
            .collect();
        let (cpu, allocations) = (cpu(), support::allocations());
        let (mut took, mut as_expected) = (Duration::ZERO, true);
        for (number, place) in &places {
            let addrs = both(self.destinations[*number]);
            let began = Instant::now();
            let stream = self.ways[way].connect(self.work, *number, place, &addrs).await;
            took += began.elapsed();
            let stream = stream.expect("a connection");
            let peer = stream.peer_addr().expect("a peer");
            assert_eq!(peer.port(), place.port);
            as_expected &= peer.is_ipv6() == (*self.work == Work::List);
            // A reset leaves no port in TIME_WAIT.
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
        }
        let (cpu, allocations) = (self::cpu() - cpu, support::allocations() - allocations);
        let each = |all: f64| all / count as f64;
        as_expected.then(|| Batch {
            micros: each(took.as_secs_f64() * 1e6),
            cpu: each(cpu.as_secs_f64() * 1e6),
            allocations: each(allocations as f64),
        })
    }

    fn place(&mut self, number: usize) -> Place {
        let addr = self.destinations[number];
        let name = |middle: &str| {
            let last = u8::try_from(number + 1).expect("a few destinations");
            name_server::name_of(last).replacen('.', middle, 1)
        };
        match self.work {
            Work::Literal | Work::List => Place::new(&addr.ip().to_string(), addr.port()),
            Work::Localhost => Place::new("localhost", V4_ONLY),
            Work::Cached => Place::new(&name("."), addr.port()),
            Work::Uncached => {
                self.names += 1;
                Place::new(&name(&format!(".n{}.", self.names)), addr.port())
            }
        }
    }
}

/// IPv6 first.
fn both(v4: SocketAddr) -> [SocketAddr; 2] {
    [SocketAddr::new(Ipv6Addr::LOCALHOST.into(), v4.port()), v4]
}

impl Way {
    async fn connect(
        &self,
        work: &Work,
        number: usize,
        place: &Place,
        addrs: &[SocketAddr; 2],
    ) -> io::Result<TcpStream> {
        match self {
            Self::Bare => nodelay(TcpStream::connect(addrs[1]).await),
            Self::By(dialer) if *work == Work::List => dialer.connect_addrs(addrs).await,
            Self::By(dialer) => dialer.connect(place).await,
            Self::Given(dialers) => dialers[number].connect_addrs(addrs).await,
            Self::HeByAddress(connector) => Ok(connector.connect_addrs(&addrs[1..]).await?),
            Self::HeInParts(resolver, connector) => {
                look_up(resolver, &place.host).await;
                Ok(connector.connect_addrs(&addrs[1..]).await?)
            }
        }
    }
}

/// As a connect asks: both types at once.
async fn look_up(resolver: &Resolver, name: &str) {
    let deadline = tokio::time::Instant::now().into_std() + he::Config::new().lookup_timeout();
    let ask = |record, sibling| {
        let query = Query::new(name, record).with_siblings([sibling]).with_deadline(deadline);
        resolver.lookup(&query)
    };
    let answers = tokio::join!(ask(Record::Aaaa, Record::A), ask(Record::A, Record::Aaaa));
    assert!(answers.0.is_err() && answers.1.is_ok(), "{answers:?}");
}

/// CPU time of this process.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock").into()
}
