//! A task that connects in a loop, and whose connects are over at once, lets other tasks run.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use he::{Connector, ErrorKind};
use he_test_support::net::Peer::Accepts;
use he_test_support::net::Peers;

/// How often another task of the same thread has its turn while this one works.
async fn turns_of_others(work: impl Future<Output = ()>) -> usize {
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    work.await;
    other.abort();
    turns.load(Ordering::Relaxed)
}

#[tokio::test]
async fn connects_that_fail_at_once_let_others_run() {
    let connector = Connector::without_resolver();
    for (host, kind) in [("www.invalid", ErrorKind::NoSuchName), ("www.test", ErrorKind::Lookup)] {
        let turns = turns_of_others(async {
            for _ in 0..1_000 {
                assert_eq!(connector.connect(host, 443).await.unwrap_err().kind(), kind);
            }
        });
        // A task has 128 units of work in a turn.
        assert!(turns.await >= 5, "{host}");
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn connects_to_this_host_let_others_run() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let connector = Connector::without_resolver();
    let turns = turns_of_others(async {
        for number in 0..200 {
            connector.connect_addrs([peers.addr(number % 2)]).await.unwrap();
        }
    });
    assert!(turns.await >= 1);
}
