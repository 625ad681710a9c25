//! *well*: the cost of a call without a fault, on loopback.

mod batches;

use std::iter::once;
use std::net::Ipv4Addr;

use he_testnet::{only_loopback, outing};
use tokio::runtime::Builder;

use crate::goals::Goals;
use crate::machine;
use crate::peers::Peer;
use crate::server::Server;
use crate::table::Table;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// An IP address.
    Literal,
    /// A list with an address of each family; both work.
    List,
    /// `localhost`, where only IPv4 is listened to.
    Localhost,
    /// A name whose answers are cached.
    Cached,
    /// A name that nobody has asked for before.
    Uncached,
}

const WORKS: &[Work] = &[Work::Literal, Work::List, Work::Localhost, Work::Cached, Work::Uncached];

const CONNECTORS: [Peer; 5] =
    [Peer::He, Peer::Hyper, Peer::HappyEyeballs, Peer::Happyeyeballs, Peer::TokioHappyEyeballs];

impl Work {
    fn label(self) -> &'static str {
        match self {
            Self::Literal => "IP literal",
            Self::List => "list of both families",
            Self::Localhost => "`localhost`, IPv4 only",
            Self::Cached => "name, answers cached",
            Self::Uncached => "name, answers not cached",
        }
    }

    /// The yardstick first, then ours, then the others. `Reference` stands for a yardstick that is
    /// no peer.
    fn ways(self) -> Box<dyn Iterator<Item = Peer>> {
        match self {
            Self::Literal => Box::new(once(Peer::Reference).chain(CONNECTORS)),
            Self::List | Self::Localhost => Box::new(once(Peer::Tokio).chain(CONNECTORS)),
            Self::Cached => Box::new([Peer::Reference, Peer::He].into_iter()),
            Self::Uncached => {
                let [he, others @ ..] = CONNECTORS;
                Box::new([Peer::Reference, he, Peer::Tokio].into_iter().chain(others))
            }
        }
    }

    fn way_label(self, peer: Peer) -> &'static str {
        match (self, peer) {
            (Self::Literal, Peer::Reference) => "`TcpStream::connect(SocketAddr)`",
            (Self::Cached, Peer::Reference) => "he, by address",
            (_, Peer::Reference) => "he, sum of a lookup alone and a connection by address",
            (_, peer) => peer.label(),
        }
    }

    /// Connects in a batch.
    fn batch(self) -> usize {
        if self == Self::Uncached { 16 } else { 96 }
    }
}

/// A way to do a work: medians of a connect, and of ratios to the yardstick, round by round.
#[derive(Clone, Copy)]
struct Figures {
    micros: f64,
    cpu: f64,
    allocations: f64,
    time_ratio: f64,
    cpu_ratio: f64,
    /// Of our time's ratio to this one's, the least that the median may be (95 %).
    ours_at_least: f64,
}

const MARK: &str = "he-peers:";

impl Figures {
    fn print(&self, work: usize, way: usize) {
        let Self { micros, cpu, allocations, time_ratio, cpu_ratio, ours_at_least } = self;
        println!(
            "{MARK} {work} {way} {micros} {cpu} {allocations} {time_ratio} {cpu_ratio} \
             {ours_at_least}"
        );
    }

    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split(' ').filter_map(|word| word.parse().ok());
        Some(Self {
            micros: numbers.next()?,
            cpu: numbers.next()?,
            allocations: numbers.next()?,
            time_ratio: numbers.next()?,
            cpu_ratio: numbers.next()?,
            ours_at_least: numbers.next()?,
        })
    }
}

const RUNTIMES: [&str; 2] = ["current-thread", "multi-thread"];

/// In the inner process.
pub(crate) fn inside(runtime: &str) {
    only_loopback(Ipv4Addr::LOCALHOST.into());
    let server = Server::start();
    if runtime == RUNTIMES[0] {
        let one = Builder::new_current_thread().enable_all().build().expect("a runtime");
        return one.block_on(batches::measure(&server));
    }
    let mut two = Builder::new_multi_thread();
    let two = two.worker_threads(2).enable_all().build().expect("a runtime");
    two.block_on(async {
        let measured = tokio::spawn(async move { batches::measure(&server).await });
        measured.await.expect("figures");
    });
}

/// The tables of this part.
///
/// # Errors
///
/// What is missing, or what went wrong.
pub(crate) fn tables() -> Result<String, String> {
    let [one, two] = RUNTIMES.map(measured);
    let (one, two) = (one?, two?);
    let mut table = Table::new([
        "per call",
        "µs",
        "CPU µs",
        "allocations",
        "time ratio",
        "CPU ratio",
        "time ratio, multi-thread (2)",
        "CPU ratio, multi-thread (2)",
    ]);
    for (work, (one, two)) in WORKS.iter().zip(one.iter().zip(&two)) {
        table.row(once(format!("**{}**", work.label())).chain((0..7).map(|_| String::new())));
        for (peer, (one, two)) in work.ways().zip(one.iter().zip(two)) {
            table.row([
                work.way_label(peer).to_owned(),
                format!("{:.1}", one.micros),
                format!("{:.1}", one.cpu),
                format!("{:.1}", one.allocations),
                format!("{:.2}", one.time_ratio),
                format!("{:.2}", one.cpu_ratio),
                format!("{:.2}", two.time_ratio),
                format!("{:.2}", two.cpu_ratio),
            ]);
        }
    }
    table.note(format!(
        "Each number is the median of 101 rounds on loopback, in which all take turns. The servers \
         run in another process. The ratios compare with the first line of the block. CPU is that \
         of the whole process and includes the close. All set `TCP_NODELAY`. Unlabelled columns: \
         current-thread runtime. {}. {}.",
        machine::line(),
        machine::versions(),
    ));
    table.note(
        "reqwest returns responses and not connections, so it is not in this table. All but he ask \
         `getaddrinfo`, without a cache; its allocations in C are not counted.",
    );
    Ok(format!("{table}\n{}", goals([&one, &two]).table()))
}

/// For each work, and each way to do it.
type Measured = Vec<Vec<Figures>>;

fn measured(runtime: &str) -> Result<Measured, String> {
    let stdout = outing(&["well", runtime])?;
    let mut measured: Measured = vec![Vec::new(); WORKS.len()];
    for line in stdout.lines().filter_map(|line| line.strip_prefix(MARK)) {
        let mut words = line.trim().splitn(3, ' ');
        let work = words.next().and_then(|word| word.parse::<usize>().ok());
        let figures = words.nth(1).and_then(Figures::parse);
        let (work, figures) = work.zip(figures).ok_or_else(|| format!("no figures: {line}"))?;
        measured[work].push(figures);
    }
    Ok(measured)
}

fn goals(runtimes: [&Measured; 2]) -> Goals {
    let mut goals = Goals::default();
    let of =
        |work: Work| runtimes.map(|it| &*it[WORKS.iter().position(|w| *w == work).unwrap_or(0)]);
    let mut ratio = |work: Work, most: f64, of_what: &str| {
        let ours = of(work).map(|ways| ways[1].time_ratio);
        let told = format!("{:.2} and {:.2}", ours[0], ours[1]);
        let goal = format!("{}: time ≤ {most} × {of_what}", work.label());
        goals.add(goal, told, ours.iter().all(|ours| *ours <= most));
    };
    ratio(Work::Literal, 1.05, "`TcpStream::connect` with `TCP_NODELAY`");
    ratio(Work::Localhost, 1.5, "tokio `TcpStream`");
    ratio(Work::Cached, 1.15, "he, by address");
    ratio(Work::Uncached, 1.05, "the sum of a lookup alone and a connection by address");
    let more = of(Work::Literal).map(|ways| ways[1].allocations - ways[0].allocations);
    let told = format!("{:.1} and {:.1} more", more[0], more[1]);
    goals.add(
        "IP literal: at most 2 allocations more than `TcpStream::connect`",
        told,
        more.iter().all(|it| *it <= 2.05),
    );
    for work in [Work::Literal, Work::List] {
        let best = of(work).map(|ways| {
            let others = (2..ways.len()).map(|way| (ways[way].micros, way));
            let best = others.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, way)| way);
            let label = work.ways().nth(best).map_or("", |peer| work.way_label(peer));
            (label, ways[1].micros / ways[best].micros, ways[best].ours_at_least)
        });
        let told = best.map(|(label, ratio, _)| format!("{ratio:.2} × {label}")).join("; ");
        let goal = format!("{}: as fast as the best peer, within noise (95 %)", work.label());
        goals.add(goal, told, best.iter().all(|(.., least)| *least <= 1.0));
    }
    goals
}
