//! Servers that are asked in plaintext: UDP that is silent, and port 853 that is never used.

use std::net::SocketAddr;

use he::dns::Resolver;
use he::{Connector, Origin};
use he_testnet::{Net, Over, internet};

use crate::support::dot::{
    Came, RTT, TLS, certificate, connect, connect_by, opportunistic, patient, plaintext, server,
};

const UDP: Came = Came { origin: Origin::Udp, why: None };
const TCP: Came = Came { origin: Origin::Tcp, why: None };

/// A connector that asks this server, which is given in the text form.
fn given(text: &str) -> Connector {
    Connector::new(Resolver::name_servers([text.parse().unwrap()]).unwrap())
}

fn sent(net: Net) -> [usize; 2] {
    [53, 853].map(|port| net.whole_log().sent_to_port(port))
}

#[test]
fn where_udp_is_silent_tcp_joins_after_250_ms_and_goes_first_then() {
    internet(|net| async move {
        server(net).tls(certificate()).udp_silent();
        let connector = Connector::plain();
        assert_eq!(connect(net, &connector, "one.test", 250 + 2 * RTT).await, TCP);
        // The connection is reused, and UDP is left out.
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TCP);
        assert!(net.log().packets().iter().all(|packet| packet.body != he_testnet::Body::Udp));
        assert_eq!(connect(net, &connector, "three.test", RTT).await, TCP);
        assert_eq!(sent(net)[1], 0);
        let port = net.asked()[0].port;
        assert!(net.asked().iter().all(|asked| (asked.over, asked.port) == (Over::Tcp, port)));
    });
}

#[test]
fn where_udp_and_853_are_silent_tcp_is_found_as_well() {
    internet(|net| async move {
        server(net).tls(certificate()).udp_silent().tls_closed();
        let tcp = Came { origin: Origin::Tcp, ..plaintext("connection refused") };
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", RTT + 250 + 2 * RTT).await, tcp);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, tcp);
    });
}

#[test]
fn a_server_for_udp_is_asked_over_tcp_only_where_udp_is_silent() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let connector = given("udp:192.0.2.53");
        assert_eq!(connect(net, &connector, "one.test", RTT).await, UDP);
        assert_eq!(net.log().starts_to((server.ip(), 53)).len(), 0);
        server.udp_silent();
        assert_eq!(connect(net, &connector, "two.test", 250 + 2 * RTT).await, TCP);
        assert_eq!(sent(net)[1], 0);
    });
}

#[test]
fn a_server_for_tcp_gets_no_datagram() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let connector = given("tcp:192.0.2.53");
        assert_eq!(connect(net, &connector, "one.test", 2 * RTT).await, TCP);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TCP);
        let udp = |packet: &&he_testnet::Packet| packet.body == he_testnet::Body::Udp;
        assert_eq!(net.whole_log().packets().iter().filter(udp).count(), 0);
        assert_eq!(net.whole_log().starts_to((server.ip(), 53)).len(), 1);
        assert_eq!(sent(net)[1], 0);
    });
}

#[test] // R-8310-5a: unlike the default
fn the_plain_system_never_touches_853() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let connector = Connector::plain();
        assert_eq!(connect(net, &connector, "one.test", RTT).await, UDP);
        assert_eq!(sent(net), [2, 0]);
        // The same holds if the server fails.
        server.servfail();
        net.dns("two.test").aaaa([net.host("2001:db8::1")]);
        connector.connect("two.test", 443).await.unwrap_err();
        assert_eq!(sent(net), [4, 0]);
        assert_eq!(net.tls_connections(server).len(), 0);
    });
}

#[test]
fn a_server_on_this_host_is_asked_in_clear() {
    internet(|net| async move {
        net.resolv_conf("nameserver 127.0.0.1\n");
        // Loopback is not the wire, so only the server knows the connections.
        let here = net.name_server("127.0.0.1").tls(certificate());
        let by = SocketAddr::new(here.ip(), 53);
        assert_eq!(connect_by(net, &net.connector(), "one.test", 0).await, (UDP, by));
        assert_eq!(net.tls_connections(here).len(), 0);
        // It speaks TLS if the caller chose it.
        let chosen = Connector::new(opportunistic(here));
        assert_eq!(connect(net, &chosen, "two.test", 0).await, TLS);
        assert_eq!(net.tls_connections(here).len(), 1);
    });
}
