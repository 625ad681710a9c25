//! The inner process: connects in flight, and what they take.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use he_test_support::net::{Peer as Manner, Peers};
use he_testnet::only_loopback;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Builder, Handle};
use tokio::task::{JoinSet, yield_now};

use super::MARK;
use crate::peers::{Dialer, Peer, Place};
use crate::support::bytes_in_use;

/// Silent addresses: each has some 28 000 ports of ours to be reached from.
const SILENT: [&str; 4] = ["127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4"];
/// File descriptors that are needed for other things.
const OTHERS: u64 = 100;
/// No more than this until all are in flight: before any of them times out.
const LIMIT: Duration = Duration::from_secs(8);

/// Prints bytes of heap and of RSS and tasks, a connect; nothing if the hard limit forbids it.
///
/// # Panics
///
/// If they are not in flight in time, or leave something behind.
pub(crate) fn inside(peer: &str, count: &str) {
    only_loopback(Ipv4Addr::LOCALHOST.into());
    let (peer, count) = (Peer::of(peer), count.parse().expect("a number"));
    if !may_open(count as u64 + OTHERS) {
        return println!("{MARK}");
    }
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(Dialer::new(peer).into(), count));
}

async fn measure(dialer: Arc<Dialer>, count: usize) {
    let silent = Peers::new(&SILENT.map(|ip| (ip, Manner::Silent)));
    let places = SILENT.map(|ip| Arc::new(Place::new(ip, silent.port)));
    let (descriptors, bytes, rss) = (descriptors(), bytes_in_use(), rss());
    let mut connects = JoinSet::new();
    for place in places.iter().cycle().take(count) {
        let (dialer, place) = (Arc::clone(&dialer), Arc::clone(place));
        connects.spawn(async move { dialer.connect(&place).await.map(drop) });
    }
    let all = || self::descriptors() >= descriptors + count;
    assert!(turns_until(count, all).await, "{} in flight", self::descriptors() - descriptors);
    let each = |all: usize| all as f64 / count as f64;
    let heap = each(bytes_in_use() - bytes);
    let rss = each(self::rss().saturating_sub(rss));
    let tasks = each(Handle::current().metrics().num_alive_tasks() - count);
    println!("{MARK} {heap} {rss} {tasks}");
    assert!(connects.try_join_next().is_none(), "they are in flight");
    connects.shutdown().await;
    let none = || self::descriptors() <= descriptors;
    assert!(turns_until(count, none).await, "sockets are left");
}

/// Lets the runtime work until it is so, and says whether it came to that in time. In one turn it
/// polls some 60 tasks.
async fn turns_until(tasks: usize, is: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        for _ in 0..tasks / 16 + 8 {
            yield_now().await;
        }
        if is() {
            return true;
        }
    }
    false
}

/// Raises the soft limit to what is needed, if the hard one allows it.
fn may_open(files: u64) -> bool {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    let enough = hard >= files;
    if enough && soft < files {
        setrlimit(Resource::RLIMIT_NOFILE, files, hard).expect("within the hard limit");
    }
    enough
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux, with /proc").count()
}

/// Bytes of this process in memory.
fn rss() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux, with /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    let kib = line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number");
    kib * 1024
}
