//! Zones, and changes of routes and addresses.

use he::{Attempt, Connector, ErrorKind, Established};
use he_testnet::{Home, Host, Net, internet, internet_at, words};
use tokio::net::TcpStream;

fn with_link_local() -> Home {
    Home::dual_stack().and("addr add fe80::77/64 dev he0 nodad")
}

#[test] // S17, R-4007-11, R-9844-6a
fn a_link_local_literal_is_dialled_on_the_interface_of_its_zone() {
    for_each_spelling(&["fe80::1%he0", "[fe80::1%he0]", "FE80:0::1%he0"]);
}

fn for_each_spelling(spellings: &'static [&'static str]) {
    internet_at(with_link_local(), move |net| async move {
        let host = net.host("fe80::1").rtt(20);
        for spelling in spellings {
            let established = net.connect(spelling, &[443]).await.unwrap();
            net.assert_starts(&[(host, 0)]);
            net.assert_returned(20);
            net.assert_over(host, &[]).await;
            assert_eq!(net.log().ways(), [("he0", "fe80::77".parse().unwrap())]);
            assert_eq!(words(&established.report), ["[fe80::1%2]:443: won"]);
            drop(established);
            net.let_go(host).await;
        }
        assert_eq!(net.asked().len(), 0);
    });
}

#[test] // S17, R-4007-11
fn a_link_local_literal_without_a_zone_that_is_there_sends_nothing() {
    internet_at(with_link_local(), |net| async move {
        net.host("fe80::1").rtt(20);
        for literal in ["fe80::1", "fe80::1%nosuch", "fe80::1%"] {
            let error = net.connect(literal, &[443]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{literal}: {error}");
        }
        assert_eq!(net.whole_log().starts().len(), 0);
        assert_eq!(net.asked().len(), 0);
    });
}

const V6_WON: &str = "[2001:db8::1]:443: won";
const V4_WON: &str = "198.51.100.1:443: won";

fn hosts(net: Net) -> [Host; 2] {
    let hosts = [net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20)];
    net.dns("www.test").aaaa([hosts[0]]).a([hosts[1]]);
    hosts
}

/// Asserts that the call begins its only attempt at once, to this host. Then closes the connection.
async fn only(net: Net, connector: &Connector, winner: Host, reported: &str) {
    let connecting = connector.connect_with("www.test", 443, Attempt::connect);
    let established: Established<TcpStream> = net.call(connecting).await.unwrap();
    net.assert_starts(&[(winner, 0)]);
    net.assert_returned(20);
    net.assert_over(winner, &[]).await;
    assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", reported]);
    drop(established);
    net.let_go(winner).await;
}

#[test] // R-6724-6.1
fn a_route_that_goes_and_comes_back_changes_the_order() {
    internet(|net| async move {
        let ([v6, v4], connector) = (hosts(net), net.connector());
        only(net, &connector, v6, V6_WON).await;
        net.ip("route del ::/0 dev he0");
        only(net, &connector, v4, V4_WON).await;
        net.ip("route add ::/0 dev he0");
        only(net, &connector, v6, V6_WON).await;
    });
}

#[test] // R-6724-6.1
fn an_address_that_goes_and_comes_back_changes_the_order() {
    internet(|net| async move {
        let ([v6, v4], connector) = (hosts(net), net.connector());
        only(net, &connector, v6, V6_WON).await;
        net.ip("addr del 2001:db8:77::77/128 dev he0");
        only(net, &connector, v4, V4_WON).await;
        net.ip("addr add 2001:db8:77::77/128 dev he0 nodad");
        only(net, &connector, v6, V6_WON).await;
    });
}

#[test] // R-6724-6.1
fn without_routes_there_is_an_error_at_once_and_no_packet() {
    internet(|net| async move {
        let ([v6, _], connector) = (hosts(net), net.connector());
        only(net, &connector, v6, V6_WON).await;
        net.ip("route del ::/0 dev he0");
        net.ip("route del 0.0.0.0/0 dev he0");
        let connecting = connector.connect_with("www.test", 443, Attempt::connect);
        let error = net.call(connecting).await.unwrap_err();
        net.assert_starts(&[]);
        net.assert_returned(0);
        let failed = |ip: &str| format!("{ip}:443: network unreachable");
        let expected = ["AAAA: 1".to_owned(), "A: 1".to_owned()];
        let attempts = [failed("[2001:db8::1]"), failed("198.51.100.1")];
        assert_eq!(words(error.report()), [expected, attempts].concat());
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert_eq!(net.sockets(), []);
    });
}
