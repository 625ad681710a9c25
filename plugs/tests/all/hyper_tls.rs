//! native-tls: hyper-tls around a connector, and the recipe that has it within the race.

#[path = "../../examples/native_tls.rs"]
mod native;

use he::{ErrorKind, Report};
use he_test_support::net::Peer::{Accepts, Silent};
use he_test_support::net::{NAME, Peers, connector};
use he_test_support::tls::Authority;
use he_test_support::web;
use hyper_util::client::legacy::connect::HttpInfo;
use native_tls::{Certificate, TlsConnector};
use tokio::io::AsyncReadExt;

fn trusting(authority: &Authority, alpn: &[&str]) -> tokio_native_tls::TlsConnector {
    let root = Certificate::from_der(&authority.der()).unwrap();
    let mut builder = TlsConnector::builder();
    builder.disable_built_in_roots(true).add_root_certificate(root).request_alpns(alpn);
    builder.build().unwrap().into()
}

#[tokio::test]
async fn hyper_tls_keeps_the_report_and_reuses_the_connection() {
    for (alpn, version) in [(&["h2", "http/1.1"][..], "h2"), (&["http/1.1"], "h1")] {
        let peers = Peers::new(&[("127.0.0.1", Silent), ("127.0.0.2", Accepts)]);
        let authority = Authority::new();
        let server = authority.server(&[NAME]).alpn(&["h2", "http/1.1"]);
        let seen = server.serve(peers.listener(1));
        let https = hyper_tls::HttpsConnector::from((
            connector(&peers).enforce_http(false),
            trusting(&authority, alpn),
        ));
        let client = web::client(https);
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
async fn within_the_race_a_wrong_certificate_loses_to_a_right_one() {
    let peers = Peers::new(&[("127.0.0.1", Accepts), ("127.0.0.2", Accepts)]);
    let authority = Authority::new();
    authority.server(&["other.test"]).greet(peers.listener(0));
    let seen = authority.server(&[NAME]).greet(peers.listener(1));
    let (connector, tls) = (connector(&peers), trusting(&authority, &[]));
    let mut made = native::connect(&connector, &tls, NAME, peers.port).await.unwrap();
    let mut text = String::new();
    made.stream.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), made.addr), ("hello", peers.addr(1)));
    assert_eq!(peers.story(&made.report), ["127.0.0.1:P other error", "127.0.0.2:P won"]);
    assert_eq!(seen.all()[0].sni.as_deref(), Some(NAME));

    let stranger = trusting(&Authority::named("a stranger"), &[]);
    let error = native::connect(&connector, &stranger, NAME, peers.port).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.to_string().matches("certificate verify failed").count(), 2, "{error}");
}
