//! IPv6 that is refused, by RST or by ICMPv6.

use he_testnet::{Host, Net, Unreachable, internet, words};

/// IPv6 fails, and IPv4 follows at `next`.
async fn v4_follows(net: Net, fails: impl FnOnce(Host) -> Host, word: &str, next: u64) {
    let v6 = net.host("2001:db8::1");
    let v4 = net.host("198.51.100.1").rtt(20);
    fails(v6);
    net.dns("www.test").aaaa([v6]).a([v4]);
    let established = net.connect("www.test", &[443]).await.unwrap();
    net.assert_starts(&[(v6, 0), (v4, next)]);
    net.assert_gap(v6, v4, next);
    net.assert_returned(next + 20);
    net.assert_over(v4, &[v6]).await;
    assert_eq!(net.log().sent_to(v6), 1, "the SYN");
    let failed = format!("[2001:db8::1]:443: {word}");
    assert_eq!(words(&established.report), ["AAAA: 1", "A: 1", &failed, "198.51.100.1:443: won"]);
}

#[test] // S08 (a), R-8305-FAIL, R-8305-5f, C-CADmin
fn a_refusal_at_once_is_followed_after_10_ms_not_sooner() {
    internet(|net| v4_follows(net, |v6| v6.rtt(0).refused(), "connection refused", 10));
}

#[test] // S08 (b), F-5
fn a_refusal_after_30_ms_is_followed_at_once() {
    internet(|net| v4_follows(net, |v6| v6.rtt(30).refused(), "connection refused", 30));
}

/// A router answers with this message after 40 ms.
fn unreachable(why: Unreachable, word: &'static str) {
    internet(move |net| async move {
        v4_follows(net, |v6| v6.rtt(40).icmp(why), word, 40).await;
    });
}

#[test] // S09, R-5461-2, R-8305-5f
fn a_router_that_answers_at_once_is_followed_after_10_ms() {
    internet(|net| {
        let fails = |v6: Host| v6.rtt(1).icmp(Unreachable::NoRoute);
        v4_follows(net, fails, "network unreachable", 10)
    });
}

#[test] // S09, R-5461-2
fn icmpv6_no_route_is_followed_at_once() {
    unreachable(Unreachable::NoRoute, "network unreachable");
}

#[test] // S09, R-5461-2
fn icmpv6_address_unreachable_is_followed_at_once() {
    unreachable(Unreachable::Host, "host unreachable");
}

#[test] // S09, R-5461-2
fn icmpv6_prohibited_is_followed_at_once() {
    unreachable(Unreachable::Prohibited, "permission denied");
}

#[test] // S09, R-5461-2
fn icmpv6_port_unreachable_is_followed_at_once() {
    unreachable(Unreachable::Port, "connection refused");
}

#[test] // S09, R-5461-2
fn icmpv6_reject_route_is_followed_at_once() {
    unreachable(Unreachable::Reject, "permission denied");
}

#[test] // S14 (b), R-8305-5f, R-6555-5.2
fn three_refusals_are_10_ms_apart_and_one_error() {
    internet(|net| async move {
        let v4 = net.hosts("198.51.100.", 1..=3);
        for host in &v4 {
            host.rtt(0).refused();
        }
        net.dns("www.test").a(&v4);
        let error = net.connect("www.test", &[443]).await.unwrap_err();
        net.assert_starts(&[(v4[0], 0), (v4[1], 10), (v4[2], 20)]);
        net.assert_gap(v4[0], v4[1], 10);
        net.assert_gap(v4[1], v4[2], 10);
        net.assert_returned(20);
        assert_eq!(error.kind(), he::ErrorKind::Connect);
        let refused = |n| format!("198.51.100.{n}:443: connection refused");
        let expected =
            ["AAAA: no records".to_owned(), "A: 3".to_owned(), refused(1), refused(2), refused(3)];
        assert_eq!(words(error.report()), expected);
        assert_eq!(net.sockets(), []);
    });
}
