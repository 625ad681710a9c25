//! What the kernel says of the connections to some addresses, at both ends, whoever has them.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::yield_now;

use crate::server::PATIENCE;

/// More stages than a connect has.
const MOST: usize = 50;

/// Drops a future as soon as the kernel shows a connection of it (a SYN on its way to the silent
/// address), then at the second change of that picture, and so on, until it ends by itself before
/// it can be dropped. Each time nothing may be left: no socket and no connection, at this end or
/// that of the server, and no task. Says how often it was dropped.
pub(crate) async fn dropped_at_every_stage<F: Future>(
    addrs: &[SocketAddr],
    make: impl Fn() -> F,
) -> usize {
    let tasks = tasks();
    for stage in 1..MOST {
        let ended = {
            let mut future = pin!(make());
            until_stage(addrs, stage, future.as_mut()).await
        };
        let is_over = ended.is_some();
        drop(ended);
        nothing_left(addrs, tasks).await;
        if is_over {
            return stage - 1;
        }
    }
    panic!("no end after {MOST} stages");
}

/// What comes of it, if it ends before the picture has changed so often.
async fn until_stage<F: Future>(
    addrs: &[SocketAddr],
    stage: usize,
    mut future: std::pin::Pin<&mut F>,
) -> Option<F::Output> {
    let (mut seen, mut changes) = (connections(addrs), 0);
    loop {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        let now = connections(addrs);
        changes += usize::from(now != seen);
        if changes == stage {
            return None;
        }
        seen = now;
        yield_now().await;
    }
}

/// Waits until no connection to these addresses is left, and no more tasks than these.
pub(crate) async fn nothing_left(addrs: &[SocketAddr], tasks: usize) {
    let left = || (connections(addrs), self::tasks().saturating_sub(tasks));
    let until = Instant::now() + PATIENCE;
    while left() != (Vec::new(), 0) {
        assert!(Instant::now() < until, "left: {:?}", left());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// How many tasks the runtime has.
pub(crate) fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// How many connections end at this address, seen from the server.
pub(crate) fn guests(addr: SocketAddr) -> usize {
    connections(&[addr]).iter().filter(|row| row.starts_with(&hexadecimal(addr))).count()
}

/// Each connection with one of these addresses at either end, as `/proc/net/tcp` has it: local and
/// remote address, and state. Not who listens, nor what nobody has any more and the kernel only
/// remembers (TIME_WAIT).
fn connections(addrs: &[SocketAddr]) -> Vec<String> {
    const TIME_WAIT: &str = "06";
    const LISTEN: &str = "0A";
    let addrs: Vec<String> = addrs.iter().copied().map(hexadecimal).collect();
    let mut rows = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // Without IPv6 there is no second one.
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let mut words = line.split_whitespace().skip(1);
            let [local, remote, state] = [(); 3].map(|()| words.next().unwrap_or_default());
            let ours = addrs.iter().any(|addr| addr == local || addr == remote);
            if ours && state != TIME_WAIT && state != LISTEN {
                rows.push(format!("{local} {remote} {state}"));
            }
        }
    }
    rows.sort();
    rows
}

/// The kernel prints an address as numbers of 32 bits in the machine's own byte order.
fn hexadecimal(addr: SocketAddr) -> String {
    let octets = match addr.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let word = |four: &[u8]| u32::from_ne_bytes([four[0], four[1], four[2], four[3]]);
    let words: String = octets.chunks(4).map(|four| format!("{:08X}", word(four))).collect();
    format!("{words}:{:04X}", addr.port())
}
