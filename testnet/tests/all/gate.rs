//! The gate. No packet goes to a forbidden address, wherever the address comes from.

use std::collections::HashSet;
use std::io::ErrorKind::WouldBlock;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};

use he::{Attempt, Connector, ErrorKind, Reason, Report};
use he_testnet::{Host, Net, internet, words};

/// A connector whose gate refuses these hosts, or ports of hosts.
fn gated(net: Net, forbidden: &[Host]) -> Connector {
    let forbidden = forbidden.to_vec();
    net.connector().with_gate(move |addr| !forbidden.iter().any(|host| host.is(addr)))
}

fn forbidden(report: &Report) -> Vec<String> {
    let passed = report.skipped().iter();
    passed.filter(|it| it.reason == Reason::Forbidden).map(|it| it.addr.to_string()).collect()
}

/// Asserts that no packet went to these hosts, until a Connection Attempt Delay from now.
async fn nothing_to(net: Net, hosts: &[Host]) {
    net.pass(300).await;
    for host in hosts {
        assert_eq!(net.whole_log().with(*host).count(), 0, "{host:?}");
    }
}

#[test]
fn forbidden_addresses_of_answers_are_passed_over() {
    internet(|net| async move {
        let v6 = net.hosts("2001:db8::", 1..=2);
        let v4 = net.hosts("198.51.100.", 1..=2);
        v6[1].silent();
        net.dns("www.test").aaaa(&v6).a(&v4);
        let connector = gated(net, &[v6[0], v4[0]]);
        let connecting = connector.connect_with("www.test", 443, Attempt::connect);
        let established = net.call(connecting).await.unwrap();
        net.assert_starts(&[(v6[1], 0), (v4[1], 250)]);
        net.assert_returned(270);
        net.assert_over(v4[1], &[v6[1]]).await;
        nothing_to(net, &[v6[0], v4[0]]).await;
        let (first, second) = ("[2001:db8::2]:443: cancelled", "198.51.100.2:443: won");
        assert_eq!(words(&established.report), ["AAAA: 2", "A: 2", first, second]);
        assert_eq!(forbidden(&established.report), ["[2001:db8::1]:443", "198.51.100.1:443"]);
    });
}

#[test]
fn forbidden_addresses_of_late_answers_are_passed_over() {
    internet(|net| async move {
        let (v6, v4) = (net.hosts("2001:db8::", 1..=2), net.host("198.51.100.1").silent());
        net.dns("www.test").aaaa(&v6).after(400).a([v4]);
        let connector = gated(net, &v6[..1]);
        let connecting = connector.connect_with("www.test", 443, Attempt::connect);
        let established = net.call(connecting).await.unwrap();
        net.assert_starts(&[(v4, 50), (v6[1], 400)]);
        net.assert_returned(420);
        net.assert_over(v6[1], &[v4]).await;
        nothing_to(net, &v6[..1]).await;
        let (first, second) = ("198.51.100.1:443: cancelled", "[2001:db8::2]:443: won");
        assert_eq!(words(&established.report), ["AAAA: 2", "A: 1", first, second]);
        assert_eq!(forbidden(&established.report), ["[2001:db8::1]:443"]);
    });
}

#[test] // F-14
fn a_forbidden_address_is_refused_however_it_is_written() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2001:db8::1"), net.host("198.51.100.1"));
        let mapped: Ipv6Addr = "::ffff:198.51.100.1".parse().unwrap();
        net.dns("mapped.test").aaaa([mapped]).a([v4]);
        net.etc_hosts("2001:db8::1 near.test\n198.51.100.1 near.test\n");
        let connector = gated(net, &[v6, v4]);
        let spellings = ["2001:db8::1", "[2001:DB8:0::1]", "198.51.100.1", "::ffff:198.51.100.1"];
        for host in spellings.iter().chain(&["mapped.test", "near.test"]) {
            let error = net.call(connector.connect(host, 443)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{host}: {error}");
            assert_eq!(error.report().attempts().len(), 0);
        }
        let addrs = [v6.ip(), v4.ip(), mapped.into()].map(|ip| SocketAddr::new(ip, 443));
        let error = net.call(connector.connect_addrs(addrs)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert_eq!(forbidden(error.report()), ["[2001:db8::1]:443", "198.51.100.1:443"]);
        nothing_to(net, &[v6, v4]).await;
        assert_eq!(net.whole_log().starts().len(), 0);
    });
}

/// Listeners on the home host itself, to which no connection may come.
struct AtHome([TcpListener; 2]);

impl AtHome {
    fn listen() -> Self {
        Self([IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()].map(|ip| {
            let listener = TcpListener::bind((ip, 8443)).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        }))
    }

    fn assert_no_connection(&self) {
        for listener in &self.0 {
            assert_eq!(listener.accept().unwrap_err().kind(), WouldBlock);
        }
    }
}

#[test]
fn localhost_and_loopback_answers_are_refused_as_well() {
    internet(|net| async move {
        let home = AtHome::listen();
        let loopback = [IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()];
        net.dns("rebound.test").aaaa([loopback[1]]).a([loopback[0]]);
        net.etc_hosts("127.0.0.1 localhost near.test\n::1 localhost near.test\n");
        let connector = net.connector().with_gate(|addr| !addr.ip().is_loopback());
        let names = ["localhost", "a.localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1"];
        for host in names.iter().chain(&["rebound.test", "near.test"]) {
            let error = net.call(connector.connect(host, 8443)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{host}: {error}");
        }
        net.pass(50).await;
        home.assert_no_connection();
        // The listeners accept connections.
        net.connector().connect("rebound.test", 8443).await.unwrap();
    });
}

#[test] // E-8
fn one_port_may_be_forbidden() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2001:db8::1"), net.host("198.51.100.1"));
        net.dns("www.test").aaaa([v6]).a([v4]);
        let plain = [v6.port(80), v4.port(80)];
        let (v6, v4) = (v6.port(443).silent(), v4.port(443));
        let connector = gated(net, &plain);
        let connecting = connector.connect_with("www.test", [80, 443], Attempt::connect);
        let established = net.call(connecting).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_returned(270);
        net.assert_over(v4, &[v6]).await;
        nothing_to(net, &plain).await;
        assert_eq!(forbidden(&established.report), ["[2001:db8::1]:80", "198.51.100.1:80"]);
    });
}

/// Private addresses, all of which exist in the test.
const PRIVATE_V4: [&str; 6] =
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1"];
const PRIVATE_V6: [&str; 5] =
    ["fd00::1", "::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2001:db8::1"];

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn is_public_lets_only_the_public_addresses_of_an_answer_through() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2600::1").silent(), net.host("192.31.196.1").rtt(20));
        let private = [&PRIVATE_V4[..5], &["fd00::1", "64:ff9b::10.0.0.1", "2001:db8::1"]].concat();
        let private: Vec<Host> = private.iter().map(|ip| net.host(ip).rtt(1)).collect();
        let (aaaa, a) = (ips(&PRIVATE_V6), ips(&PRIVATE_V4));
        net.dns("www.test").aaaa([aaaa, vec![v6.ip()]].concat()).a([a, vec![v4.ip()]].concat());
        let connector = net.connector().with_gate(he::is_public);
        let connecting = connector.connect_with("www.test", 443, Attempt::connect);
        let established = net.call(connecting).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, 250)]);
        net.assert_returned(270);
        net.assert_over(v4, &[v6]).await;
        nothing_to(net, &private).await;
        let (first, second) = ("[2600::1]:443: cancelled", "192.31.196.1:443: won");
        assert_eq!(words(&established.report), ["AAAA: 6", "A: 7", first, second]);
        // 10.0.0.1 came twice, the second time as a mapped address.
        let refused: HashSet<_> = forbidden(&established.report).into_iter().collect();
        assert_eq!(refused.len(), PRIVATE_V4.len() + PRIVATE_V6.len() - 1, "{refused:?}");
    });
}

#[test]
fn is_public_judges_each_answer_anew_when_a_name_is_rebound() {
    internet(|net| async move {
        let (outside, inside) = (net.host("192.31.196.1").rtt(20), net.host("10.0.0.1").rtt(1));
        let name = net.dns("www.test").aaaa(Vec::<IpAddr>::new()).ttl(0).a([outside]).ttl(0);
        let connector = net.connector().with_gate(he::is_public);
        net.call(connector.connect("www.test", 443)).await.unwrap();
        net.assert_starts(&[(outside, 0)]);
        net.assert_returned(20);
        name.a([inside]).ttl(0);
        let error = net.call(connector.connect("www.test", 443)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
        assert_eq!(forbidden(error.report()), ["10.0.0.1:443"]);
        net.assert_starts(&[]);
        nothing_to(net, &[inside]).await;
    });
}
