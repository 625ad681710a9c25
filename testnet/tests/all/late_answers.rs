//! Answers that come late, or not at all.

use std::time::Duration;

use he_testnet::{DnsName, Host, Net, internet, words};

const V6: &str = "[2001:db8::1]:443";
const V4: &str = "198.51.100.1:443";

fn hosts(net: Net) -> (Host, Host) {
    (net.host("2001:db8::1").rtt(20), net.host("198.51.100.1").rtt(20))
}

/// A comes at once, AAAA is late, and both families work. The winner starts at `at`.
fn aaaa_late(ms: u64, winner: &'static str, at: u64) {
    internet(move |net| async move {
        let (v6, v4) = hosts(net);
        net.dns("www.test").aaaa([v6]).after(ms).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        // On a busy machine, the end of the wait, AAAA and the SYN-ACK may come in another order.
        if net.was_late_by(ms.abs_diff(50).min(ms.abs_diff(at + 20)) / 2) {
            return;
        }
        let started = if winner == V6 { v6 } else { v4 };
        net.assert_starts(&[(started, at)]);
        net.assert_returned(at + 20);
        let aaaa = if ms < at + 20 { "AAAA: 1" } else { "AAAA: abandoned" };
        assert_eq!(words(&established.report), [aaaa, "A: 1", &format!("{winner}: won")]);
        // An answer that comes after the win starts nothing.
        net.pass(ms.saturating_sub(at).min(400)).await;
        net.assert_over(started, &[]).await;
    });
}

#[test] // S02, R-8305-3e, R-8305-3f, R-V3-4.2h, C-RD
fn aaaa_10_ms_after_a_is_waited_for_and_no_longer() {
    aaaa_late(10, V6, 10);
}

#[test] // R-8305-3f, C-RD
fn aaaa_49_ms_after_a_is_still_first() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        net.dns("www.test").aaaa([v6]).after(49).a([v4]);
        net.connect("www.test", &[443]).await.unwrap();
        match net.log().answers()[..] {
            [Some(aaaa), Some(a)] if aaaa - a < Duration::from_millis(50) => {
                net.assert_starts(&[(v6, 49)]);
            }
            _ => eprintln!("the name server was late, so this proves nothing"),
        }
    });
}

#[test] // S03, R-8305-3g, R-V3-4.2b, R-V3-4.2f, C-RD
fn aaaa_60_ms_after_a_is_too_late() {
    aaaa_late(60, V4, 50);
}

#[test] // R-8305-3g, R-V3-4.2b
fn aaaa_400_ms_after_a_is_too_late() {
    aaaa_late(400, V4, 50);
}

#[test] // R-8305-3g, R-V3-4.2b
fn aaaa_2_s_after_a_is_too_late() {
    aaaa_late(2000, V4, 50);
}

#[test] // S05 (b), R-8305-3b
fn aaaa_that_never_comes_costs_50_ms() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        net.dns("www.test").aaaa([v6]).never().a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v4, 50)]);
        net.assert_returned(70);
        net.assert_over(v4, &[]).await;
        let expected = ["AAAA: abandoned", "A: 1", "198.51.100.1:443: won"];
        assert_eq!(words(&established.report), expected);
    });
}

/// A comes at once, its host is silent, and AAAA is late. v6 joins the race at `joins`.
fn aaaa_joins(ms: u64, joins: u64) {
    internet(move |net| async move {
        let (v6, v4) = hosts(net);
        v4.silent();
        net.dns("www.test").aaaa([v6]).after(ms).a([v4]);
        let established = net.connect("www.test", &[443]).await.unwrap();
        if net.was_late_by((ms - 50) / 2) {
            return;
        }
        net.assert_starts(&[(v4, 50), (v6, joins)]);
        net.assert_returned(joins + 20);
        net.assert_over(v6, &[v4]).await;
        let expected = ["AAAA: 1", "A: 1", &format!("{V4}: cancelled"), &format!("{V6}: won")];
        assert_eq!(words(&established.report), expected);
    });
}

#[test] // S03, R-8305-3h, R-V3-7a
fn aaaa_60_ms_after_a_silent_a_joins_when_the_delay_is_over() {
    aaaa_joins(60, 300);
}

#[test] // S06 (b), R-8305-3h, F-9, E-4
fn aaaa_400_ms_after_a_silent_a_joins_at_once() {
    aaaa_joins(400, 400);
}

#[test] // S06 (b), R-8305-3h, F-9, E-4
fn aaaa_2_s_after_a_silent_a_joins_at_once() {
    aaaa_joins(2000, 2000);
}

/// AAAA comes at once, its host is silent, and A is late. v4 starts at `joins`.
fn a_joins(ms: u64, joins: u64) {
    internet(move |net| async move {
        let (v6, v4) = hosts(net);
        v6.silent();
        net.dns("www.test").aaaa([v6]).a([v4]).after(ms);
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0), (v4, joins)]);
        net.assert_returned(joins + 20);
        net.assert_over(v4, &[v6]).await;
        let expected = ["AAAA: 1", "A: 1", &format!("{V6}: cancelled"), &format!("{V4}: won")];
        assert_eq!(words(&established.report), expected);
    });
}

#[test] // S06 (a), R-8305-3h
fn a_60_ms_after_a_silent_aaaa_waits_for_the_delay() {
    a_joins(60, 250);
}

#[test] // S06 (b), F-9, E-4
fn a_400_ms_after_a_silent_aaaa_joins_at_once() {
    a_joins(400, 400);
}

/// AAAA comes at once and its host works, so a late or missing A does not matter.
fn a_does_not_matter(a_is: impl FnOnce(DnsName) -> DnsName) {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        a_is(net.dns("www.test").aaaa([v6]).a([v4]));
        let established = net.connect("www.test", &[443]).await.unwrap();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(20);
        net.assert_over(v6, &[]).await;
        let expected = ["AAAA: 1", "A: abandoned", &format!("{V6}: won")];
        assert_eq!(words(&established.report), expected);
    });
}

#[test] // R-8305-3b, R-8305-3d
fn a_late_a_is_not_waited_for() {
    a_does_not_matter(|a| a.after(400));
}

#[test] // S05 (a), R-8305-3b, R-8305-3d
fn an_a_that_never_comes_is_not_waited_for() {
    a_does_not_matter(|a| a.never());
}

#[test] // S14 (c), R-8305-3b
fn a_silent_v6_and_an_a_that_never_comes_end_with_the_last_time_out() {
    internet(|net| async move {
        let (v6, v4) = hosts(net);
        v6.silent();
        net.dns("www.test").aaaa([v6]).a([v4]).never();
        let config = he::Config::new()
            .with_resolve_timeout(Duration::from_millis(200))
            .with_resolve_retries(3)
            .with_connect_timeout(Duration::from_millis(700));
        let connector = net.connector().with_config(config);
        let error = net.call(connector.connect("www.test", 443)).await.unwrap_err();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(700);
        net.let_go(v6).await;
        assert_eq!(error.kind(), he::ErrorKind::TimedOut);
        let expected = ["AAAA: 1", "A: no answer", &format!("{V6}: timed out")];
        assert_eq!(words(error.report()), expected);
    });
}
