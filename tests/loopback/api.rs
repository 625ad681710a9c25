//! Programs may write ports and addresses in every form, and futures own what they need.

#![allow(clippy::needless_borrows_for_generic_args, reason = "borrows are among the forms")]

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use he::{Attempt, Connector, Error, Ports};
use he_test_support::net::Peer::Accepts;
use he_test_support::net::{Peers, Reports, Table};
use tokio::net::TcpStream;

fn peers() -> (Peers, Connector) {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let connector = Connector::new(Table::of(peers.ips()));
    (peers, connector)
}

/// Can be spawned, stored and sent.
fn owned<T: Future + Send + 'static>(future: T) -> T {
    future
}

#[tokio::test]
async fn a_host_and_its_ports_may_be_written_in_any_form() {
    let (peers, connector) = peers();
    let (port, host) = (peers.port, String::from("db.test"));
    let list = vec![port];
    connector.connect("db.test", port).await.unwrap();
    connector.connect("db.test", [port]).await.unwrap();
    connector.connect("db.test", &[port]).await.unwrap();
    connector.connect(&host, &list).await.unwrap();
    connector.connect(&host, list.as_slice()).await.unwrap();
    connector.connect(&host, [port].into_iter().collect::<Ports>()).await.unwrap();
    connector.connect(host, list).await.unwrap();
    connector.connect(std::borrow::Cow::from("db.test"), port).await.unwrap();
}

#[tokio::test]
async fn addresses_may_be_written_in_any_form() {
    let (peers, connector) = peers();
    let addr = peers.addr(0);
    connector.connect_addrs(addr).await.unwrap();
    connector.connect_addrs([addr]).await.unwrap();
    connector.connect_addrs(&[addr]).await.unwrap();
    connector.connect_addrs(vec![addr]).await.unwrap();
    connector.connect_addrs(&vec![addr]).await.unwrap();
    connector.connect_addrs(&[addr][..]).await.unwrap();
    let stream = connector.connect_addrs_with(addr, Attempt::connect).await.unwrap();
    let stream: TcpStream = stream.into();
    assert_eq!(stream.peer_addr().unwrap(), addr);
}

#[tokio::test]
async fn a_future_owns_what_it_needs() {
    let (peers, _) = peers();
    let futures = {
        let connector = Connector::new(Table::of(peers.ips()));
        let (host, ports) = (String::from("db.test"), vec![peers.port]);
        let reported = owned(connector.connect_reported(&host, &ports));
        let resolved = owned(connector.resolve(&host));
        let resolved_for = owned(connector.resolve_for(&host, &ports[..]));
        let authority = owned(connector.connect_authority(format!("{host}:{}", ports[0]), 1));
        let addrs = owned(connector.connect_addrs([peers.addr(0)]));
        let with = owned(connector.connect_with(&host, &ports, Attempt::connect));
        (
            owned(connector.connect(&host, &ports)),
            reported,
            resolved,
            resolved_for,
            authority,
            addrs,
            with,
        )
    };
    let (connect, reported, resolved, resolved_for, authority, addrs, with) = futures;
    connect.await.unwrap();
    assert_eq!(reported.await.unwrap().into_stream().peer_addr().unwrap(), peers.addr(0));
    assert_eq!(resolved.await.unwrap().ips().collect::<Vec<_>>(), peers.ips());
    assert_eq!(resolved_for.await.unwrap().addrs(), [peers.addr(0)]);
    authority.await.unwrap();
    addrs.await.unwrap();
    with.await.unwrap();
}

#[tokio::test]
async fn calls_can_be_selected_joined_spawned_and_stored() {
    struct Pool {
        next: Pin<Box<dyn Future<Output = Result<TcpStream, Error>> + Send>>,
    }
    let (peers, connector) = peers();
    let port = peers.port;
    tokio::select! {
        stream = connector.connect("db.test", &[port]) => { stream.unwrap(); }
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("a loopback port is silent"),
    }
    let streams = join_all((0..10).map(|_| connector.connect("db.test", &[port]))).await;
    assert!(streams.iter().all(Result::is_ok));
    tokio::spawn(connector.connect("db.test", port)).await.unwrap().unwrap();
    let pool = Pool { next: Box::pin(connector.connect("db.test", port)) };
    pool.next.await.unwrap();
}

// A dial may borrow; then its future lives as long as what it borrows.
#[tokio::test]
async fn a_dial_may_borrow() {
    let (peers, connector) = peers();
    let greetings = std::sync::Mutex::new(Vec::<SocketAddr>::new());
    let dial = |attempt: Attempt| {
        greetings.lock().unwrap().push(attempt.addr());
        attempt.connect()
    };
    connector.connect_with("db.test", peers.port, dial).await.unwrap();
    assert_eq!(greetings.into_inner().unwrap(), [peers.addr(0)]);
}

#[tokio::test]
async fn nothing_begins_before_the_first_poll() {
    let (peers, connector) = peers();
    let (connector, reports) = Reports::of(connector);
    let refused = connector.connect("not a name", peers.port);
    drop(connector.connect("db.test", peers.port));
    assert_eq!(reports.count(), 0);
    peers.assert_nobody_came(0);
    refused.await.unwrap_err();
    assert_eq!(reports.count(), 1);
}

#[tokio::test] // R-3986-3.2.2
async fn an_authority_has_a_port_or_gets_the_default_one() {
    let (peers, connector) = peers();
    let port = peers.port;
    for (authority, default) in [
        (format!("db.test:{port}"), 1),
        ("db.test".to_owned(), port),
        ("db.test:".to_owned(), port),
        (format!("127.0.0.1:{port}"), 1),
        ("[127.0.0.1]".to_owned(), port),
    ] {
        let connected = connector.connect_authority(&authority, default).await;
        assert_eq!(connected.is_ok(), !authority.starts_with('['), "{authority}");
    }
    for (authority, error) in [
        ("db.test:0", "cannot connect to db.test: port 0 cannot be connected to"),
        ("db.test:65536", "cannot connect to db.test:65536: invalid port 65536"),
        (":443", "cannot connect to : invalid host \"\": it is empty"),
        (
            "me:key@db.test:443",
            "cannot connect to db.test:443: a user before @ has no place in host:port",
        ),
    ] {
        let refused = connector.connect_authority(authority, 443).await.unwrap_err();
        assert_eq!(refused.to_string(), error);
    }
}

#[tokio::test]
async fn hooks_add_up_and_clones_share_them() {
    let (peers, connector) = peers();
    let clone = connector.clone();
    let (connector, first) = Reports::of(connector);
    let (_, second) = Reports::of(connector.clone());
    clone.connect("db.test", peers.port).await.unwrap();
    assert_eq!((first.only().host(), second.only().host()), ("db.test", "db.test"));
    // A changed setting makes no other connector of it.
    let patient =
        connector.clone().with_config(connector.config().with_total_timeout(Duration::MAX));
    patient.connect("db.test", peers.port).await.unwrap();
    assert_eq!((first.count(), second.count()), (1, 1));
    assert_eq!(connector.config().total_timeout, Duration::from_secs(30));
}

#[cfg(feature = "dns")]
#[tokio::test]
async fn the_default_connector_is_the_one_behind_connect_and_resolve() {
    let (peers, _) = peers();
    let (_, reports) = Reports::of(he::default_connector().clone());
    he::connect("127.0.0.1", peers.port).await.unwrap();
    assert_eq!(reports.only().ports(), [peers.port]);
    assert_eq!(he::resolve("127.0.0.1").await.unwrap().ips().collect::<Vec<_>>(), peers.ips());
    assert_eq!(reports.only().outcome(), he::Outcome::Resolved);
}
