//! Name servers with faults, which are asked in plaintext, and lost datagrams.

use std::net::IpAddr;
use std::time::Duration;

use he::Connector;
use he::dns::Resolver;
use he_testnet::{Asked, Body, Host, NAME_SERVER_V4, NameServer, Net, Over, internet, words};

use crate::support::dot::DRAINED;

const TWO: &str = "nameserver 192.0.2.1\nnameserver 192.0.2.53\n";
const WON: [&str; 3] = ["AAAA: 1", "A: 1", "[2001:db8::1]:443: won"];

/// The system's servers in plaintext. Other tests cover port 853.
fn plain() -> Connector {
    Connector::new(Resolver::system_plain())
}

async fn plain_connect(net: Net) -> he::Established<tokio::net::TcpStream> {
    let connector = plain();
    net.call(connector.connect_with("www.test", 443, he::Attempt::connect)).await.unwrap()
}

/// The number of datagrams to this host since the last call.
fn datagrams(net: Net, host: Host) -> usize {
    net.log().with(host).filter(|packet| packet.sent && matches!(packet.body, Body::Udp)).count()
}

/// Connects to a name, which no call has asked for before, so the cache has no answer.
async fn connect(net: Net, connector: &Connector, name: &str, at: u64) -> Host {
    let (v6, v4) = (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20));
    net.dns(name).aaaa([v6]).a([v4]);
    let established =
        net.call(connector.connect_with(name, 443, he::Attempt::connect)).await.unwrap();
    net.assert_starts(&[(v6, at)]);
    net.assert_returned(at + 20);
    net.assert_over(v6, &[]).await;
    assert_eq!(words(&established.report)[0], WON[0]);
    assert_eq!(words(&established.report)[2], WON[2]);
    v6
}

/// The first server has a fault. The second one answers after `at` ms.
async fn takes_over(net: Net, ill: impl FnOnce(NameServer) -> NameServer, at: u64) -> Two {
    net.resolv_conf(TWO);
    let first = ill(net.name_server("192.0.2.1")).host();
    let second = net.name_server("192.0.2.53").host();
    let connector = plain();
    let peer = connect(net, &connector, "one.test", at).await;
    assert_eq!(datagrams(net, second), 2);
    net.let_go(peer).await;
    net.pass(DRAINED).await;
    Two { connector, first, second }
}

/// A connector and its two name servers.
struct Two {
    connector: Connector,
    first: Host,
    second: Host,
}

/// The first server is silent or unreachable, so the next call asks the second one only.
fn the_second_goes_first(ill: impl FnOnce(NameServer) -> NameServer, at: u64) {
    internet(move |net| async move {
        let two = takes_over(net, ill, at).await;
        connect(net, &two.connector, "two.test", 0).await;
        assert_eq!((datagrams(net, two.first), datagrams(net, two.second)), (0, 2));
    });
}

/// The first server replies, so the next call asks it first again.
fn the_first_stays_first(ill: impl FnOnce(NameServer) -> NameServer, at: u64) {
    internet(move |net| async move {
        let two = takes_over(net, ill, at).await;
        // The first of the two datagrams for each type went to the first server.
        connect(net, &two.connector, "two.test", at).await;
        let log = net.log();
        let first = log.packets().iter().find(|packet| matches!(packet.body, Body::Udp));
        assert!(first.is_some_and(|packet| two.first.is(packet.peer)), "{log}");
        assert_eq!(datagrams(net, two.second), 2);
    });
}

#[test] // R-8305-3.1b, N-1
fn a_dead_first_server_costs_50_ms_once() {
    the_second_goes_first(NameServer::dead, 50);
}

#[test] // R-8305-3.1b, N-1
fn a_first_server_that_keeps_silent_costs_50_ms_once() {
    the_second_goes_first(NameServer::never, 50);
}

// Within the second for which it is listened to, it answers neither the question nor the neutral
// one.
#[test] // R-8305-3.1b, N-1
fn a_first_server_that_takes_1200_ms_costs_50_ms_once() {
    the_second_goes_first(|server| server.after(1200), 50);
}

// From then on it is known to be alive, and has a second to answer.
#[test] // R-8305-3.1b, N-1
fn a_first_server_that_takes_300_ms_stays_first() {
    internet(|net| async move {
        let two = takes_over(net, |server| server.after(300), 50).await;
        connect(net, &two.connector, "two.test", 300).await;
    });
}

#[test] // R-8305-3.1b, N-19
fn a_first_server_that_fails_costs_nothing_and_stays_first() {
    the_first_stays_first(NameServer::servfail, 0);
}

#[test] // R-8305-3.1b, N-19
fn a_first_server_that_refuses_costs_nothing_and_stays_first() {
    the_first_stays_first(NameServer::refuses, 0);
}

// The error may be forged, so it gets one more datagram, and TCP.
#[test] // ICMP port unreachable, N-26
fn a_first_server_with_a_closed_port_costs_a_round_trip_once() {
    let closed = |server: NameServer| {
        server.host().rtt(30).refused();
        server
    };
    the_second_goes_first(closed, 30);
}

#[test] // R-8305-3.1b, N-1
fn two_dead_servers_are_an_error_when_the_lookups_time_is_over() {
    internet(|net| async move {
        net.resolv_conf(TWO);
        let dead = ["192.0.2.1", "192.0.2.53"].map(|ip| net.name_server(ip).dead().host());
        net.dns("www.test").aaaa([net.host("2001:db8::1")]);
        let config = he::Config::new().with_resolve_timeout(Duration::from_millis(450));
        let config = config.with_resolve_retries(1);
        let connector = plain().with_config(config);
        let error = net.call(connector.connect("www.test", 443)).await.unwrap_err();
        net.assert_starts(&[]);
        // The time of the lookup, less the 5 ms by which the resolver ends before the race.
        net.assert_returned(445);
        assert_eq!(words(error.report()), ["AAAA: no answer", "A: no answer"]);
        // The second server is asked after 50 ms, and each type is sent to both servers twice.
        if !net.was_late_by(90) {
            assert_eq!(dead.map(|server| datagrams(net, server)), [4, 4]);
        }
    });
}

// The head start of TLS takes 50 ms, and the patience with the question in plaintext the same.
#[test] // N-1, by `he::connect`
fn he_connect_remembers_the_server_that_is_silent() {
    internet(|net| async move {
        net.resolv_conf(TWO);
        let dead = net.name_server("192.0.2.1").dead().host();
        let v6 = net.host("2001:db8::1").rtt(20);
        net.dns("one.test").aaaa([v6]);
        net.dns("two.test").aaaa([v6]);
        for (name, at, wait) in [("one.test", 100, 0), ("two.test", 0, DRAINED)] {
            net.pass(wait).await;
            let stream = net.call(he::connect(name, 443)).await.unwrap();
            net.assert_starts(&[(v6, at)]);
            net.assert_returned(at + 20);
            net.assert_over(v6, &[]).await;
            drop(stream);
            net.let_go(v6).await;
        }
        assert_eq!(net.log().sent_to(dead), 0);
    });
}

#[test] // R-9520-3.1
fn an_only_server_that_takes_1200_ms_is_asked_three_times_and_answers() {
    internet(|net| async move {
        net.name_server("192.0.2.53").after(1200);
        connect(net, &plain(), "www.test", 1200).await;
        if !net.was_late_by(90) {
            let server = net.name_server("192.0.2.53").host();
            assert_eq!(datagrams(net, server), 6, "at 0, 100 and 1000 ms");
        }
    });
}

// Where nothing is known of the server, the repetition is due after 100 ms, for AAAA 25 ms later (N-13).
#[test] // R-9520-3.1, N-8
fn one_lost_datagram_of_each_type_costs_125_ms() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1"));
        net.dns("www.test").aaaa([v6]).ignores_first(1).a([v4]).ignores_first(1);
        let established = plain_connect(net).await;
        net.assert_starts(&[(v6, 125)]);
        net.assert_returned(145);
        net.assert_over(v6, &[]).await;
        let aaaa = |asked: &&Asked| asked.record.to_string() == "AAAA";
        let udp = |asked: &&Asked| asked.over == Over::Udp;
        assert_eq!(net.asked().iter().filter(aaaa).filter(udp).count(), 2);
        assert_eq!(words(&established.report)[2], WON[2]);
    });
}

#[test] // R-9520-3.1, R-8305-3g
fn a_lost_datagram_for_aaaa_costs_no_more_than_the_wait_for_it() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2001:db8::1"), net.host("198.51.100.1").rtt(20));
        net.dns("www.test").aaaa([v6]).ignores_first(1).a([v4]);
        let established = plain_connect(net).await;
        net.assert_starts(&[(v4, 50)]);
        net.assert_returned(70);
        net.assert_over(v4, &[]).await;
        assert_eq!(words(&established.report)[0], "AAAA: abandoned");
    });
}

#[test] // R-9520-3.1, N-8
fn a_server_whose_path_swallows_packets_for_60_ms_costs_125_ms() {
    internet(|net| async move {
        let server = net.name_server("192.0.2.53").dead().host();
        tokio::spawn(async move {
            net.pass(60).await;
            server.reachable();
        });
        let (v6, v4) = (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1"));
        net.dns("www.test").aaaa([v6]).a([v4]);
        let _stream = plain_connect(net).await;
        if !net.was_late_by(40) {
            net.assert_starts(&[(v6, 125)]);
            net.assert_returned(145);
            net.assert_over(v6, &[]).await;
        }
    });
}

#[test] // R-7766-5
fn truncated_answers_are_asked_again_over_tcp() {
    internet(|net| async move {
        net.name_server("192.0.2.53").host().rtt(20);
        let (v6, v4) = (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1"));
        net.dns("www.test").aaaa([v6]).truncated().a([v4]).truncated();
        let established = plain_connect(net).await;
        // UDP, the TCP handshake, and the question over TCP.
        net.assert_starts(&[(v6, 60)]);
        net.assert_returned(80);
        net.assert_over(v6, &[]).await;
        assert_eq!(words(&established.report)[2], WON[2]);
        let server = IpAddr::from(NAME_SERVER_V4);
        let asked = net.asked();
        assert!(asked.iter().all(|asked| asked.server == server));
        assert_eq!(
            (asked.len(), asked.iter().filter(|asked| asked.over == Over::Tcp).count()),
            (4, 2)
        );
    });
}
