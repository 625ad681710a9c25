//! Several name servers that may have DNS over TLS, some of which fail; name servers with IPv6 and
//! link-local addresses.

use std::net::{IpAddr, SocketAddr};

use he::dns::Resolver;
use he::{Connector, Origin};
use he_testnet::{Home, NAME_SERVER_V6, NameServer, Net, internet, internet_at};

use crate::support::dot::{
    Came, DRAINED, PATIENCE, RTT, TLS, certificate, connect, connect_by, patient, plaintext,
    server, server_at, tls_port,
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

/// Asserts the reason for plaintext of the last call's answer.
fn assert_reason(net: Net, came: &Came, why: Option<&'static str>) {
    let has_left = net.log().sent_to_port(53) > 0;
    assert!(has_left == why.is_some() || net.was_late_by(5), "{}", net.log());
    if has_left || came.why.is_some() {
        assert_eq!(came.why.as_deref(), why);
    }
}

/// Connects to a first name. The second server answers over TLS after `at` ms.
async fn takes_over(
    net: Net,
    ill: impl FnOnce(NameServer) -> NameServer,
    at: u64,
    why: Option<&'static str>,
) -> ([NameServer; 2], Connector) {
    let ([first, second], connector) = (two(net, ill), patient());
    let (came, server) = connect_by(net, &connector, "one.test", at).await;
    assert_eq!((came.origin, server), (Origin::Tls, tls_port(second)));
    assert_reason(net, &came, why);
    net.pass(DRAINED).await;
    ([first, second], connector)
}

/// The first server is silent or unreachable, so the next call asks the second one only.
fn the_second_goes_first(
    ill: impl FnOnce(NameServer) -> NameServer,
    at: u64,
    why: Option<&'static str>,
) {
    internet(move |net| async move {
        let ([first, second], connector) = takes_over(net, ill, at, why).await;
        let (before, by) = (asked(net, first), tls_port(second));
        assert_eq!(connect_by(net, &connector, "two.test", RTT).await, (TLS, by));
        assert_eq!(asked(net, first), before);
        assert_eq!(net.tls_connections(second).len(), 1);
    });
}

/// The first server replies, so the next call asks it first again, and the second one answers after
/// `then` ms.
fn the_first_stays_first(
    ill: impl FnOnce(NameServer) -> NameServer,
    at: u64,
    then: u64,
    why: Option<&'static str>,
) {
    internet(move |net| async move {
        let ([first, second], connector) = takes_over(net, ill, at, why).await;
        let before = asked(net, first);
        let (came, server) = connect_by(net, &connector, "two.test", then).await;
        assert_eq!((came.origin, server), (Origin::Tls, tls_port(second)));
        assert_reason(net, &came, why);
        assert!(before < asked(net, first));
        assert_eq!(net.tls_connections(second).len(), 1);
    });
}

// The question never leaves, so its patience counts from the start.
#[test] // R-8305-3.1b, N-1
fn a_dead_first_server_costs_250_ms_once() {
    the_second_goes_first(NameServer::dead, 250 + 3 * RTT, None);
}

// The patience counts from the time at which TLS is up.
#[test] // R-8305-3.1b, N-1
fn a_first_server_that_answers_nothing_costs_two_round_trips_and_50_ms_once() {
    the_second_goes_first(NameServer::never, 2 * RTT + 50 + 3 * RTT, None);
}

#[test] // R-8305-3.1b, N-1
fn a_first_server_that_takes_1200_ms_costs_two_round_trips_and_50_ms_once() {
    the_second_goes_first(|server| server.after(1200), 2 * RTT + 50 + 3 * RTT, None);
}

#[test] // R-8305-3.1b, N-19
fn a_first_server_that_fails_costs_what_its_answer_takes_each_time() {
    the_first_stays_first(NameServer::servfail, 3 * RTT + 3 * RTT, RTT + RTT, None);
}

#[test] // R-8305-3.1b, N-19: over TLS, and in plaintext
fn a_first_server_that_refuses_costs_its_two_answers_each_time() {
    the_first_stays_first(NameServer::refuses, 7 * RTT, 3 * RTT, Some("REFUSED over TLS"));
}

#[test] // R-8305-3.1b
fn a_first_server_with_closed_ports_costs_two_round_trips_once() {
    let ill = |server: NameServer| {
        server.host().refused();
        server
    };
    the_second_goes_first(ill, 2 * RTT + 3 * RTT, Some("connection refused"));
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

// Its answer in plaintext comes while it is listened to, so it stays first. Its port 853 counts as
// dead once the neutral question over TLS has had no answer for a second.
#[test] // R-8305-3.1b, N-1, N-17
fn a_first_server_whose_tls_is_up_and_mute_gives_way_once_and_answers_in_clear() {
    internet(|net| async move {
        let why = "TLS is up and silent";
        let ([first, _], connector) =
            takes_over(net, NameServer::tls_never, 2 * RTT + 50 + 3 * RTT, None).await;
        net.pass(500).await;
        let came = connect_by(net, &connector, "two.test", RTT).await;
        assert_eq!(came, (plaintext(why), SocketAddr::new(first.ip(), 53)));
    });
}

// No question leaves to them.
#[test] // R-8305-3.1b, N-1
fn two_dead_servers_cost_500_ms_once() {
    internet(|net| async move {
        net.resolv_conf("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.53\n");
        let _dead = [FIRST, "192.0.2.2"].map(|ip| net.name_server(ip).dead());
        server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 500 + 3 * RTT).await, TLS);
        net.pass(DRAINED).await;
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

#[test] // R-8305-3.1c, N-1
fn a_dead_server_of_ipv6_gives_way_to_one_of_ipv4() {
    internet(|net| async move {
        net.resolv_conf("nameserver 2001:db8:53::53\nnameserver 192.0.2.53\n");
        net.name_server("2001:db8:53::53").dead();
        server(net).tls(certificate());
        let connector = patient();
        assert_eq!(connect(net, &connector, "one.test", 250 + 3 * RTT).await, TLS);
        net.pass(DRAINED).await;
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
