//! What the resolver makes of replies: truncated, forged, without EDNS, with CNAMEs.

use std::time::Duration;

use he::dns::Resolver;
use he::{Answer, LookupErrorKind, Origin, Query, Record, Resolve};
use he_test_support::dns::{Dns, Forgery, HeldClock, Reply};
use hickory_proto::rr::RecordType;

const NAME: &str = "www.test.";

fn resolver(servers: &[&Dns]) -> Resolver {
    Resolver::plain_servers(servers.iter().map(|server| server.addr)).without_hosts()
}

fn good() -> Reply {
    Reply::addrs(60, &["192.0.2.1"])
}

fn ips(answer: &Answer) -> Vec<String> {
    answer.addrs().iter().map(|addr| addr.ip().to_string()).collect()
}

#[tokio::test(start_paused = true)] // R-7766-5
async fn a_truncated_answer_is_fetched_over_tcp() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good().truncated()]);
    let answer = resolver(&[&dns]).lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!((ips(&answer), answer.origin()), (vec!["192.0.2.1".to_owned()], Origin::Tcp));
    assert_eq!(dns.asked(), ["A www.test", "A www.test tcp"]);
}

#[tokio::test(start_paused = true)] // R-7766-5
async fn a_truncated_answer_without_tcp_is_a_failed_server() {
    let _held = HeldClock::hold();
    let (first, second) = (Dns::start_udp_only().await, Dns::start().await);
    first.on(NAME, RecordType::A, [good().truncated()]);
    second.on(NAME, RecordType::A, [good().truncated().hang_up(), good()]);
    let query = Query::new(NAME, Record::A);
    let error = resolver(&[&first]).lookup(&query).await.unwrap_err().to_string();
    let begin =
        format!("lookup failed ({}): truncated, and over TCP: connection refused", first.addr);
    assert!(error.starts_with(&begin), "{error}");
    second.on(NAME, RecordType::A, [good().truncated()]);
    let answer = resolver(&[&first, &second]).lookup(&query).await.unwrap();
    assert_eq!(answer.server(), Some(second.addr));
}

#[tokio::test(start_paused = true)]
async fn two_connections_that_end_without_an_answer_are_a_failed_server() {
    let _held = HeldClock::hold();
    let (first, second) = (Dns::start().await, Dns::start().await);
    first.on(NAME, RecordType::A, [good().truncated().hang_up()]);
    second.on(NAME, RecordType::A, [good()]);
    let resolver = resolver(&[&first, &second]);
    let answer = resolver.lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!(answer.server(), Some(second.addr));
    assert_eq!(first.asked(), ["A www.test", "A www.test tcp", "A www.test tcp"]);
}

#[tokio::test(start_paused = true)]
async fn four_thousand_addresses_come_over_tcp_and_64_are_kept() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [Reply::many(4_000).truncated()]);
    let resolver = resolver(&[&dns]);
    let answer = resolver.lookup(&Query::new(NAME, Record::A)).await.unwrap();
    let first: Vec<_> = (0..64).map(|i| format!("10.0.0.{i}")).collect();
    assert_eq!((ips(&answer), answer.left_out()), (first, 4_000 - 64));
}

#[tokio::test(start_paused = true)] // R-5452-9
async fn forged_replies_are_ignored() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    let all = [Forgery::Id, Forgery::Name, Forgery::Type, Forgery::NotAReply, Forgery::Short];
    let reply = all.into_iter().fold(good(), Reply::forged);
    dns.on(NAME, RecordType::A, [reply]);
    let answer = resolver(&[&dns]).lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!(ips(&answer), ["192.0.2.1"]);
    assert_eq!(dns.seen().len(), 1);
}

#[tokio::test(start_paused = true)] // N-13
async fn the_answer_that_follows_nonsense_on_the_same_socket_counts() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good().forged(Forgery::OtherAddress), Reply::silence()]);
    let answer = resolver(&[&dns]).lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!(ips(&answer), ["192.0.2.1"]);
}

#[tokio::test(start_paused = true)] // R-5452-9
async fn each_question_has_an_id_and_a_port_of_its_own() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [Reply::addrs(0, &["192.0.2.1"])]);
    let resolver = resolver(&[&dns]);
    for _ in 0..32 {
        resolver.lookup(&Query::new(NAME, Record::A)).await.unwrap();
    }
    let seen = dns.seen();
    let ids: std::collections::HashSet<_> = seen.iter().map(|seen| seen.id).collect();
    let ports: std::collections::HashSet<_> = seen.iter().map(|seen| seen.from.port()).collect();
    assert!(ids.len() > 28 && ports.len() > 28, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_without_edns_is_asked_again_without() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [good().no_edns()]);
    let answer = resolver(&[&dns]).lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!(ips(&answer), ["192.0.2.1"]);
    let edns: Vec<_> = dns.seen().iter().map(|seen| seen.edns).collect();
    assert_eq!(edns, [Some(1232), None]);
    assert_ne!(dns.seen()[0].id, dns.seen()[1].id);
    // Over TCP just the same.
    dns.on("tcp.test", RecordType::A, [good().no_edns().truncated()]);
    resolver(&[&dns]).lookup(&Query::new("tcp.test", Record::A)).await.unwrap();
    let sent: Vec<_> = dns.seen()[2..].iter().map(|seen| (seen.tcp, seen.edns.is_some())).collect();
    assert_eq!(sent, [(false, true), (false, false), (true, true), (true, false)]);
}

#[tokio::test(start_paused = true)] // R-1034-3.6.2
async fn a_cname_is_followed_within_a_reply_and_beyond_it() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(
        NAME,
        RecordType::A,
        [Reply::default().cname(".", 30, "b.test").cname("b.test", 60, "c.test")],
    );
    dns.on(
        "c.test",
        RecordType::A,
        [Reply::default().cname(".", 60, "d.test").addr_of("d.test", 90, "192.0.2.4")],
    );
    let answer = resolver(&[&dns]).lookup(&Query::new(NAME, Record::A)).await.unwrap();
    assert_eq!((ips(&answer), answer.name()), (vec!["192.0.2.4".to_owned()], Some("d.test")));
    assert_eq!(answer.ttl(), Some(Duration::from_secs(30)));
    assert_eq!(dns.asked(), ["A www.test", "A c.test"]);
}

#[tokio::test(start_paused = true)] // R-1034-3.6.2
async fn a_cname_loop_over_several_replies_is_an_error_that_names_it() {
    let _held = HeldClock::hold();
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, [Reply::default().cname(".", 30, "b.test")]);
    dns.on("b.test", RecordType::A, [Reply::default().cname(".", 30, "www.test")]);
    let error = resolver(&[&dns]).lookup(&Query::new(NAME, Record::A)).await.unwrap_err();
    assert_eq!(error.kind(), LookupErrorKind::Other);
    let text = "lookup failed ({}): CNAME loop: www.test -> b.test -> www.test";
    assert_eq!(error.to_string(), text.replace("{}", &dns.addr.to_string()));
}
