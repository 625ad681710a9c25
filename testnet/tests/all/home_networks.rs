//! Home hosts with one family only, or with a second one that only seems to work.

use he_testnet::{Home, Host, Net, internet_at, words};

fn hosts(net: Net) -> (Host, Host) {
    (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20))
}

/// Asserts that A connects at once, although AAAA never comes.
async fn no_wait_for_aaaa(net: Net) {
    let (v6, v4) = hosts(net);
    net.dns("late.test").aaaa([v6]).never().a([v4]);
    let established = net.connect("late.test", &[443]).await.unwrap();
    net.assert_starts(&[(v4, 0)]);
    net.assert_returned(20);
    net.assert_over(v4, &[]).await;
    assert_eq!(words(&established.report), ["AAAA: abandoned", "A: 1", "198.51.100.1:443: won"]);
    drop(established);
    net.let_go(v4).await;
}

/// Asserts that AAAA, which comes first, waits for A, whose family has the default route.
async fn aaaa_waits_for_a(net: Net) {
    let (v6, v4) = hosts(net);
    net.dns("soon.test").aaaa([v6]).a([v4]).after(30);
    let established = net.connect("soon.test", &[443]).await.unwrap();
    if net.was_late_by(10) {
        return;
    }
    net.assert_starts(&[(v4, 30)]);
    net.assert_returned(50);
    net.assert_over(v4, &[]).await;
    assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", "198.51.100.1:443: won"]);
    drop(established);
    net.let_go(v4).await;
}

/// Asserts that if A comes much later, IPv6 fails without a packet, and then IPv4 connects.
async fn v6_fails_without_a_packet(net: Net, word: &str) {
    let (v6, v4) = hosts(net);
    net.dns("www.test").aaaa([v6]).a([v4]).after(120);
    let established = net.connect("www.test", &[443]).await.unwrap();
    net.assert_starts(&[(v4, 120)]);
    net.assert_returned(140);
    net.assert_over(v4, &[]).await;
    assert_eq!(net.log().sent_to(v6), 0);
    let failed = format!("[2001:db8::1]:443: {word}");
    assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", &failed, "198.51.100.1:443: won"]);
    assert!(established.report.attempts()[0].is_local());
}

#[test] // S19 (a), R-V3-4.2e
fn a_host_without_v6_pays_nothing_for_aaaa() {
    internet_at(Home::v4_only(), |net| async move {
        no_wait_for_aaaa(net).await;
        aaaa_waits_for_a(net).await;
        v6_fails_without_a_packet(net, "network unreachable").await;
    });
}

#[test] // S19 (b)
fn a_host_without_v4_does_not_wait_for_its_failure() {
    internet_at(Home::v6_only(), |net| async move {
        let (v6, v4) = hosts(net);
        net.dns("www.test").aaaa([v6]).after(30).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 30)]);
        net.assert_returned(50);
        net.assert_over(v6, &[]).await;
        assert_eq!(net.log().sent_to(v4), 0);
        assert!(net.asked().iter().all(|asked| asked.server.is_ipv6()));
        assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", "[2001:db8::1]:443: won"]);
    });
}

#[test] // S19 (b), R-5461-2
fn a_host_without_v4_says_at_once_that_it_cannot_reach_a_v4_name() {
    internet_at(Home::v6_only(), |net| async move {
        let (_, v4) = hosts(net);
        net.dns("www.test").a([v4]);
        let error = net.connect("www.test", &[443]).await.unwrap_err();
        net.assert_starts(&[]);
        net.assert_returned(0);
        let failed = "198.51.100.1:443: network unreachable";
        assert_eq!(words(error.report()), ["AAAA: no records", "A: 1", failed]);
        assert_eq!(net.sockets(), []);
    });
}

const LINK_LOCAL: &str = "addr add fe80::77/64 dev he0 nodad";
const DEFAULT_ROUTE: &str = "route add ::/0 dev he0";

#[test] // S19, R-V3-4.2e
fn a_link_local_address_alone_is_no_v6() {
    internet_at(Home::v4_only().and(LINK_LOCAL), |net| async move {
        no_wait_for_aaaa(net).await;
        aaaa_waits_for_a(net).await;
        v6_fails_without_a_packet(net, "network unreachable").await;
    });
}

#[test] // R-V3-4.2e, R-6724-6.2
fn a_link_local_address_with_a_default_route_is_no_v6_either() {
    internet_at(Home::v4_only().and(LINK_LOCAL).and(DEFAULT_ROUTE), |net| async move {
        no_wait_for_aaaa(net).await;
        // Rule 2: the scopes differ, so IPv4 goes first, and wins.
        let (v6, v4) = hosts(net);
        net.dns("www.test").aaaa([v6]).after(30).a([v4]).after(30);
        let _stream = net.connect("www.test", &[443]).await.unwrap();
        if net.log().answers()[1] <= net.log().answers()[0] {
            net.assert_starts(&[(v4, 30)]);
            net.assert_over(v4, &[]).await;
        }
    });
}

#[test] // S19, R-V3-4.2e
fn v6_disabled_by_sysctl_costs_nothing() {
    internet_at(Home::dual_stack(), |net| async move {
        std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
        no_wait_for_aaaa(net).await;
        aaaa_waits_for_a(net).await;
        // There is still a route, and no source address.
        v6_fails_without_a_packet(net, "address not available").await;
    });
}

#[test] // S19, R-V3-4.2e
fn v6_disabled_between_two_calls_costs_nothing() {
    internet_at(Home::dual_stack(), |net| async move {
        let (v6, v4) = hosts(net);
        net.dns("www.test").aaaa([v6]).a([v4]).after(30);
        let connector = net.connector();
        drop(net.call(connector.connect("www.test", 443)).await.unwrap());
        net.assert_starts(&[(v6, 0)]);
        net.let_go(v6).await;
        std::fs::write("/proc/sys/net/ipv6/conf/he0/disable_ipv6", "1").unwrap();
        let _stream = net.call(connector.connect("www.test", 443)).await.unwrap();
        assert_eq!(net.log().sent_to(v6), 0);
        net.assert_over(v4, &[]).await;
    });
}

const ULA: &str = "addr add fd00:77::77/64 dev he0 nodad";

#[test] // S19, R-V3-4.2e
fn a_ula_without_a_default_route_is_no_v6() {
    internet_at(Home::v4_only().and(ULA), |net| async move {
        no_wait_for_aaaa(net).await;
        aaaa_waits_for_a(net).await;
        v6_fails_without_a_packet(net, "network unreachable").await;
    });
}

#[test] // R-6724-6.6
fn a_ula_of_the_own_network_follows_v4() {
    internet_at(Home::v4_only().and(ULA), |net| async move {
        let v4 = net.host("198.51.100.1").silent();
        let near = net.host("fd00:77::1").rtt(20);
        net.dns("www.test").aaaa([near]).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        // Rule 6: the ULA has the lower precedence.
        net.assert_starts(&[(v4, 0), (near, 250)]);
        net.assert_returned(270);
        net.assert_over(near, &[v4]).await;
        let reported = ["AAAA: 1", "A: 1", "198.51.100.1:443: cancelled", "[fd00:77::1]:443: won"];
        assert_eq!(words(&established.report), reported);
    });
}

#[test] // R-6724-6.1
fn a_ula_that_no_route_leads_to_goes_last() {
    let home = Home::dual_stack().and("route add unreachable fd00::/8");
    internet_at(home, |net| async move {
        let (ula, v4) = (net.host("fd00:99::1"), net.host("198.51.100.1").rtt(20));
        net.dns("www.test").aaaa([ula]).a([v4]).after(30);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v4, 30)]);
        net.assert_returned(50);
        net.assert_over(v4, &[]).await;
        assert_eq!(net.log().sent_to(ula), 0);
        let failed = "[fd00:99::1]:443: host unreachable";
        assert_eq!(
            words(&established.report),
            ["AAAA: 1", "A: 1", failed, "198.51.100.1:443: won"]
        );
    });
}
