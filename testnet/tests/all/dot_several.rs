//! Several name servers that may have DNS over TLS, some of which fail; name servers with IPv6 and
//! link-local addresses.

use std::net::{IpAddr, SocketAddr};

use he::dns::Resolver;
use he::{Connector, Origin};
use he_testnet::{Home, NAME_SERVER_V6, NameServer, Net, internet, internet_at};

use crate::support::dot::{
    Came, PATIENCE, RTT, TLS, certificate, connect, connect_by, patient, plaintext, server,
    server_at,
};

const FIRST: &str = "192.0.2.1";
const TWO: &str = "nameserver 192.0.2.1\nnameserver 192.0.2.53\n";

/// Two servers with TLS, the first of which has a fault.
fn two(net: Net, ill: impl FnOnce(NameServer) -> NameServer) -> [NameServer; 2] {
    net.resolv_conf(TWO);
    [ill(server_at(net, FIRST).tls(certificate())), server(net).tls(certificate())]
}

/// The number of questions to this server.
fn asked(net: Net, server: NameServer) -> usize {
    net.asked().iter().filter(|asked| asked.server == server.ip()).count()
}

/// Asserts the reason for plaintext of the last call's answer. If the first server is silent over
/// TLS, its plaintext question leaves only 10 ms before the answer of the second one comes, and the
/// reason is there a moment before the packet.
fn assert_reason(net: Net, came: &Came, why: Option<&'static str>) {
    let has_left = net.log().sent_to_port(53) > 0;
    assert!(has_left == why.is_some() || net.was_late_by(5), "{}", net.log());
    if has_left || came.why.is_some() {
        assert_eq!(came.why.as_deref(), why);
    }
}

/// The second server answers over TLS after `at` ms, and the next call asks no other.
fn the_second_takes_over(
    ill: impl FnOnce(NameServer) -> NameServer,
    at: u64,
    why: Option<&'static str>,
) {
    internet(move |net| async move {
        let [first, second] = two(net, ill);
        let (connector, by) = (patient(), SocketAddr::new(second.ip(), 853));
        let (came, server) = connect_by(net, &connector, "one.test", at).await;
        assert_eq!((came.origin, server), (Origin::Tls, by));
        assert_reason(net, &came, why);
        let before = asked(net, first);
        assert_eq!(connect_by(net, &connector, "two.test", RTT).await, (TLS, by));
        assert_eq!(asked(net, first), before);
        assert_eq!(net.tls_connections(second).len(), 1);
    });
}

#[test] // R-8305-3.1b
fn a_dead_first_server_costs_250_ms_once() {
    the_second_takes_over(NameServer::dead, 250 + 3 * RTT, None);
}

#[test] // R-8305-3.1b
fn a_first_server_that_answers_nothing_costs_250_ms_once() {
    the_second_takes_over(NameServer::never, 250 + 3 * RTT, Some("TLS is up and silent"));
}

#[test] // R-8305-3.1b
fn a_first_server_that_takes_1200_ms_costs_250_ms_once() {
    the_second_takes_over(|server| server.after(1200), 250 + 3 * RTT, Some("TLS is up and silent"));
}

#[test] // R-8305-3.1b
fn a_first_server_that_fails_costs_what_its_answer_takes_once() {
    the_second_takes_over(NameServer::servfail, 3 * RTT + 3 * RTT, None);
}

#[test] // R-8305-3.1b: over TLS, and in plaintext
fn a_first_server_that_refuses_costs_its_two_answers_once() {
    the_second_takes_over(NameServer::refuses, 7 * RTT, Some("REFUSED over TLS"));
}

#[test] // R-8305-3.1b
fn a_first_server_with_closed_ports_costs_two_round_trips_once() {
    let ill = |server: NameServer| {
        server.host().refused();
        server
    };
    the_second_takes_over(ill, 2 * RTT + 3 * RTT, Some("connection refused"));
}

/// TLS to the first server does not work, but the server answers in plaintext after `at` ms. The
/// second server is not asked.
fn the_first_answers_in_plaintext(
    connector: fn() -> Connector,
    ill: impl FnOnce(NameServer) -> NameServer,
    at: u64,
    why: &'static str,
) {
    internet(move |net| async move {
        let [first, second] = two(net, ill);
        let (connector, by) = (connector(), SocketAddr::new(first.ip(), 53));
        let came = connect_by(net, &connector, "one.test", at).await;
        assert_eq!(came, (plaintext(why), by));
        let (came, server) = connect_by(net, &connector, "two.test", RTT).await;
        assert_eq!((came.origin, server), (Origin::Udp, by));
        assert_eq!(net.whole_log().sent_to(second.host()), 0);
    });
}

#[test] // R-8310-5c
fn a_first_server_behind_a_dropped_853_answers_in_clear() {
    let why = "TLS was not up in time";
    the_first_answers_in_plaintext(Connector::default, NameServer::tls_silent, 50 + RTT, why);
}

#[test] // R-8310-5c
fn a_first_server_that_answers_another_question_over_tls_answers_in_clear() {
    let why = "an answer to another question";
    the_first_answers_in_plaintext(patient, NameServer::tls_wrong_question, 4 * RTT, why);
}

#[test] // R-8305-3.1b: the first is given time for TLS until the second is asked
fn a_first_server_whose_tls_is_up_and_mute_gives_way_to_the_second() {
    internet(|net| async move {
        let [_, second] = two(net, NameServer::tls_never);
        let (connector, by) = (patient(), SocketAddr::new(second.ip(), 853));
        // The first is asked in plaintext 250 ms after the question, the second 250 ms after the
        // call.
        let came = connect_by(net, &connector, "one.test", 250 + 3 * RTT).await;
        assert_reason(net, &came.0, Some("TLS is up and silent"));
        assert!(came.1 == by || came.0.origin == Origin::Udp, "{came:?}");
        let (_, server) = connect_by(net, &connector, "two.test", RTT).await;
        assert!(server == by || server.port() == 53, "{server}");
    });
}

#[test] // R-8305-3.1b
fn two_dead_servers_cost_500_ms_once() {
    internet(|net| async move {
        net.resolv_conf("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.53\n");
        let _dead = [FIRST, "192.0.2.2"].map(|ip| net.name_server(ip).dead());
        server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 500 + 3 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
    });
}

#[test] // R-8305-3.1c
fn a_server_of_ipv6_is_asked_over_tls() {
    internet_at(Home::v6_only(), |net| async move {
        server_at(net, &NAME_SERVER_V6.to_string()).tls(certificate());
        assert_eq!(connect(net, &patient(), "www.test", 3 * RTT).await, TLS);
        assert_eq!(net.whole_log().sent_to_port(53), 0);
    });
}

#[test] // R-8305-3.1c
fn a_dead_server_of_ipv6_gives_way_to_one_of_ipv4() {
    internet(|net| async move {
        net.resolv_conf("nameserver 2001:db8:53::53\nnameserver 192.0.2.53\n");
        net.name_server("2001:db8:53::53").dead();
        server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 250 + 3 * RTT).await, TLS);
        assert_eq!(connect(net, &connector, "two.test", RTT).await, TLS);
    });
}

const LINK_LOCAL: &str = "fe80::53";

fn with_link_local() -> Home {
    Home::dual_stack().and("addr add fe80::77/64 dev he0 nodad")
}

fn to_link_local(net: Net, port: u16) -> usize {
    let link_local: IpAddr = LINK_LOCAL.parse().unwrap();
    let log = net.whole_log();
    let sent = log.packets().iter().filter(|packet| packet.sent);
    sent.filter(|packet| (packet.peer.ip(), packet.peer.port()) == (link_local, port)).count()
}

#[test] // R-4007-11
fn a_server_of_a_link_in_resolv_conf_is_asked_in_clear() {
    internet_at(with_link_local(), |net| async move {
        net.resolv_conf("nameserver fe80::53%he0\n");
        server_at(net, LINK_LOCAL).tls(certificate());
        let came = connect(net, &patient(), "www.test", RTT).await;
        assert_eq!(came, Came { origin: Origin::Udp, why: None });
        assert_eq!((to_link_local(net, 53), to_link_local(net, 853)), (2, 0));
    });
}

#[test] // R-4007-11: the caller decides
fn a_server_of_a_link_that_is_given_is_asked_over_tls() {
    internet_at(with_link_local(), |net| async move {
        server_at(net, LINK_LOCAL).tls(certificate());
        let given = Resolver::name_servers(["fe80::53%he0".parse().unwrap()]).unwrap();
        let connector = Connector::new(given.with_plain_delay(PATIENCE));
        assert_eq!(connect(net, &connector, "www.test", 3 * RTT).await, TLS);
        assert_eq!(to_link_local(net, 53), 0);
    });
}
