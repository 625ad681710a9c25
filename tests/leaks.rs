//! What is left of a connect: no socket, no task, no tie to another runtime. Loopback only.
//!
//! Sockets are counted for the whole process, so these tests run one at a time.

#![cfg(target_os = "linux")] // /proc, 127.0.0.2 and on, and sockets that drop every packet
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use he::{Attempt, Config, Connector, Outcome, Resolving, SocketOptions};
use he_test_support::net::Peer::{Accepts, Refuses, Silent};
use he_test_support::net::{self, Peers, Reports, Table};
use tokio::runtime::{Builder, Handle, Runtime};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The sockets of this process, by inode: `socket:[4711]`.
fn sockets() -> BTreeSet<String> {
    let fds = std::fs::read_dir("/proc/self/fd").unwrap();
    let links = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    links
        .map(|link| link.display().to_string())
        .filter(|link| link.starts_with("socket:"))
        .collect()
}

/// Runs the queue until no socket is left beside these and no task beside this one.
///
/// The bound is in turns, not in time, and far above what is needed.
async fn assert_nothing_left(before: &BTreeSet<String>) {
    let left = || (&sockets() - before, Handle::current().metrics().num_alive_tasks());
    for _ in 0..100_000 {
        if left() == (BTreeSet::new(), 0) {
            return;
        }
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
    panic!("left: {:?}", left());
}

/// Silent addresses, then good ones.
fn peers() -> Peers {
    Peers::new(&[
        ("127.0.0.1", Silent),
        ("127.0.0.2", Silent),
        ("127.0.0.3", Accepts),
        ("127.0.0.4", Accepts),
    ])
}

#[test] // R-HE-LEAK, R-8305-5i
fn a_win_leaves_nothing_but_the_winner() {
    let _alone = alone();
    for runtime in [one_thread(), two_threads()] {
        let peers = peers();
        let connector = Connector::new(Table::of(peers.ips()))
            .with_config(Config::new().with_connect_delay(ms(10)));
        runtime.block_on(async {
            let before = sockets();
            let stream = connector.connect("service.test", peers.port).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), peers.addr(2));
            let with_winner = || (&sockets() - &before).len();
            let mut turns = 0..100_000;
            while with_winner() > 1 && turns.next().is_some() {
                std::thread::yield_now();
                tokio::task::yield_now().await;
            }
            assert_eq!(with_winner(), 1);
            drop(stream);
            assert_nothing_left(&before).await;
        });
    }
}

#[test] // R-HE-LEAK
fn a_failure_leaves_nothing() {
    let _alone = alone();
    let peers =
        Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Silent), ("127.0.0.3", Refuses)]);
    let config = Config::new().with_connect_delay(ms(10)).with_connect_timeout(ms(40));
    let connector = Connector::new(Table::of(peers.ips())).with_config(config);
    one_thread().block_on(async {
        let before = sockets();
        connector.connect("service.test", peers.port).await.unwrap_err();
        assert_nothing_left(&before).await;
    });
}

#[test] // R-HE-LEAK, S16
fn dropping_a_race_in_the_middle_leaves_nothing() {
    let _alone = alone();
    for runtime in [one_thread(), two_threads()] {
        let peers =
            Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Silent), ("127.0.0.3", Silent)]);
        let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
        let options = SocketOptions::default()
            .before_connect(move |_, addr| started.send(addr).map_err(std::io::Error::other));
        let (connector, reports) = Reports::of(
            Connector::new(Table::of(peers.ips()))
                .with_config(Config::new().with_connect_delay(ms(10)))
                .with_socket_options(options),
        );
        runtime.block_on(async {
            let (before, ports) = (sockets(), [peers.port]);
            let mut connect = Box::pin(connector.connect("service.test", ports));
            for index in 0..3 {
                let start = tokio::select! {
                    ended = &mut connect => panic!("{ended:?}"),
                    start = starts.recv() => start,
                };
                assert_eq!(start, Some(peers.addr(index)));
            }
            assert_eq!((&sockets() - &before).len(), 3);
            drop(connect);
            let report = reports.only();
            assert_eq!(report.outcome(), Outcome::Dropped);
            assert_eq!(
                peers.story(&report),
                ["127.0.0.1:P cancelled", "127.0.0.2:P cancelled", "127.0.0.3:P cancelled"]
            );
            assert_nothing_left(&before).await;
        });
        (0..3).for_each(|index| peers.assert_nobody_came(index));
    }
}

#[test] // R-HE-LEAK, S16
fn dropping_during_the_lookups_drops_them() {
    let _alone = alone();
    let (kept, ends) = mpsc::channel::<()>();
    let resolver = move |_: &he::Query| {
        let kept = kept.clone();
        Resolving::new(async move {
            std::future::pending::<()>().await;
            drop(kept);
            Err(he::LookupErrorKind::Other.into())
        })
    };
    let connector = Connector::new(resolver);
    one_thread().block_on(async {
        let before = sockets();
        let mut connect = Box::pin(connector.connect("service.test", 443));
        net::poll_pending(connect.as_mut());
        drop(connect);
        assert_nothing_left(&before).await;
    });
    drop(connector);
    assert_eq!(ends.recv(), Err(mpsc::RecvError), "a lookup is still held");
}

#[test] // R-HE-LEAK
fn a_dial_that_hangs_after_tcp_leaves_nothing_once_another_has_won() {
    let _alone = alone();
    let peers =
        Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts), ("127.0.0.3", Accepts)]);
    let good = peers.addr(2);
    let dial = move |attempt: Attempt| async move {
        let addr = attempt.addr();
        let stream = attempt.connect().await?;
        if addr != good {
            std::future::pending::<()>().await;
        }
        Ok(stream)
    };
    let connector = Connector::new(Table::of(peers.ips()))
        .with_config(Config::new().with_connect_delay(ms(10)));
    one_thread().block_on(async {
        let before = sockets();
        let established = connector.connect_with("service.test", peers.port, dial).await.unwrap();
        assert_eq!(established.addr, good);
        drop(established);
        (0..3).for_each(|index| drop(peers.accept(index).unwrap()));
        assert_nothing_left(&before).await;
    });
}

#[test] // R-HE-LEAK
fn an_attempt_that_is_given_up_ends_while_the_race_goes_on() {
    /// Tells when its dial is dropped.
    struct Guard(tokio::sync::mpsc::UnboundedSender<SocketAddr>, SocketAddr);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }
    let _alone = alone();
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Silent)]);
    let (gone, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let dial = move |attempt: Attempt| {
        let guard = Guard(gone.clone(), attempt.addr());
        async move {
            let stream = attempt.connect().await;
            drop(guard);
            stream
        }
    };
    // AAAA never answers, so the race outlives its attempts.
    let table = Table::of(peers.ips());
    let resolver = move |query: &he::Query| match query.record() {
        he::Record::A => Resolving::ready(table.answer(he::Record::A)),
        he::Record::Aaaa | _ => Resolving::new(std::future::pending()),
    };
    let config = Config::new().with_connect_delay(ms(10)).with_connect_timeout(ms(40));
    let connector = Connector::new(resolver).with_config(config);
    one_thread().block_on(async {
        let (before, ports) = (sockets(), [peers.port]);
        let mut connect = Box::pin(connector.connect_with("service.test", ports, dial));
        for index in 0..2 {
            let end = tokio::select! {
                ended = &mut connect => panic!("{ended:?}"),
                end = ends.recv() => end,
            };
            assert_eq!(end, Some(peers.addr(index)));
        }
        assert_eq!(&sockets() - &before, BTreeSet::new());
        drop(connect);
    });
}

#[test] // R-8305-5l, C-DRAIN
fn a_lookup_that_is_still_out_after_the_win_goes_on_and_then_nothing_is_left() {
    let _alone = alone();
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let table = Table::of(peers.ips());
    let (answer, answered) = tokio::sync::oneshot::channel::<()>();
    let (told, tell) = mpsc::channel();
    let answered = Mutex::new(Some(answered));
    let resolver = move |query: &he::Query| match query.record() {
        he::Record::A => Resolving::ready(table.answer(he::Record::A)),
        he::Record::Aaaa | _ => {
            let answered = answered.lock().unwrap().take().unwrap();
            let told = told.clone();
            Resolving::new(async move {
                answered.await.unwrap();
                told.send("AAAA answered").unwrap();
                Err(he::LookupErrorKind::NoRecords.into())
            })
        }
    };
    let connector =
        Connector::new(resolver).with_config(Config::new().with_aaaa_timeout(Duration::ZERO));
    one_thread().block_on(async {
        let before = sockets();
        drop(connector.connect("service.test", peers.port).await.unwrap());
        assert_eq!(tell.try_recv(), Err(mpsc::TryRecvError::Empty));
        answer.send(()).unwrap();
        assert_nothing_left(&before).await;
        assert_eq!(tell.try_recv(), Ok("AAAA answered"));
    });
}

#[test]
fn a_connector_outlives_its_runtimes_and_is_not_held_up_by_one_that_stands_still() {
    let _alone = alone();
    let peers = peers();
    let connector = Connector::new(Table::of(peers.ips()))
        .with_config(Config::new().with_connect_delay(ms(10)));
    let connect = || {
        let (connector, port) = (connector.clone(), peers.port);
        async move { connector.connect("service.test", port).await }
    };
    let good = peers.addr(2);

    let gone = one_thread();
    assert_eq!(gone.block_on(connect()).unwrap().peer_addr().unwrap(), good);
    drop(gone);

    // Alive, with a race under way that nobody drives.
    let still = one_thread();
    let (stopped, driven) = (still.spawn(connect()), connect());
    still.block_on(tokio::task::yield_now());
    assert!(!stopped.is_finished());

    for runtime in [one_thread(), two_threads()] {
        assert_eq!(runtime.block_on(connect()).unwrap().peer_addr().unwrap(), good);
    }
    // Driven again, the race that stood still goes on where it was.
    assert_eq!(still.block_on(stopped).unwrap().unwrap().peer_addr().unwrap(), good);
    assert_eq!(still.block_on(driven).unwrap().peer_addr().unwrap(), good);
}

#[test]
fn a_race_whose_runtime_goes_away_is_reported_as_dropped() {
    let _alone = alone();
    let peers = Peers::new(&[("127.0.0.1", Silent)]);
    let (connector, reports) = Reports::of(Connector::without_resolver());
    let runtime = one_thread();
    let before = sockets();
    let port = peers.port;
    let connect = runtime.spawn(async move { connector.connect("127.0.0.1", port).await });
    runtime.block_on(tokio::task::yield_now());
    drop(runtime);
    assert!(one_thread().block_on(connect).unwrap_err().is_cancelled());
    assert_eq!(reports.only().outcome(), Outcome::Dropped);
    assert_eq!(&sockets() - &before, BTreeSet::new());
}

#[test]
fn every_future_can_be_sent_to_another_thread() {
    fn send<F: Future + Send>(future: F) -> F {
        future
    }
    let _alone = alone();
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let (port, list) = (peers.port, [peers.addr(0)]);
    let connector = Connector::without_resolver();
    let all = async move {
        send(connector.connect("127.0.0.1", port)).await.unwrap();
        send(connector.connect_addrs(list)).await.unwrap();
        let dial = Attempt::connect;
        send(connector.connect_with("127.0.0.1", port, dial)).await.unwrap();
        send(connector.connect_addrs_with(list, dial)).await.unwrap();
    };
    let runtime = two_threads();
    runtime.block_on(runtime.spawn(all)).unwrap();
}
