//! Interface, mark and local address hold for connections to name servers too, over TLS and over
//! TCP. Two bindings never share a connection.

use std::net::IpAddr;

use he::{Origin, SocketOptions};
use he_testnet::{HOME_V4, HOME_V6, Home, SECOND_V4, SECOND_V6, internet_at};

use crate::support::dot::{Came, RTT, TLS, certificate, connect, patient, plaintext, server};

/// Two devices. Two kinds of routes lead to the second: one of low priority, for sockets that are
/// bound to it, and a table of their own for marked packets.
fn two_devices() -> Home {
    Home::dual_stack()
        .with_second_v4()
        .with_second_v6()
        .and("route add ::/0 dev he1 metric 9999")
        .and("route add ::/0 dev he1 table 7")
        .and("route add 0.0.0.0/0 dev he1 metric 9999")
        .and("route add 0.0.0.0/0 dev he1 table 7")
        .and("rule add fwmark 7 table 7")
        .and("-6 rule add fwmark 7 table 7")
}

type Ways = [(&'static str, IpAddr); 2];

const HERE: Ways = [("he0", IpAddr::V4(HOME_V4)), ("he0", IpAddr::V6(HOME_V6))];
const BESIDE: Ways = [("he1", IpAddr::V4(SECOND_V4)), ("he1", IpAddr::V6(SECOND_V6))];
const ADDRESSES: Ways = [("he0", IpAddr::V4(SECOND_V4)), ("he0", IpAddr::V6(SECOND_V6))];

fn interface() -> SocketOptions {
    SocketOptions::default().with_interface("he1")
}

fn mark() -> SocketOptions {
    SocketOptions::default().with_mark(7)
}

fn addresses() -> SocketOptions {
    SocketOptions::default()
        .with_local_address(SECOND_V4.into())
        .with_local_address(SECOND_V6.into())
}

/// Asserts that all packets, to port 853 and to the host, leave by these ways.
fn over_tls(options: SocketOptions, ways: Ways) {
    internet_at(two_devices(), move |net| async move {
        server(net).tls(certificate());
        let connector = patient().with_socket_options(options);
        assert_eq!(connect(net, &connector, "www.test", 3 * RTT).await, TLS);
        assert_eq!(net.log().ways(), ways);
    });
}

#[test]
fn with_an_interface_tls_leaves_by_no_other() {
    over_tls(interface(), BESIDE);
}

#[test]
fn with_a_mark_tls_takes_its_routes() {
    over_tls(mark(), BESIDE);
}

#[test]
fn with_local_addresses_tls_leaves_from_no_other() {
    over_tls(addresses(), ADDRESSES);
}

#[test]
fn without_any_tls_takes_the_default_route() {
    over_tls(SocketOptions::default(), HERE);
}

/// The same for port 53: port 853 is closed, and UDP is silent.
fn over_tcp(options: SocketOptions, ways: Ways) {
    internet_at(two_devices(), move |net| async move {
        server(net).udp_silent();
        let connector = patient().with_socket_options(options);
        let came = connect(net, &connector, "www.test", RTT + 250 + 2 * RTT).await;
        assert_eq!(came, Came { origin: Origin::Tcp, ..plaintext("connection refused") });
        assert_eq!(net.log().ways(), ways);
    });
}

#[test]
fn with_an_interface_tcp_leaves_by_no_other() {
    over_tcp(interface(), BESIDE);
}

#[test]
fn with_a_mark_tcp_takes_its_routes() {
    over_tcp(mark(), BESIDE);
}

#[test]
fn with_local_addresses_tcp_leaves_from_no_other() {
    over_tcp(addresses(), ADDRESSES);
}

#[test]
fn connections_are_not_shared_between_two_ways_out() {
    internet_at(two_devices(), |net| async move {
        let server = server(net).tls(certificate());
        let here = patient();
        let ways = [
            (here.clone(), HERE),
            (here.clone().with_socket_options(interface()), BESIDE),
            (here.clone().with_socket_options(mark()), BESIDE),
            (here.clone().with_socket_options(addresses()), ADDRESSES),
        ];
        for (nth, (connector, ways)) in (1..).zip(&ways) {
            let name = format!("cold{nth}.test");
            assert_eq!(connect(net, connector, &name, 3 * RTT).await, TLS);
            let connections = net.tls_connections(server);
            assert_eq!(connections.len(), nth);
            let (log, port) = (net.log(), connections[nth - 1].port);
            let mine = log.packets().iter().filter(|it| it.sent && it.home.port() == port);
            let mine: Vec<_> = mine.map(|it| (it.device, it.home.ip())).collect();
            assert!(!mine.is_empty() && mine.iter().all(|way| *way == ways[0]), "{mine:?}");
            assert!(!connections[nth - 1].resumed);
        }
        for (nth, (connector, _)) in ways.iter().enumerate() {
            assert_eq!(connect(net, connector, &format!("warm{nth}.test"), RTT).await, TLS);
        }
        assert_eq!(net.tls_connections(server).len(), ways.len());
    });
}
