//! Whole races in virtual time, without a socket, to be run again and again.

#![allow(dead_code, reason = "each benchmark uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::hint::black_box;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use he::race::{Race, Step, Surroundings};
use he::{Answer, Config, Outcome, SourceAddrs};

/// How a race ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    FirstWins,
    AllFail,
}

/// A race that can be run again and again.
pub(crate) type Run = Box<dyn Fn()>;

/// A race over a list of so many addresses.
pub(crate) fn list(addresses: usize, end: End) -> Run {
    let addrs: Vec<SocketAddr> = (0..addresses).map(|n| SocketAddr::new(addr(n), 443)).collect();
    Box::new(move || {
        let now = Instant::now();
        run(Race::of_addrs(&addrs, Config::new(), now).unwrap(), &[], end, addrs.len(), now);
    })
}

/// A race for a name of so many addresses. Both answers come at once, half of the addresses in
/// each; sources as from a table.
pub(crate) fn name(addresses: usize, end: End) -> Run {
    let of_type = |v6: bool| (0..addresses).map(addr).filter(move |ip| ip.is_ipv6() == v6);
    let answers = [
        Answer::from(of_type(true).collect::<Vec<_>>()),
        Answer::from(of_type(false).collect::<Vec<_>>()),
    ];
    let own = [addr(1_000), addr(1_001)];
    let sources = SourceAddrs::new(move |addrs| {
        addrs.iter().map(|to| own.into_iter().find(|ip| ip.is_ipv6() == to.is_ipv6())).collect()
    });
    Box::new(move || {
        let now = Instant::now();
        let race = Race::new("service.test", [443], Config::new(), now).unwrap();
        run(
            race.with_surroundings(Surroundings::default().with_source_addrs(sources.clone())),
            &answers,
            end,
            addresses,
            now,
        );
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
fn run(mut race: Race, answers: &[Answer], end: End, addresses: usize, mut now: Instant) {
    let mut answers = answers.iter().enumerate();
    let outcome = loop {
        match race.poll(now) {
            Step::Resolve(..) | Step::Cancel(_) => {}
            Step::Connect(id, _) if end == End::FirstWins => race.won(id, now),
            Step::Connect(id, _) => {
                race.failed(id, io::ErrorKind::ConnectionRefused.into(), true, now);
            }
            Step::Wait(until) => match answers.next() {
                Some((id, answer)) => race.resolved(id, Ok(answer.clone()), now),
                None => now = until,
            },
            Step::Won(_) | Step::Resolved | Step::Fail(_) | Step::Over => {
                break race.report().outcome();
            }
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
