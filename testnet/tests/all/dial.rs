//! Dials that do more than TCP, and servers that fail during such a dial.

use std::io;

use he::{Attempt, Established};
use he_testnet::{End, Host, Net, internet, words};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A handshake: it sends five bytes, and ends when they come back.
async fn shake_hands(attempt: Attempt) -> io::Result<TcpStream> {
    let mut stream = attempt.connect().await?;
    stream.write_all(b"hello").await?;
    stream.read_exact(&mut [0; 5]).await?;
    Ok(stream)
}

/// The same, except that over IPv6 the server sends first.
async fn listen_first(attempt: Attempt) -> io::Result<TcpStream> {
    if attempt.addr().is_ipv4() {
        return shake_hands(attempt).await;
    }
    let mut stream = attempt.connect().await?;
    stream.read_exact(&mut [0; 5]).await?;
    Ok(stream)
}

/// Asserts that v4 starts at `next` and wins two round trips of 20 ms later, and that v6, which
/// completed its TCP handshake, ended in one of these ways.
async fn v4_wins(
    net: Net,
    won: &Established<TcpStream>,
    [v6, v4]: [Host; 2],
    next: u64,
    ends: &[End],
) {
    net.assert_starts(&[(v6, 0), (v4, next)]);
    net.assert_returned(next + 40);
    net.let_go(v6).await;
    net.sees("the end of the loser", |log| ends.contains(&log.end(v6))).await;
    assert!(v4.is(won.addr));
    let connections = net.log().connections();
    assert!(connections.len() == 2 && v6.is(connections[0]) && v4.is(connections[1]));
    assert_eq!(net.sockets().len(), 1, "{:?}", net.sockets());
}

fn hosts(net: Net, rtt: u64) -> [Host; 2] {
    let hosts = [net.host("2001:db8::1").rtt(rtt), net.host("198.51.100.1").rtt(20)];
    net.dns("www.test").aaaa([hosts[0]]).a([hosts[1]]);
    hosts
}

fn reported(v6: &str) -> [String; 4] {
    let v6 = format!("[2001:db8::1]:443: {v6}");
    ["AAAA: 1".to_owned(), "A: 1".to_owned(), v6, "198.51.100.1:443: won".to_owned()]
}

/// v6 completes its TCP handshake after `rtt` and then is silent; v4 follows at `next`.
fn dies_in_the_handshake(rtt: u64, next: u64) {
    internet(move |net| async move {
        let [v6, v4] = hosts(net, rtt);
        v6.answers_never();
        let connector = net.connector();
        let connecting = connector.connect_with("www.test", 443, shake_hands);
        let established = net.call(connecting).await.unwrap();
        v4_wins(net, &established, [v6, v4], next, &[End::Closed]).await;
        assert_eq!(words(&established.report), reported("cancelled"));
    });
}

#[test] // S28, R-V3-6.1b, R-V3-6.1c
fn a_path_that_dies_in_the_handshake_loses_to_the_other_family() {
    dies_in_the_handshake(20, 250);
}

#[test] // S28, R-V3-6.1d, F-18
fn a_handshake_has_three_round_trips_and_100_ms_before_the_next_attempt() {
    dies_in_the_handshake(60, 60 + 3 * 60 + 100);
}

#[test] // R-V3-6.1b, R-8305-5f
fn a_server_that_accepts_and_closes_is_followed_at_once() {
    internet(|net| async move {
        let [v6, v4] = hosts(net, 20);
        v6.accepts_then_closes();
        let connector = net.connector();
        let connecting = connector.connect_with("www.test", 443, listen_first);
        let established = net.call(connecting).await.unwrap();
        // RST answers a FIN that the server repeats on a busy machine.
        v4_wins(net, &established, [v6, v4], 40, &[End::Closed, End::Reset]).await;
        assert_eq!(words(&established.report), reported("unexpected end of file"));
    });
}

#[test] // R-V3-6.1b, R-8305-5f
fn a_server_that_resets_at_the_first_word_is_followed_at_once() {
    internet(|net| async move {
        let [v6, v4] = hosts(net, 20);
        v6.accepts_then_resets();
        let connector = net.connector();
        let connecting = connector.connect_with("www.test", 443, shake_hands);
        let established = net.call(connecting).await.unwrap();
        v4_wins(net, &established, [v6, v4], 40, &[End::Silent]).await;
        assert_eq!(words(&established.report), reported("connection reset"));
    });
}

#[test] // R-V3-6.1a
fn to_a_connect_of_tcp_only_such_servers_are_well() {
    internet(|net| async move {
        let [v6, _] = hosts(net, 20);
        v6.answers_never();
        let stream = net.call(net.connector().connect("www.test", 443)).await.unwrap();
        net.assert_starts(&[(v6, 0)]);
        net.assert_returned(20);
        net.assert_over(v6, &[]).await;
        assert!(v6.is(stream.peer_addr().unwrap()));
    });
}
