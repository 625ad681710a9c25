//! The inner process: connects per second, as many as two cores make.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use he_test_support::net::{Peer as Manner, Peers};
use he_testnet::only_loopback;
use socket2::SockRef;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::MARK;
use crate::peers::{Dialer, Peer};
use crate::server::Server;

pub(super) const TOTAL: usize = 50_000;
/// Enough that the 250 ms of a silent address leave the cores busy.
pub(super) const AT_ONCE: usize = 256;

/// Prints connects a second, and the milliseconds of the longest one. `silent`: of a hundred
/// connects so many have a silent address before the good one.
///
/// # Panics
///
/// If a connect fails.
pub(crate) fn inside(peer: &str, silent: &str) {
    only_loopback(Ipv4Addr::LOCALHOST.into());
    let (server, peers) = (Server::start(), Peers::new(&[("::1", Manner::Silent)]));
    let per_cent = silent.parse().expect("a number");
    let ways =
        server.destinations.iter().map(|good| Way::new(Peer::of(peer), peers.addr(0), *good));
    let ways: Arc<[Way]> = ways.collect();
    let mut two = Builder::new_multi_thread();
    let two = two.worker_threads(2).enable_all().build().expect("a runtime");
    let began = Instant::now();
    let longest = two.block_on(run(&ways, per_cent));
    let rate = TOTAL as f64 / began.elapsed().as_secs_f64();
    println!("{MARK} {rate} {}", longest.as_secs_f64() * 1e3);
}

/// How a destination is reached, with a silent address before it and without.
struct Way {
    addrs: [SocketAddr; 2],
    both: Dialer,
    good: Dialer,
}

impl Way {
    fn new(peer: Peer, silent: SocketAddr, good: SocketAddr) -> Self {
        let addrs = [silent, good];
        let dialer = |addrs: &[SocketAddr]| match peer {
            Peer::Hyper => Dialer::hyper_given(addrs),
            _ => Dialer::new(peer),
        };
        Self { addrs, both: dialer(&addrs), good: dialer(&addrs[1..]) }
    }

    async fn connect(&self, silent: bool) {
        let stream = match silent {
            true => self.both.connect_addrs(&self.addrs).await,
            false => self.good.connect_addrs(&self.addrs[1..]).await,
        };
        let stream = stream.expect("a connection");
        // A reset leaves no port in TIME_WAIT.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }
}

/// Makes all connects; returns how long the longest took.
async fn run(ways: &Arc<[Way]>, per_cent: usize) -> Duration {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (ways, next) = (Arc::clone(ways), Arc::clone(&next));
        tasks.spawn(async move {
            let mut longest = Duration::ZERO;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= TOTAL {
                    return longest;
                }
                let began = Instant::now();
                ways[number % ways.len()].connect(number % 100 < per_cent).await;
                longest = longest.max(began.elapsed());
            }
        });
    }
    tasks.join_all().await.into_iter().max().unwrap_or_default()
}
