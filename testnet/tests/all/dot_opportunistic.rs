//! The system's resolver and a name server whose DNS over TLS does not work. The first call pays
//! for it, and the second one pays nothing.

use std::ops::RangeInclusive;

use he::{Connector, Origin};
use he_testnet::{Goodbye, NameServer, Over, internet, words};

use crate::support::dot::{
    Came, DRAINED, RTT, TLS, certificate, connect, connect_on_time, patient, plaintext, secured,
    server, server_at, tls_port,
};

// TCP, TLS and the answer take a round trip each.
#[test] // R-8310-5a, R-8310-5c, R-7858-3.1b
fn where_tls_works_no_query_leaves_in_clear() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let connector = net.connector();
        let came = connect_on_time(net, &connector, "one.test", 3 * RTT, 20).await;
        let Some(came) = came else { return };
        assert_eq!(came, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

// D18: it is asked in plaintext at once, and over TLS as soon as that is connected.
#[test] // R-8310-5a, R-8310-5c
fn a_private_server_costs_a_round_trip_and_has_tls_for_the_second_question() {
    internet(|net| async move {
        net.resolv_conf("nameserver 10.0.0.53\n");
        let server = server_at(net, "10.0.0.53").tls(certificate());
        let connector = net.connector();
        let came = connect(net, &connector, "one.test", RTT).await;
        assert_eq!(came, plaintext("TLS was not up in time"));
        secured(net, server, 1).await;
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

#[test] // R-8310-5c
fn a_private_server_that_drops_port_853_costs_nothing() {
    internet(|net| async move {
        net.resolv_conf("nameserver 192.168.1.1\n");
        server_at(net, "192.168.1.1").tls(certificate()).tls_silent();
        let connector = net.connector();
        for name in ["one.test", "two.test"] {
            let came = connect(net, &connector, name, RTT).await;
            assert_eq!(came, plaintext("TLS was not up in time"));
        }
    });
}

/// The first call's answer comes in plaintext after `first` ms, for one of these reasons. What
/// becomes of one name says little about the port, so that is asked the neutral question (N-17). Once
/// that is over, this many connections have been made, and the second call takes one round trip in
/// plaintext.
fn ill_for(
    connector: fn() -> Connector,
    ill: impl FnOnce(NameServer) -> NameServer,
    first: u64,
    reasons: &'static [&'static str],
    cost: RangeInclusive<usize>,
) {
    internet(move |net| async move {
        let connector = connector();
        let server = ill(server(net).tls(certificate()));
        let came = connect(net, &connector, "one.test", first).await;
        assert!(reasons.iter().any(|why| came == plaintext(why)), "{came:?}");
        net.pass(DRAINED).await;
        let connections = net.tls_connections(server).len();
        assert!(cost.contains(&connections), "{connections} connections");
        let came = connect(net, &connector, "two.test", RTT).await;
        assert!(came.origin == Origin::Udp && came.why.is_some(), "{came:?}");
        assert_eq!(net.tls_connections(server).len(), connections, "it is left alone");
        assert_eq!(net.log().starts_to(tls_port(server)).len(), 0);
    });
}

/// The same with one reason, and a head start that does not end before.
fn ill(ill: impl FnOnce(NameServer) -> NameServer, first: u64, why: &'static str) {
    ill_for(patient, ill, first, Vec::leak(vec![why]), 0..=2);
}

/// The same for connections that end at each question: there are two for the question, and two for
/// the neutral one. There are more if the questions for AAAA and A do not share them.
fn ends_at_each_question(ill: impl FnOnce(NameServer) -> NameServer, why: &'static str) {
    ill_for(patient, ill, 7 * RTT, Vec::leak(vec![why]), 4..=6);
}

/// The same, with the default head start, which ends first.
fn late(ill: impl FnOnce(NameServer) -> NameServer, first: u64) {
    ill_for(Connector::default, ill, first, &["TLS was not up in time"], 0..=2);
}

// In the bug for which this crate was written, that cost 15 s and gave no address.
#[test] // R-8310-5c, R-7858-3.1d
fn a_network_that_drops_port_853_costs_the_head_start_once() {
    late(NameServer::tls_silent, 50 + RTT);
}

#[test] // R-8310-5c, R-7858-3.1d
fn a_port_853_that_accepts_and_is_mute_costs_the_head_start_and_a_round_trip_once() {
    late(NameServer::tls_mute, 50 + 2 * RTT);
}

#[test] // R-8310-5c, R-7858-3.1d
fn a_closed_port_853_costs_a_round_trip_once() {
    ill(NameServer::tls_closed, 2 * RTT, "connection refused");
}

#[test] // R-8310-5c, R-7858-3.1c, R-7858-3.1d
fn garbage_at_port_853_costs_two_round_trips_once() {
    let why = "no TLS: received corrupt message of type InvalidContentType";
    ill(NameServer::tls_garbage, 3 * RTT, why);
}

#[test] // R-8310-5c, R-7858-3.1d: FIN, or RST if the ClientHello arrived first
fn a_port_853_that_accepts_and_closes_costs_two_round_trips_once() {
    let reasons = &["closed during the TLS handshake", "connection reset"];
    ill_for(patient, NameServer::tls_accepts_then_closes, 3 * RTT, reasons, 0..=2);
}

const BAD_SIGNATURE: &str = "bad signature: by another key than the certificate's";

#[test] // R-8310-5c: without authentication the signature is still checked
fn a_certificate_without_its_key_is_no_tls_1_3() {
    ill(|server| server.tls13().tls_without_key(), 3 * RTT, BAD_SIGNATURE);
}

#[test] // R-8310-5c
fn a_certificate_without_its_key_is_no_tls_1_2() {
    ill(|server| server.tls12().tls_without_key(), 3 * RTT, BAD_SIGNATURE);
}

#[test] // R-8310-5c, N-17
fn a_refusal_over_tls_costs_three_round_trips_once() {
    ill(NameServer::tls_refuses, 4 * RTT, "REFUSED over TLS");
}

#[test] // R-8310-5c, N-17
fn a_server_that_shakes_hands_and_never_answers_costs_250_ms_once() {
    ill(NameServer::tls_never, 250 + 3 * RTT, "TLS is up and silent");
}

#[test] // R-7858-3.3c, N-17: another connection does no better
fn answers_with_a_wrong_id_cost_four_connections_once() {
    ends_at_each_question(NameServer::tls_wrong_id, "an answer to no question");
}

#[test] // R-7858-3.3c, N-17
fn answers_to_another_question_cost_three_round_trips_once() {
    ill(NameServer::tls_wrong_question, 4 * RTT, "an answer to another question");
}

#[test] // R-7858-3.4b, N-17: another connection does no better
fn a_server_that_closes_at_each_question_costs_four_connections_once() {
    ends_at_each_question(
        |it| it.tls_closes_at_question(1, Goodbye::Notify),
        "closed by the server",
    );
}

#[test] // R-7858-3.4b, N-17
fn a_server_that_ends_at_each_question_without_a_word_costs_four_connections_once() {
    ends_at_each_question(|it| it.tls_closes_at_question(1, Goodbye::Fin), "closed by the server");
}

#[test] // R-7858-3.4b, N-17
fn a_server_that_resets_at_each_question_costs_four_connections_once() {
    ends_at_each_question(|it| it.tls_closes_at_question(1, Goodbye::Reset), "connection reset");
}

#[test] // R-8310-5c: the server would give the same answer in plaintext
fn servfail_over_tls_is_told_and_not_asked_again_in_clear() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).tls_servfail();
        net.dns("www.test").aaaa([net.host("2001:db8::1")]);
        let connector = patient();
        let error = net.call(connector.connect("www.test", 443)).await.unwrap_err();
        net.assert_starts(&[]);
        net.assert_returned(3 * RTT);
        assert_eq!(words(error.report()), ["AAAA: server failure", "A: server failure"]);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
        // The port works: the next question goes over the same connection.
        server.tls_recovers();
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

#[test]
fn where_53_is_silent_as_well_the_error_says_so_and_nothing_is_remembered() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).dead();
        net.dns("www.test").aaaa([net.host("2001:db8::1")]);
        let config = he::Config::new().with_resolve_timeout(std::time::Duration::from_millis(450));
        let config = config.with_resolve_retries(1);
        let connector = net.connector().with_config(config);
        let error = net.call(connector.connect("www.test", 443)).await.unwrap_err();
        // The time of the lookup, less the 5 ms by which the resolver ends before the race.
        net.assert_returned(445);
        assert_eq!(words(error.report()), ["AAAA: no answer", "A: no answer"]);
        assert!(error.to_string().contains("192.0.2.53:53"), "{error}");
        // The SYN that the kernel repeats after a second finds an open port.
        server.host().reachable();
        let came = connect(net, &connector, "one.test", RTT).await;
        assert_eq!(came, plaintext("TLS was not up in time"));
        net.pass(600).await;
        secured(net, server, 1).await;
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

#[test] // R-8310-5c
fn where_853_is_dropped_and_udp_as_well_tcp_is_the_way() {
    internet(|net| async move {
        server(net).tls(certificate()).tls_silent().udp_silent();
        let connector = net.connector();
        let came = connect(net, &connector, "one.test", 50 + 250 + 2 * RTT).await;
        let tcp = Came { origin: Origin::Tcp, ..plaintext("TLS was not up in time") };
        assert_eq!(came, tcp);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, tcp);
        assert!(net.asked().iter().all(|asked| asked.over == Over::Tcp));
    });
}
