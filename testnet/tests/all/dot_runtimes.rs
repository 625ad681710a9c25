//! Several tokio runtimes in one process. Each has connections of its own, and they share what the
//! resolver knows about the ports of a server.

use he::Connector;
use he_testnet::{NameServer, Net, Over, internet};
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;

use crate::support::dot::{
    RTT, TLS, aaaa, came, certificate, connect, connections, patient, plaintext, server, tls_port,
};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Another runtime, which has connected over TLS and is no longer polled.
async fn left_with_a_connection(net: Net, connector: &Connector) -> Runtime {
    net.dns("other.test").aaaa([net.host("2001:db8::1").rtt(20)]);
    let connector = connector.clone();
    let other = spawn_blocking(move || {
        let runtime = runtime();
        let connecting = connector.connect_with("other.test", 443, he::Attempt::connect);
        let established = runtime.block_on(connecting).unwrap();
        assert_eq!(came(aaaa(&established.report)), TLS);
        runtime
    });
    let other = other.await.unwrap();
    net.let_go(net.host("2001:db8::1")).await;
    other
}

/// Another runtime, which is no longer polled once `seen` is true.
async fn left_in_the_middle(
    net: Net,
    connector: &Connector,
    seen: impl Fn() -> bool + Send + 'static,
) -> Runtime {
    net.dns("other.test").aaaa([net.host("2001:db8::1").rtt(20)]).never();
    let connector = connector.clone();
    let begun = spawn_blocking(move || {
        let runtime = runtime();
        runtime.spawn(async move { connector.connect("other.test", 443).await });
        runtime.block_on(net.sees("how far it got", |_| seen()));
        runtime
    });
    begun.await.unwrap()
}

#[test]
fn each_runtime_has_a_connection_of_its_own() {
    internet(|net| async move {
        let (server, connector) = (server(net).tls(certificate()), patient());
        let other = left_with_a_connection(net, &connector).await;
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(connections(net), [0, 1]);
        // Sessions are not shared either.
        assert!(!net.tls_connections(server)[1].resumed);
        other.shutdown_background();
    });
}

#[test]
fn a_runtime_that_is_gone_takes_no_connection_of_another_with_it() {
    internet(|net| async move {
        server(net).tls(certificate());
        let connector = patient();
        let other = left_with_a_connection(net, &connector).await;
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        other.shutdown_background();
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
        assert_eq!(connections(net), [0, 1]);
    });
}

#[test]
fn a_runtime_that_nobody_drives_in_the_middle_of_a_question_holds_up_no_other() {
    internet(|net| async move {
        server(net).tls(certificate());
        let connector = patient();
        let other = left_in_the_middle(net, &connector, move || net.asked().len() == 2).await;
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        assert_eq!(connections(net), [0, 1]);
        other.shutdown_background();
    });
}

#[test]
fn a_runtime_that_nobody_drives_in_the_middle_of_a_handshake_holds_up_no_other() {
    internet(|net| async move {
        let server = server(net).tls(certificate()).tls_handshake_after(150).tls_for_first(1);
        let connector = patient();
        let hello = move || net.tls_connections(server).iter().any(|it| it.hello.is_some());
        let other = left_in_the_middle(net, &connector, hello).await;
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        assert_eq!(connections(net), [1]);
        other.shutdown_background();
    });
}

/// One runtime finds out about the port, which then costs another one nothing.
fn is_known_to_all(ill: impl FnOnce(NameServer) -> NameServer, first: u64, why: &'static str) {
    internet(move |net| async move {
        let server = ill(server(net).tls(certificate()));
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", first).await, plaintext(why));
        net.dns("two.test").aaaa([net.host("2001:db8::1").rtt(20)]);
        let call = spawn_blocking({
            let connector = connector.clone();
            move || {
                let connecting = connector.connect_with("two.test", 443, he::Attempt::connect);
                runtime().block_on(connecting)
            }
        });
        let established = net.call(async { call.await.unwrap() }).await.unwrap();
        assert_eq!(came(aaaa(&established.report)), plaintext(why));
        assert_eq!(net.log().starts_to(tls_port(server)).len(), 0);
        assert!(net.asked().iter().rev().take(2).all(|asked| asked.over == Over::Udp));
    });
}

#[test] // R-7858-3.1d
fn a_closed_853_is_known_to_all_runtimes() {
    is_known_to_all(NameServer::tls_closed, 2 * RTT, "connection refused");
}

#[test] // R-7858-3.1d
fn a_refusal_over_tls_is_known_to_all_runtimes() {
    is_known_to_all(NameServer::tls_refuses, 4 * RTT, "REFUSED over TLS");
}
