//! The system's `getaddrinfo`, which reads the test's resolv.conf, hosts file and nsswitch.conf,
//! and asks its name server.

use std::fs;
use std::thread;
use std::time::Duration;

use he::os::Resolver;
use he::{
    Attempt, Config, Connector, Error, Established, LookupOutcome, Origin, Query, Record, Resolve,
};
use he_testnet::{Host, Net, internet, words};
use tokio::net::TcpStream;

fn connector() -> Connector {
    Connector::new(Resolver::new())
}

async fn connect(net: Net, name: &str) -> Result<Established<TcpStream>, Error> {
    net.call(connector().connect_with(name, 443, Attempt::connect)).await
}

fn hosts(net: Net) -> (Host, Host) {
    (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20))
}

/// Waits until a condition holds, for as long as a test may take.
async fn until(net: Net, mut is: impl FnMut() -> bool) {
    while !is() {
        net.pass(2).await;
    }
}

/// The number of threads for `getaddrinfo`.
fn threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "he-getaddrinfo").count()
}

#[test] // R-8305-3b
fn a_late_aaaa_does_not_hold_up_the_a() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        net.dns("www.test").aaaa([v6]).after(400).a([v4]);
        let established = connect(net, "www.test").await.unwrap();
        net.assert_starts(&[(v4, 50)]);
        net.assert_returned(70);
        assert_eq!(
            words(&established.report),
            ["AAAA: abandoned", "A: 1", "198.51.100.1:443: won"]
        );
        let outcome = established.report.lookups()[1].outcome();
        let LookupOutcome::Answered(answer) = outcome else { panic!("{outcome:?}") };
        assert_eq!((answer.origin(), answer.server(), answer.ttl()), (Origin::System, None, None));
    });
}

#[test]
fn both_types_are_asked_at_once_and_nothing_is_kept() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        net.dns("www.test").cname("host.test");
        net.dns("host.test").aaaa([v6]).a([v4]).after(30);
        for _ in 0..2 {
            let established = connect(net, "WWW.Test").await.unwrap();
            assert_eq!(established.addr, (v6.ip(), 443).into());
        }
        let mut asked: Vec<_> = net.asked().iter().map(|it| it.record.to_string()).collect();
        asked.sort();
        assert_eq!(asked, ["A", "A", "AAAA", "AAAA"]);
    });
}

#[test]
fn errors_say_what_getaddrinfo_can_tell() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        net.dns("none.test").aaaa([v6]).nodata().a([v4]).nodata();
        net.dns("v4.test").a([v4]);
        net.dns("down.test").aaaa([v6]).servfail().a([v4]).refused();
        let reported = async |name| match connect(net, name).await {
            Ok(established) => words(&established.report),
            Err(error) => words(error.report()),
        };
        assert_eq!(reported("unknown.test").await, ["AAAA: no such name", "A: no such name"]);
        assert_eq!(reported("none.test").await, ["AAAA: no records", "A: no records"]);
        assert_eq!(reported("v4.test").await[..2], ["AAAA: no records", "A: 1"]);
        assert_eq!(reported("down.test").await, ["AAAA: server failure", "A: server failure"]);
        let error = connect(net, "unknown.test").await.unwrap_err();
        assert!(!error.is_transient());
        assert_eq!(
            error.to_string(),
            "cannot connect to unknown.test: no such name; \
             AAAA: no such name: getaddrinfo: Name or service not known; \
             A: no such name: getaddrinfo: Name or service not known"
        );
    });
}

#[test]
fn a_name_in_the_hosts_file_is_not_asked_in_dns_in_either_family() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        net.dns("db.test").aaaa([v6]).a([v4]);
        net.etc_hosts("198.51.100.1 db.test\n");
        let established = connect(net, "DB.test").await.unwrap();
        assert_eq!(
            words(&established.report),
            ["AAAA: no records", "A: 1", "198.51.100.1:443: won"]
        );
        assert_eq!((net.asked().len(), net.log().sent_to_port(53)), (0, 0));
    });
}

#[test]
fn the_search_list_is_the_systems_and_a_dot_ends_it() {
    internet(|net| async move {
        let (v6, _) = hosts(net);
        net.resolv_conf("nameserver 192.0.2.53\nsearch one.test two.test\n");
        net.dns("www.two.test").aaaa([v6]);
        assert_eq!(connect(net, "www").await.unwrap().addr, (v6.ip(), 443).into());
        let error = connect(net, "www.").await.unwrap_err();
        assert_eq!(words(error.report()), ["AAAA: no such name", "A: no such name"]);
    });
}

#[test]
fn a_silent_server_costs_the_lookups_time_and_then_is_named() {
    internet(|net| async move {
        net.name_server("192.0.2.53").never();
        let config =
            Config::new().with_resolve_timeout(Duration::from_millis(200)).with_resolve_retries(1);
        let connector = connector().with_config(config);
        let error = net.call(connector.connect("www.test", 443)).await.unwrap_err();
        let silent = " no answer: getaddrinfo has not returned after ";
        assert_eq!(error.to_string().matches(silent).count(), 2, "{error}");
        assert!(error.is_transient());
        net.assert_returned(195);
    });
}

/// With this resolv.conf glibc gives up after a second.
const SHORT: &str = "nameserver 192.0.2.53\noptions timeout:1 attempts:1\n";

#[test]
fn a_dead_server_takes_no_thread_of_tokios() {
    internet(|net| async move {
        net.name_server("192.0.2.53").dead();
        let other = thread::spawn(|| {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().max_blocking_threads(1).build().unwrap();
            runtime.block_on(async {
                let resolver = Resolver::new().with_max_threads(20);
                let mut lookups = tokio::task::JoinSet::new();
                for n in 0..50 {
                    lookups.spawn(resolver.lookup(&Query::new(&format!("n{n}.test"), Record::A)));
                }
                // A thread gets its name a moment after its start.
                while threads() < 20 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                assert_eq!(threads(), 20);
                let free = tokio::task::spawn_blocking(|| ());
                tokio::select! {
                    biased;
                    ended = lookups.join_next() => panic!("{ended:?}"),
                    free = free => free.unwrap(),
                }
            });
        });
        until(net, || other.is_finished()).await;
        other.join().unwrap();
    });
}

#[test] // R-HE-LEAK
fn what_is_dropped_is_not_asked_and_leaves_no_thread() {
    internet(|net| async move {
        net.resolv_conf(SHORT);
        net.name_server("192.0.2.53").never();
        let connector = Connector::new(Resolver::new().with_max_threads(2));
        let mut connects = tokio::task::JoinSet::new();
        for n in 0..10 {
            let connector = connector.clone();
            connects
                .spawn(async move { connector.connect(format!("n{n}.test"), 443).await.map(drop) });
        }
        until(net, || net.asked().len() == 2).await;
        drop(connects);
        drop(connector);
        assert_eq!(threads(), 2);
        // The two calls that have begun go on to their end, and no other begins.
        until(net, || threads() == 0).await;
        assert_eq!((net.asked().len(), net.sockets()), (2, vec![]));
    });
}
