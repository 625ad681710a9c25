//! A dead port 853: for how long and for which calls it is remembered, and the warnings about it.

use std::time::{Duration, Instant};

use he::{Connector, SocketOptions};
use he_test_support::notes::Notes;
use he_testnet::{Asked, Goodbye, Home, NameServer, Net, internet, internet_at, internet_for};
use tracing::Level;

use crate::support::dot::{
    DRAINED, RTT, TLS, certificate, connect, ended, opportunistic, patient, plaintext, server,
    server_at, tls_port,
};

const REFUSED: &str = "connection refused";

/// A server whose port 853 is closed, which the connector has found out.
async fn closed(net: Net, connector: &Connector) -> NameServer {
    let server = server(net).tls(certificate()).tls_closed();
    assert_eq!(connect(net, connector, "first.test", 2 * RTT).await, plaintext(REFUSED));
    assert_eq!(connect(net, connector, "again.test", RTT).await, plaintext(REFUSED));
    assert_eq!(net.log().starts_to(tls_port(server)).len(), 0);
    server
}

/// The number of neutral questions to this server.
fn neutral(net: Net, server: NameServer) -> usize {
    let is_neutral =
        |it: &Asked| it.server == server.ip() && it.name.is_empty() && it.over.is_tls();
    net.asked().into_iter().filter(is_neutral).count()
}

// A port is probed by the neutral question: a name may be a stranger's choice (N-17).
// The unit tests beside the code cover the schedule after the first 10 s.
#[test] // R-7858-3.1d, C-DOTNEG, N-17
fn a_dead_853_is_left_alone_for_10_s_then_probed_while_the_query_does_not_wait() {
    internet_for(Duration::from_secs(60), |net| async move {
        let refusing = server(net).tls(certificate()).tls_closed();
        let useless = server_at(net, "192.0.2.1").tls(certificate()).tls_never();
        let connectors = [refusing, useless].map(|it| (it, Connector::new(opportunistic(it))));
        let began = Instant::now();
        let whys = [REFUSED, "TLS is up and silent"];
        let costs = [2 * RTT, 250 + 3 * RTT];
        for (((server, connector), why), cost) in connectors.iter().zip(whys).zip(costs) {
            let came = connect(net, connector, &format!("{}.first.test", server.ip()), cost).await;
            assert_eq!(came, plaintext(why));
        }
        net.pass(9_000).await;
        if began.elapsed() < Duration::from_secs(10) {
            for ((server, connector), why) in connectors.iter().zip(whys) {
                let name = format!("{}.then.test", server.ip());
                assert_eq!(connect(net, connector, &name, RTT).await, plaintext(why));
                assert_eq!(net.log().starts_to(tls_port(*server)).len(), 0);
            }
        }
        let both = [refusing, useless].map(NameServer::tls_recovers);
        // The silent server got a second for the neutral question before its port counted as dead.
        net.pass(5_500).await;
        for ((server, connector), why) in connectors.iter().zip(whys) {
            let name = |stem: &str| format!("{}.{stem}.test", server.ip());
            let before = neutral(net, *server);
            assert_eq!(connect(net, connector, &name("probe"), RTT).await, plaintext(why));
            net.sees("the probe", |_| neutral(net, *server) > before).await;
            net.pass(2 * RTT).await;
            assert_eq!(connect(net, connector, &name("last"), RTT).await, TLS);
        }
        // The probe of the silent server uses the connection that is open from before.
        assert_eq!(both.map(|server| net.tls_connections(server).len()), [1, 2]);
    });
}

#[test] // R-7858-3.1d
fn a_changed_network_may_have_an_open_853() {
    internet(|net| async move {
        let connector = patient();
        let server = closed(net, &connector).await.tls_open();
        assert_eq!(connect(net, &connector, "one.test", RTT).await, plaintext(REFUSED));
        connector.network_changed();
        assert_eq!(connect(net, &connector, "two.test", 3 * RTT).await, TLS);
        assert_eq!(net.tls_connections(server).len(), 1);
    });
}

#[test] // R-7858-3.1d
fn a_changed_resolv_conf_may_speak_of_an_open_853() {
    internet(|net| async move {
        let connector = patient();
        closed(net, &connector).await.tls_open();
        net.resolv_conf("nameserver 192.0.2.53\nsearch another.test\n");
        net.pass(100).await; // until the resolver looks at it
        assert_eq!(connect(net, &connector, "two.test", 3 * RTT).await, TLS);
    });
}

#[test] // R-7858-3.1d
fn from_another_local_address_853_may_be_open() {
    internet(|net| async move {
        let connector = patient();
        closed(net, &connector).await.tls_open();
        net.ip("addr add 203.0.113.88/32 dev he0");
        net.ip("route replace 0.0.0.0/0 dev he0 src 203.0.113.88");
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        net.ip("route replace 0.0.0.0/0 dev he0 src 203.0.113.77");
        assert_eq!(connect(net, &connector, "two.test", RTT).await, plaintext(REFUSED));
    });
}

#[test] // R-7858-3.1d
fn by_another_interface_853_may_be_open() {
    let home = Home::dual_stack()
        .with_second_v4()
        .with_second_v6()
        .and("route add ::/0 dev he1 metric 9999")
        .and("route add 0.0.0.0/0 dev he1 metric 9999");
    internet_at(home, |net| async move {
        let connector = patient();
        closed(net, &connector).await.tls_open();
        let beside =
            connector.clone().with_socket_options(SocketOptions::default().with_interface("he1"));
        assert_eq!(connect(net, &beside, "one.test", 3 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, plaintext(REFUSED));
    });
}

#[test] // R-8310-6.5
fn a_server_that_had_tls_and_lost_it_is_a_warning_once() {
    internet(|net| async move {
        let warnings = Notes::new(Level::WARN);
        let _guard = tracing::subscriber::set_default(warnings.clone());
        let server = server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 3 * RTT).await, TLS);
        server.tls_closes_idle(0, Goodbye::Fin).tls_closed();
        ended(net, server, 1).await;
        net.pass(RTT).await;
        assert_eq!(warnings.lines(), [""; 0]);
        assert_eq!(connect(net, &connector, "two.test", 2 * RTT).await, plaintext(REFUSED));
        assert_eq!(connect(net, &connector, "three.test", RTT).await, plaintext(REFUSED));
        let expected = "had TLS before, and is asked unencrypted server=192.0.2.53:53 \
                        why=connection refused";
        assert_eq!(warnings.lines(), [expected]);
    });
}

#[test] // N-17
fn a_server_without_tls_is_no_warning() {
    internet(|net| async move {
        let warnings = Notes::new(Level::WARN);
        let _guard = tracing::subscriber::set_default(warnings.clone());
        server(net).tls(certificate()).tls_never();
        let connector = patient();
        let silent = plaintext("TLS is up and silent");
        assert_eq!(connect(net, &connector, "one.test", 250 + 3 * RTT).await, silent);
        net.pass(DRAINED).await;
        assert_eq!(connect(net, &connector, "two.test", RTT).await, silent);
        assert_eq!(warnings.lines(), [""; 0]);
    });
}
