//! A connector under hyper-util's client, with servers and proxies on loopback.

use std::error::Error as _;
use std::io;
use std::pin::pin;

use he::{Connector, ErrorKind, Outcome, Report};
use he_test_support::net::Peer::{Accepts, Refuses, Silent};
use he_test_support::net::{Opened, Peers, Reports, Table, connector, impatient};
use he_test_support::web;
use http::Uri;
use hyper_util::client::legacy::connect::HttpInfo;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use tower_service::Service;

/// A name with a silent address before the good one.
fn silent_first() -> (Peers, Table, Connector) {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Accepts)]);
    let table = Table::of(peers.ips());
    let connector = impatient(table.clone());
    (peers, table, connector)
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_response_tells_how_it_was_connected_and_the_next_needs_no_connection() {
    let (peers, table, connector) = silent_first();
    let (connector, reports) = Reports::of(connector);
    let guests = web::serve(peers.listener(1));
    let client = web::client(connector);
    let mut stories = Vec::new();
    for path in ["/first", "/second"] {
        let uri = format!("http://service.test:{}{path}", peers.port);
        let (response, body) = web::get(&client, &uri).await.unwrap();
        assert_eq!(body, format!("{path} over h1"));
        let report: &Report = response.extensions().get().unwrap();
        assert_eq!(peers.story(report), ["127.0.0.1:P cancelled", "127.0.0.2:P won"]);
        let info: &HttpInfo = response.extensions().get().unwrap();
        assert_eq!(info.remote_addr(), peers.addr(1));
        assert_eq!([info.local_addr()], guests.came()[..]);
        stories.push(report.to_string());
    }
    assert_eq!(stories[0], stories[1]);
    assert_eq!((table.asked(), reports.count()), (2, 1));
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs 127.0.0.2")]
async fn the_error_of_a_request_has_the_kind_and_the_report() {
    let peers = Peers::new(&[("127.0.0.1", Refuses), ("127.0.0.2", Refuses)]);
    let client = web::client(Connector::new(Table::of(peers.ips())));
    let uri = format!("http://service.test:{}/", peers.port);
    let error = web::get(&client, &uri).await.unwrap_err();
    assert!(error.is_connect());
    let cause: &io::Error = error.source().unwrap().downcast_ref().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    let found = he::Error::find_in(&error).unwrap();
    assert_eq!(found.kind(), ErrorKind::Connect);
    assert_eq!(found.to_string(), cause.to_string());
    assert_eq!(
        peers.text(found),
        "cannot connect to service.test: every attempt failed; AAAA: no records; A: 2 addresses; \
         127.0.0.1:P: connection refused after T; 127.0.0.2:P: connection refused after T"
    );
}

#[tokio::test]
async fn a_uri_that_names_no_place_is_refused_and_the_hook_is_told() {
    let (mut connector, reports) = Reports::of(Connector::without_resolver());
    for (uri, text) in [
        ("/path?secret", "cannot connect to /path: the URI has no host"),
        (
            "ftp://me:secret@a.test/",
            "cannot connect to a.test: the URI has no port, and none is known for ftp",
        ),
        ("http://127.0.0.1:0/", "cannot connect to 127.0.0.1: port 0 cannot be connected to"),
    ] {
        let error = connector.call(uri.parse::<Uri>().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), text);
        assert_eq!(he::Error::find_in(&error).unwrap().kind(), ErrorKind::InvalidInput);
        assert_eq!(reports.only().outcome(), Outcome::Failed(ErrorKind::InvalidInput));
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_request_that_is_dropped_while_it_connects_leaves_nothing() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Silent)]);
    let (connector, mut opened) = Opened::of(connector(&peers));
    let (connector, reports) = Reports::of(connector);
    let client = web::client(connector);
    let uri = format!("http://service.test:{}/", peers.port);
    {
        let mut request = pin!(web::get(&client, &uri));
        opened.wait_for(2, request.as_mut()).await;
    }
    assert_eq!(reports.only().outcome(), Outcome::Dropped);
    tokio::task::yield_now().await;
    opened.assert_closed();
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn an_http_proxy_is_raced_to_as_any_host() {
    let (proxies, _, connector) = silent_first();
    let guests = web::Guests::welcome(proxies.listener(1), web::tunnel);
    let proxy = format!("http://proxy.test:{}", proxies.port);
    through(Tunnel::new(proxy.parse().unwrap(), connector), guests).await;
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn a_socks_proxy_is_raced_to_as_any_host() {
    let (proxies, _, connector) = silent_first();
    let guests = web::Guests::welcome(proxies.listener(1), web::socks);
    let proxy = format!("socks5://proxy.test:{}", proxies.port);
    through(SocksV5::new(proxy.parse().unwrap(), connector), guests).await;
}

/// Two requests through a proxy take one connection.
async fn through<C>(connector: C, proxies_guests: web::Guests)
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let guests = web::serve(peers.listener(0));
    let client = web::client(connector);
    for path in ["/first", "/second"] {
        let uri = format!("http://127.0.0.1:{}{path}", peers.port);
        let (response, body) = web::get(&client, &uri).await.unwrap();
        assert_eq!(body, format!("{path} over h1"));
        // The way to the proxy is what was raced.
        let report: &Report = response.extensions().get().unwrap();
        assert_eq!((report.host(), report.attempts().len()), ("proxy.test", 2));
    }
    assert_eq!((guests.came().len(), proxies_guests.came().len()), (1, 1));
}

// A connection that carries no TLS would carry the request as it is.
#[tokio::test]
async fn a_bare_connector_refuses_https_before_any_packet() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let table = Table::of(peers.ips());
    let client = web::client(Connector::new(table.clone()));
    let uri = format!("https://service.test:{}/private", peers.port);
    let error = web::get(&client, &uri).await.unwrap_err();
    let found = he::Error::find_in(&error).unwrap();
    assert_eq!(found.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        found.to_string(),
        "cannot connect to service.test: https needs TLS: use he::rustls::HttpsConnector, or \
         enforce_http(false) below a TLS connector"
    );
    for scheme in ["HTTPS", "https", "wss", "WSS"] {
        let uri: Uri = format!("{scheme}://service.test:{}/", peers.port).parse().unwrap();
        let refused = Connector::new(table.clone()).connect_uri(&uri).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{scheme}");
    }
    assert_eq!(table.asked(), 0);
    peers.assert_nobody_came(0);
}

#[tokio::test]
async fn below_a_layer_with_tls_a_connector_takes_https() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let connector = Connector::new(Table::of(peers.ips())).enforce_http(false);
    for scheme in ["https", "wss", "http", "ws", "socks5"] {
        let uri: Uri = format!("{scheme}://service.test:{}/", peers.port).parse().unwrap();
        let made = connector.connect_uri(&uri).await.unwrap();
        assert_eq!(made.addr, peers.addr(0), "{scheme}");
    }
}
