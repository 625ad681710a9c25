//! What a failed connect says, on real sockets, loopback only: one line, the kind, the report.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use he::{
    Attempt, AttemptOutcome, Config, Connector, Error, ErrorKind, LookupError, LookupErrorKind,
    LookupOutcome, Outcome, Record, Resolving, SocketOptions,
};
use he_test_support::net::Peer::{Accepts, Refuses, Silent};
use he_test_support::net::{self, Peers, Reports, Table};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn when_all_refuse_the_line_names_every_address_with_its_port() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("127.0.0.1", Refuses), ("::1", Refuses), ("127.0.0.2", Refuses)]);
    let connector = Connector::new(Table::of(peers.ips()));
    let error = connector.connect("Service.Test", peers.port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_transient());
    let source: &io::Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(source.raw_os_error(), Some(111));
    assert_eq!(error.raw_os_error(), Some(111));
    assert_eq!(
        peers.text(&error),
        "cannot connect to Service.Test: every attempt failed; AAAA: 1 address; A: 2 addresses; \
         [::1]:P: connection refused after T; 127.0.0.1:P: connection refused after T; \
         127.0.0.2:P: connection refused after T"
    );
    let line = error.to_string();
    assert_eq!(format!("{error:?}"), format!("Error(Connect: {line})"));

    let error = io::Error::from(error);
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(error.to_string(), line);
    let inner: &Error = error.get_ref().unwrap().downcast_ref().unwrap();
    assert_eq!(inner.report().attempts().len(), 3);
    let inner: Box<Error> = error.into_inner().unwrap().downcast().unwrap();
    let report = inner.into_report();
    assert_eq!(report.outcome(), Outcome::Failed(ErrorKind::Connect));
    let cause = report.attempts()[2].error().unwrap();
    assert_eq!((cause.kind(), cause.raw_os_error()), (io::ErrorKind::ConnectionRefused, Some(111)));
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn a_list_goes_by_the_number_of_its_addresses() {
    let peers = Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Refuses)]);
    let connector = Connector::without_resolver();
    let list = [peers.addr(1), peers.addr(0)];
    let error = connector.connect_addrs(list).await.unwrap_err();
    assert_eq!(
        peers.text(&error),
        "cannot connect to any of 2 addresses: every attempt failed; \
         127.0.0.2:P: connection refused after T; 127.0.0.1:P: connection refused after T"
    );
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn when_every_attempt_times_out_the_connect_timed_out() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Silent)]);
    let config = Config::new().with_connect_timeout(ms(50)).with_connect_delay(ms(20));
    let connector = Connector::without_resolver().with_config(config);
    let list = [peers.addr(0), peers.addr(1)];
    let began = Instant::now();
    let error = connector.connect_addrs(list).await.unwrap_err();
    assert!(began.elapsed() >= ms(70));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.is_transient());
    assert_eq!(
        peers.text(&error),
        "cannot connect to any of 2 addresses: timed out after T; \
         127.0.0.1:P: timed out after T; 127.0.0.2:P: timed out after T"
    );
    assert_eq!(error.source().unwrap().to_string(), "timed out");
    assert_eq!(error.io_error().unwrap().kind(), io::ErrorKind::TimedOut);
    assert_eq!(error.raw_os_error(), None);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn the_total_timeout_names_what_was_still_running() {
    let peers = Peers::new(&[("127.0.0.1", Silent)]);
    let table = Table::of(peers.ips());
    let resolver = move |query: &he::Query| match query.record() {
        Record::A => Resolving::ready(table.answer(Record::A)),
        Record::Aaaa | _ => Resolving::new(std::future::pending()),
    };
    let (connector, reports) = Reports::of(
        Connector::new(resolver).with_config(Config::new().with_total_timeout(ms(120))),
    );
    let began = Instant::now();
    let error = connector.connect("service.test", peers.port).await.unwrap_err();
    assert!(began.elapsed() >= ms(120));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(
        peers.text(&error),
        "cannot connect to service.test: timed out after T; AAAA: still asking after T; \
         A: 1 address; 127.0.0.1:P: still connecting after T"
    );
    let report = reports.only();
    assert!(matches!(report.lookups()[0].outcome(), LookupOutcome::Abandoned));
    assert!(matches!(report.attempts()[0].outcome(), AttemptOutcome::Cancelled));
    assert!(report.elapsed() >= ms(120));
}

#[tokio::test]
async fn a_lookup_that_never_ends_is_given_up() {
    let config = Config::new().with_resolve_timeout(ms(20)).with_resolve_retries(2);
    let resolver = |_: &he::Query| Resolving::new(std::future::pending());
    let connector = Connector::new(resolver).with_config(config);
    let began = Instant::now();
    let error = connector.connect("service.test", 443).await.unwrap_err();
    assert!(began.elapsed() >= ms(40));
    assert_eq!(error.kind(), ErrorKind::Lookup);
    let line = error.to_string();
    assert!(line.starts_with("cannot connect to service.test: lookup failed; AAAA: no answer"));
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_name_needs_a_resolver() {
    let error = Connector::without_resolver().connect("service.test", 443).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lookup);
    assert_eq!(
        error.to_string(),
        "cannot connect to service.test: lookup failed; \
         AAAA: no name server: this connector has no resolver; \
         A: no name server: this connector has no resolver"
    );
}

#[tokio::test] // S21, R-6761-6.4, R-7686-2
async fn names_without_addresses_say_so() {
    let of = |kind: LookupErrorKind| {
        let resolver = move |_: &he::Query| Resolving::ready(Err(kind.into()));
        Connector::new(resolver)
    };
    for (connector, host, kind, text) in [
        (
            of(LookupErrorKind::NoSuchName),
            "nobody.test",
            ErrorKind::NoSuchName,
            "no such name; AAAA: no such name; A: no such name",
        ),
        (
            of(LookupErrorKind::NoRecords),
            "nobody.test",
            ErrorKind::NoAddress,
            "no usable address; AAAA: no records; A: no records",
        ),
        (
            of(LookupErrorKind::ServerFailure),
            "x.invalid",
            ErrorKind::NoSuchName,
            "names under .invalid never exist (RFC 6761)",
        ),
        (
            of(LookupErrorKind::ServerFailure),
            "x.onion",
            ErrorKind::NoSuchName,
            "names under .onion exist in Tor only (RFC 7686)",
        ),
    ] {
        let error = connector.connect(host, 443).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot connect to {host}: {text}"));
        assert_eq!(error.kind(), kind);
        assert!(!error.is_transient());
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotFound);
    }
}

#[tokio::test] // R-V3-7a: E-9
async fn bad_input_is_refused_before_anything_is_asked_or_sent() {
    let table = Table::default();
    let gated = Arc::new(AtomicUsize::new(0));
    let count = gated.clone();
    let gate = move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        true
    };
    let hook = |_: &tokio::net::TcpSocket, _| panic!("an attempt was started");
    let (connector, reports) = Reports::of(
        Connector::new(table.clone())
            .with_gate(gate)
            .with_socket_options(SocketOptions::default().before_connect(hook)),
    );
    let long = format!("{}test", "abcdefghi.".repeat(25));
    let label = "x".repeat(64);
    for (host, ports) in [
        ("service.test", &[][..]),
        ("service.test", &[0]),
        ("service.test", &[443, 0]),
        ("127.0.0.1", &[]),
        ("localhost", &[0]),
        ("", &[443]),
        (".", &[443]),
        ("a..test", &[443]),
        (long.as_str(), &[443]),
        (label.as_str(), &[443]),
        ("127.1", &[443]),
        ("0x7f.1", &[443]),
        ("127.0.0.256", &[443]),
        ("service.test:443", &[443]),
        ("http://service.test", &[443]),
        ("[::1", &[443]),
        ("[127.0.0.1]", &[443]),
        ("::1%lo", &[443]),
        ("fe80::1", &[443]),
        ("fe80::1%no-such-zone", &[443]),
        ("0.0.0.0", &[443]),
        ("::", &[443]),
        ("224.0.0.1", &[443]),
        ("255.255.255.255", &[443]),
        ("ff02::1", &[443]),
        ("a b", &[443]),
        ("a\0b", &[443]),
    ] {
        let error = connector.connect(host, ports).await.unwrap_err();
        assert_invalid(error, &reports, host);
    }
    for list in [&[][..], &[SocketAddr::from(([127, 0, 0, 1], 0))]] {
        let error = connector.connect_addrs(list).await.unwrap_err();
        assert_invalid(error, &reports, "");
    }
    for config in [
        Config::new().with_connect_delay(ms(9)),
        Config::new().with_connect_delay(ms(2_001)),
        Config::new().with_connect_timeout(Duration::ZERO),
        Config::new().with_resolve_retries(0),
        Config::new().with_total_timeout(Duration::ZERO),
    ] {
        let connector = connector.clone().with_config(config);
        let error = connector.connect("127.0.0.1", 443).await.unwrap_err();
        assert_invalid(error, &reports, "127.0.0.1");
        let error = connector.connect_addrs([([127, 0, 0, 1], 9).into()]).await.unwrap_err();
        assert_invalid(error, &reports, "");
    }
    assert_eq!((table.asked(), gated.load(Ordering::SeqCst)), (0, 0));
}

fn assert_invalid(error: Error, reports: &Reports, host: &str) {
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(!error.is_transient(), "{error}");
    assert_one_line(&error);
    let report = reports.only();
    assert_eq!(report.host(), host);
    assert_eq!(report.outcome(), Outcome::Failed(ErrorKind::InvalidInput));
    assert!(report.lookups().is_empty() && report.attempts().is_empty());
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_empty_list_and_a_port_0_say_so() {
    let connector = Connector::without_resolver();
    let text = |error: Error| error.to_string();
    assert_eq!(
        text(connector.connect_addrs([]).await.unwrap_err()),
        "cannot connect: the list of addresses is empty"
    );
    assert_eq!(
        text(connector.connect_addrs([([127, 0, 0, 1], 0).into()]).await.unwrap_err()),
        "cannot connect: 127.0.0.1:0: port 0 cannot be connected to"
    );
    assert_eq!(
        text(connector.connect("127.0.0.1", []).await.unwrap_err()),
        "cannot connect to 127.0.0.1: the list of ports is empty"
    );
    assert_eq!(
        text(connector.connect("127.0.0.1", 0).await.unwrap_err()),
        "cannot connect to 127.0.0.1: port 0 cannot be connected to"
    );
}

#[tokio::test]
async fn hostile_text_stays_on_one_line_wherever_it_comes_from() {
    const EVIL: &str = "evil\r\n2026-01-01 OK\u{1b}[2J\u{202e}\u{2028}x";
    let connector = Connector::without_resolver();
    assert_one_line(&connector.connect(EVIL, 443).await.unwrap_err());
    assert_one_line(&connector.connect(EVIL.repeat(10_000), 443).await.unwrap_err());

    let resolver = |_: &he::Query| {
        let error = LookupError::from(LookupErrorKind::Other).with_name(EVIL).with_cause(EVIL);
        Resolving::ready(Err(error))
    };
    let error = Connector::new(resolver).connect("service.test", 443).await.unwrap_err();
    assert_one_line(&error);

    let dial = |_: Attempt| async { Err::<(), _>(io::Error::other(EVIL.repeat(10_000))) };
    let error = connector.connect_with("127.0.0.1", 443, dial).await.unwrap_err();
    assert_one_line(&error);
    assert!(error.to_string().len() < 1_000, "{}", error.to_string().len());
}

fn assert_one_line(error: &Error) {
    let plain = |c: char| !c.is_control() && !"\u{2028}\u{2029}\u{202e}".contains(c);
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(text.chars().all(plain), "{text:?}");
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs SO_BINDTODEVICE")]
async fn an_interface_that_does_not_exist_fails_every_attempt_before_a_packet() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let options = SocketOptions::default().with_interface("no-such-if");
    let connector = Connector::new(Table::of(peers.ips())).with_socket_options(options);
    let error = connector.connect("service.test", peers.port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        peers.text(&error),
        "cannot connect to service.test: every attempt failed; AAAA: no records; A: 2 addresses; \
         127.0.0.1:P: SO_BINDTODEVICE: No such device (os error 19); \
         127.0.0.2:P: SO_BINDTODEVICE: No such device (os error 19)"
    );
    let attempts = error.report().attempts();
    assert_eq!(attempts.len(), 2);
    for (index, attempt) in attempts.iter().enumerate() {
        assert!(attempt.is_local());
        let inner = attempt.error().unwrap().get_ref().unwrap();
        let option: &he::OptionError = inner.downcast_ref().unwrap();
        assert_eq!((option.option(), option.addr()), ("SO_BINDTODEVICE", peers.addr(index)));
    }
    (0..2).for_each(|index| peers.assert_nobody_came(index));
}
