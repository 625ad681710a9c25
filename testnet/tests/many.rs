//! Many calls at once, and calls with many sockets at once.

#![cfg(target_os = "linux")]

use std::time::Duration;

use he_testnet::{Net, internet, words};
use tokio::task::JoinSet;

#[test] // one flight serves all
fn fifty_connects_to_one_name_at_once_are_one_question_a_type() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(20);
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).after(30).a([v4]).after(30);
        let connector = net.connector();
        let calls: JoinSet<_> = (0..50)
            .map(|_| connector.clone())
            .map(
                |it| async move { it.connect_with("www.test", &[443], he::Attempt::connect).await },
            )
            .collect();
        let all = net.call(calls.join_all()).await;
        let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
        net.assert_starts(&[(v6, 30); 50]);
        net.assert_returned(50);
        assert!(all.iter().all(|one| v6.is(one.addr)));
        let told = ["AAAA: 1", "A: 1", "[2001:db8::1]:443: won"];
        assert!(all.iter().all(|one| words(&one.report) == told), "{:?}", words(&all[0].report));
        assert_eq!((net.asked().len(), net.log().sent_to_port(53)), (2, 2));
        assert_eq!((net.sockets().len(), net.log().sent_to(v4)), (50, 0));
    });
}

/// The most sockets that were open at once, looked at until it is aborted.
async fn watch(net: Net, most: &std::sync::atomic::AtomicUsize) {
    loop {
        most.fetch_max(net.sockets().len(), std::sync::atomic::Ordering::Relaxed);
        net.pass(5).await;
    }
}

/// 20 silent addresses, 25 ms apart and given up after `timeout`: the error comes after 19 delays
/// and one time-out, and until then no more than `open` sockets wait at once.
fn twenty_silent(timeout: u64, open: usize) {
    internet(move |net| async move {
        let (v6, v4) = (net.hosts("2001:db8::", 1..=10), net.hosts("198.51.100.", 1..=10));
        for host in v6.iter().chain(&v4) {
            let _ = host.silent();
        }
        net.dns("www.test").aaaa(&v6).a(&v4);
        let config = he::Config::new()
            .connect_delay(Duration::from_millis(25))
            .connect_timeout(Duration::from_millis(timeout));
        let connector = net.connector().config(config);
        let most = std::sync::atomic::AtomicUsize::new(0);
        let error = tokio::select! {
            ended = net.call(connector.connect("www.test", &[443])) => ended.unwrap_err(),
            () = watch(net, &most) => unreachable!("it watches for ever"),
        };
        let all: Vec<_> = v6.into_iter().zip(v4).flat_map(|(v6, v4)| [v6, v4]).collect();
        let starts: Vec<_> = all.iter().copied().zip((0..).step_by(25)).collect();
        net.assert_starts(&starts);
        net.assert_returned(19 * 25 + timeout);
        for host in all {
            net.let_go(host).await;
        }
        let told = words(error.report());
        let timed_out = told.iter().filter(|line| line.ends_with(": timed out")).count();
        assert_eq!((timed_out, told.len(), error.kind()), (20, 22, he::ErrorKind::TimedOut));
        assert_eq!(net.log().packets().iter().filter(|p| p.sent).count(), 20 + 2, "one SYN each");
        let most = most.into_inner();
        assert!(most <= open, "{most} at once");
        if !net.was_late_by(10) {
            assert_eq!(most, open);
        }
    });
}

#[test] // S14 (a), R-8305-5c
fn twenty_silent_addresses_have_twenty_sockets_at_once_at_most() {
    twenty_silent(700, 20);
}
