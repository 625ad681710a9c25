//! Nothing goes on after the future is dropped.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use he::{Attempt, Connector, Outcome, Report};
use he_testnet::{End, Host, Net, internet, words};

type Kept = Arc<Mutex<Option<Report>>>;

/// Connects to `www.test`, drops the future after this many milliseconds, and returns the report.
async fn dropped_after(net: Net, ms: u64) -> Report {
    let kept = Kept::default();
    let connector = keeping(net.connector(), &kept);
    let connecting = connector.connect_with("www.test", 443, Attempt::connect);
    let dropping = tokio::time::timeout(Duration::from_millis(ms), connecting);
    assert!(net.call(dropping).await.is_err(), "it has ended by itself");
    net.assert_returned(ms);
    let report = kept.lock().unwrap().take().expect("a report");
    assert_eq!(report.outcome(), Outcome::Dropped);
    report
}

fn keeping(connector: Connector, kept: &Kept) -> Connector {
    let kept = kept.clone();
    connector.on_report(move |report| *kept.lock().unwrap() = Some(report.clone()));
    connector
}

/// Asserts that the home host sends no more than these packets, for longer than the Connection
/// Attempt Delay, the kernel's second, and the resolver's repetitions.
async fn stays_silent(net: Net, sent: &[(Host, usize)], questions: usize) {
    net.pass(1300).await;
    for (host, count) in sent {
        assert_eq!(net.log().sent_to(*host), *count, "{host:?}");
    }
    let starts = sent.iter().filter(|(_, count)| *count > 0).count();
    assert_eq!(net.log().starts().len(), starts);
    assert_eq!(net.log().sent_to_port(53), questions);
    assert_eq!(net.sockets(), []);
}

#[test] // S16 (b), R-HE-LEAK, R-8305-5i
fn a_race_that_is_dropped_sends_no_syn_any_more() {
    internet(|net| async move {
        let v6 = net.hosts("2001:db8::", 1..=2).into_iter().map(Host::silent).collect::<Vec<_>>();
        let v4 = net.host("198.51.100.1").silent();
        net.dns("www.test").aaaa(&v6).a([v4]);
        let report = dropped_after(net, 300).await;
        if net.was_late_by(20) {
            return;
        }
        net.assert_starts(&[(v6[0], 0), (v4, 250)]);
        net.let_go(v6[0]).await;
        net.let_go(v4).await;
        let (first, second) = ("[2001:db8::1]:443: cancelled", "198.51.100.1:443: cancelled");
        assert_eq!(words(&report), ["AAAA: 2", "A: 1", first, second]);
        stays_silent(net, &[(v6[0], 1), (v4, 1), (v6[1], 0)], 2).await;
    });
}

#[test] // S16 (b), R-HE-LEAK
fn a_syn_ack_that_comes_after_the_drop_is_met_by_rst() {
    internet(|net| async move {
        let v6 = net.host("2001:db8::1").rtt(200);
        net.dns("www.test").aaaa([v6]).a([net.host("198.51.100.1")]);
        let report = dropped_after(net, 100).await;
        net.assert_starts(&[(v6, 0)]);
        if net.was_late_by(40) {
            return;
        }
        net.let_go(v6).await;
        net.sees("RST", |log| log.end(v6) == End::Reset).await;
        assert_eq!(words(&report), ["AAAA: 1", "A: 1", "[2001:db8::1]:443: cancelled"]);
        stays_silent(net, &[(v6, 2), (net.host("198.51.100.1"), 0)], 2).await;
        assert_eq!(net.log().connections(), []);
    });
}

#[test] // S16 (a), R-HE-LEAK, R-8305-5k
fn lookups_that_are_dropped_lead_to_nothing() {
    internet(|net| async move {
        let (v6, v4) = (net.host("2001:db8::1"), net.host("198.51.100.1"));
        net.dns("www.test").aaaa([v6]).after(200).a([v4]).never();
        let report = dropped_after(net, 100).await;
        assert_eq!(words(&report), ["AAAA: abandoned", "A: abandoned"]);
        stays_silent(net, &[(v6, 0), (v4, 0)], 2).await;
    });
}
