//! One of the two lookups fails, which does not delay the other one.

use he_testnet::{DnsName, Host, Net, internet, words};

fn hosts(net: Net) -> (Host, Host) {
    (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20))
}

/// A comes at once, and AAAA fails after 30 ms, which ends the wait for it.
fn aaaa_fails(fails: impl FnOnce(DnsName) -> DnsName, word: &'static str) {
    internet(move |net| async move {
        let (v6, v4) = hosts(net);
        fails(net.dns("www.test").aaaa([v6])).after(30).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        if net.was_late_by(10) {
            return;
        }
        net.assert_starts(&[(v4, 30)]);
        net.assert_returned(50);
        net.assert_over(v4, &[]).await;
        let aaaa = format!("AAAA: {word}");
        assert_eq!(words(&established.report), [&aaaa, "A: 1", "198.51.100.1:443: won"]);
        assert_eq!(net.asked().len(), 2, "no question is asked again");
    });
}

#[test] // R-8305-3f, F-3
fn servfail_for_aaaa_ends_the_wait_for_it() {
    aaaa_fails(DnsName::servfail, "server failure");
}

#[test] // R-8305-3f, F-3
fn nxdomain_for_aaaa_ends_the_wait_for_it_and_a_counts() {
    aaaa_fails(DnsName::nxdomain, "no such name");
}

#[test] // R-8305-3f, F-3
fn refused_for_aaaa_ends_the_wait_for_it() {
    aaaa_fails(DnsName::refused, "refused");
}

#[test] // R-8305-3f, F-3
fn nodata_for_aaaa_ends_the_wait_for_it() {
    aaaa_fails(DnsName::nodata, "no records");
}

/// A fails at once, and AAAA comes after 30 ms.
fn a_fails(fails: impl FnOnce(DnsName) -> DnsName, word: &'static str) {
    internet(move |net| async move {
        let (v6, v4) = hosts(net);
        fails(net.dns("www.test").aaaa([v6]).after(30).a([v4]));
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 30)]);
        net.assert_returned(50);
        net.assert_over(v6, &[]).await;
        let a = format!("A: {word}");
        assert_eq!(words(&established.report), ["AAAA: 1", &a, "[2001:db8::1]:443: won"]);
        assert_eq!(net.asked().len(), 2, "no question is asked again");
    });
}

#[test] // R-8305-3b
fn servfail_for_a_does_no_harm() {
    a_fails(DnsName::servfail, "server failure");
}

#[test] // R-8305-3b
fn nxdomain_for_a_does_no_harm() {
    a_fails(DnsName::nxdomain, "no such name");
}

#[test] // S14
fn servfail_for_a_and_a_refused_v6_are_one_error_with_both_reasons() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        v6.refused();
        net.dns("www.test").aaaa([v6]).a([v4]).servfail();
        let error = net.connect("www.test", &[443]).await.unwrap_err();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(20);
        net.let_go(v6).await;
        let refused = "[2001:db8::1]:443: connection refused";
        assert_eq!(words(error.report()), ["AAAA: 1", "A: server failure", refused]);
        assert_eq!(error.kind(), he::ErrorKind::Connect);
    });
}
