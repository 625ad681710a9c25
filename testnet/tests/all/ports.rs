//! Several ports, one of which does not work.

use he_testnet::{Host, internet, words};

const PORTS: [u16; 2] = [444, 443];

/// Port 444 fails on both families, and the first attempt to port 443 wins.
fn of_both_families(fails: impl Fn(Host) -> Host, word: &'static str, gap: u64) {
    internet(move |net| async move {
        let (v6, v4) = (net.host("2001:db8::1").rtt(30), net.host("198.51.100.1").rtt(30));
        let failing = [v6, v4].map(|host| fails(host.port(444)));
        net.dns("www.test").aaaa([v6]).a([v4]);
        let established = net.connect("www.test", &PORTS).await.unwrap();
        let winner = v6.port(443);
        net.assert_starts(&[(failing[0], 0), (failing[1], gap), (winner, 2 * gap)]);
        net.assert_gap(failing[0], failing[1], gap);
        net.assert_gap(failing[1], winner, gap);
        net.assert_returned(2 * gap + 30);
        net.assert_over(winner, &failing).await;
        assert_eq!(net.log().sent_to(v4.port(443)), 0);
        let failed = |ip| format!("{ip}:444: {word}");
        let expected = ["AAAA: 1".to_owned(), "A: 1".to_owned(), failed("[2001:db8::1]")];
        let rest = [failed("198.51.100.1"), "[2001:db8::1]:443: won".to_owned()];
        assert_eq!(words(&established.report), [expected.as_slice(), &rest].concat());
    });
}

#[test] // S13 (d), E-8, F-16
fn a_silent_port_costs_a_delay_for_each_family() {
    of_both_families(Host::silent, "cancelled", 250);
}

#[test] // S13 (d), E-8, F-16
fn a_refused_port_costs_a_round_trip_for_each_family() {
    of_both_families(Host::refused, "connection refused", 30);
}

/// Port 444 of the only address fails, and port 443, whose attempt starts at `at`, wins.
fn of_one_address(fails: impl FnOnce(Host) -> Host, word: &'static str, at: u64) {
    internet(move |net| async move {
        let host = net.host("198.51.100.1").rtt(20);
        let failing = fails(host.port(444));
        let established = net.connect("198.51.100.1", &PORTS).await.unwrap();
        net.assert_starts(&[(failing, 0), (host.port(443), at)]);
        net.assert_gap(failing, host.port(443), at);
        net.assert_returned(at + 20);
        net.assert_over(host.port(443), &[failing]).await;
        assert_eq!(net.asked().len(), 0);
        let failed = format!("198.51.100.1:444: {word}");
        assert_eq!(words(&established.report), [&failed, "198.51.100.1:443: won"]);
    });
}

#[test] // S13 (d), E-8
fn a_silent_port_of_a_literal_costs_a_delay() {
    of_one_address(Host::silent, "cancelled", 250);
}

#[test] // S13 (d), E-8, R-8305-5f
fn a_port_of_a_literal_that_is_refused_at_once_costs_10_ms() {
    of_one_address(|port| port.rtt(0).refused(), "connection refused", 10);
}
