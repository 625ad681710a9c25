//! Opportunistic TLS: the handshakes that are accepted, and those that are late.

use std::time::Duration;

use he::Connector;
use he::dns::Resolver;
use he_testnet::{Authority, Certificate, NameServer, Net, internet};

use crate::support::dot::{
    RTT, TLS, certificate, connect, connect_on_time, patient, plaintext, secured, server,
};

const NAMES: [&str; 2] = ["dns.test", "192.0.2.53"];

/// The resolver authenticates no server, so any certificate will do.
fn is_taken(certificate: impl FnOnce() -> Certificate) {
    internet(|net| async move {
        server(net).tls(certificate());
        assert_eq!(connect(net, &patient(), "www.test", 3 * RTT).await, TLS);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-8310-5c
fn an_expired_certificate_is_taken() {
    is_taken(|| Authority::new().issue_expired(&NAMES));
}

#[test] // R-8310-5c
fn a_self_signed_certificate_is_taken() {
    is_taken(|| Certificate::self_signed(&NAMES));
}

#[test] // R-8310-5c
fn a_certificate_for_another_name_is_taken() {
    is_taken(|| Authority::new().issue(&["other.test"]));
}

/// TCP, TLS and the answer take a round trip each. TLS 1.2 takes one more.
fn takes(version: impl FnOnce(NameServer) -> NameServer, round_trips: u64, tls13: bool) {
    internet(move |net| async move {
        let server = version(server(net).tls(certificate()));
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", round_trips * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        let seen = net.tls_connections(server);
        assert_eq!((seen.len(), seen[0].tls13), (1, tls13));
    });
}

#[test] // R-7858-8
fn tls_1_3_takes_a_round_trip() {
    takes(NameServer::tls13, 3, true);
}

#[test] // R-7858-8
fn tls_1_2_takes_two_round_trips() {
    takes(NameServer::tls12, 4, false);
}

#[test] // R-7858-8: no name is configured
fn a_hello_says_neither_a_name_nor_a_protocol() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        connect(net, &patient(), "www.test", 3 * RTT).await;
        let hello = net.tls_connections(server)[0].hello.clone().unwrap();
        assert_eq!((hello.name, hello.alpn.len()), (None, 0));
    });
}

const LATE: &str = "TLS was not up in time";

/// TCP is connected in time, and TLS is so late that the first question is sent in plaintext. The
/// questions after it use that same connection.
async fn a_late_handshake_serves_later_queries(net: Net, late: u64) {
    let server = server(net).tls(certificate()).tls_handshake_after(late);
    let connector = net.connector();
    let came = connect_on_time(net, &connector, "one.test", RTT + 50 + RTT, 10).await;
    let Some(came) = came else { return };
    assert_eq!(came, plaintext(LATE));
    secured(net, server, 1).await;
    net.pass(RTT).await;
    assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
    assert_eq!(net.tls_connections(server).len(), 1);
}

#[test] // R-8310-5c
fn a_handshake_that_takes_60_ms_serves_the_queries_after_the_first() {
    internet(|net| a_late_handshake_serves_later_queries(net, 60));
}

#[test] // R-8310-5c
fn a_handshake_that_takes_300_ms_serves_the_queries_after_it() {
    internet(|net| a_late_handshake_serves_later_queries(net, 300));
}

#[test] // R-8310-5c: the head start counts from the connection's start, not from each query
fn queries_while_a_handshake_is_late_do_not_wait() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).tls_handshake_after(600);
        let connector = net.connector();
        assert_eq!(connect(net, &connector, "one.test", 50 + 2 * RTT).await, plaintext(LATE));
        assert_eq!(connect(net, &connector, "two.test", RTT).await, plaintext(LATE));
        assert_eq!(connect(net, &connector, "three.test", RTT).await, plaintext(LATE));
        secured(net, server, 1).await;
        net.pass(RTT).await;
        assert_eq!(connect(net, &connector, "four.test", RTT).await, TLS);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

#[test] // R-8310-5c: up to 50 ms for TCP, and again for TLS
fn a_handshake_on_a_way_of_40_ms_is_in_time() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        server.host().rtt(40);
        let came = connect_on_time(net, &net.connector(), "www.test", 3 * 40, 5).await;
        let Some(came) = came else { return };
        assert_eq!(came, TLS);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-8310-5c
fn on_a_way_of_80_ms_the_first_query_leaves_after_the_head_start() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        server.host().rtt(80);
        let connector = net.connector();
        let came = connect_on_time(net, &connector, "one.test", 50 + 80, 20).await;
        let Some(came) = came else { return };
        assert_eq!(came, plaintext(LATE));
        secured(net, server, 1).await;
        net.pass(80).await;
        assert_eq!(connect(net, &connector, "two.test", 80).await, TLS);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

#[test] // R-8310-5c
fn the_head_start_can_be_set() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).tls_handshake_after(150);
        let patient = Resolver::system().with_plain_delay(Duration::from_millis(400));
        assert_eq!(connect(net, &Connector::new(patient), "one.test", 150 + 3 * RTT).await, TLS);
        let hasty = Connector::new(Resolver::system().with_plain_delay(Duration::ZERO));
        assert_eq!(connect(net, &hasty, "two.test", RTT).await, plaintext(LATE));
        secured(net, server, 2).await;
    });
}
