//! Connections that a server or a NAT ends, with and without notice. No question is lost.

use he::dns::Resolver;
use he_testnet::{Goodbye, NameServer, Net, Over, internet};

use crate::support::dot::{
    RTT, TLS, certificate, connect, connections, ended, lookup_all, names, opportunistic, patient,
    server, tls_port,
};

/// A flag for each connection, in their order: true if it resumed a session.
fn resumed(net: Net, server: NameServer) -> Vec<bool> {
    net.tls_connections(server).iter().map(|connection| connection.resumed).collect()
}

/// The next question after the end costs a new connection, which resumes the session.
fn an_idle_end(goodbye: Goodbye) {
    internet(move |net| async move {
        let server = server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        server.tls_closes_idle(0, goodbye);
        ended(net, server, 1).await;
        net.pass(RTT).await;
        server.tls_recovers();
        assert_eq!(connect(net, &connector, "two.test", 3 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "three.test", RTT).await, TLS);
        assert_eq!(resumed(net, server), [false, true]);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-7858-3.4b, R-7858-3.4c, R-8310-9a
fn an_idle_connection_that_the_server_closes_costs_a_reconnect() {
    an_idle_end(Goodbye::Notify);
}

#[test] // R-7858-3.4b, R-7858-3.4c
fn an_idle_connection_that_ends_without_a_word_costs_a_reconnect() {
    an_idle_end(Goodbye::Fin);
}

#[test] // R-7858-3.4b, R-7858-3.4c
fn an_idle_connection_that_is_reset_costs_a_reconnect() {
    an_idle_end(Goodbye::Reset);
}

#[test] // R-7858-3.4c: that saves TLS 1.2 a round trip
fn a_session_of_tls_1_2_is_resumed() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).tls12();
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 4 * RTT).await, TLS);
        server.tls_closes_idle(0, Goodbye::Notify);
        ended(net, server, 1).await;
        net.pass(RTT).await;
        server.tls_recovers();
        assert_eq!(connect(net, &connector, "two.test", 3 * RTT).await, TLS);
        assert_eq!(resumed(net, server), [false, true]);
    });
}

#[test] // R-7858-3.4c
fn a_server_without_tickets_costs_whole_handshakes() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).tls_without_tickets();
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        server.tls_closes_idle(0, Goodbye::Notify);
        ended(net, server, 1).await;
        net.pass(RTT).await;
        server.tls_recovers();
        assert_eq!(connect(net, &connector, "two.test", 3 * RTT).await, TLS);
        assert_eq!(resumed(net, server), [false, false]);
    });
}

/// A short round-trip time, in milliseconds. Fifty questions do not fit into the first flight of a
/// TCP connection, and with this round-trip time another flight costs next to nothing.
const NEAR: u64 = 2;

fn near(net: Net) -> NameServer {
    let server = server(net).tls(certificate());
    server.host().rtt(NEAR);
    server
}

/// A resolver with a connection over which an answer came.
async fn warm(net: Net, server: NameServer) -> Resolver {
    let resolver = opportunistic(server);
    let all = lookup_all(net, &resolver, &names(net, "first", 1, 0)).await;
    assert_eq!(all, [TLS]);
    resolver
}

/// 50 questions are open when the connection ends, at the last of them.
fn an_end_in_the_middle(goodbye: Goodbye) {
    internet(move |net| async move {
        let server = near(net).tls_for_first(1);
        let resolver = warm(net, server).await;
        // The server holds its answers back.
        server.tls_shuffles(100).tls_closes_at_question(51, goodbye);
        let all = lookup_all(net, &resolver, &names(net, "name", 50, 0)).await;
        // The client sees the end after a round trip; then come TCP, TLS and the answer.
        net.assert_returned(NEAR + 2 * NEAR + NEAR);
        assert_eq!(all, vec![TLS; 50]);
        assert_eq!((resumed(net, server), connections(net)), (vec![false, true], vec![0, 1]));
        assert!(net.asked().len() == 1 + 50 + 50 || net.was_late_by(30), "{}", net.asked().len());
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-7858-3.4b, R-7858-3.4c
fn a_connection_closed_under_50_questions_loses_none() {
    an_end_in_the_middle(Goodbye::Notify);
}

#[test] // R-7858-3.4b, R-7858-3.4c
fn a_connection_that_ends_without_a_word_under_50_questions_loses_none() {
    an_end_in_the_middle(Goodbye::Fin);
}

#[test] // R-7858-3.4b, R-7858-3.4c
fn a_connection_reset_under_50_questions_loses_none() {
    an_end_in_the_middle(Goodbye::Reset);
}

#[test] // R-7858-3.4b: at the first question on the first connection
fn a_cold_connection_that_ends_at_its_first_question_costs_a_reconnect() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        server.tls_closes_at_question(1, Goodbye::Reset).tls_for_first(1);
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 6 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(connections(net), [0, 1]);
    });
}

#[test] // R-7858-3.4b
fn a_server_that_closes_after_each_answer_loses_no_question() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).tls_closes_after(1, Goodbye::Notify);
        let resolver = opportunistic(server);
        let all = lookup_all(net, &resolver, &names(net, "name", 10, 0)).await;
        assert_eq!(all, vec![TLS; 10]);
        assert_eq!(net.tls_connections(server).len(), 10);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-7858-3.4b
fn a_connection_that_a_nat_has_forgotten_costs_250_ms_and_a_reconnect() {
    internet(|net| async move {
        let server = server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        server.tls_forgets();
        assert_eq!(connect(net, &connector, "two.test", 250 + 3 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "three.test", RTT).await, TLS);
        assert_eq!(resumed(net, server), [false, true]);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-7858-3.4b
fn a_nat_that_forgets_under_50_questions_loses_none() {
    internet(|net| async move {
        let server = near(net);
        let resolver = warm(net, server).await;
        server.tls_forgets();
        let all = lookup_all(net, &resolver, &names(net, "name", 50, 0)).await;
        net.assert_returned(250 + 3 * NEAR);
        assert_eq!(all, vec![TLS; 50]);
        assert_eq!((resumed(net, server), connections(net)), (vec![false, true], vec![0, 1]));
        assert_eq!(net.log().starts_to(tls_port(server)).len(), 1);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-7858-3.4b: half of the answers have come
fn a_nat_that_forgets_between_two_answers_loses_no_question() {
    internet(|net| async move {
        let server = near(net);
        server.tls_forgets_after(26).tls_for_first(1);
        let resolver = warm(net, server).await;
        let all = lookup_all(net, &resolver, &names(net, "name", 50, 0)).await;
        // Silence counts from the last answer.
        net.assert_returned(NEAR + 250 + 3 * NEAR);
        assert_eq!(all, vec![TLS; 50]);
        assert_eq!(resumed(net, server), [false, true]);
        assert!(net.asked().iter().all(|asked| matches!(asked.over, Over::Tls { .. })));
    });
}
