//! hyper-rustls around a connector: TLS after the race.

use he::{Connector, ErrorKind, Report};
use he_test_support::net::Peer::{Accepts, Refuses, Silent};
use he_test_support::net::{NAME, Peers, connector};
use he_test_support::tls::Authority;
use he_test_support::web;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpInfo;

use crate::trusting;

fn https(peers: &Peers, authority: &Authority) -> HttpsConnector<Connector> {
    let tls = trusting(authority).client_config().unwrap();
    HttpsConnectorBuilder::new()
        .with_tls_config((*tls).clone())
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector(peers).enforce_http(false))
}

#[tokio::test]
async fn hyper_rustls_keeps_the_report_and_reuses_the_connection() {
    for (protocols, version) in [(&["h2", "http/1.1"][..], "h2"), (&["http/1.1"], "h1")] {
        let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Accepts)]);
        let authority = Authority::new();
        let seen = authority.server(&[NAME]).alpn(protocols).serve(peers.listener(1));
        let client = web::client(https(&peers, &authority));
        for path in ["/first", "/second"] {
            let uri = format!("https://{NAME}:{}{path}", peers.port);
            let (response, body) = web::get(&client, &uri).await.unwrap();
            assert_eq!(body, format!("{path} over {version}"));
            let report: &Report = response.extensions().get().unwrap();
            assert_eq!(peers.story(report), ["127.0.0.1:P cancelled", "127.0.0.2:P won"]);
            let info: &HttpInfo = response.extensions().get().unwrap();
            assert_eq!(info.remote_addr(), peers.addr(1));
        }
        assert_eq!(seen.all().len(), 1);
    }
}

#[tokio::test]
async fn the_error_of_the_connect_is_found_below_that_of_the_request() {
    let peers = Peers::new(&[("127.0.0.1", Refuses)]);
    let client = web::client(https(&peers, &Authority::new()));
    let uri = format!("https://{NAME}:{}/", peers.port);
    let error = web::get(&client, &uri).await.unwrap_err();
    let error = he::Error::find_in(&error).unwrap();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(peers.story(error.report()), ["127.0.0.1:P connection refused"]);
}
