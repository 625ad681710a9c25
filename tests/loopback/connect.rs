//! The connector on real sockets, loopback only: addresses that accept, refuse, or stay silent.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use he::{Config, Connector, Error, ErrorKind, Family, LookupOutcome, Outcome, Record, Resolving};
use he_test_support::net::Peer::{Accepts, Refuses, Silent};
use he_test_support::net::{self, Peers, Reports, Table};
use tokio::net::TcpStream;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Connects to a name with the addresses of these peers.
async fn connect_to(
    peers: &Peers,
    config: Config,
) -> (Result<TcpStream, Error>, he::Report, Vec<String>) {
    let (connector, reports) =
        Reports::of(Connector::new(Table::of(peers.ips())).with_config(config));
    let result = connector.connect("service.test", peers.port).await;
    let report = reports.only();
    let story = peers.story(&report);
    (result, report, story)
}

#[tokio::test]
async fn an_ipv4_literal_is_dialled_without_a_lookup() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let table = Table::default();
    let (connector, reports) = Reports::of(Connector::new(table.clone()));
    for host in ["127.0.0.1", "::ffff:127.0.0.1", "[::ffff:7f00:1]"] {
        let stream = connector.connect(host, peers.port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), peers.addr(0));
        let (_, client) = peers.accept(0).unwrap();
        assert_eq!(client, stream.local_addr().unwrap());
        let report = reports.only();
        assert_eq!(report.host(), host);
        assert_eq!(report.outcome(), Outcome::Connected(0));
        assert_eq!(peers.story(&report), ["127.0.0.1:P won"]);
        assert!(report.lookups().is_empty());
    }
    assert_eq!(table.asked(), 0);
}

#[tokio::test]
async fn an_ipv6_literal_is_dialled_with_and_without_brackets() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("::1", Accepts)]);
    let (connector, reports) = Reports::of(Connector::without_resolver());
    for host in ["::1", "[::1]", "0:0::0:1"] {
        let stream = connector.connect(host, peers.port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), peers.addr(0));
        assert_eq!(peers.story(&reports.only()), ["[::1]:P won"]);
    }
}

#[tokio::test] // R-6761-6.3a
#[cfg_attr(windows, ignore = "a refusal takes 2 s")]
async fn localhost_reaches_a_service_on_ipv4_only() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("::1", Refuses)]);
    let table = Table::default();
    let (connector, reports) = Reports::of(Connector::new(table.clone()));
    for host in ["localhost", "LocalHost.", "a.localhost"] {
        let stream = connector.connect(host, peers.port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), peers.addr(0));
        let story = peers.story(&reports.only());
        assert_eq!(story, ["[::1]:P connection refused", "127.0.0.1:P won"]);
    }
    assert_eq!(table.asked(), 0);
}

#[tokio::test] // R-6761-6.3a
async fn localhost_prefers_ipv6() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("::1", Accepts)]);
    let (connector, reports) = Reports::of(Connector::without_resolver());
    let stream = connector.connect("localhost", peers.port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(1));
    assert_eq!(peers.story(&reports.only()), ["[::1]:P won"]);
    peers.assert_nobody_came(0);
}

#[tokio::test] // R-8305-5c, R-8305-5i
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_silent_address_costs_one_connect_delay() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Accepts)]);
    let began = Instant::now();
    let (stream, report, story) = connect_to(&peers, Config::new()).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), peers.addr(1));
    assert_eq!(story, ["127.0.0.1:P cancelled", "127.0.0.2:P won"]);
    assert_eq!(report.outcome(), Outcome::Connected(1));
    // The second attempt did not start before its time.
    assert!(began.elapsed() >= ms(250));
    assert!(report.attempts()[0].elapsed().unwrap() >= ms(250));
    peers.assert_nobody_came(0);
}

#[tokio::test] // R-8305-5a
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn every_silent_address_costs_one_connect_delay() {
    let silent = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|ip| (ip, Silent));
    let peers = Peers::new(&[silent.as_slice(), &[("127.0.0.4", Accepts)]].concat());
    let (stream, report, story) =
        connect_to(&peers, Config::new().with_connect_delay(ms(30))).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), peers.addr(3));
    assert_eq!(
        story,
        [
            "127.0.0.1:P cancelled",
            "127.0.0.2:P cancelled",
            "127.0.0.3:P cancelled",
            "127.0.0.4:P won"
        ]
    );
    let took: Vec<_> = report.attempts().iter().map(|a| a.elapsed().unwrap()).collect();
    assert!(took[0] >= took[1] + ms(30) && took[1] >= took[2] + ms(30), "{took:?}");
    assert!(took[2] >= took[3] + ms(30), "{took:?}");
}

#[tokio::test] // R-8305-FAIL, F-5
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn a_refused_address_is_answered_by_the_next_at_once() {
    let peers = Peers::new(&[
        ("127.0.0.1", Refuses),
        ("127.0.0.2", Refuses),
        ("127.0.0.3", Accepts),
        ("127.0.0.4", Accepts),
    ]);
    let (stream, _, story) = connect_to(&peers, Config::new().with_connect_delay(ms(2_000))).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), peers.addr(2));
    assert_eq!(
        story,
        ["127.0.0.1:P connection refused", "127.0.0.2:P connection refused", "127.0.0.3:P won"]
    );
    peers.assert_nobody_came(3);
}

#[tokio::test] // R-8305-5b
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn an_attempt_is_given_up_after_connect_timeout_and_the_next_one_wins() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Silent), ("127.0.0.3", Accepts)]);
    // Both the attempt in the caller's task and one in a task of its own.
    let config = Config::new().with_connect_delay(ms(500)).with_connect_timeout(ms(40));
    let (stream, report, story) = connect_to(&peers, config).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), peers.addr(2));
    assert_eq!(story, ["127.0.0.1:P timed out", "127.0.0.2:P timed out", "127.0.0.3:P won"]);
    assert!(report.attempts()[..2].iter().all(|a| a.elapsed().unwrap() >= ms(40)));
}

#[tokio::test] // F-16
async fn the_family_alternates_before_the_port() {
    if !net::ipv6() {
        return;
    }
    let (one, two) = (
        Peers::new(&[("127.0.0.1", Refuses), ("::1", Refuses)]),
        Peers::new(&[("127.0.0.1", Accepts), ("::1", Refuses)]),
    );
    let (connector, reports) = Reports::of(Connector::new(Table::of(one.ips())));
    let ports = [one.port, two.port, one.port];
    let stream = connector.connect("service.test", ports).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), two.addr(0));
    let report = reports.only();
    let tried: Vec<SocketAddr> = report.attempts().iter().map(he::AttemptReport::addr).collect();
    assert_eq!(tried, [one.addr(1), one.addr(0), two.addr(1), two.addr(0)]);
    assert_eq!(report.ports(), [one.port, two.port]);
}

#[tokio::test] // F-15, F-14
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn a_list_keeps_the_callers_order_and_tries_each_address_once() {
    let peers = Peers::new(&[
        ("127.0.0.3", Refuses),
        ("127.0.0.1", Refuses),
        ("127.0.0.2", Accepts),
        ("127.0.0.4", Accepts),
    ]);
    let mapped = SocketAddr::new("::ffff:127.0.0.3".parse().unwrap(), peers.port);
    let list = [peers.addr(0), peers.addr(1), mapped, peers.addr(0), peers.addr(2), peers.addr(3)];
    let (connector, reports) = Reports::of(Connector::without_resolver());
    let stream = connector.connect_addrs(list).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(2));
    let report = reports.only();
    assert_eq!(
        peers.story(&report),
        ["127.0.0.3:P connection refused", "127.0.0.1:P connection refused", "127.0.0.2:P won"]
    );
    assert_eq!((report.host(), report.ports()), ("", &[][..]));
    peers.assert_nobody_came(3);
}

#[tokio::test]
async fn a_list_is_not_sorted_by_family() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("::1", Accepts)]);
    let connector = Connector::without_resolver();
    for order in [[0, 1], [1, 0]] {
        let list = order.map(|index| peers.addr(index));
        let stream = connector.connect_addrs(list).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), list[0]);
    }
}

#[tokio::test]
async fn the_family_decides_what_is_asked_and_what_is_tried_first() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("::1", Accepts)]);
    for (family, asked, winner) in [
        (Family::Any, &[Record::Aaaa, Record::A][..], 1),
        (Family::V4Only, &[Record::A], 0),
        (Family::V6Only, &[Record::Aaaa], 1),
        (Family::PreferV4, &[Record::Aaaa, Record::A], 0),
    ] {
        let (stream, report, _) = connect_to(&peers, Config::new().with_family(family)).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), peers.addr(winner), "{family:?}");
        let records: Vec<Record> = report.lookups().iter().map(he::LookupReport::record).collect();
        assert_eq!(records, asked, "{family:?}");
        assert_eq!(report.attempts().len(), 1, "{family:?}");
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn prefer_v4_falls_back_to_ipv6() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("::1", Accepts), ("127.0.0.1", Refuses), ("127.0.0.2", Accepts)]);
    let (stream, _, story) = connect_to(&peers, Config::new().with_family(Family::PreferV4)).await;
    assert_eq!(stream.unwrap().peer_addr().unwrap(), peers.addr(0));
    assert_eq!(story, ["127.0.0.1:P connection refused", "[::1]:P won"]);
}

#[tokio::test]
async fn a_literal_of_the_excluded_family_is_not_dialled() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let connector =
        Connector::without_resolver().with_config(Config::new().with_family(Family::V6Only));
    let error = connector.connect("127.0.0.1", peers.port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoAddress);
    let text = "cannot connect to 127.0.0.1: no usable address; 127.0.0.1: family excluded";
    assert_eq!(error.to_string(), text);
    peers.assert_nobody_came(0);
}

#[tokio::test] // R-V3-4.2a, R-V3-7a
async fn a_lost_aaaa_answer_costs_one_aaaa_timeout() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let table = Table::of(peers.ips());
    let resolver = move |query: &he::Query| match query.record() {
        Record::A => Resolving::ready(table.answer(Record::A)),
        Record::Aaaa | _ => Resolving::new(std::future::pending()),
    };
    let both = ["2001:db8::1", "192.0.2.1"].map(|ip| ip.parse::<IpAddr>().ok());
    let dual_stack = he::SourceAddrs::new(move |_| both.to_vec());
    let (connector, reports) = Reports::of(Connector::new(resolver).with_source_addrs(dual_stack));
    let began = Instant::now();
    let stream = connector.connect("service.test", peers.port).await.unwrap();
    assert!(began.elapsed() >= ms(50));
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(0));
    let report = reports.only();
    assert!(matches!(report.lookups()[0].outcome(), LookupOutcome::Abandoned));
    assert!(matches!(report.lookups()[1].outcome(), LookupOutcome::Answered(_)));
    assert!(report.lookups()[0].elapsed().unwrap() >= ms(50));
}

#[tokio::test] // R-V3-4.2e
async fn nobody_asks_which_family_to_wait_for_when_both_have_answered() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("::1", Accepts)]);
    let (asked, questions) = std::sync::mpsc::channel();
    let sources = he::SourceAddrs::new(move |addrs| {
        let ips: Vec<IpAddr> = addrs.iter().map(SocketAddr::ip).collect();
        asked.send(ips.clone()).map_or(Vec::new(), |()| ips.into_iter().map(Some).collect())
    });
    let connector = Connector::new(Table::of(peers.ips())).with_source_addrs(sources);
    let stream = connector.connect("service.test", peers.port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(1));
    let questions: Vec<Vec<IpAddr>> = questions.try_iter().collect();
    assert_eq!(questions, [[peers.addr(1).ip(), peers.addr(0).ip()]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn fifty_connects_at_once_do_not_disturb_each_other() {
    let peers: Vec<Peers> = (0..10)
        .map(|_| {
            Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Silent), ("127.0.0.3", Accepts)])
        })
        .collect();
    let (connector, reports) = Reports::of(
        Connector::new(Table::of(peers[0].ips()))
            .with_config(Config::new().with_connect_delay(ms(20))),
    );
    let mut connects = tokio::task::JoinSet::new();
    for index in 0..50 {
        let (connector, port) = (connector.clone(), peers[index % 10].port);
        connects.spawn(async move { (index, connector.connect("service.test", port).await) });
    }
    while let Some(connected) = connects.join_next().await {
        let (index, stream) = connected.unwrap();
        assert_eq!(stream.unwrap().peer_addr().unwrap(), peers[index % 10].addr(2));
    }
    assert_eq!(reports.count(), 50);
    peers.iter().for_each(|peers| peers.assert_nobody_came(1));
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn each_end_of_a_connect_is_reported_once() {
    let peers =
        Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Refuses), ("127.0.0.3", Silent)]);
    let (connector, reports) = Reports::of(Connector::without_resolver());
    let ports = [peers.port];

    connector.connect("127.0.0.1", ports).await.unwrap();
    assert_eq!(reports.only().outcome(), Outcome::Connected(0));

    let error = connector.connect("127.0.0.2", ports).await.unwrap_err();
    let report = reports.only();
    assert_eq!(report.outcome(), Outcome::Failed(ErrorKind::Connect));
    assert_eq!(report.to_string(), error.report().to_string());

    connector.connect("127.0.0.2", []).await.unwrap_err();
    assert_eq!(reports.only().outcome(), Outcome::Failed(ErrorKind::InvalidInput));

    let mut connect = Box::pin(connector.connect("127.0.0.3", ports));
    net::poll_pending(connect.as_mut());
    assert_eq!(reports.count(), 0);
    drop(connect);
    let report = reports.only();
    assert_eq!(report.outcome(), Outcome::Dropped);
    assert_eq!(peers.story(&report), ["127.0.0.3:P cancelled"]);

    drop(connector.connect("127.0.0.3", ports));
    assert_eq!(reports.count(), 0, "a future that was never polled has done nothing");
}
