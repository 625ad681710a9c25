//! The https connector under hyper-util's client, with servers on loopback. TLS that is late or
//! silent is in testnet/.

use std::io;

use he::rustls::{HttpsConnector, Tls, Trust};
use he::{Connector, ErrorKind, Outcome, Report};
use he_test_support::net::Peer::{Accepts, Silent};
use he_test_support::net::{NAME, Peers, Reports, connector};
use he_test_support::tls::Authority;
use he_test_support::web;
use http::Uri;
use hyper_util::client::legacy::connect::HttpInfo;
use tower_service::Service;

use crate::trusting;

fn https(peers: &Peers, authority: &Authority) -> HttpsConnector {
    HttpsConnector::new(connector(peers)).with_tls(trusting(authority))
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs a silent peer")]
async fn requests_go_over_one_connection_of_http_2_past_a_silent_address() {
    let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Accepts)]);
    let authority = Authority::new();
    let server = authority.server(&[NAME]).alpn(&["http/1.1", "h2"]);
    let seen = server.alpn(&["h2", "http/1.1"]).serve(peers.listener(1));
    let client = web::client(https(&peers, &authority));
    for path in ["/first", "/second"] {
        let uri = format!("https://{NAME}:{}{path}", peers.port);
        let (response, body) = web::get(&client, &uri).await.unwrap();
        assert_eq!(body, format!("{path} over h2"));
        let report: &Report = response.extensions().get().unwrap();
        assert_eq!(peers.story(report), ["127.0.0.1:P cancelled", "127.0.0.2:P won"]);
        assert!(report.winner().unwrap().tcp_elapsed().is_some());
        let info: &HttpInfo = response.extensions().get().unwrap();
        assert_eq!(info.remote_addr(), peers.addr(1));
        assert_eq!(info.local_addr(), seen.all()[0].client);
    }
    assert_eq!(seen.all().len(), 1);
}

#[tokio::test]
async fn the_server_takes_the_protocol_that_it_has() {
    let authority = Authority::new();
    let versions = [(&["h2"][..], "h2"), (&["http/1.1"], "h1"), (&[], "h1")];
    for (protocols, version) in versions {
        let peers = Peers::new(&[("127.0.0.1", Accepts)]);
        let seen = authority.server(&[NAME]).alpn(protocols).serve(peers.listener(0));
        let client = web::client(https(&peers, &authority));
        let uri = format!("https://{NAME}:{}/", peers.port);
        for _ in 0..2 {
            let (_, body) = web::get(&client, &uri).await.unwrap();
            assert_eq!(body, format!("/ over {version}"));
        }
        let seen = seen.all();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].alpn.as_deref(), protocols.first().copied());
    }
}

#[tokio::test]
async fn what_a_caller_offers_is_what_is_offered() {
    let authority = Authority::new();
    let mut config = (*trusting(&authority).client_config().unwrap()).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let by_config = Tls::new(Trust::config(config));
    let used = trusting(&authority);
    assert!(used.client_config().unwrap().alpn_protocols.is_empty());
    for tls in [used.with_alpn(["http/1.1"]), by_config] {
        let peers = Peers::new(&[("127.0.0.1", Accepts)]);
        let seen = authority.server(&[NAME]).alpn(&["h2", "http/1.1"]).serve(peers.listener(0));
        let client = web::client(HttpsConnector::new(connector(&peers)).with_tls(tls));
        let uri = format!("https://{NAME}:{}/", peers.port);
        assert_eq!(web::get(&client, &uri).await.unwrap().1, "/ over h1");
        assert_eq!(seen.all()[0].alpn.as_deref(), Some("http/1.1"));
    }
}

#[tokio::test]
async fn http_is_connected_to_in_clear_unless_https_only() {
    let peers = Peers::new(&[("127.0.0.1", Accepts)]);
    let guests = web::serve(peers.listener(0));
    let (counted, reports) = Reports::of(connector(&peers));
    let https = HttpsConnector::new(counted);
    let uri = format!("http://{NAME}:{}/", peers.port);
    let (response, body) = web::get(&web::client(https.clone()), &uri).await.unwrap();
    assert_eq!(body, "/ over h1");
    assert_eq!(peers.story(response.extensions().get().unwrap()), ["127.0.0.1:P won"]);
    assert_eq!(reports.only().outcome(), Outcome::Connected(0));

    let error = web::get(&web::client(https.https_only(true)), &uri).await.unwrap_err();
    let error = he::Error::find_in(&error).unwrap();
    let text = "cannot connect to service.test: http is not secure, and only https was allowed";
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::InvalidInput, text));
    assert_eq!(reports.only().outcome(), Outcome::Failed(ErrorKind::InvalidInput));
    assert_eq!(guests.came().len(), 1);
}

#[tokio::test]
async fn other_schemes_are_refused_with_a_port_as_well() {
    let mut https = HttpsConnector::new(Connector::without_resolver());
    let nobodys = "the scheme of the URI is neither http nor https";
    for (uri, why) in [
        ("wss://127.0.0.1:1", nobodys),
        ("127.0.0.1:1", nobodys),
        ("ftp://127.0.0.1", "the URI has no port, and none is known for ftp"),
    ] {
        let error = https.call(uri.parse::<Uri>().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), format!("cannot connect to 127.0.0.1: {why}"));
    }
}
