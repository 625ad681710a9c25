//! The race and the resolver together: what a connect asks on the wire, and what it leaves behind.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use he::dns::Resolver;
use he::{Attempt, Connector, ErrorKind, LookupOutcome, Report, SourceAddrs};
use he_test_support::addr;
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::rr::RecordType;
use tokio::time::Instant;

const NAME: &str = "www.test.";

fn connector(dns: &Dns) -> Connector {
    let resolver = Resolver::plain_servers([dns.addr]).without_hosts();
    // The order must not depend on the addresses of the host that runs the test.
    Connector::new(resolver).with_source_addrs(SourceAddrs::unknown())
}

async fn accepts(attempt: Attempt) -> io::Result<SocketAddr> {
    Ok(attempt.addr())
}

async fn refuses(_: Attempt) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

// Only the type that is missing is asked again; the race waits for it after the other has failed.
#[tokio::test(start_paused = true)] // R-8305-3a, R-8305-3c, R-9520-3.1, E-2
async fn only_the_missing_type_is_asked_again() {
    let _held = HeldClock::hold();
    let (dns, began) = (Dns::start_udp_only().await, Instant::now());
    dns.on(NAME, RecordType::AAAA, [Reply::silence()]);
    dns.on(NAME, RecordType::A, [Reply::addrs(60, &["192.0.2.1"]).after(100)]);
    let connector = connector(&dns);
    let call = tokio::spawn(async move { connector.connect_with(NAME, 443, refuses).await });
    dns.wait_for(2).await;
    // The resolver gives up 5 ms before the race would, and says whom it has asked.
    for millis in [100, 50, 100, 750, 1_994] {
        pass(millis, &[&dns]).await;
    }
    assert!(!call.is_finished());
    pass(1, &[&dns]).await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), began.elapsed().as_millis()), (ErrorKind::Connect, 2_995));
    let seen = dns.seen();
    let times = seen.iter().map(|seen| (seen.rtype, (seen.at - began).as_millis()));
    let expected = [
        (RecordType::AAAA, 0),
        (RecordType::A, 0),
        (RecordType::AAAA, 250),
        (RecordType::AAAA, 1_000),
    ];
    assert_eq!(times.collect::<Vec<_>>(), expected);
}

// An answer within a second after the win serves the next connect.
#[tokio::test(start_paused = true)] // R-8305-5l, C-DRAIN, S37
async fn an_answer_after_the_win_fills_the_cache() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::AAAA, [Reply::addrs(60, &["2001:db8::1"])]);
    dns.on(NAME, RecordType::A, [Reply::addrs(60, &["192.0.2.1"]).after(200)]);
    let connector = connector(&dns);
    let won = connector.connect_with(NAME, 443, accepts).await.unwrap();
    assert_eq!(won.stream, addr("2001:db8::1#443"));
    dns.wait_for(2).await;
    pass(200, &[&dns]).await;
    let v4 = connector.with_config(he::Config::new().with_family(he::Family::V4Only));
    let won = v4.connect_with(NAME, 443, accepts).await.unwrap();
    assert_eq!(won.stream, addr("192.0.2.1#443"));
    assert_eq!(dns.asked(), ["AAAA www.test", "A www.test"]);
}

// The resolver keeps 64 addresses of 4 000, the race takes 32: neither cut is hidden.
#[tokio::test(start_paused = true)]
async fn what_a_hostile_answer_had_too_much_is_told_also_from_the_cache() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::AAAA, [Reply::none().soa(60, 60)]);
    dns.on(NAME, RecordType::A, [Reply::many(4_000).truncated()]);
    let cuts = Arc::new(Mutex::new(Vec::new()));
    let told = cuts.clone();
    let note = move |report: &Report| told.lock().unwrap().push(report.left_out());
    let connector = connector(&dns);
    connector.on_report(note);
    for cached in [false, true] {
        let won = connector.connect_with(NAME, 443, accepts).await.unwrap();
        let LookupOutcome::Answered(answer) = won.report.lookups()[1].outcome() else {
            panic!("no answer: {}", won.report)
        };
        assert_eq!((answer.is_cached(), answer.addrs().len()), (cached, 64));
        assert_eq!(answer.left_out(), 3_936);
    }
    assert_eq!(*cuts.lock().unwrap(), [3_968, 3_968]);
    assert_eq!(dns.asked(), ["AAAA www.test", "A www.test", "A www.test tcp"]);
}
