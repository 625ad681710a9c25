//! What the machine costs an address: whole races in virtual time, without a socket.
//!
//! `cargo bench --no-default-features --bench race`
//!
//! Every round measures all sizes one after the other, so that the ratios between sizes are those
//! of one moment.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use he::race::{Race, Step};
use he::{Answer, Config, Outcome, Record, Sources};

mod support;

const ROUNDS: usize = 101;
/// Addresses raced in a batch, whatever the size of a race.
const ADDRESSES: usize = 4_096;
const MOST_NS: f64 = 1_000.0;
const MOST_GROWTH: f64 = 1.5;

fn main() {
    let lists = [2, 8, 32, 256];
    let names = [2, 8, 32, 64];
    let (wins, fails) = (End::FirstWins, End::AllFail);
    measure("a list, the first address wins", &lists, |n| list(n, wins));
    measure("a list, every address fails", &lists, |n| list(n, fails));
    measure("a name, the first address wins", &names, |n| name(n, wins));
    measure("a name, every address fails", &names, |n| name(n, fails));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    FirstWins,
    AllFail,
}

/// A race that can be run again and again.
type Run = Box<dyn Fn()>;

fn list(addresses: usize, end: End) -> Run {
    let addrs: Vec<SocketAddr> = (0..addresses).map(|n| SocketAddr::new(addr(n), 443)).collect();
    Box::new(move || {
        let now = Instant::now();
        run(Race::of_addrs(&addrs, Config::new(), now).unwrap(), &[], end, addrs.len(), now);
    })
}

/// Both answers come at once, half of the addresses in each; sources as from a table.
fn name(addresses: usize, end: End) -> Run {
    let of_type = |v6: bool| (0..addresses).map(addr).filter(move |ip| ip.is_ipv6() == v6);
    let answers = [
        (Record::Aaaa, Answer::from(of_type(true).collect::<Vec<_>>())),
        (Record::A, Answer::from(of_type(false).collect::<Vec<_>>())),
    ];
    let own = [addr(1_000), addr(1_001)];
    let sources = Sources::new(move |addrs| {
        addrs.iter().map(|to| own.into_iter().find(|ip| ip.is_ipv6() == to.is_ipv6())).collect()
    });
    Box::new(move || {
        let now = Instant::now();
        let race = Race::new("service.test", &[443], Config::new(), now).unwrap();
        run(race.sources(sources.clone()), &answers, end, addresses, now);
    })
}

/// Addresses of both families in turn, never loopback: nothing is sent.
fn addr(n: usize) -> IpAddr {
    let n = n as u16;
    match n % 2 {
        0 => IpAddr::from([0x2001, 0xdb8, n, 0, 0, 0, 0, n]),
        _ => IpAddr::from([198, 51, (100 + n / 256) as u8, (n % 256) as u8]),
    }
}

/// Drives a race to its end in virtual time.
fn run(mut race: Race, answers: &[(Record, Answer)], end: End, addresses: usize, mut now: Instant) {
    let mut answers = answers.iter();
    let outcome = loop {
        match race.poll(now) {
            Step::Resolve(_) | Step::Cancel(_) => {}
            Step::Connect(id, _) if end == End::FirstWins => race.won(id, now),
            Step::Connect(id, _) => {
                race.failed(id, io::ErrorKind::ConnectionRefused.into(), true, now);
            }
            Step::Wait(until) => match answers.next() {
                Some((record, answer)) => race.resolved(*record, Ok(answer.clone()), now),
                None => now = until,
            },
            Step::Won(_) | Step::Fail(_) => break race.report().outcome(),
            other => panic!("a step of a later version: {other:?}"),
        }
    };
    let report = black_box(race.into_report());
    match end {
        End::FirstWins => {
            assert_eq!((outcome, report.attempts().len()), (Outcome::Connected(0), 1))
        }
        End::AllFail => assert_eq!(report.attempts().len(), addresses),
    }
}

fn measure(what: &str, sizes: &[usize], of: impl Fn(usize) -> Run) {
    let races: Vec<(usize, Run)> = sizes.iter().map(|n| (*n, of(*n))).collect();
    let mut series = vec![Vec::with_capacity(ROUNDS); races.len()];
    for round in 0..=ROUNDS {
        for (series, (size, race)) in series.iter_mut().zip(&races) {
            let times = ADDRESSES / size;
            let began = Instant::now();
            (0..times).for_each(|_| race());
            let nanos = began.elapsed().as_secs_f64() * 1e9 / (times * size) as f64;
            if round > 0 {
                series.push(nanos); // the first round warms up
            }
        }
    }
    println!("\n{what}; {ROUNDS} rounds, median (min to max)");
    println!("{:>9}{:>28}{:>26}{:>18}", "addresses", "ns an address", "ratio to 8", "allocations");
    let base = series[1].clone();
    for ((size, race), series) in races.iter().zip(&series) {
        let (nanos, growth) = (support::Spread::of(series.clone()), support::ratios(series, &base));
        let count = support::allocations();
        race();
        let allocations = support::allocations() - count;
        let show = |s: &support::Spread, places: usize| {
            format!("{:.places$} ({:.places$} to {:.places$})", s.median, s.least, s.most)
        };
        print!("{size:>9}{:>28}{:>26}{allocations:>18}", show(&nanos, 0), show(&growth, 2));
        match races.last().is_some_and(|(most, _)| most == size) {
            true => {
                let met = growth.median <= MOST_GROWTH && nanos.median < MOST_NS;
                let target = format!("<= {MOST_GROWTH} and < {MOST_NS} ns");
                println!("  {target}: {}", support::verdict(met));
            }
            false => println!(),
        }
    }
}
