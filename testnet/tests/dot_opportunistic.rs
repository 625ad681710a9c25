//! The system's resolver on networks that do and do not let DNS over TLS pass.

#![cfg(target_os = "linux")]

use he::{Connector, LookupOutcome, Origin, Report};
use he_testnet::{Authority, Certificate, NAME_SERVER_V4, NameServer, Net, internet};

/// The name server is so far away, in milliseconds.
const RTT: u64 = 10;

fn certificate() -> Certificate {
    Authority::new().issue(&["dns.test"])
}

fn server(net: Net) -> NameServer {
    let server = net.name_server(&NAME_SERVER_V4.to_string());
    server.host().rtt(RTT);
    server
}

/// How the AAAA answer came, and why in clear.
fn origin(report: &Report) -> (Origin, Option<String>) {
    match report.lookups()[0].outcome() {
        LookupOutcome::Answered(answer) => (answer.origin(), answer.in_clear().map(str::to_owned)),
        other => panic!("{other:?}"),
    }
}

/// A connect to a name that nobody has asked for, whose attempt starts `at` ms after the call.
async fn connect(net: Net, connector: &Connector, name: &str, at: u64) -> (Origin, Option<String>) {
    let v6 = net.host("2001:db8::1").rtt(20);
    net.dns(name).aaaa([v6]);
    let established = connector.connect_with(name, &[443], he::Attempt::connect);
    let established = net.call(established).await.unwrap();
    net.assert_starts(&[(v6, at)]);
    net.assert_returned(at + 20);
    drop(established.stream);
    net.let_go(v6).await;
    origin(&established.report)
}

fn in_clear(why: &str) -> (Origin, Option<String>) {
    (Origin::Udp, Some(why.to_owned()))
}

const TLS: (Origin, Option<String>) = (Origin::Tls, None);

// TCP, TLS and the answer take a round trip each.
#[test] // R-8310-5a, R-8310-5c, R-7858-3.1b
fn where_tls_works_no_query_leaves_in_clear() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let connector = net.connector();
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

/// The first connect finds out, after `first` ms; the second one takes a query in clear.
fn ill(ill: impl FnOnce(NameServer) -> NameServer, first: u64, why: &'static str) {
    internet(move |net| async move {
        ill(server(net).tls(certificate()));
        let connector = net.connector();
        assert_eq!(connect(net, &connector, "one.test", first).await, in_clear(why));
        let (origin, why) = connect(net, &connector, "two.test", RTT).await;
        assert!(origin == Origin::Udp && why.is_some(), "{why:?}");
    });
}

// The bug that this crate was written for: 15 s, and no address.
#[test]
fn a_network_that_drops_port_853_costs_the_head_start_once() {
    ill(NameServer::tls_silent, 50 + RTT, "TLS was not up in time");
}

#[test]
fn a_port_853_that_accepts_and_is_mute_costs_the_head_start_and_a_round_trip_once() {
    ill(NameServer::tls_mute, 50 + 2 * RTT, "TLS was not up in time");
}

#[test]
fn a_closed_port_853_costs_a_round_trip_once() {
    ill(NameServer::tls_closed, 2 * RTT, "connection refused");
}

#[test]
fn garbage_at_port_853_costs_two_round_trips_once() {
    ill(
        NameServer::tls_garbage,
        3 * RTT,
        "no TLS: received corrupt message of type InvalidContentType",
    );
}

#[test]
fn a_refusal_over_tls_costs_three_round_trips_once() {
    ill(NameServer::tls_refuses, 4 * RTT, "REFUSED over TLS");
}

#[test]
fn a_server_that_shakes_hands_and_never_answers_costs_250_ms_once() {
    ill(NameServer::tls_never, 250 + 3 * RTT, "TLS is up and silent");
}
