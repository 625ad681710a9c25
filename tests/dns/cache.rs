//! What the resolver remembers, and how questions in flight are merged.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use he::dns::Resolver;
use he::{LookupErrorKind, Query, Record, Resolve};
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::runtime;

const NAME: &str = "www.test.";

fn resolver(dns: &Dns) -> Resolver {
    Resolver::plain_servers([dns.addr]).without_hosts()
}

fn good(ttl: u32) -> Reply {
    Reply::addrs(ttl, &["192.0.2.1"])
}

/// True if a lookup is over before it is polled.
fn is_known(resolver: &Resolver) -> bool {
    format!("{:?}", resolver.lookup(&Query::new(NAME, Record::A))) == "Resolving(ready)"
}

#[tokio::test(start_paused = true)] // R-1035-TTL
async fn an_answer_is_used_until_its_ttl_ends_and_shows_what_is_left() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good(60)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    assert!(!is_known(&resolver));
    resolver.lookup(&query).await.unwrap();
    pass(59_999, &[&dns]).await;
    assert!(is_known(&resolver));
    let answer = resolver.lookup(&query).await.unwrap();
    assert!(answer.is_cached());
    assert_eq!(answer.ttl(), Some(Duration::from_millis(1)));
    assert_eq!(answer.server(), Some(dns.addr));
    pass(1, &[&dns]).await;
    assert!(!resolver.lookup(&query).await.unwrap().is_cached());
    assert_eq!(dns.seen().len(), 2);
}

#[tokio::test(start_paused = true)] // R-1035-TTL
async fn a_ttl_of_zero_or_with_the_top_bit_is_not_cached_and_one_second_is() {
    let _held = HeldClock::hold();
    for (ttl, queries) in [(0, 2), (1 << 31, 2), (u32::MAX, 2), (1, 1), (i32::MAX as u32, 1)] {
        let dns = Dns::start().await;
        dns.on(NAME, RecordType::A, [good(ttl)]);
        let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
        resolver.lookup(&query).await.unwrap();
        resolver.lookup(&query).await.unwrap();
        assert_eq!(dns.seen().len(), queries, "TTL {ttl}");
    }
}

#[tokio::test(start_paused = true)] // R-1035-TTL
async fn no_answer_is_used_for_more_than_an_hour() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good(86_400)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    let answer = resolver.lookup(&query).await.unwrap();
    assert_eq!(answer.ttl(), Some(Duration::from_secs(3_600)));
    pass(3_600_000, &[]).await;
    assert!(!is_known(&resolver));
}

#[tokio::test(start_paused = true)] // R-2308-5, R-9520-2
async fn none_is_remembered_for_2_s_and_no_longer_than_the_soa_says() {
    let _held = HeldClock::hold();
    for (reply, kind, millis) in [
        (Reply::none().soa(60, 30), LookupErrorKind::NoRecords, 2_000),
        (Reply::nxdomain().soa(1, 30), LookupErrorKind::NoSuchName, 1_000),
        (Reply::nxdomain().soa(9_000, 9_000), LookupErrorKind::NoSuchName, 2_000),
    ] {
        let dns = Dns::start().await;
        dns.on(NAME, RecordType::A, [reply]);
        let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
        let error = resolver.lookup(&query).await.unwrap_err();
        assert_eq!((error.kind(), error.is_cached()), (kind, false));
        pass(millis - 1, &[&dns]).await;
        let error = resolver.lookup(&query).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{kind} ({}, cached)", dns.addr));
        pass(1, &[&dns]).await;
        assert!(!is_known(&resolver));
        assert_eq!(dns.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)] // R-2308-5
async fn none_without_an_soa_is_not_remembered() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [Reply::nxdomain()]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    resolver.lookup(&query).await.unwrap_err();
    resolver.lookup(&query).await.unwrap_err();
    assert_eq!(dns.seen().len(), 2);
}

#[tokio::test(start_paused = true)] // R-9520-3.2a, R-9520-3.2b, C-FAILC
async fn a_server_failure_is_remembered_for_1_s_doubling_to_30_s() {
    let _held = HeldClock::hold();
    for (code, word) in
        [(ResponseCode::ServFail, "server failure"), (ResponseCode::Refused, "refused")]
    {
        let dns = Dns::start().await;
        dns.on(NAME, RecordType::A, [Reply::code(code)]);
        let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
        for (nth, seconds) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
            resolver.lookup(&query).await.unwrap_err();
            assert_eq!(dns.seen().len(), nth + 1);
            pass(seconds * 1_000 - 1, &[&dns]).await;
            let error = resolver.lookup(&query).await.unwrap_err();
            assert_eq!(error.to_string(), format!("{word} ({}, cached)", dns.addr));
            pass(1, &[&dns]).await;
            assert!(!is_known(&resolver), "after {seconds} s");
        }
        // An answer in between starts over.
        dns.on(NAME, RecordType::A, [good(0), Reply::code(code)]);
        resolver.lookup(&query).await.unwrap();
        resolver.lookup(&query).await.unwrap_err();
        pass(1_000, &[&dns]).await;
        assert!(!is_known(&resolver));
    }
}

#[tokio::test(start_paused = true)] // R-9520-3.2a
async fn silence_is_remembered_for_1_s() {
    let _held = HeldClock::hold();
    let dns = Dns::start_udp_only().await;
    dns.on(NAME, RecordType::A, [Reply::silence()]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    for _ in 0..2 {
        let lookup = tokio::spawn(resolver.lookup(&query));
        dns.settle().await;
        for _ in 0..20 {
            pass(250, &[&dns]).await;
        }
        assert_eq!(lookup.await.unwrap().unwrap_err().kind(), LookupErrorKind::TimedOut);
        pass(999, &[&dns]).await;
        assert!(resolver.lookup(&query).await.unwrap_err().is_cached());
        pass(1, &[&dns]).await;
        assert!(!is_known(&resolver));
    }
    assert_eq!(dns.seen().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_network_change_drops_answers_and_failures() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [Reply::code(ResponseCode::ServFail), good(60)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    resolver.lookup(&query).await.unwrap_err();
    resolver.network_changed();
    resolver.lookup(&query).await.unwrap();
    assert!(is_known(&resolver));
    resolver.network_changed();
    assert!(!is_known(&resolver));
}

#[tokio::test(start_paused = true)]
async fn a_dot_at_the_end_makes_no_other_entry() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good(60)]);
    let resolver = resolver(&dns);
    resolver.lookup(&Query::new("www.test", Record::A)).await.unwrap();
    assert!(resolver.lookup(&Query::new("www.test.", Record::A)).await.unwrap().is_cached());
}

#[tokio::test(start_paused = true)]
async fn fifty_lookups_are_one_query() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good(0).after(90)]);
    let resolver = resolver(&dns);
    let lookups: Vec<_> =
        (0..50).map(|_| tokio::spawn(resolver.lookup(&Query::new(NAME, Record::A)))).collect();
    dns.settle().await;
    pass(90, &[&dns]).await;
    for lookup in lookups {
        assert!(!lookup.await.unwrap().unwrap().is_cached());
    }
    assert_eq!(dns.asked(), ["A www.test"]);
}

#[tokio::test(start_paused = true)]
async fn when_the_first_is_dropped_the_others_get_the_answer() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good(60).after(90)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    let first = tokio::spawn(resolver.lookup(&query));
    dns.settle().await;
    let second = tokio::spawn(resolver.lookup(&query));
    dns.settle().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    pass(90, &[&dns]).await;
    second.await.unwrap().unwrap();
    assert_eq!(dns.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_dropped_the_query_is_given_up() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [Reply::silence(), good(60)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    let lookups = [tokio::spawn(resolver.lookup(&query)), tokio::spawn(resolver.lookup(&query))];
    dns.settle().await;
    lookups.iter().for_each(tokio::task::JoinHandle::abort);
    pass(5_000, &[&dns]).await;
    assert_eq!(dns.seen().len(), 1);
    // Nothing was learnt, not even a failure.
    assert!(!is_known(&resolver));
    resolver.lookup(&query).await.unwrap();
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A runtime that runs by itself, for the server.
fn background() -> runtime::Runtime {
    runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn a_lookup_of_a_runtime_that_is_gone_blocks_nobody() {
    let servers = background();
    let dns = servers.block_on(Dns::start());
    dns.on(NAME, RecordType::A, [Reply::silence(), good(60)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    let mut lookup = resolver.lookup(&query);
    runtime().block_on(async {
        tokio::select! {
            ended = &mut lookup => panic!("{ended:?}"),
            () = dns.wait_for(1) => {}
        }
    });
    // The first lookup is still there, but nothing can come of it.
    runtime().block_on(resolver.lookup(&query)).unwrap();
    assert_eq!(dns.seen().len(), 2);
    drop(lookup);
}

#[test]
fn a_lookup_of_a_runtime_that_nobody_drives_blocks_nobody() {
    let servers = background();
    let dns = servers.block_on(Dns::start());
    dns.on(NAME, RecordType::A, [Reply::silence(), good(60)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    let (started, is_started) = mpsc::channel();
    let (end, is_over) = mpsc::channel::<()>();
    let (dns, resolver) = (&dns, &resolver);
    thread::scope(|scope| {
        scope.spawn(move || {
            runtime().block_on(async {
                let _lookup = tokio::spawn(resolver.lookup(&Query::new(NAME, Record::A)));
                dns.wait_for(1).await;
                started.send(()).unwrap();
                // Blocks the only thread of this runtime.
                let _ = is_over.recv();
            });
        });
        is_started.recv().unwrap();
        runtime().block_on(resolver.lookup(&query)).unwrap();
        assert_eq!(dns.seen().len(), 2);
        drop(end);
    });
}

#[test]
fn the_cache_serves_all_runtimes() {
    let servers = background();
    let dns = servers.block_on(Dns::start());
    dns.on(NAME, RecordType::A, [good(60)]);
    let (resolver, query) = (resolver(&dns), Query::new(NAME, Record::A));
    runtime().block_on(resolver.lookup(&query)).unwrap();
    assert!(runtime().block_on(resolver.lookup(&query)).unwrap().is_cached());
}
