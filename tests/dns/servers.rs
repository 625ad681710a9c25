//! Whom the resolver asks, and when: repetition, patience, fail-over.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use he::dns::Resolver;
use he::{Answer, Connector, ErrorKind, LookupError, Origin, Query, Record, Resolve};
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::task::JoinHandle;
use tokio::time::Instant;

const NAME: &str = "www.test.";

fn resolver(servers: &[&Dns]) -> Resolver {
    Resolver::plain_servers(servers.iter().map(|server| server.addr)).without_hosts()
}

/// Starts a lookup of A and gives it until nothing more happens without time.
async fn start(resolver: &Resolver, servers: &[&Dns]) -> JoinHandle<Result<Answer, LookupError>> {
    let lookup = tokio::spawn(resolver.lookup(&Query::new(NAME, Record::A)));
    for server in servers {
        server.settle().await;
    }
    lookup
}

fn good() -> Reply {
    Reply::addrs(60, &["192.0.2.1"])
}

fn ips(answer: &Answer) -> Vec<String> {
    answer.addrs().iter().map(|addr| addr.ip().to_string()).collect()
}

/// A port of loopback where nobody listens, and where no other test will.
fn closed_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 1))
}

/// When the questions came, in milliseconds from the first.
fn times(server: &Dns, from: Instant) -> Vec<u128> {
    server.seen().iter().map(|seen| (seen.at - from).as_millis()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_answer_names_its_server_ttl_and_transport() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good()]);
    let answer = resolver(&[&dns]).lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!(ips(&answer), ["192.0.2.1"]);
    assert_eq!(answer.server(), Some(dns.addr));
    assert_eq!(answer.origin(), Origin::Udp);
    assert_eq!(answer.ttl(), Some(Duration::from_secs(60)));
    assert_eq!((answer.name(), answer.is_cached()), (None, false));
    let seen = dns.seen();
    assert_eq!((seen.len(), seen[0].edns, seen[0].tcp), (1, Some(1232), false));
}

#[tokio::test(start_paused = true)] // R-9520-3.1, N-5, N-8
async fn a_silent_server_is_asked_at_0_100_and_1000_ms_and_never_again() {
    let _held = HeldClock::hold();
    let (dns, start_at) = (Dns::start_udp_only().await, Instant::now());
    dns.on(NAME, RecordType::A, [Reply::silence()]);
    let lookup = start(&resolver(&[&dns]), &[&dns]).await;
    for (step, count) in [(0, 1), (99, 1), (1, 2), (150, 2), (749, 2), (1, 3), (3_999, 3)] {
        pass(step, &[&dns]).await;
        assert_eq!(dns.seen().len(), count, "after {step} ms more");
    }
    assert!(!lookup.is_finished());
    pass(1, &[&dns]).await;
    let error = lookup.await.unwrap().unwrap_err();
    let reported = format!("no answer ({}): over TCP: connection refused", dns.addr);
    assert_eq!(error.to_string(), reported);
    assert_eq!(times(&dns, start_at), [0, 100, 1_000]);
    let seen = dns.seen();
    let from: HashSet<_> = seen.iter().map(|seen| seen.from).collect();
    assert_eq!(from.len(), 3, "each send has a socket of its own");
    let edns: Vec<_> = seen.iter().map(|seen| seen.edns).collect();
    assert_eq!(edns, [Some(1232), Some(1232), None], "some routers drop EDNS");
}

#[tokio::test(start_paused = true)] // N-8
async fn every_send_stays_valid_until_the_end() {
    let _held = HeldClock::hold();
    for nth in 0..3 {
        let dns = Dns::start().await;
        // Only one of the three is answered, after the last one has left.
        let reply = |it| if it == nth { good().after(1_500) } else { Reply::silence() };
        dns.on(NAME, RecordType::A, [0, 1, 2].map(reply));
        let lookup = start(&resolver(&[&dns]), &[&dns]).await;
        for _ in 0..60 {
            pass(50, &[&dns]).await;
        }
        assert_eq!(ips(&lookup.await.unwrap().unwrap()), ["192.0.2.1"], "send {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_datagram_costs_100_ms_where_nothing_is_known() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [Reply::silence(), good()]);
    let lookup = start(&resolver(&[&dns]), &[&dns]).await;
    pass(99, &[&dns]).await;
    assert!(!lookup.is_finished());
    pass(1, &[&dns]).await;
    assert_eq!(ips(&lookup.await.unwrap().unwrap()), ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_1200_or_2500_ms_counts() {
    let _held = HeldClock::hold();
    for millis in [1_200, 2_500] {
        let dns = Dns::start().await;
        // The repetitions are lost, so it has to be the answer to the first.
        dns.on(NAME, RecordType::A, [good().after(millis), Reply::silence()]);
        let lookup = start(&resolver(&[&dns]), &[&dns]).await;
        let mut left = millis - 1;
        // Step by step, so that the repetitions are sent in time.
        while left > 0 {
            let step = left.min(50);
            pass(step, &[&dns]).await;
            left -= step;
        }
        assert!(!lookup.is_finished());
        pass(1, &[&dns]).await;
        assert_eq!(ips(&lookup.await.unwrap().unwrap()), ["192.0.2.1"]);
    }
}

#[tokio::test(start_paused = true)] // R-8305-3.1b
async fn the_next_server_is_asked_at_once_when_one_fails() {
    let _held = HeldClock::hold();
    for bad in [
        Reply::code(ResponseCode::ServFail),
        Reply::code(ResponseCode::Refused),
        Reply::code(ResponseCode::NotImp),
        Reply::code(ResponseCode::FormErr),
        Reply::garbage(),
    ] {
        let (first, second) = (Dns::start().await, Dns::start().await);
        first.on(NAME, RecordType::A, [bad]);
        second.on(NAME, RecordType::A, [good()]);
        let answer = resolver(&[&first, &second]).lookup(&Query::new(NAME, Record::A)).await;
        assert_eq!(answer.unwrap().server(), Some(second.addr));
    }
}

#[tokio::test(start_paused = true)] // R-8305-3.1b
async fn the_next_server_is_asked_at_once_when_a_port_is_closed() {
    let _held = HeldClock::hold();
    let (closed, dns) = (closed_port(), Dns::start().await);
    dns.on(NAME, RecordType::A, [good()]);
    let resolver = Resolver::plain_servers([closed, dns.addr]).without_hosts();
    let answer = resolver.lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!(answer.server(), Some(dns.addr));
}

#[tokio::test(start_paused = true)] // R-8305-3.1b, R-DOT-HE
async fn the_next_server_is_asked_after_50_ms_of_silence() {
    let _held = HeldClock::hold();
    let (first, second, start_at) = (Dns::start().await, Dns::start().await, Instant::now());
    first.on(NAME, RecordType::A, [Reply::silence()]);
    second.on(NAME, RecordType::A, [good()]);
    let all = [&first, &second];
    let lookup = start(&resolver(&all), &all).await;
    pass(49, &all).await;
    assert!(second.seen().is_empty());
    pass(1, &all).await;
    assert_eq!(lookup.await.unwrap().unwrap().server(), Some(second.addr));
    assert_eq!(times(&second, start_at), [50]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_still_wins_over_silent_ones() {
    let _held = HeldClock::hold();
    let (slow, silent) = (Dns::start().await, Dns::start().await);
    slow.on(NAME, RecordType::A, [good().after(700), Reply::silence()]);
    silent.on(NAME, RecordType::A, [Reply::silence()]);
    let all = [&slow, &silent];
    let lookup = start(&resolver(&all), &all).await;
    for _ in 0..14 {
        pass(50, &all).await;
    }
    assert_eq!(lookup.await.unwrap().unwrap().server(), Some(slow.addr));
}

#[tokio::test(start_paused = true)] // R-8305-3.1c
async fn four_servers_are_all_reached() {
    let _held = HeldClock::hold();
    let mut servers = Vec::new();
    for _ in 0..4 {
        servers.push(Dns::start().await);
    }
    servers[3].on(NAME, RecordType::A, [good()]);
    let all: Vec<_> = servers.iter().collect();
    let answer = resolver(&all).lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!(answer.server(), Some(servers[3].addr));
}

#[tokio::test(start_paused = true)] // R-8305-3.1b, N-19
async fn a_server_that_replies_goes_first_again_whatever_it_says() {
    let _held = HeldClock::hold();
    let (first, second) = (Dns::start().await, Dns::start().await);
    first.on(NAME, RecordType::A, [Reply::code(ResponseCode::ServFail)]);
    second.on(NAME, RecordType::A, [Reply::addrs(0, &["192.0.2.1"])]);
    let (resolver, query) = (resolver(&[&first, &second]), Query::new(NAME, Record::A));
    for asked in 1..5 {
        assert_eq!(resolver.lookup(&query).await.unwrap().server(), Some(second.addr));
        assert_eq!((first.seen().len(), second.seen().len()), (asked, asked));
    }
}

#[tokio::test(start_paused = true)] // R-8305-3.1b, N-1
async fn a_silent_server_is_asked_last_for_a_minute_once_it_has_ignored_the_neutral_question() {
    let _held = HeldClock::hold();
    let (first, second) = (Dns::start().await, Dns::start().await);
    first.on(NAME, RecordType::A, [Reply::silence()]);
    first.on(".", RecordType::NS, [Reply::silence()]);
    second.on(NAME, RecordType::A, [Reply::addrs(0, &["192.0.2.1"])]);
    let (all, resolver) = ([&first, &second], resolver(&[&first, &second]));
    let ask = async |steps: &[u64]| {
        let lookup = start(&resolver, &all).await;
        for step in steps {
            pass(*step, &all).await;
        }
        assert_eq!(lookup.await.unwrap().unwrap().server(), Some(second.addr));
        first.seen().len()
    };
    assert_eq!(ask(&[50]).await, 1);
    // The first server is listened to for a second more, and gets what is due until then.
    for step in [50; 20] {
        pass(step, &all).await;
    }
    let mut drained = first.asked();
    // Some of it is due at the same time.
    drained.sort_unstable();
    let expected =
        ["A www.test", "A www.test", "A www.test", "A www.test tcp", "A www.test tcp", "NS "];
    assert_eq!(drained, expected);
    for _ in 0..3 {
        assert_eq!(ask(&[]).await, drained.len(), "the second server goes first");
    }
    pass(60_000, &all).await;
    assert_eq!(ask(&[50]).await, drained.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_said_is_told_before_silence_and_silence_before_closed_ports() {
    let _held = HeldClock::hold();
    let (silent, refuses, closed) = (Dns::start().await, Dns::start().await, closed_port());
    silent.on(NAME, RecordType::A, [Reply::silence()]);
    let over = async |servers: &[SocketAddr]| {
        let resolver = Resolver::plain_servers(servers.iter().copied()).without_hosts();
        let all = [&silent, &refuses];
        let lookup = start(&resolver, &all).await;
        for _ in 0..20 {
            pass(250, &all).await;
        }
        lookup.await.unwrap().unwrap_err().to_string()
    };
    let text = over(&[closed, silent.addr, refuses.addr]).await;
    assert_eq!(text, format!("refused ({})", refuses.addr));
    assert_eq!(over(&[closed, silent.addr]).await, format!("no answer ({})", silent.addr));
    let text = over(&[closed]).await;
    assert!(
        text.starts_with(&format!("name server unreachable ({closed}): connection refused")),
        "{text}"
    );
    assert_eq!(over(&[]).await, "no name server: none is configured");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_closed_port_of_a_name_server_is_the_source_of_the_error_of_a_call() {
    let closed = closed_port();
    for server in [format!("udp:{closed}"), format!("tcp:{closed}"), format!("tls:{closed}!a.test")]
    {
        let resolver = Resolver::name_servers([server.parse().unwrap()]).unwrap().without_hosts();
        let error = Connector::new(resolver).connect("b.test", 443).await.unwrap_err();
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Lookup, Some(111)), "{error}");
        assert!(error.is_transient());
    }
}

#[tokio::test(start_paused = true)]
async fn silence_tells_the_first_server_and_how_many_more_were_asked() {
    let _held = HeldClock::hold();
    let (one, two, three) = (Dns::start().await, Dns::start().await, Dns::start().await);
    let all = [&one, &two, &three];
    for dns in all {
        dns.on(NAME, RecordType::A, [Reply::silence()]);
    }
    // The third server is asked at 100 ms, and a server that cannot be reached is not silent.
    let (addrs, closed) = (all.map(|dns| dns.addr), closed_port());
    for (servers, millis, more) in [
        (vec![addrs[0], addrs[1], addrs[2]], 5_000, " and 2 more"),
        (vec![addrs[0], addrs[1], addrs[2]], 95, " and 1 more"),
        (vec![closed, addrs[0], addrs[1]], 5_000, " and 1 more"),
        (vec![addrs[0], closed], 5_000, ""),
    ] {
        let resolver = Resolver::plain_servers(servers).without_hosts();
        // The resolver gives up 5 ms before the deadline.
        let deadline = Instant::now() + Duration::from_millis(millis);
        let query = Query::new(NAME, Record::A).with_deadline(deadline.into_std());
        let lookup = tokio::spawn(resolver.lookup(&query));
        for step in [0, 50, 40, 10, 4_895] {
            pass(step, &all).await;
        }
        let error = lookup.await.unwrap().unwrap_err();
        assert_eq!(error.server(), Some(addrs[0]));
        assert_eq!(error.to_string(), format!("no answer ({}{more})", addrs[0]));
    }
}

#[tokio::test(start_paused = true)] // R-8305-3c
async fn a_and_aaaa_are_questions_of_their_own() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::AAAA, [Reply::addrs(60, &["2001:db8::1"])]);
    dns.on(NAME, RecordType::A, [Reply::silence()]);
    let answer = resolver(&[&dns]).lookup(&Query::new(NAME, Record::Aaaa)).await.unwrap();
    assert_eq!(answer.addrs()[0].ip(), "2001:db8::1".parse::<IpAddr>().unwrap());
    assert_eq!(dns.asked(), ["AAAA www.test"]);
}

// A firewall that takes UDP 53 and lets TCP 53 pass.
#[tokio::test(start_paused = true)]
async fn where_udp_is_silent_tcp_joins_after_250_ms_and_goes_first_for_a_minute() {
    let _held = HeldClock::hold();
    let (dns, start_at) = (Dns::start().await, Instant::now());
    let names = ["a.test", "b.test", "c.test"];
    for name in names {
        dns.on(name, RecordType::A, [good().tcp_only()]);
    }
    let resolver = resolver(&[&dns]);
    let ask = |name: &str| {
        let lookup = tokio::spawn(resolver.lookup(&Query::new(name, Record::A)));
        async { lookup.await.unwrap().unwrap().origin() }
    };
    let first = ask(names[0]);
    dns.settle().await;
    pass(250, &[&dns]).await;
    assert_eq!(first.await, Origin::Tcp);
    assert_eq!(ask(names[1]).await, Origin::Tcp);
    assert_eq!(dns.asked(), ["A a.test", "A a.test", "A a.test tcp", "A b.test tcp"]);
    assert_eq!(times(&dns, start_at), [0, 250, 250, 250]);
    pass(60_000, &[&dns]).await;
    let last = ask(names[2]);
    dns.settle().await;
    pass(250, &[&dns]).await;
    assert_eq!(last.await, Origin::Tcp);
    assert_eq!(dns.asked()[4..], ["A c.test", "A c.test", "A c.test tcp"]);
}
