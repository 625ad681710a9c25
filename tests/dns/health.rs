//! One lookup does not spoil those that come after it.

use std::time::Duration;

use he::dns::Resolver;
use he::{LookupErrorKind, Query, Record, Resolve};
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

const NAME: &str = "www.test";

fn good() -> Reply {
    Reply::addrs(60, &["192.0.2.1"])
}

fn query() -> Query {
    Query::new(NAME, Record::A)
}

// Three lost datagrams are all that a question gets; who comes after them asks anew.
#[tokio::test(start_paused = true)] // R-9520-3.1
async fn a_name_that_is_asked_steadily_is_asked_again_after_an_outage() {
    let _held = HeldClock::hold();
    let dns = Dns::start_udp_only().await;
    dns.on(NAME, RecordType::A, [Reply::silence(), Reply::silence(), Reply::silence(), good()]);
    let resolver = Resolver::plain_servers([dns.addr]).without_hosts();
    let first = tokio::spawn(resolver.lookup(&query()));
    dns.settle().await;
    for millis in [250, 750, 100] {
        pass(millis, &[&dns]).await;
    }
    assert_eq!(dns.seen().len(), 3);
    let second = tokio::spawn(resolver.lookup(&query()));
    dns.settle().await;
    assert_eq!(second.await.unwrap().unwrap().addrs().len(), 1);
    first.abort();
}

// One server says SERVFAIL at once, the other would answer: who cannot wait for it speaks only for
// himself.
#[tokio::test(start_paused = true)] // R-9520-3.2a
async fn a_hasty_lookup_leaves_no_failure_to_others() {
    let _held = HeldClock::hold();
    let (broken, slow) = (Dns::start().await, Dns::start().await);
    let servfail = || Reply::code(ResponseCode::ServFail);
    broken.on(NAME, RecordType::A, [servfail(), servfail()]);
    slow.on(NAME, RecordType::A, [good().after(100), good().after(100)]);
    let resolver = Resolver::plain_servers([broken.addr, slow.addr]).without_hosts();
    let soon = tokio::time::Instant::now() + Duration::from_millis(60);
    let hasty = tokio::spawn(resolver.lookup(&query().with_deadline(soon.into_std())));
    broken.settle().await;
    slow.settle().await;
    pass(61, &[&broken, &slow]).await;
    let error = hasty.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.is_cached()), (LookupErrorKind::ServerFailure, false));
    let patient = tokio::spawn(resolver.lookup(&query()));
    broken.settle().await;
    slow.settle().await;
    pass(100, &[&broken, &slow]).await;
    assert_eq!(patient.await.unwrap().unwrap().addrs().len(), 1);
}

// A deadline shorter than the margin before it still leaves time for an answer.
#[tokio::test(start_paused = true)]
async fn a_very_short_deadline_is_used() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good()]);
    let resolver = Resolver::plain_servers([dns.addr]).without_hosts();
    let soon = tokio::time::Instant::now() + Duration::from_millis(3);
    let lookup = tokio::spawn(resolver.lookup(&query().with_deadline(soon.into_std())));
    dns.settle().await;
    assert_eq!(lookup.await.unwrap().unwrap().addrs().len(), 1);
}
