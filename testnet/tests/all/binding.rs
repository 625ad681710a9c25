//! Interface, mark and local address. They hold for all packets of a call, including questions to
//! name servers and the probes for source addresses.

use std::net::IpAddr;

use he::{Attempt, Connector, SocketOptions};
use he_testnet::{HOME_V4, HOME_V6, Home, Net, Over, SECOND_V4, SECOND_V6, internet_at, words};

/// Two devices. Two kinds of routes lead to the second: one of low priority, for sockets that are
/// bound to it, and a table of their own for marked packets.
fn two_devices() -> Home {
    v4_beside().with_second_v6().and("route add ::/0 dev he1 metric 9999").and(V6_TABLE)
}

const V6_TABLE: &str = "route add ::/0 dev he1 table 7";

/// The same, except that the second device has no IPv6.
fn v4_beside() -> Home {
    Home::dual_stack()
        .with_second_v4()
        .and("route add 0.0.0.0/0 dev he1 metric 9999")
        .and("route add 0.0.0.0/0 dev he1 table 7")
        .and("rule add fwmark 7 table 7")
        .and("-6 rule add fwmark 7 table 7")
}

fn by(net: Net, options: SocketOptions) -> Connector {
    net.connector().with_socket_options(options)
}

/// Both families leave by these ways: v6 is silent, v4 wins.
async fn race_beside(net: Net, options: SocketOptions, ways: &[(&str, IpAddr)]) {
    let (v6, v4) = (net.host("2001:db8::1").silent(), net.host("198.51.100.1").rtt(20));
    net.dns("www.test").aaaa([v6]).a([v4]).truncated();
    let connector = by(net, options);
    let established =
        net.call(connector.connect_with("www.test", 443, Attempt::connect)).await.unwrap();
    net.assert_starts(&[(v6, 0), (v4, 250)]);
    net.assert_returned(270);
    net.assert_over(v4, &[v6]).await;
    assert_eq!(established.stream.local_addr().unwrap().ip(), ways[0].1);
    assert_eq!(net.log().ways(), ways);
    // TCP follows the truncated answer.
    let over = net.asked().iter().map(|asked| asked.over).collect::<Vec<_>>();
    assert_eq!(over, [Over::Udp, Over::Udp, Over::Tcp]);
    let expected = ["AAAA: 1", "A: 1", "[2001:db8::1]:443: cancelled", "198.51.100.1:443: won"];
    assert_eq!(words(&established.report), expected);
}

const BESIDE: [(&str, IpAddr); 2] =
    [("he1", IpAddr::V4(SECOND_V4)), ("he1", IpAddr::V6(SECOND_V6))];

#[test]
fn with_an_interface_nothing_leaves_by_another() {
    internet_at(two_devices(), |net| async move {
        race_beside(net, SocketOptions::default().with_interface("he1"), &BESIDE).await;
    });
}

#[test]
fn with_a_mark_everything_takes_its_routes() {
    internet_at(two_devices(), |net| async move {
        race_beside(net, SocketOptions::default().with_mark(7), &BESIDE).await;
    });
}

#[test]
fn without_either_nothing_takes_the_second_device() {
    internet_at(two_devices(), |net| async move {
        let ways = [("he0", HOME_V4.into()), ("he0", HOME_V6.into())];
        race_beside(net, SocketOptions::default(), &ways).await;
    });
}

#[test]
fn with_local_addresses_nothing_leaves_from_another() {
    internet_at(two_devices(), |net| async move {
        let options = SocketOptions::default()
            .with_local_address(SECOND_V4.into())
            .with_local_address(SECOND_V6.into());
        let ways = BESIDE.map(|(_, ip)| ("he0", ip));
        race_beside(net, options, &ways).await;
    });
}

/// Only IPv4 has a route, which the probes for source addresses find out. So the call does not wait
/// for AAAA, and IPv4 wins before IPv6 is tried.
async fn only_v4_beside(net: Net, options: SocketOptions, device: &'static str) {
    let (v6, v4) = (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20));
    net.dns("late.test").aaaa([v6]).never().a([v4]);
    net.dns("www.test").aaaa([v6]).a([v4]).after(20);
    let connector = by(net, options);
    let established =
        net.call(connector.connect_with("late.test", 443, Attempt::connect)).await.unwrap();
    net.assert_starts(&[(v4, 0)]);
    net.assert_returned(20);
    net.assert_over(v4, &[]).await;
    assert_eq!(net.log().ways(), [(device, SECOND_V4.into())]);
    let won = "198.51.100.1:443: won";
    assert_eq!(words(&established.report), ["AAAA: abandoned", "A: 1", won]);
    drop(established);
    net.let_go(v4).await;
    let established =
        net.call(connector.connect_with("www.test", 443, Attempt::connect)).await.unwrap();
    net.assert_starts(&[(v4, 20)]);
    net.assert_over(v4, &[]).await;
    assert_eq!(net.log().ways(), [(device, SECOND_V4.into())]);
    assert_eq!(words(&established.report).last().unwrap(), won);
}

#[test]
fn an_interface_without_v6_is_a_host_without_v6() {
    internet_at(v4_beside(), |net| async move {
        only_v4_beside(net, SocketOptions::default().with_interface("he1"), "he1").await;
    });
}

#[test]
fn a_mark_whose_table_has_no_v6_is_a_host_without_v6() {
    internet_at(v4_beside().and("route add unreachable ::/0 table 7"), |net| async move {
        only_v4_beside(net, SocketOptions::default().with_mark(7), "he1").await;
    });
}

#[test]
fn a_local_v4_address_alone_is_a_host_without_v6() {
    internet_at(v4_beside(), |net| async move {
        let options = SocketOptions::default().with_local_address(SECOND_V4.into());
        only_v4_beside(net, options, "he0").await;
    });
}
