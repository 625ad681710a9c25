//! What the kernel says of the connections to some addresses, at both ends, whoever has them.

use std::fs;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use he::Connector;
use tokio::runtime::Handle;
use tokio::task::yield_now;

use crate::dual::Dual;
use crate::server::PATIENCE;

/// More stages and more polls than a connect has.
const MOST: usize = 200;

/// Asserts that a connect leaves nothing, dropped at every stage of its race with the silent
/// address, and dropped after every poll where the server's address is the only one.
pub(crate) async fn assert_leaves_nothing<T>(dual: &Dual, connect: impl AsyncFn(&Connector) -> T) {
    let (addrs, straight) = (dual.addrs(), dual.straight());
    let drops = dropped_at_every_stage(&addrs, || connect(&dual.connector)).await;
    assert!(drops >= 2, "dropped {drops} times");
    let drops = dropped_after_every_poll(&addrs, || connect(&straight)).await;
    assert!(drops > 2, "dropped {drops} times");
}

/// Drops a future as soon as the kernel shows a connection of it (a SYN on its way to the silent
/// address), then at the second change of that picture, and so on, until it ends by itself before
/// it can be dropped. Each time nothing may be left: no socket and no connection, at this end or
/// that of the server, and no task. Says how often it was dropped.
pub(crate) async fn dropped_at_every_stage<F: Future>(
    addrs: &[SocketAddr],
    make: impl Fn() -> F,
) -> usize {
    let until = async |drops, future: Pin<&mut F>| until_stage(addrs, drops + 1, future).await;
    dropped(addrs, make, until).await
}

/// The same before its first poll, then after that, then after the second one, and so on. The first
/// attempt of a connect runs within its future: TCP takes two polls, what is more is TLS and the log-in.
pub(crate) async fn dropped_after_every_poll<F: Future>(
    addrs: &[SocketAddr],
    make: impl Fn() -> F,
) -> usize {
    dropped(addrs, make, until_polled).await
}

async fn dropped<F: Future>(
    addrs: &[SocketAddr],
    make: impl Fn() -> F,
    until: impl AsyncFn(usize, Pin<&mut F>) -> Option<F::Output>,
) -> usize {
    let before = (connections(addrs), tasks());
    for drops in 0..MOST {
        let ended = {
            let mut future = pin!(make());
            until(drops, future.as_mut()).await
        };
        let is_over = ended.is_some();
        drop(ended);
        nothing_left(addrs, &before).await;
        if is_over {
            return drops;
        }
    }
    panic!("no end after {MOST} times");
}

/// What comes of it, if it ends before it has been polled so often. It is polled when it is woken.
async fn until_polled<F: Future>(polls: usize, mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut left = polls;
    poll_fn(|cx| {
        if left > 0
            && let Poll::Ready(output) = future.as_mut().poll(cx)
        {
            return Poll::Ready(Some(output));
        }
        left = left.saturating_sub(1);
        if left == 0 { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// What comes of it, if it ends before the picture has changed so often.
async fn until_stage<F: Future>(
    addrs: &[SocketAddr],
    stage: usize,
    mut future: Pin<&mut F>,
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

/// Waits until no connection to these addresses is left but those from before, and no more tasks
/// than before.
async fn nothing_left(addrs: &[SocketAddr], before: &(Vec<String>, usize)) {
    let left = || {
        let mut connections = connections(addrs);
        connections.retain(|connection| !before.0.contains(connection));
        (connections, tasks().saturating_sub(before.1))
    };
    let until = Instant::now() + PATIENCE;
    while left() != (Vec::new(), 0) {
        assert!(Instant::now() < until, "left: {:?}", left());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// How many tasks the runtime has.
fn tasks() -> usize {
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
