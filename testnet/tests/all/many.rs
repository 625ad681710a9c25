//! Many calls at once, and calls with many sockets at once.

use std::time::Duration;

use he_testnet::{Host, Net, internet, words};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const DELAY: Duration = Duration::from_millis(25);

#[test] // the calls share their lookups
fn fifty_connects_to_one_name_at_once_are_one_question_a_type() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(20);
        let v4 = net.host("198.51.100.1").rtt(20);
        net.dns("www.test").aaaa([v6]).after(30).a([v4]).after(30);
        let connector = net.connector();
        let calls: JoinSet<_> = (0..50)
            .map(|_| connector.clone())
            .map(|it| async move { it.connect_with("www.test", 443, he::Attempt::connect).await })
            .collect();
        let all = net.call(calls.join_all()).await;
        let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
        net.assert_starts(&[(v6, 30); 50]);
        net.assert_returned(50);
        assert!(all.iter().all(|one| v6.is(one.addr)));
        let reported = ["AAAA: 1", "A: 1", "[2001:db8::1]:443: won"];
        assert!(
            all.iter().all(|one| words(&one.report) == reported),
            "{:?}",
            words(&all[0].report)
        );
        assert_eq!((net.asked().len(), net.log().sent_to_port(53)), (2, 2));
        assert_eq!((net.sockets().len(), net.log().sent_to(v4)), (50, 0));
    });
}

/// Connects to `www.test`. Also returns the greatest number of sockets that were open at once.
async fn watched(net: Net, config: he::Config) -> (Result<TcpStream, he::Error>, usize) {
    let connector = net.connector().with_config(config);
    let mut most = 0;
    let watch = async {
        loop {
            most = most.max(net.sockets().len());
            net.pass(5).await;
        }
    };
    let ended = tokio::select! {
        ended = net.call(connector.connect("www.test", 443)) => ended,
        () = watch => unreachable!("it watches for ever"),
    };
    (ended, most)
}

#[test] // S14 (a), R-8305-5c
fn twenty_silent_addresses_are_an_error_after_19_delays_and_one_time_out() {
    internet(|net| async move {
        let (v6, v4) = (net.hosts("2001:db8::", 1..=10), net.hosts("198.51.100.", 1..=10));
        net.dns("www.test").aaaa(&v6).a(&v4);
        let hosts: Vec<_> = v6.into_iter().zip(v4).flat_map(|(v6, v4)| [v6, v4]).collect();
        let silent: Vec<_> = hosts.into_iter().map(Host::silent).collect();
        let config = he::Config::new().with_connect_delay(DELAY).with_connect_timeout(28 * DELAY);
        let (ended, most) = watched(net, config).await;
        let starts: Vec<_> = silent.iter().copied().zip((0..).step_by(25)).collect();
        net.assert_starts(&starts);
        net.assert_returned((19 + 28) * 25);
        for host in silent {
            net.let_go(host).await;
            assert_eq!(net.log().sent_to(host), 1, "one SYN");
        }
        // All 20 are open at once, for nine delays.
        assert!(most == 20 || most < 20 && net.was_late_by(10), "{most}");
        let error = ended.unwrap_err();
        let reported = words(error.report());
        let timed_out = reported.iter().filter(|line| line.ends_with(": timed out")).count();
        assert_eq!((timed_out, reported.len(), error.kind()), (20, 22, he::ErrorKind::TimedOut));
    });
}
