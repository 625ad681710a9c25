//! Attempts of the caller's making, on real sockets, loopback only: socket options, the hook before
//! the connect, and dials that go on after TCP.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use he::{Attempt, Config, Connector, ErrorKind, Outcome, SocketOptions};
use he_test_support::net::Peer::{Accepts, Refuses, Silent};
use he_test_support::net::{self, Peers, Reports, Table};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An error of a dial.
#[derive(Debug, PartialEq)]
struct Mine(u8);

impl fmt::Display for Mine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer said {}", self.0)
    }
}

impl std::error::Error for Mine {}

/// The peer's greeting is one byte, 1 if all is well.
async fn greeted(attempt: Attempt) -> io::Result<TcpStream> {
    let mut stream = attempt.connect().await?;
    match stream.read_u8().await? {
        1 => Ok(stream),
        other => Err(io::Error::new(io::ErrorKind::InvalidData, Mine(other))),
    }
}

/// Answers each connection with this byte, as a task.
fn greet(peers: &Peers, index: usize, byte: u8) {
    let listener = peers.listener(index);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_u8(byte).await;
        }
    });
}

#[tokio::test]
#[cfg(target_os = "linux")] // TCP_USER_TIMEOUT
async fn socket_options_arrive_on_the_winner_whether_it_is_the_first_attempt_or_not() {
    use he::KeepAlive;
    use socket2::SockRef;

    let options = SocketOptions::default()
        .with_keepalive(KeepAlive::new(Duration::from_secs(77)))
        .with_user_timeout(Duration::from_secs(33))
        .with_local_address(IpAddr::from([127, 0, 0, 9]))
        .before_connect(|socket, _| SockRef::from(socket).set_tos_v4(0x10));
    let first = Peers::new(&[("127.0.0.1", Accepts)]);
    let second = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Accepts)]);
    for (peers, winner) in [(first, 0), (second, 1)] {
        let connector = Connector::new(Table::of(peers.ips()))
            .with_config(Config::new().with_connect_delay(ms(10)))
            .with_socket_options(options.clone());
        let stream = connector.connect("service.test", peers.port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), peers.addr(winner));
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(33)));
        assert_eq!(socket.tos_v4().unwrap(), 0x10);
        let (_, client) = peers.accept(winner).unwrap();
        assert_eq!(client.ip(), IpAddr::from([127, 0, 0, 9]));
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn the_hook_sees_every_attempt_and_no_attempt_starts_before_its_time() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Silent), ("127.0.0.3", Accepts)]);
    let (seen, starts) = mpsc::channel();
    let options = SocketOptions::default()
        .before_connect(move |_, addr| seen.send((addr, Instant::now())).map_err(io::Error::other));
    let config = Config::new().with_connect_delay(ms(40));
    let connector =
        Connector::new(Table::of(peers.ips())).with_config(config).with_socket_options(options);
    let began = Instant::now();
    connector.connect("service.test", peers.port).await.unwrap();
    let starts: Vec<(SocketAddr, Instant)> = starts.try_iter().collect();
    let addrs: Vec<SocketAddr> = starts.iter().map(|(addr, _)| *addr).collect();
    assert_eq!(addrs, [peers.addr(0), peers.addr(1), peers.addr(2)]);
    for (n, (_, at)) in (0..).zip(&starts) {
        assert!(*at >= began + ms(40) * n, "attempt {n}");
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn an_error_of_the_hook_ends_that_attempt_and_not_the_race() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let first = peers.addr(0);
    let options = SocketOptions::default().before_connect(move |_, addr| match addr == first {
        true => Err(io::Error::new(io::ErrorKind::QuotaExceeded, Mine(7))),
        false => Ok(()),
    });
    let (connector, reports) =
        Reports::of(Connector::new(Table::of(peers.ips())).with_socket_options(options));
    let stream = connector.connect("service.test", peers.port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(1));
    let report = reports.only();
    assert_eq!(peers.story(&report), ["127.0.0.1:P locally quota exceeded", "127.0.0.2:P won"]);
    let error = report.attempts()[0].error().unwrap();
    assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&Mine(7)));
    peers.assert_nobody_came(0);
}

#[tokio::test] // F-6
async fn an_option_that_one_family_does_not_take_leaves_the_race_to_the_other() {
    if !net::ipv6() {
        return;
    }
    let peers = Peers::new(&[("::1", Accepts), ("127.0.0.1", Accepts)]);
    let options = SocketOptions::default().with_local_address(IpAddr::from([127, 0, 0, 1]));
    let (connector, reports) =
        Reports::of(Connector::without_resolver().with_socket_options(options));
    let stream = connector.connect_addrs([peers.addr(0), peers.addr(1)]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), peers.addr(1));
    let report = reports.only();
    assert_eq!(peers.story(&report), ["[::1]:P locally address not available", "127.0.0.1:P won"]);
    let error = report.attempts()[0].error().unwrap();
    let option: &he::OptionError = error.get_ref().unwrap().downcast_ref().unwrap();
    assert_eq!((option.option(), option.addr()), ("local address", peers.addr(0)));
    peers.assert_nobody_came(0);
}

#[tokio::test] // R-V3-6.1b
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn an_address_that_accepts_and_never_answers_loses_to_one_that_does() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    greet(&peers, 1, 1);
    let connector = Connector::new(Table::of(peers.ips()))
        .with_config(Config::new().with_connect_delay(ms(20)));
    let established = connector.connect_with("service.test", peers.port, greeted).await.unwrap();
    assert_eq!(established.addr, peers.addr(1));
    assert_eq!(established.stream.peer_addr().unwrap(), peers.addr(1));
    let report = established.report;
    assert_eq!(report.outcome(), Outcome::Connected(1));
    assert_eq!(peers.story(&report), ["127.0.0.1:P cancelled", "127.0.0.2:P won"]);
    for attempt in report.attempts() {
        // TCP was up on both, before the attempt ended.
        assert!(attempt.tcp_elapsed().unwrap() <= attempt.elapsed().unwrap());
    }
    // The loser was connected, and hears that it is over.
    let (loser, _) = peers.accept(0).unwrap();
    loser.set_nonblocking(true).unwrap();
    let mut loser = TcpStream::from_std(loser).unwrap();
    assert_eq!(loser.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn a_dials_own_error_is_kept_and_the_next_address_wins() {
    let peers =
        Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Refuses), ("127.0.0.3", Accepts)]);
    greet(&peers, 0, 42);
    greet(&peers, 2, 1);
    let connector = Connector::new(Table::of(peers.ips()));
    let established = connector.connect_with("service.test", peers.port, greeted).await.unwrap();
    let report = established.report;
    assert_eq!(
        peers.story(&report),
        ["127.0.0.1:P invalid data", "127.0.0.2:P connection refused", "127.0.0.3:P won"]
    );
    let error = report.attempts()[0].error().unwrap();
    assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&Mine(42)));
    let tcp: Vec<bool> = report.attempts().iter().map(|a| a.tcp_elapsed().is_some()).collect();
    assert_eq!(tcp, [true, false, true]);
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn when_every_dial_fails_the_line_has_their_words() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    greet(&peers, 0, 42);
    greet(&peers, 1, 43);
    let connector = Connector::without_resolver();
    let list = [peers.addr(0), peers.addr(1)];
    let error = connector.connect_addrs_with(list, greeted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        peers.text(&error),
        "cannot connect to any of 2 addresses: every attempt failed; \
         127.0.0.1:P: the peer said 42 after T; 127.0.0.2:P: the peer said 43 after T"
    );
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidData);
}

#[tokio::test] // R-8305-5f
async fn only_a_peer_refuses_however_soon_it_does() {
    use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, ConnectionReset, NetworkUnreachable};
    let kinds = [ConnectionRefused, ConnectionReset, NetworkUnreachable, AddrNotAvailable];
    // These fail at their first poll. On several threads a real refusal may be as quick.
    let dial = |attempt: Attempt| {
        let kind = kinds[usize::from(attempt.addr().port()) - 1];
        std::future::ready(Err::<(), _>(io::Error::from(kind)))
    };
    let connector = Connector::without_resolver();
    let error = connector.connect_with("127.0.0.1", [1, 2, 3, 4], dial).await.unwrap_err();
    let local: Vec<bool> = error.report().attempts().iter().map(|a| a.is_local()).collect();
    assert_eq!(local, [false, false, true, true]);
}

#[tokio::test]
async fn a_dial_is_given_up_after_connect_timeout_handshake_included() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let connector =
        Connector::without_resolver().with_config(Config::new().with_connect_timeout(ms(50)));
    let error = connector.connect_with("127.0.0.1", peers.port, greeted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let attempt = &error.report().attempts()[0];
    assert!(attempt.elapsed().unwrap() >= ms(50));
    assert!(attempt.tcp_elapsed().is_some());
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn connect_with_the_plain_dial_gives_the_stream_and_the_report() {
    let peers = Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Accepts)]);
    let connector = Connector::new(Table::of(peers.ips()));
    let established =
        connector.connect_with("service.test", peers.port, Attempt::connect).await.unwrap();
    assert_eq!(established.stream.peer_addr().unwrap(), established.addr);
    assert_eq!(established.report.winner().unwrap().addr(), established.addr);
    assert!(established.report.winner().unwrap().tcp_elapsed().is_some());
}

#[tokio::test]
async fn a_dial_knows_its_address_and_the_host_as_a_certificate_names_it() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let connector = Connector::new(Table::of(peers.ips()));
    let dial = |attempt: Attempt| async move { Ok((attempt.addr(), attempt.host())) };
    for (typed, host) in [
        #[cfg(feature = "idna")]
        ("B\u{fc}cher.Test.", "xn--bcher-kva.test"),
        ("localhost", "localhost"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
    ] {
        let established = connector.connect_with(typed, peers.port, dial).await.unwrap();
        assert_eq!(established.stream.0.port(), peers.port);
        assert_eq!(established.stream.1, host);
    }
    let established = connector.connect_addrs_with(peers.addr(0), dial).await.unwrap();
    assert_eq!(established.stream, (peers.addr(0), "127.0.0.1".to_owned()));
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_panic_in_a_dial_surfaces_in_the_connect() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Accepts)]);
    let (connector, reports) = Reports::of(
        Connector::new(Table::of(peers.ips()))
            .with_config(Config::new().with_connect_delay(ms(10))),
    );
    // The first attempt runs in the caller's task, the second in one of its own.
    for guilty in [peers.addr(0), peers.addr(1)] {
        let (connector, port) = (connector.clone(), peers.port);
        let connect = tokio::spawn(async move {
            let dial = move |attempt: Attempt| async move {
                assert_ne!(attempt.addr(), guilty, "this dial panics");
                attempt.connect().await
            };
            connector.connect_with("service.test", port, dial).await.map(|_| ())
        });
        let panic = connect.await.unwrap_err().into_panic();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("this dial panics"), "{text}");
        assert_eq!(reports.only().outcome(), Outcome::Dropped);
    }
}
