//! The error at a lookup's deadline: it has the replies that came by then.

use std::net::SocketAddr;

use he::dns::Resolver;
use he::{Config, Connector, Family, LookupError, LookupErrorKind, Query, Record, Resolve};
use he_test_support::dns::{Dns, HeldClock, Reply, pass};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

const NAME: &str = "www.test.";

/// Truncated over UDP, and silent over TCP.
fn truncated() -> [Reply; 2] {
    [Reply::addrs(60, &["192.0.2.1"]).truncated(), Reply::silence()]
}

/// FORMERR to the question with EDNS, and silent without it.
fn no_edns() -> [Reply; 2] {
    [Reply::none().no_edns(), Reply::silence()]
}

fn silent() -> [Reply; 2] {
    [Reply::silence(), Reply::silence()]
}

async fn server(replies: [Reply; 2]) -> Dns {
    let dns = Dns::start().await;
    dns.on(NAME, RecordType::A, replies);
    dns
}

fn resolver(servers: &[&Dns]) -> Resolver {
    Resolver::plain_servers(servers.iter().map(|server| server.addr)).without_hosts()
}

/// The error after 5 s, in which the servers have all the time that they need.
async fn error(resolver: &Resolver, servers: &[&Dns]) -> LookupError {
    let lookup = tokio::spawn(resolver.lookup(&Query::new(NAME, Record::A)));
    for server in servers {
        server.settle().await;
    }
    for _ in 0..100 {
        assert!(!lookup.is_finished());
        pass(50, servers).await;
    }
    lookup.await.unwrap().unwrap_err()
}

/// The text of the error, with `S1` for the first server and so on.
async fn text(servers: &[&Dns]) -> String {
    let text = error(&resolver(servers), servers).await.to_string();
    let names = servers.iter().zip(1..);
    names.fold(text, |text, (dns, nth)| text.replace(&dns.addr.to_string(), &format!("S{nth}")))
}

#[tokio::test(start_paused = true)] // N-15
async fn a_truncated_reply_is_reported_where_tcp_accepts_and_is_silent() {
    let _held = HeldClock::hold();
    let dns = server(truncated()).await;
    let resolver = resolver(&[&dns]);
    let error = error(&resolver, &[&dns]).await;
    assert_eq!((error.kind(), error.server()), (LookupErrorKind::TimedOut, Some(dns.addr)));
    let expected = |server| format!("no answer ({server}): truncated, and no answer over TCP");
    assert_eq!(error.to_string(), expected(dns.addr.to_string()));
    assert_eq!(io_kind(&error), Some(std::io::ErrorKind::TimedOut));
    // The same from the cache.
    let again = resolver.lookup(&Query::new(NAME, Record::A)).await.unwrap_err();
    assert_eq!(again.to_string(), expected(format!("{}, cached", dns.addr)));
}

#[tokio::test(start_paused = true)] // N-15
async fn the_error_of_a_call_has_the_reply_and_the_time_and_may_pass() {
    let _held = HeldClock::hold();
    let dns = server(truncated()).await;
    let v4 = Config::new().with_family(Family::V4Only);
    let connector = Connector::new(resolver(&[&dns])).with_config(v4);
    let call = tokio::spawn(connector.connect("www.test", 443));
    dns.settle().await;
    while !call.is_finished() {
        pass(5, &[&dns]).await;
    }
    let error = call.await.unwrap().unwrap_err();
    let reply = format!("A: no answer ({}): truncated, and no answer over TCP after 5s", dns.addr);
    assert!(error.to_string().contains(&reply), "{error}");
    assert!(error.is_transient());
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::TimedOut);
}

/// The kind of the `io::Error` among an error's causes.
fn io_kind(error: &LookupError) -> Option<std::io::ErrorKind> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

// Elsewhere a full queue refuses.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)] // N-15
async fn a_truncated_reply_is_reported_where_tcp_is_dropped() {
    let _held = HeldClock::hold();
    let (dns, _queue) = loop {
        let dns = Dns::start_udp_only().await;
        // The same number may be taken for TCP.
        if let Some(queue) = full_queue(dns.addr) {
            break (dns, queue);
        }
    };
    dns.on(NAME, RecordType::A, truncated());
    assert_eq!(text(&[&dns]).await, "no answer (S1): truncated, and no answer over TCP");
}

/// A listener whose system drops every further SYN, and the connections in its queue.
#[cfg(target_os = "linux")]
fn full_queue(addr: SocketAddr) -> Option<(socket2::Socket, Vec<std::net::TcpStream>)> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&addr.into()).and_then(|()| socket.listen(0)).ok()?;
    Some((socket, he_test_support::net::fill_queue(addr)))
}

#[tokio::test(start_paused = true)] // N-15
async fn of_two_servers_that_have_said_the_same_it_is_reported_once() {
    let _held = HeldClock::hold();
    let (one, two) = (server(truncated()).await, server(truncated()).await);
    let expected = "no answer (S1 and 1 more): truncated, and no answer over TCP";
    assert_eq!(text(&[&one, &two]).await, expected);
}

#[tokio::test(start_paused = true)] // N-15
async fn the_reply_of_one_server_is_reported_beside_the_silence_of_another() {
    let _held = HeldClock::hold();
    for silent_first in [true, false] {
        let (silent, truncated) = (server(silent()).await, server(truncated()).await);
        let (servers, nth) = match silent_first {
            true => ([&silent, &truncated], 2),
            false => ([&truncated, &silent], 1),
        };
        let expected =
            format!("no answer (S1 and 1 more): S{nth}: truncated, and no answer over TCP");
        assert_eq!(text(&servers).await, expected);
    }
}

#[tokio::test(start_paused = true)] // N-15
async fn different_replies_are_reported_with_their_servers() {
    let _held = HeldClock::hold();
    let (one, two) = (server(truncated()).await, server(no_edns()).await);
    let expected = "no answer (S1 and 1 more): S1: truncated, and no answer over TCP, \
                    S2: does not understand EDNS, and no answer without it";
    assert_eq!(text(&[&one, &two]).await, expected);
}

#[tokio::test(start_paused = true)] // N-15
async fn a_server_that_does_not_understand_edns_is_reported_over_udp_and_tcp() {
    let _held = HeldClock::hold();
    let dns = server(no_edns()).await;
    let expected = "no answer (S1): does not understand EDNS, and no answer without it";
    assert_eq!(text(&[&dns]).await, expected);
    let dns = server(no_edns()).await;
    let over_tcp = Resolver::name_servers([format!("tcp:{}", dns.addr).parse().unwrap()]).unwrap();
    let error = error(&over_tcp.without_hosts(), &[&dns]).await;
    assert_eq!(error.to_string(), expected.replace("S1", &dns.addr.to_string()));
}

#[tokio::test(start_paused = true)] // N-15
async fn a_closed_tcp_port_is_reported_beside_silence_over_udp() {
    let _held = HeldClock::hold();
    let dns = Dns::start_udp_only().await;
    dns.on(NAME, RecordType::A, [Reply::silence()]);
    let text = text(&[&dns]).await;
    assert!(text.starts_with("no answer (S1): over TCP: connection refused"), "{text}");
}

#[tokio::test(start_paused = true)] // N-15
async fn an_error_that_a_server_gave_is_reported_before_a_truncated_reply() {
    let _held = HeldClock::hold();
    let failed = [Reply::code(ResponseCode::ServFail), Reply::code(ResponseCode::ServFail)];
    let (truncated, failed) = (server(truncated()).await, server(failed).await);
    assert_eq!(text(&[&truncated, &failed]).await, "server failure (S2)");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_is_a_time_out_and_names_the_server() {
    let _held = HeldClock::hold();
    let dns = server(silent()).await;
    let now = tokio::time::Instant::now();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let query = Query::new(NAME, Record::A).with_deadline(now.into_std());
    let error = resolver(&[&dns]).lookup(&query).await.unwrap_err();
    assert_eq!((error.kind(), error.server()), (LookupErrorKind::TimedOut, Some(dns.addr)));
    assert!(dns.seen().is_empty());
}
